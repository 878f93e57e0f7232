"""The gallery and the "Draw a lesion" panel in a real browser: pictures to click, and a map that follows the sliders."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

OVERLAY = 'img[alt*="laid over the model input"]'
CHANGED = (
    "([selector, old]) => { const e = document.querySelector(selector); return e && e.complete && e.src !== old; }"
)


def open_panel(page: Page, app_url: str, query: str = "") -> None:
    page.goto(f"{app_url}/Classify?source=Draw{query}")
    page.get_by_text("ham10000-efficientnet-lite0 · Grad-CAM++ ·").wait_for()
    page.locator(OVERLAY).first.wait_for()


def overlay(page: Page) -> str:
    return page.locator(OVERLAY).first.evaluate("element => element.src")


def expect_another_overlay(page: Page, old: str) -> None:
    page.wait_for_function(CHANGED, arg=[OVERLAY, old])


def in_link(page: Page, key: str, value: str) -> None:
    page.wait_for_function(
        "([key, value]) => new URLSearchParams(location.search).get(key) === value", arg=[key, value]
    )


def slider(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=name)


def test_the_map_follows_the_sliders_and_the_link_holds_them(page: Page, app_url: str) -> None:
    open_panel(page, app_url)
    page.get_by_text("Synthetic lesion (schematic) · melanoma form · light skin").wait_for()
    for name, key, pressed, value in (
        ("Skin tone", "ita", "Home", "-60"),
        ("A · Asymmetry", "form_asymmetry", "End", "1"),
    ):
        old = overlay(page)
        slider(page, name).press(pressed)
        expect_another_overlay(page, old)
        in_link(page, key, value)
    page.get_by_text("dark skin (ITA −60°)").wait_for()
    assert page.get_by_test_id("stException").count() == 0


def test_form_seed_artefact_and_the_way_back(page: Page, app_url: str) -> None:
    open_panel(page, app_url, "&dx=dermatofibroma&form_border=0.9&seed=3")
    page.get_by_text("Synthetic lesion (schematic) · dermatofibroma form").wait_for()
    old = overlay(page)
    page.get_by_role("button", name="Another lesion").click()
    expect_another_overlay(page, old)
    in_link(page, "seed", "4")
    page.get_by_role("button", name="ruler", exact=True).click()
    page.get_by_text("with ruler").wait_for()
    in_link(page, "artefacts", "ruler")
    page.get_by_role("button", name="Typical form").click()
    page.wait_for_function("() => !new URLSearchParams(location.search).has('form_border')")


def test_the_outline_can_be_taken_away(page: Page, app_url: str) -> None:
    open_panel(page, app_url)
    old = overlay(page)
    page.get_by_text("How to look").click()
    page.get_by_text("Outline of the true lesion over the map").click()
    expect_another_overlay(page, old)


def test_a_picture_of_the_gallery_is_clicked_or_reached_by_keyboard(page: Page, app_url: str) -> None:
    page.goto(app_url + "/Classify")
    first = page.get_by_role("radio", name="dermatofibroma, intermediate skin")
    first.click()
    page.get_by_text("Synthetic lesion (schematic) · dermatofibroma form · intermediate skin").wait_for()
    in_link(page, "image", "df-intermediate")
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_text("Synthetic lesion (schematic) · dermatofibroma form · brown skin").wait_for()
    page.get_by_role("button", name="Change this lesion").click()
    slider(page, "Skin tone").wait_for()
    page.get_by_text("Synthetic lesion (schematic) · dermatofibroma form · brown skin (ITA −20°)").wait_for()
    assert parse_qs(urlsplit(page.url).query)["source"] == ["Draw"]


def test_on_a_phone_the_pictures_stay_in_sight_above_the_sliders(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_panel(page, app_url)
    assert page.get_by_test_id("stMain").evaluate("element => element.scrollWidth <= window.innerWidth")
    slider(page, "D · Diameter").scroll_into_view_if_needed()
    page.get_by_role("button", name="Another lesion").scroll_into_view_if_needed()
    box = page.locator(OVERLAY).first.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 422, "the overlay is in the upper half of the window"
