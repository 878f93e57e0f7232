"""A view is its link: Back, a reload and another browser show the same again, on every page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from dermaviz.app.link import page_called
from dermaviz.app.pages import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Page

STATE = """() => {
  const main = document.querySelector("[data-testid=stMainBlockContainer]");
  const app = document.querySelector("[data-testid=stApp]");
  if (app?.dataset.testScriptState !== "notRunning" || !main?.querySelector(".st-key-footer")) return "";
  const out = e => e.offsetParent && !e.closest("details, .st-key-tour");
  const seen = query => [...main.querySelectorAll(query)].filter(out);
  const said = seen("[data-testid=stMarkdownContainer]").map(e => e.innerText.replace(/\\d\\.\\d\\d s/, ""));
  const chosen = seen("input[aria-label]").map(e => e.getAttribute("aria-label") + (e.type === "radio" ? e.checked : e.value));
  const set = "[aria-checked=true], [role=tab][aria-selected=true], [role=slider]";
  const marked = seen(set).map(e => e.innerText + e.ariaValueText);
  return [...said, ...chosen, ...marked, ...seen("img").map(e => e.alt)].join(" | ");
}"""
"""All that a page says and shows outside its folds; nothing while it is still being drawn."""
LOOK_EVERY = 200
"""Milliseconds. By default Chromium would read the whole page before each of its pictures."""


def press(name: str, role: str = "button") -> Callable[[Page], None]:
    return lambda page: page.get_by_test_id("stMain").get_by_role(role, name=name).first.click()  # type: ignore[arg-type]


def crop(page: Page) -> None:
    page.locator(".st-key-crop summary").click()
    press("Round the lesion")(page)


def slide(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("slider", name=name).press("ArrowRight")


VIEWS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "Home": ("/?", press("Next")),
    "Classify": ("/Classify?method=LayerCAM&opacity=30&alone=true&image=ISIC_0000231&", crop),
    "Confusion": ("/Confusion?sex=female&true=malignant&", press("Next image")),
    "Robustness": ("/Robustness?image=ISIC_0000231&", slide("ε: the most")),
    "Skin tone": ("/Skin_tone?age=40&age=60&", press("Trend", "tab")),
    "Attention": ("/Attention?sex=male&", press("Trust", "tab")),
    "Reports": ("/Reports?part=One+report&", press("One run", "tab")),
    "Lesson": ("/Lesson?lesson=4&picks=Ab-a&", press("Reveal")),
}
"""Each page with what its link says at first, and a change of the view."""


def settled(page: Page) -> str:
    """The state of a page once it stays as it is."""
    state = ""
    for _ in range(100):
        page.wait_for_function(STATE, polling=LOOK_EVERY)
        before, state = state, page.evaluate(STATE)
        if state and state == before:
            return state
        page.wait_for_timeout(250)
    raise AssertionError(f"expected {page.url} to come to rest")


def expect(page: Page, state: str) -> None:
    page.wait_for_function(f"wanted => ({STATE})() === wanted", arg=state, polling=LOOK_EVERY)


def test_every_page_has_a_view() -> None:
    assert list(VIEWS) == [page.title for page in PAGES]


@pytest.mark.parametrize("title", VIEWS)
def test_back_a_reload_and_another_browser_show_the_same_view(
    page: Page, other: Page, app_url: str, title: str
) -> None:
    path, change = VIEWS[title]
    page.goto(f"{app_url}{path}checkpoint=ham10000-lenet")
    first, first_link = settled(page), page.url
    change(page)
    page.wait_for_url(lambda link: link != first_link)
    view, link = settled(page), page.url
    assert view != first
    other.goto(link, wait_until="commit")  # it opens while this one goes away and comes back
    elsewhere = "Lesson" if title == "Reports" else "Reports"
    page.get_by_test_id("stSidebar").get_by_role("link", name=elsewhere).click()
    page.get_by_role("heading", name=page_called(elsewhere).question).wait_for()
    page.go_back()
    expect(page, view)
    page.reload()
    expect(page, view)
    expect(other, view)


def test_a_saved_chart_is_a_slide_with_its_sentence_and_where_it_comes_from(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/Reports?part=One+report")
    chart = page.locator(".js-plotly-plot").first
    chart.hover()
    slide = chart.evaluate("chart => chart.layout.meta.slide")
    assert "DermaViz" in slide["source"]
    with page.expect_download() as saved:
        chart.locator(".modebar-btn").click()
    with Image.open(saved.value.path()) as picture:
        assert picture.size == (1920, 1080)
        title = np.asarray(picture.convert("L").crop((40, 30, 1900, 30 + 45 * len(slide["lines"]))))
    assert (title < 100).mean() > 0.03, "large words stand above the key"
    assert chart.evaluate("chart => !chart.layout.title?.text"), "the page's chart is as it was"
