"""The Reports page in a real browser: links, the keyboard, questions and runs, the calculator and a phone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dermaviz.app.reports.results import read_page, results_root

if TYPE_CHECKING:
    from playwright.sync_api import Page

REPORT = "Gupta+et+al."
FOLDER = "gupta-et-al"
needs_results = pytest.mark.skipif(
    not any(results_root().glob(f"reports/{FOLDER}/*/*/result.json")),
    reason=f"no finished run of {FOLDER} in the results: dermaviz reproduce {FOLDER} --data FOLDER",
)


def test_a_link_leads_to_a_report_and_its_chart_is_told_to_screen_readers(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/Reports?report=Chaudhary+and+Byun")
    page.get_by_text("0 of 4").first.wait_for()
    page.get_by_label(re.compile("Accuracy as printed: highest is 0.7867")).first.wait_for()
    page.get_by_text("Statement by statement").wait_for()
    assert page.get_by_test_id("stException").count() == 0


@needs_results
def test_a_question_is_chosen_and_its_charts_are_told_to_screen_readers(page: Page, app_url: str) -> None:
    first, second = next(report for report in read_page().reports if report.folder == FOLDER).questions[:2]
    page.goto(f"{app_url}/Reports?report={REPORT}&look=What+it+asks")
    page.get_by_role("heading", name=first.asks).wait_for()
    page.get_by_text(second.asks).click()
    page.get_by_role("heading", name=second.asks).wait_for()
    page.wait_for_url(re.compile(f"asked_{FOLDER}="))
    page.get_by_label(re.compile("lie above the constant answer with all of their interval")).first.wait_for()
    page.get_by_text("The table of the rows").wait_for()
    assert page.get_by_test_id("stException").count() == 0


@needs_results
def test_a_link_leads_to_one_run_with_its_four_charts(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/Reports?report={REPORT}&look=One+run&row_{FOLDER}=resnet-18")
    page.get_by_text("All its figures").wait_for()
    for asked in ("How did it learn?", "What does it mistake for what?", "How well does it rank?", "for each class?"):
        page.get_by_role("heading", name=asked).wait_for()
    page.get_by_label(re.compile("Area under the ROC curve")).first.wait_for()
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
        ("/Reports", "What does not hold on paper?"),
        ("/Reports?look=Beside+ours", "Statement by statement"),
        (f"/Reports?report={REPORT}&look=What+it+asks", re.compile("The table of all differences|No run has answered")),
        (f"/Reports?report={REPORT}&look=One+run", re.compile("All its figures|No run is finished")),
        ("/Reports?look=Its+own+figures", "checks that need no training"),
        ("/Reports?part=All+claims", "figures shown"),
        ("/Reports?part=Calculator", "Always giving the commoner answer"),
    ],
)
def test_a_phone_needs_no_sideways_scrolling(page: Page, app_url: str, path: str, last: str | re.Pattern[str]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(app_url + path)
    page.get_by_text(last).last.wait_for()
    assert page.get_by_test_id("stMain").evaluate("element => element.scrollWidth <= window.innerWidth")
    assert page.get_by_test_id("stException").count() == 0
