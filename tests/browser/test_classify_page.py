"""The Classify page in a real browser: photos in, diagnosis and map out; refused files cost one sentence."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from dermaviz.data.split import named_manifest
from dermaviz.models.card import read_card
from dermaviz.synthetic import Parameters, draw
from tests.outside_scenes import scene

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "ham10000-efficientnet-lite0"
SIDE = read_card(CHECKPOINT / "card.json").input_size
UPLOAD = "/Classify?source=Upload"
CAPTION = "ham10000-efficientnet-lite0 · Grad-CAM++ ·"


def jpeg(dx: str = "nv", size: int = 512) -> bytes:
    file = io.BytesIO()
    Image.fromarray(draw(Parameters(dx=dx, size=size, seed=7)).image).save(file, "JPEG")
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is this large and holds hardly anything."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b"")
    )  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def real_photo() -> Path | None:
    root = os.environ.get("DERMAVIZ_DATA")
    return next(iter(sorted(Path(root).glob("**/images/ISIC_*.jpg"))), None) if root else None


def upload(page: Page, *files: tuple[str, bytes]) -> None:
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        [{"name": name, "mimeType": "image/jpeg", "buffer": content} for name, content in files]
    )


def expect_answer(page: Page) -> None:
    """Diagnosis, bars, two pictures and the caption are there."""
    page.get_by_text("The model says").wait_for()
    page.get_by_text("Malignant classes together").wait_for()
    page.get_by_text(CAPTION).wait_for()
    page.get_by_alt_text("laid over the model input").wait_for()
    page.get_by_test_id("stImage").nth(1).wait_for()  # pictures arrive after the text


def expect_no_traceback(page: Page) -> None:
    assert page.get_by_test_id("stException").count() == 0
    assert "Traceback" not in page.inner_text("body")


def test_an_uploaded_lesion_photo_gets_a_diagnosis_and_a_map(page: Page, app_url: str) -> None:
    page.goto(app_url + UPLOAD)
    upload(page, ("lesion.jpg", jpeg()))
    expect_answer(page)
    page.get_by_text(f"512 × 512 pixels; the model sees the central square at {SIDE} × {SIDE}.").wait_for()
    expect_no_traceback(page)


@pytest.mark.data
def test_a_real_photo_gets_a_diagnosis_and_a_map(page: Page, app_url: str) -> None:
    photo = real_photo()
    if photo is None:
        pytest.skip("DERMAVIZ_DATA names no folder with HAM10000 photos")
    page.goto(app_url + UPLOAD)
    upload(page, (photo.name, photo.read_bytes()))
    expect_answer(page)
    expect_no_traceback(page)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("notes.jpg", b"only text, no picture\n" * 40, "expected a JPEG, PNG, WebP"),
        ("huge.png", png_header(10_000, 6_000), "expected at most 50 megapixels, found 60.0"),
        ("half.jpg", jpeg()[:9000], "expected a whole picture, found one that is cut short"),
    ],
    ids=["text", "60 megapixels", "truncated"],
)
def test_a_refused_file_costs_one_sentence(page: Page, app_url: str, name: str, content: bytes, sentence: str) -> None:
    page.goto(app_url + UPLOAD)
    upload(page, (name, content))
    page.get_by_text(sentence).wait_for()
    assert page.get_by_test_id("stAlert").count() == 1
    expect_no_traceback(page)
    upload(page, ("good.jpg", jpeg("mel")))
    page.get_by_text("Your 2 photos").wait_for()
    expect_answer(page)
    page.get_by_text(f"{name}: refused").wait_for()  # in its place on the contact sheet
    page.get_by_text(sentence).wait_for(state="detached")


def test_a_link_restores_the_selections(page: Page, app_url: str) -> None:
    page.goto(
        app_url + "/Classify?sample=dermatofibroma,+intermediate+skin&class=melanoma+(mel)&method=LayerCAM&opacity=30"
    )
    page.get_by_text("ham10000-efficientnet-lite0 · LayerCAM · melanoma (").wait_for()
    page.get_by_text("Synthetic lesion (schematic) · dermatofibroma form").wait_for()
    page.get_by_text("How to look").click()
    page.get_by_test_id("stSliderThumbValue").get_by_text("30%", exact=True).wait_for()


def test_another_method_is_shown_and_kept_in_the_link(page: Page, app_url: str) -> None:
    page.goto(app_url + "/Classify")
    expect_answer(page)
    page.get_by_text("How to look").click()
    page.get_by_label("Attention method").focus()
    page.wait_for_timeout(1000)  # a list closes when the page scrolls, and the page scrolls to what has the focus
    page.keyboard.press("ArrowDown")
    page.get_by_role("option", name="HiResCAM").click()
    page.get_by_text("ham10000-efficientnet-lite0 · HiResCAM ·").wait_for()
    assert parse_qs(urlsplit(page.url).query)["method"] == ["HiResCAM"]


def test_another_method_is_one_click_away_and_kept_in_the_link(page: Page, app_url: str) -> None:
    page.goto(app_url + "/Classify")
    expect_answer(page)
    page.get_by_role("button", name="Grad-CAM of this class").click()
    page.get_by_text("ham10000-efficientnet-lite0 · Grad-CAM ·").first.wait_for()
    page.wait_for_url(lambda url: parse_qs(urlsplit(url).query).get("method") == ["Grad-CAM"])


def test_methods_stand_side_by_side(page: Page, app_url: str) -> None:
    page.goto(app_url + "/Classify?beside=Grad-CAM&beside=LayerCAM")
    page.get_by_role("heading", name="Methods side by side").wait_for()
    page.get_by_alt_text("LayerCAM map for").wait_for()
    page.get_by_alt_text("Grad-CAM map for").wait_for()


def test_a_slow_method_says_so_and_waits(page: Page, app_url: str) -> None:
    page.goto(app_url + "/Classify?method=Score-CAM+(slow)")
    page.get_by_text("channels of the layer").wait_for()
    page.get_by_role("button", name="Compute Score-CAM").wait_for()
    assert page.get_by_alt_text("laid over the model input").count() == 0


def test_overlay_and_raw_map_can_be_kept(page: Page, app_url: str) -> None:
    page.goto(app_url + "/Classify")
    expect_answer(page)
    with page.expect_download() as raw:
        page.get_by_role("button", name="Raw map (NPY)").click()
    attended = np.load(raw.value.path())
    assert attended.shape == (SIDE // 32, SIDE // 32)
    assert attended.dtype == np.float32
    with page.expect_download() as picture:
        page.get_by_role("button", name="Overlay (PNG)").click()
    with Image.open(picture.value.path()) as overlay:
        assert overlay.size == (SIDE, SIDE)
        assert overlay.format == "PNG"
    with page.expect_download() as slide:
        page.get_by_role("button", name="Slide (PNG)").click()
    with Image.open(slide.value.path()) as shown:
        assert shown.size == (1920, 1080)


def test_two_models_are_explained_for_the_same_class_with_the_difference(page: Page, app_url: str) -> None:
    page.goto(app_url + "/Classify?second=ham10000-four-blocks&class=melanoma+(mel)")
    page.get_by_alt_text("Map of ham10000-four-blocks for melanoma").wait_for()
    page.get_by_alt_text("Map of ham10000-efficientnet-lite0 for melanoma").wait_for()
    page.get_by_alt_text("Difference of the maps").wait_for()


@pytest.mark.parametrize("path", ["/", "/Classify"])
def test_a_phone_needs_no_sideways_scrolling(page: Page, app_url: str, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(app_url + path)
    page.get_by_text(CAPTION if path == "/Classify" else "About this model").wait_for()
    main = page.get_by_test_id("stMain")
    assert main.evaluate("element => element.scrollWidth <= window.innerWidth")
    main.get_by_text("Educational tool, not a medical device.").wait_for()


def test_a_picture_that_is_no_dermatoscopic_image_is_shown_only_at_a_word(page: Page, app_url: str) -> None:
    file = io.BytesIO()
    Image.fromarray(scene("text page", 1)).save(file, "PNG")
    page.goto(app_url + UPLOAD)
    upload(page, ("letter.png", file.getvalue()))
    page.get_by_text("This doesn't look like a dermatoscopic image").wait_for()
    assert page.get_by_text("The model says").count() == 0
    page.get_by_role("button", name="Show the answer anyway").click()
    expect_answer(page)
    expect_no_traceback(page)


@pytest.mark.data
@pytest.mark.skipif(real_photo() is None, reason="DERMAVIZ_DATA is not set")
def test_a_training_image_under_another_name_is_recognised_and_a_crop_changes_answer_and_link(
    page: Page, app_url: str
) -> None:
    image_id = next(name for name, split in named_manifest("ham10000").assignment.items() if split == "train")
    place, file = real_photo(), io.BytesIO()
    assert place is not None
    Image.open(place.with_name(f"{image_id}.jpg")).resize((400, 300)).save(file, "JPEG", quality=70)
    page.goto(app_url + UPLOAD)
    upload(page, ("holiday.jpg", file.getvalue()))
    page.get_by_text(f"The model was trained on this very photograph ({image_id})").wait_for()
    before = page.get_by_text("The model says").inner_text()
    page.locator(".st-key-crop summary").click()
    page.get_by_role("button", name="Round the lesion").click()
    page.get_by_text("Cropped to").wait_for()
    assert "crop" in parse_qs(urlsplit(page.url).query)
    page.wait_for_function("before => !document.body.innerText.includes(before)", arg=before)
    page.get_by_text(CAPTION).wait_for()
    expect_no_traceback(page)
