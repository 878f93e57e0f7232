"""From a cold start: the story, the attacked picture, and the ways on and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

SECOND = "ISIC_0000231"
MAP = "laid over the model input"


def in_sight(page: Page, alt: str) -> bool:
    """Whether the whole of the picture with this text alternative is on the screen."""
    box = page.get_by_alt_text(alt).first.bounding_box()
    size = page.viewport_size
    assert box
    assert size
    return bool(box["y"] >= 0 and box["y"] + box["height"] <= size["height"] and box["width"] > 100)


def sideways(page: Page) -> int:
    """By how many pixels the page can be scrolled sideways."""
    return int(page.evaluate("(m => m.scrollWidth - m.clientWidth)(document.querySelector('[data-testid=stMain]'))"))


@pytest.mark.parametrize("sizes", [[(1280, 800)], [(390, 844), (360, 740)]], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", ["/", "/Classify"])
def test_a_newcomer_sees_a_photograph_its_answer_and_its_map(
    page: Page, app_url: str, path: str, sizes: list[tuple[int, int]]
) -> None:
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": height})
        if (width, height) == sizes[0]:
            page.goto(app_url + path)
        page.get_by_alt_text(MAP).wait_for()
        page.get_by_text("The model says melanoma").wait_for()
        page.get_by_text("true diagnosis: melanoma").wait_for()
        page.wait_for_timeout(500)
        assert in_sight(page, "Model input of ISIC_0000166.jpg")
        assert in_sight(page, MAP)
        answer = page.get_by_text("The model says melanoma").bounding_box()
        assert answer
        assert answer["y"] + answer["height"] <= height
        assert sideways(page) <= 0


def test_one_click_leads_to_the_attacked_picture_and_back_restores_the_view(page: Page, app_url: str) -> None:
    page.goto(app_url)
    page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_alt_text(f"Model input of {SECOND}").first.wait_for()
    page.get_by_test_id("stMain").get_by_role("link", name="Attack it", exact=True).click()
    page.get_by_text("Does the attack survive in a file?").wait_for()
    assert f"image={SECOND}" in page.url
    assert page.get_by_alt_text(f"Model input of {SECOND}").first.is_visible()
    page.go_back()
    page.get_by_role("heading", name="What does a skin-lesion classifier say").wait_for()
    page.get_by_alt_text(f"Model input of {SECOND}").first.wait_for()
    page.go_back()
    page.get_by_alt_text("Model input of ISIC_0000166").first.wait_for()
    assert "image=" not in page.url


def test_model_filter_and_image_go_along_and_a_second_browser_shows_them(page: Page, other: Page, app_url: str) -> None:
    page.goto(f"{app_url}/Confusion?checkpoint=ham10000-lenet&sex=female")
    page.get_by_role("button", name="sex female").wait_for()
    page.get_by_test_id("stSidebar").get_by_role("link", name="Classify").click()
    page.get_by_text("ham10000-lenet · Grad-CAM").first.wait_for()
    page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_alt_text(f"Model input of {SECOND}").first.wait_for()
    page.wait_for_timeout(500)
    link = page.url
    assert "sex=female" in link
    other.goto(link)
    other.get_by_text("ham10000-lenet · Grad-CAM").first.wait_for()
    other.get_by_alt_text(f"Model input of {SECOND}").first.wait_for()
    other.get_by_test_id("stSidebar").get_by_role("link", name="Confusion").click()
    other.get_by_role("button", name="sex female").click()
    other.get_by_role("button", name="sex female").wait_for(state="detached")
    assert "sex=" not in other.url


def test_a_drawing_goes_along_to_another_page(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/Classify?source=Draw&ita=-20&seed=7")
    page.get_by_alt_text(MAP).wait_for()
    page.get_by_test_id("stMain").get_by_role("link", name="Attack it", exact=True).click()
    page.get_by_text("Does the attack survive in a file?").wait_for()
    page.get_by_text("brown skin (ITA −20°)").first.wait_for()
    assert "image=drawn." in page.url


def test_a_presentation_goes_on_by_arrow_keys_to_the_end_of_the_story(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/?present=on")
    page.get_by_alt_text(MAP).wait_for()
    assert not page.get_by_test_id("stSidebar").is_visible()
    for question in (
        "How small a change",
        "How much of the map",
        "For whom does it work",
        "How does it do on photographs",
    ):
        page.keyboard.press("ArrowRight")
        page.get_by_text(question).wait_for()
    page.keyboard.press("ArrowRight")
    page.get_by_role("heading", name="What does the model see in this photo").wait_for()
    assert "present=on" in page.url


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_three_clicks_of_the_tour_lead_to_the_attacked_picture_and_five_to_the_end(
    page: Page, app_url: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(app_url)
    page.get_by_role("button", name="Tour in five steps").click()
    for stop in range(2, 6):
        page.get_by_test_id("stMain").get_by_role("link", name="Next").click()
        page.get_by_text(f"{stop} of 5").wait_for()
        if stop == 3:  # the third click
            page.get_by_alt_text("Photo attacked by FGSM").wait_for()
            page.wait_for_timeout(500)
            assert in_sight(page, "Photo attacked by FGSM")
    page.get_by_role("button", name="End the tour").click()
    page.get_by_text("5 of 5").wait_for(state="detached")
    assert "tour=" not in page.url
