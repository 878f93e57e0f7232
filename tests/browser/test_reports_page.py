"""The Reports page in a real browser: a link, the keyboard, the calculator and a phone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_a_link_leads_to_a_report_and_its_chart_is_told_to_screen_readers(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/Reports?report=Chaudhary+and+Byun")
    page.get_by_text("0 of 4").wait_for()
    page.get_by_label(re.compile("Accuracy as printed: highest is 0.7867")).first.wait_for()
    page.get_by_text("All of it (CSV)").last.wait_for()
    assert page.get_by_test_id("stException").count() == 0


def test_the_calculator_answers_what_is_typed_and_keeps_it_in_the_link(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/Reports?part=Calculator")
    page.get_by_text("these figures leave").wait_for()
    page.get_by_label("Accuracy", exact=True).fill("0.935")
    page.keyboard.press("Enter")
    page.get_by_text("No confusion matrix of 300 positive and 300 negative photos").wait_for()
    page.wait_for_url(re.compile(r"calc_accuracy=0\.935"))


@pytest.mark.parametrize(
    ("path", "last"),
    [
        ("/Reports", "All that it claims in figures"),
        ("/Reports?part=All+claims", "figures shown"),
        ("/Reports?part=Calculator", "Always giving the commoner answer"),
    ],
)
def test_a_phone_needs_no_sideways_scrolling(page: Page, app_url: str, path: str, last: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(app_url + path)
    page.get_by_text(last).last.wait_for()
    assert page.get_by_test_id("stMain").evaluate("element => element.scrollWidth <= window.innerWidth")
    assert page.get_by_test_id("stException").count() == 0
