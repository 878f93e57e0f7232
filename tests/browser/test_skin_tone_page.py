"""The Skin tone page in a real browser: a click on a dot, the keyboard and a link lead to the same photos; phone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

EVIDENCE = Path(__file__).parents[2] / "checkpoints/ham10000-efficientnet-lite0/evidence/ham10000/test"
LOOKING = "/Skin_tone?audit=Right+%C3%97+looking"
"""A link from before Attention was a page of its own: it leads there."""
_LEAST_DOT = """() => {
    const plot = [...document.querySelectorAll('.js-plotly-plot')].find(p => p.data?.[0]?.name?.startsWith('right answers'));
    if (!plot?._fullLayout?.xaxis?._offset) return null;
    plot.scrollIntoView({block: 'center'});
    const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect(), dots = plot._fullData[1];
    const x = Array.from(dots.x), least = x.indexOf(Math.min(...x));
    return [box.left + xaxis._offset + xaxis.d2p(x[least]), box.top + yaxis._offset + yaxis.d2p(dots.y[least])];
}"""
"""Where on the page the dot of the photo lies that is called wrongly with its map least on the lesion."""

pytestmark = pytest.mark.skipif(
    not ((EVIDENCE / "tone.json").is_file() and (EVIDENCE / "attention.json").is_file()),
    reason="the checkpoint has no tables tone and attention yet",
)


@pytest.fixture(scope="module")
def seen() -> pd.DataFrame:
    """What the model said of each photo, and how much of its map lies on the lesion."""
    answers, maps = (pd.read_parquet(EVIDENCE / f"{name}.parquet") for name in ("predictions", "attention"))
    called = answers.filter(like="p_").idxmax(axis=1).str[2:]
    maps = maps.set_index("image_id").loc[answers["image_id"]].reset_index()
    return maps.assign(right=called == answers["dx"], ratio=maps["energy"] / maps["lesion_area"])


def settle(page: Page) -> None:
    page.get_by_text("Which images are behind it?").wait_for()
    page.get_by_text(re.compile(r"^[\d,]+ images?: .* right, .* wrong")).wait_for()
    page.wait_for_function(f"({_LEAST_DOT})() !== null")
    page.locator("[data-stale=true]").first.wait_for(state="detached")


def hover_least(page: Page) -> tuple[float, float]:
    """Bring the mouse to the dot until Plotly names it: only then is a click the dot's. Cards above it may still be growing."""
    for _ in range(60):
        x, y = page.evaluate(_LEAST_DOT)
        page.mouse.move(x - 2, y)
        page.mouse.move(x, y)
        page.wait_for_timeout(500)
        if page.locator(".hoverlayer .hovertext").count():
            return x, y
    raise AssertionError("no dot was named under the mouse in 30 seconds")


def test_a_clicked_dot_shows_its_photo_and_all_that_are_like_it(page: Page, app_url: str, seen: pd.DataFrame) -> None:
    page.goto(app_url + LOOKING)
    settle(page)
    page.mouse.click(*hover_least(page))
    page.wait_for_url(re.compile(r"was=called\+wrongly.*&case="))
    query = parse_qs(urlsplit(page.url).query)
    case = seen.set_index("image_id").loc[query["case"][0]]
    assert not case["right"]
    assert query["looked"] == ["at the lesion" if case["energy"] > case["energy_centre"] else "elsewhere"]
    page.get_by_text(re.compile(r"^It is .*Predicted")).first.wait_for()


def test_a_link_opens_the_same_photos(page: Page, app_url: str, seen: pd.DataFrame) -> None:
    page.goto(f"{app_url}{LOOKING}&was=called+rightly&bar=more+than+a+spot+in+the+picture%27s+centre&looked=elsewhere")
    settle(page)
    n = int((seen["right"] & (seen["energy"] <= seen["energy_centre"])).sum())
    page.get_by_text(f"{n:,} images: {n:,} right, 0 wrong; the map is on the lesion in 0.").wait_for()


def test_the_groups_can_be_changed_by_keyboard(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/Skin_tone?audit=Groups")
    page.get_by_text("How it was measured, and the numbers").first.wait_for()
    page.get_by_role("combobox", name="Group by").focus()
    page.keyboard.type("sex")
    page.keyboard.press("Enter")
    page.get_by_text(re.compile("Lowest: (fe)?male")).first.wait_for()
    page.wait_for_url(re.compile(r"by=sex"))


@pytest.mark.parametrize("card", ["Groups", "Right+%C3%97+looking"])
def test_a_phone_needs_no_sideways_scrolling(page: Page, app_url: str, card: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{app_url}/Skin_tone?audit={card}")
    page.get_by_text("How it was measured, and the numbers").first.wait_for()
    assert page.get_by_test_id("stMain").evaluate("element => element.scrollWidth <= window.innerWidth")
    assert page.get_by_test_id("stException").count() == 0
