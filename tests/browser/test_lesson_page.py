"""The lesson walked to its end in a real browser: every step is predicted, revealed and left for the next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dermaviz.app.lesson.steps import STEPS

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_the_lesson_is_walked_to_its_end_and_its_link_reproduces_it(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/Lesson?checkpoint=ham10000-lenet")
    for number, step in enumerate(STEPS, 1):
        page.get_by_role("heading", name=step.title, exact=True).wait_for()
        reveal = page.get_by_role("button", name="Reveal")
        reveal.wait_for()
        assert reveal.is_disabled()
        page.get_by_test_id("stRadio").locator("label").nth(1).click()
        page.wait_for_url(re.compile(rf"picks=\w{{{number - 1}}}[a-h]"))
        reveal.click()
        page.wait_for_url(re.compile(rf"picks=\w{{{number - 1}}}[A-H]"))
        reveal.wait_for(state="detached")
        if number < len(STEPS):
            page.get_by_role("button", name="Next step").click()
    assert page.get_by_test_id("stException").count() == 0
    end = page.url
    page.goto(end)
    page.get_by_text("What it is not for").first.wait_for()
    with page.expect_download() as sheet:
        page.get_by_role("button", name="Printable sheet").click()
    assert "Answers" in sheet.value.path().read_text(encoding="utf-8")
    page.get_by_role("button", name="Start again").click()
    page.get_by_role("heading", name=STEPS[0].title, exact=True).wait_for()
