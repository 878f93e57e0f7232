"""The HTML report in a real browser, without a network: every chart is drawn, a phone needs no scrolling, and it prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dermaviz.evidence.predictions import read_audited
from dermaviz.html_report import write_report
from dermaviz.models.card import list_checkpoints

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PRINTED_WIDTH = 688
"""CSS pixels between the margins of A4."""


def test_a_report_opens_without_a_network(tmp_path: Path, browser: Browser) -> None:
    path = write_report(read_audited(list_checkpoints()[0]["ham10000-lenet"]), tmp_path / "audit.html")
    context = browser.new_context(offline=True, viewport={"width": 360, "height": 800})
    page, asked, errors = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-drawn]")
    charts = page.locator(".chart")
    assert page.locator(".chart .main-svg").count() >= charts.count() > 4
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    page.pdf(path=tmp_path / "audit.pdf")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert all(0 < one.bounding_box()["width"] <= PRINTED_WIDTH for one in page.locator(".chart .svg-container").all())
    assert errors == []
    context.close()
