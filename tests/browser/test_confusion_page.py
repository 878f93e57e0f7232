"""The Confusion page in a real browser: a click, the keyboard and a link lead to the same cases, and to all of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

EVIDENCE = (
    Path(__file__).parents[2] / "checkpoints/ham10000-efficientnet-lite0/evidence/ham10000/test/predictions.parquet"
)
CONFUSION = "/Confusion?card=Training"
MELANOMA, NEVUS = "melanoma (mel)", "melanocytic nevus (nv)"
ORDER = ["nv", "mel", "bkl", "bcc", "akiec", "vasc", "df"]
"""The commonest class first, as the page shows the classes."""
_PLACE = """([row, column]) => {
    const plot = [...document.querySelectorAll('.js-plotly-plot')].find(p => p.data?.some(t => t.type === 'heatmap'));
    if (!plot?._fullLayout?.xaxis?._offset) return null;
    const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect();
    return [box.left + xaxis._offset + xaxis.d2p(column), box.top + yaxis._offset + yaxis.d2p(row)];
}"""


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    table = pd.read_parquet(EVIDENCE)
    return table.assign(said=table.filter(like="p_").idxmax(axis=1).str[2:])


def open_page(page: Page, url: str) -> None:
    page.goto(url)
    settle(page)


def settle(page: Page) -> None:
    page.get_by_text("More about these answers").wait_for()
    page.wait_for_function(f"({_PLACE})([0, 0]) !== null")
    page.locator("[data-stale=true]").first.wait_for(state="detached")
    page.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'")


def click_matrix(page: Page, row: float, column: float) -> None:
    x, y = page.evaluate(_PLACE, [row, column])
    page.mouse.move(x, y)
    page.mouse.click(x, y)


def expect_cases(page: Page, n: int) -> None:
    """The sentence and the table both count so many images."""
    page.get_by_text(f"{n:,} images of", exact=False).last.wait_for()
    page.get_by_text(f"{n:,} images", exact=True).last.wait_for()


def chosen(page: Page) -> dict[str, list[str]]:
    query = parse_qs(urlsplit(page.url).query)
    return {key: query[key] for key in ("true", "called") if key in query}


def test_a_clicked_cell_shows_exactly_the_cases_that_it_counts(page: Page, app_url: str, answers: pd.DataFrame) -> None:
    open_page(page, app_url + CONFUSION)
    mine = answers[(answers["dx"] == "mel") & (answers["said"] == "nv")]
    click_matrix(page, ORDER.index("mel"), ORDER.index("nv"))
    expect_cases(page, len(mine))
    assert chosen(page) == {"true": [MELANOMA], "called": [NEVUS]}
    settle(page)  # until then the file is that of the view before
    with page.expect_download() as file:
        page.get_by_role("button", name="All of them (CSV)").click()
    listed = pd.read_csv(file.value.path())
    assert set(listed["image"]) == set(mine["image_id"])
    assert listed["its probability"].is_monotonic_decreasing


def test_the_keyboard_and_the_link_reach_the_same_view(page: Page, app_url: str, answers: pd.DataFrame) -> None:
    n = int(((answers["dx"] == "mel") & (answers["said"] == "nv")).sum())
    open_page(page, app_url + CONFUSION)
    for label, typed in (("True class", "melanoma (mel"), ("Predicted class", "melanocytic")):
        page.get_by_label(label, exact=True).focus()
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        page.get_by_role("listbox").wait_for(state="detached")
        settle(page)
    expect_cases(page, n)
    assert chosen(page) == {"true": [MELANOMA], "called": [NEVUS]}
    link = page.url
    page.goto("about:blank")
    open_page(page, link)
    expect_cases(page, n)


@pytest.mark.parametrize(
    ("row", "column", "query", "of"),
    [
        (ORDER.index("mel"), -1.2, {"true": [MELANOMA]}, "dx"),
        (-1.0, ORDER.index("mel"), {"called": [MELANOMA]}, "said"),
    ],
    ids=["row", "column"],
)
def test_a_clicked_name_shows_its_whole_row_or_column(
    page: Page, app_url: str, answers: pd.DataFrame, row: float, column: float, query: dict[str, list[str]], of: str
) -> None:
    open_page(page, app_url + CONFUSION)
    click_matrix(page, row, column)
    expected = int((answers[of] == "mel").sum())
    page.get_by_text(f"{expected:,} images", exact=True).last.wait_for()
    assert chosen(page) == query


def test_one_click_follows_another(page: Page, app_url: str, answers: pd.DataFrame) -> None:
    open_page(page, app_url + CONFUSION)
    for true, said in (("mel", "nv"), ("bkl", "mel")):
        click_matrix(page, ORDER.index(true), ORDER.index(said))
        expect_cases(page, int(((answers["dx"] == true) & (answers["said"] == said)).sum()))
        settle(page)


def test_the_threshold_moves_by_keyboard_and_is_kept_in_the_link(
    page: Page, app_url: str, answers: pd.DataFrame
) -> None:
    open_page(page, f"{app_url}{CONFUSION}&question=melanoma+(mel)+or+not?")
    page.get_by_role("slider", name="Decision threshold").focus()
    page.keyboard.press("ArrowLeft")
    missed = int(((answers["dx"] == "mel") & (answers["p_mel"] < 0.495)).sum())
    page.get_by_text(f"{missed} of 223 images of melanoma are missed").wait_for()
    page.wait_for_url(re.compile(r"threshold=49\.5"))


def test_the_cases_of_a_cell_are_stepped_through(page: Page, app_url: str) -> None:
    open_page(page, f"{app_url}{CONFUSION}&true=melanoma+(mel)&called=melanocytic+nevus+(nv)")
    page.get_by_role("button", name="Next image").click()
    page.wait_for_url(re.compile("case=ISIC"))
    first = parse_qs(urlsplit(page.url).query)["case"][0]
    page.get_by_role("button", name="Next image").click()
    page.wait_for_url(re.compile(f"case=(?!{first})ISIC"))
    page.get_by_text("It is melanoma. Predicted melanocytic nevus").wait_for()
    page.get_by_role("button", name="Previous image").click()
    page.wait_for_url(re.compile(f"case={first}"))


def test_a_phone_needs_no_sideways_scrolling(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, app_url + CONFUSION)
    assert page.get_by_test_id("stMain").evaluate("element => element.scrollWidth <= window.innerWidth")
    assert page.get_by_test_id("stException").count() == 0
