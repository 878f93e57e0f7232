"""What axe-core finds on every page, light and dark, and the way from a file to its map by keyboard alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import axe_playwright_python
import pytest
from PIL import Image

from dermaviz.app.pages import PAGES
from dermaviz.synthetic import Parameters, draw

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
FOUND = """options => axe.run({ resultTypes: ["violations"], ...options }).then(found => found.violations
  .filter(one => ["serious", "critical"].includes(one.impact) || one.id === "heading-order")
  .map(one => `${one.impact} ${one.id}: ${one.nodes.map(node => node.html.slice(0, 120)).join(" | ")}`))"""
LINKS = ["/" if page.file == "app.py" else f"/{page.file[8:-3]}" for page in PAGES]
REVEALED = "/Lesson?lesson=6&picks=-----B&checkpoint=ham10000-lenet"
MOST_TABS = 80


@pytest.mark.parametrize("path", [*LINKS, REVEALED])
def test_axe_finds_nothing_serious_in_either_theme(page: Page, app_url: str, path: str) -> None:
    problems = []
    page.goto(app_url + path)
    page.locator(".st-key-footer").wait_for(state="attached")
    page.locator("[data-testid=stSkeleton]").first.wait_for(state="detached")
    page.add_script_tag(path=AXE)
    for scheme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):  # all else is the same
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"getComputedStyle(document.querySelector('.stApp')).colorScheme === '{scheme}'")
        page.wait_for_timeout(400)  # colours fade over
        problems += [f"{scheme} {one}" for one in page.evaluate(FOUND, options)]
    page.set_viewport_size({"width": 360, "height": 800})
    if page.get_by_test_id("stMain").evaluate("element => element.scrollWidth > window.innerWidth"):
        problems.append("360 px need sideways scrolling")
    assert problems == []


def test_a_file_gets_its_map_by_keyboard_alone_and_the_focus_is_seen(page: Page, app_url: str, tmp_path: Path) -> None:
    Image.fromarray(draw(Parameters(dx="mel", seed=3)).image).save(tmp_path / "mole.png")
    page.on(
        "filechooser", lambda _: None
    )  # from now on Chromium hands dialogs over; begun with the press, it is at times too late
    page.goto(f"{app_url}/Classify?source=Upload&checkpoint=ham10000-lenet")
    page.locator(".st-key-footer").wait_for(state="attached")
    focused = "document.activeElement.matches('[data-testid=stFileUploader] button:not([aria-label])')"
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate(focused):
            break
    assert page.evaluate(focused)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    with page.expect_file_chooser() as chosen:
        page.keyboard.press("Enter")
    chosen.value.set_files(tmp_path / "mole.png")
    page.get_by_alt_text("Model input of mole.png").wait_for()
    page.get_by_alt_text("Attention map for").first.wait_for()
