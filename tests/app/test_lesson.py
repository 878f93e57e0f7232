"""The lesson: what each step asks of a model, and the page as Streamlit runs it, whose state is in the link."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dermaviz.app.case import LESSON_PHOTO, Case, ask, current_photo, lesson_photo, offered_photos
from dermaviz.app.lesson.page import sheet_html
from dermaviz.app.lesson.steps import STEPS, Asked
from dermaviz.attention.localisation import overlay
from dermaviz.errors import EvidenceError
from dermaviz.models.card import Checkpoint, list_checkpoints
from tests.app.opened import open_page

ROOT = Path(__file__).parents[2]
NAME = "ham10000-lenet"
MAP, DRILL, CHANGE, _, WHOM, LEAK, USE = range(1, 8)


@pytest.fixture(scope="module")
def case() -> Case:
    """The lesson's photograph and a small model that has evidence."""
    return ask(lesson_photo(), list_checkpoints()[0][NAME])


@pytest.fixture(scope="module")
def made(case: Case) -> list[Asked]:
    return [step.make(case, None) for step in STEPS]


def test_the_lesson_fits_45_minutes_and_every_step_has_notes_and_something_to_choose(made: list[Asked]) -> None:
    assert len(STEPS) == 8
    assert sum(step.minutes for step in STEPS) == 45
    for step, asked in zip(STEPS, made, strict=True):
        assert step.notes.endswith(".")
        assert len(set(asked.choices)) == len(asked.choices) >= 2
        assert asked.right is None or 0 <= asked.right < len(asked.choices)
        assert asked.answer


def test_the_drill_tells_which_map_is_which_and_the_real_one_is_right(case: Case, made: list[Asked]) -> None:
    drill = made[DRILL]
    letter = drill.choices[drill.right]
    assert f"**{letter}** is the real map" in drill.answer
    assert np.array_equal(drill.pictures[drill.right].pixels, overlay(case.answer.prepared, case.attention(), 0.6))
    assert len({picture.pixels.tobytes() for picture in drill.pictures}) == 4


def test_the_changed_photo_differs_by_as_little_as_is_said(case: Case, made: list[Asked]) -> None:
    change = made[CHANGE]
    changed = change.pictures[change.right].pixels.astype(int)
    as_it_was = change.pictures[1 - change.right].pixels.astype(int)
    assert np.array_equal(as_it_was, case.answer.prepared)
    (levels,) = re.findall(r"more than (\d+) grey level", change.answer)
    assert 0 < abs(changed - as_it_was).max() == int(levels)


def test_8_of_9_proves_little(made: list[Asked]) -> None:
    assert made[WHOM].choices[made[WHOM].right] == "between 52% and >99%"  # Clopper and Pearson: .5175 to .9972


def test_a_leak_is_told_from_the_studys_runs(made: list[Asked]) -> None:
    assert made[LEAK].choices[made[LEAK].right] == "nothing that can be told from chance"
    assert "+0.022 (95% interval −0.005 to +0.048)" in made[LEAK].answer
    assert "8 printed AUCs are not AUCs" in made[LEAK].answer


def test_without_evidence_steps_are_shorter_or_name_the_command(case: Case, tmp_path: Path) -> None:
    folder = shutil.copytree(case.checkpoint.folder, tmp_path / "bare", ignore=shutil.ignore_patterns("evidence"))
    bare = ask(lesson_photo(), Checkpoint(folder, case.card))
    with pytest.raises(EvidenceError, match="dermaviz audit bare"):
        STEPS[MAP].make(bare, None)
    assert STEPS[WHOM].make(bare, None).chart is None
    assert "dermaviz audit bare" in STEPS[USE].make(bare, None).answer


def test_the_sheet_has_all_questions_and_the_answers_on_pages_of_their_own(case: Case, made: list[Asked]) -> None:
    questions, answers = sheet_html(case).split('<div class="answers">')
    for asked in made:
        assert escape(asked.question) in questions
    assert "the real map" not in questions
    assert "is the real map" in answers
    assert "CC0" in questions  # whose photo it is


def run(**query: str) -> AppTest:
    app = open_page("pages/6_Lesson.py", **{"checkpoint": NAME} | query)
    assert not app.error
    return app


def test_the_lesson_asks_about_a_photo_that_no_page_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert current_photo().image != lesson_photo().image == LESSON_PHOTO
    assert LESSON_PHOTO not in {photo.image_id for photo in offered_photos()}
    own = replace(current_photo(), image="file-0123")
    monkeypatch.setattr("dermaviz.app.case.current_photo", lambda: own)
    assert lesson_photo() is own


def test_nothing_is_revealed_before_a_choice_and_the_link_keeps_both() -> None:
    app = run(lesson="6")
    assert app.header[0].value == "For whom?"
    assert next(b for b in app.button if b.label == "Choose first, then reveal").disabled
    app.radio[0].set_value(app.radio[0].options[1]).run()
    assert app.query_params["picks"] in ("-----b", ["-----b"])
    next(b for b in app.button if b.label == "Reveal").click().run()
    assert app.query_params["picks"] in ("-----B", ["-----B"])
    assert "It is: between 52% and \\>99%." in app.warning[0].value
    next(b for b in app.button if b.label == "Start again").click().run()
    assert app.header[0].value == STEPS[0].title
    assert "picks" not in app.query_params


@pytest.mark.parametrize("query", [{"lesson": "99", "picks": "<script>zzzzzzzzzz"}, {"lesson": "-1", "picks": "H"}])
def test_a_link_with_nonsense_is_a_lesson_all_the_same(query: dict[str, str]) -> None:
    assert run(**query).header[0].value in (STEPS[0].title, STEPS[-1].title)


def test_a_chart_is_exported_at_slide_size_named_by_page_model_and_day() -> None:
    app = run(lesson="6", picks="-----B")
    config = json.loads(app.get("plotly_chart")[0].proto.config)["toImageButtonOptions"]
    assert (config["width"] * config["scale"], config["height"] * config["scale"]) == (1920, 1080)
    assert re.fullmatch(rf"dermaviz-\w+-step-6-{NAME}-\d{{4}}-\d\d-\d\d", config["filename"])
