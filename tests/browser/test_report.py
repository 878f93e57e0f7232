"""The HTML report in a real browser, without a network: every chart is drawn, a phone needs no scrolling, and it prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dermaviz.evidence.predictions import read_audited
from dermaviz.html_report import write_report
from dermaviz.models.card import list_checkpoints
from dermaviz.plots.intervals import probability_bars

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOSTILE = [
    "<a href='http://127.0.0.1:9/'>x</a>",
    "<span style='fill:url(http://127.0.0.1:9/f)'>",
    "&lt;<b>b</b>",
    "$x^2$",
]
"""Names of classes, as a stranger's card may have them."""
_UNBROKEN = """[...document.querySelectorAll("td.interval")].every(cell => {
  const words = document.createRange();
  words.selectNodeContents(cell);
  return words.getClientRects().length === 1;
})"""
PRINTED_WIDTH = 688
"""CSS pixels between the margins of A4."""


@contextmanager
def opened(name: str, folder: Path, browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A checkpoint's report on a phone without a network, every chart drawn and nothing asked for; and what it asked for."""
    path = write_report(read_audited(list_checkpoints()[0][name]), folder / "audit.html")
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
    assert name in page.inner_text("body")
    yield page, asked
    assert errors == []
    context.close()


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite0-robust", "four-blocks"])
def test_the_other_checkpoints_reports_open_without_a_network(name: str, tmp_path: Path, browser: Browser) -> None:
    with opened(f"ham10000-{name}", tmp_path, browser):
        pass


def test_a_report_opens_without_a_network(tmp_path: Path, browser: Browser) -> None:
    with opened("ham10000-lenet", tmp_path, browser) as (page, asked):
        page.set_viewport_size({"width": 1280, "height": 800})
        wide = "[...document.querySelectorAll('.scroll, .pair')].every(one => one.scrollWidth <= one.clientWidth)"
        assert page.evaluate(wide), "nothing sticks out where there is room"
        assert page.evaluate(_UNBROKEN), "no interval is broken within a number"
        bars = probability_bars(HOSTILE, [0.5, 0.25, 0.15, 0.1], [False] * 4)
        page.evaluate("document.body.append(Object.assign(document.createElement('div'), {id: 'hostile'}))")
        page.evaluate("figure => Plotly.newPlot('hostile', figure.data, figure.layout)", json.loads(bars.to_json()))
        drawn = [name.replace("\u2060", "").strip() for name in page.locator("#hostile .ytick").all_text_contents()]
        assert sorted(drawn) == sorted(HOSTILE)
        assert page.locator("#hostile svg :is(a, tspan[style])").count() == 0
        assert [url for url in asked if url.startswith("http:")] == []
        page.pdf(path=tmp_path / "audit.pdf")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert all(
            0 < one.bounding_box()["width"] <= PRINTED_WIDTH for one in page.locator(".chart .svg-container").all()
        )
