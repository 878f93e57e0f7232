"""The Robustness page in a real browser: an attacked photo taken home still fools the model; links, keyboard, phone."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from dermaviz.models.card import read_card

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "ham10000-efficientnet-lite0"
SIDE = read_card(CHECKPOINT / "card.json").input_size
LIVE, TEST_SET = "/Robustness", "/Robustness?part=The+test+set"
GO_ON = "Show the answer anyway"


def open_live(page: Page, url: str) -> None:
    page.goto(url)
    settle(page)


def settle(page: Page) -> None:
    page.get_by_text("Does the attack survive").wait_for()
    page.get_by_test_id("stImage").nth(7).wait_for()  # five pictures and three maps, which arrive after the text
    page.locator("[data-stale=true]").first.wait_for(state="detached")


def download(page: Page) -> bytes:
    with page.expect_download() as file:
        page.get_by_role("button", name="Attacked picture (PNG)").click()
    return Path(file.value.path()).read_bytes()


def upload(page: Page, content: bytes) -> None:
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        [{"name": "attacked.png", "mimeType": "image/png", "buffer": content}]
    )


@pytest.mark.parametrize("attack", ["FGSM,+one+step", "PGD,+20+steps"])
def test_the_attacked_file_uploaded_to_classify_gets_the_same_wrong_answer(
    page: Page, app_url: str, attack: str
) -> None:
    open_live(page, f"{app_url}{LIVE}?attack={attack}&epsilon=2/255")
    verdict = page.get_by_role("heading", name=" turns ").inner_text()
    clean = re.search(r" turns (.+?) \(\d+%\) into", verdict)
    filed = re.search(r"The model says (.+?) \(([<>\d]+%)\) of it", page.inner_text("body"))
    assert clean
    assert filed
    assert filed[1] != clean[1]
    content = download(page)
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (SIDE, SIDE))

    page.goto(f"{app_url}/Classify?source=Upload")
    upload(page, content)
    answer = page.get_by_text(f"The model says {filed[1]} with probability {filed[2]}")
    answer.or_(page.get_by_role("button", name=GO_ON)).first.wait_for()
    if page.get_by_role("button", name=GO_ON).count():  # the gate was made for photos; this one is drawn
        page.get_by_role("button", name=GO_ON).click()
    answer.wait_for()


def test_the_files_of_two_sizes_differ_by_no_more_than_they_say(page: Page, app_url: str) -> None:
    pictures = []
    for size in ("0/255", "2/255"):
        open_live(page, f"{app_url}{LIVE}?epsilon={size}")
        pictures.append(np.asarray(Image.open(io.BytesIO(download(page)))).astype(int))
    assert np.abs(pictures[1] - pictures[0]).max() == 2


def test_the_slider_moves_by_keyboard_and_is_kept_in_the_link(page: Page, app_url: str) -> None:
    open_live(page, f"{app_url}{LIVE}?epsilon=1/255")
    page.get_by_role("slider", name="ε: the most").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("1.1 grey levels").first.wait_for()
    page.wait_for_url(re.compile(r"epsilon=1\.125"))
    link = page.url
    page.goto("about:blank")
    open_live(page, link)
    page.get_by_text("1.1 grey levels").first.wait_for()


def test_the_smallest_change_is_one_click_away(page: Page, app_url: str) -> None:
    open_live(page, f"{app_url}{LIVE}?epsilon=0/255")
    page.get_by_role("button", name="Smallest change that flips it").click()
    page.get_by_text("The smallest change that changes the answer").wait_for()
    page.get_by_role("heading", name=" turns ").wait_for()
    assert parse_qs(urlsplit(page.url).query)["epsilon"] != ["0/255"]


@pytest.mark.parametrize("path", [LIVE, TEST_SET])
def test_a_phone_needs_no_sideways_scrolling(page: Page, app_url: str, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(app_url + path)
    page.get_by_text("Does the attack survive" if path == LIVE else "How it was measured, and the numbers").wait_for()
    assert page.get_by_test_id("stMain").evaluate("element => element.scrollWidth <= window.innerWidth")
    assert page.get_by_test_id("stException").count() == 0
