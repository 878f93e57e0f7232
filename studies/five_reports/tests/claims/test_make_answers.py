"""Every claim of a small ledger held against rigged results; answers written, read back, and refused once they are stale."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dermaviz.errors import ResultError
from studies.five_reports.claims.answers import (
    ANSWERS,
    AS_CLAIMED,
    INCONSISTENT,
    NO_VERDICT,
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    NOT_YET_RUN,
    REPRODUCED,
    Answers,
    read_answers,
    write_answers,
)
from studies.five_reports.claims.make_answers import make_answers
from studies.five_reports.claims.matching import Matching, our_metric
from studies.five_reports.claims.question import Answered, Question
from studies.five_reports.reported.ledger import Ledger, read_ledger
from studies.five_reports.result import Result
from studies.five_reports.rows import Row

Leave = Callable[..., Result]
LABELS = [0, 1] * 250
LEDGER = read_ledger(Path(__file__).with_name("ledger.yaml"))
QUESTION = Question(
    "bezzon-carraro",
    "blocks",
    "How many?",
    "Four is best.",
    {"four": "four blocks", "one": "one block"},
    (("four", "one"),),
    ("accuracy", "f1/malignant"),
    (
        Answered("bezzon/best", metrics=("accuracy",)),
        Answered("bezzon/worse"),
        Answered("bezzon/differ", metrics=("accuracy",)),
    ),
)


def wrong_on(share: float, offset: float = 0.0) -> list[int]:
    """Answers that are wrong on a share of the photos, from an offset on."""
    first, last = offset * len(LABELS), (offset + share) * len(LABELS)
    return [1 - label if first <= i < last else label for i, label in enumerate(LABELS)]


@pytest.fixture
def rows(make_row: Callable[..., Row]) -> tuple[Row, ...]:
    """Rows that rerun the runs of Table 1, each with the seeds 0 and 1, but ``idle`` and ``other`` with 0 only."""
    reported = {"model": {"architecture": "test_resnet", "weights": "none"}}
    return tuple(
        make_row(
            report="bezzon-carraro",
            row=name,
            claims=(f"bezzon/table-1/{name}",),
            reported=reported,
            laptop={},
            seeds=seeds,
        )
        for name, seeds in (("four", (0, 1)), ("one", (0, 1)), ("five", (0, 1)), ("idle", (0,)), ("other", (0,)))
    )


@pytest.fixture
def answered(leave: Leave, rows: tuple[Row, ...], tmp_path: Path) -> Answers:
    """Four is right on 90% and 91%, one on 72% and 73%; the idle and the other one answer always the same; five has not run."""
    leave("four", LABELS, wrong_on(0.10))
    leave("four", LABELS, wrong_on(0.09), seed=1)
    leave("one", LABELS, wrong_on(0.28, 0.5))
    leave("one", LABELS, wrong_on(0.27, 0.5), seed=1)
    leave("idle", LABELS, [0] * 500)
    leave("other", LABELS, [0] * 500)
    return make_answers(tmp_path / "results", LEDGER, rows, (QUESTION,), draws=200)


def test_every_figure_has_its_answer_in_the_ledgers_order(answered: Answers) -> None:
    assert [answer.claim for answer in answered.figures] == [claim.id for claim in LEDGER["bezzon"].claims]
    found = {answer.claim.removeprefix("bezzon/"): answer for answer in answered.figures}
    four = found["table-1/four/accuracy"]
    assert (four.verdict, four.report, four.row, four.seeds, four.n, four.lesions) == (
        REPRODUCED, "bezzon-carraro", "four", (0, 1), 500, 500,
    )  # fmt: skip
    assert four.value == pytest.approx(0.905)
    assert four.low < 0.9 < four.high
    assert four.constant == 0.5
    assert found["table-1/four/layers"].verdict == NO_VERDICT
    assert found["table-1/one/accuracy"].verdict == REPRODUCED
    assert found["table-1/five/accuracy"].verdict == NOT_YET_RUN
    assert found["table-1/six/f1"].verdict == INCONSISTENT
    assert found["table-1/six/f1"].why.startswith("Precision 0.5 and recall 0.5 make an F1 of")
    assert found["table-1/idle/accuracy"].verdict == REPRODUCED  # it is printed as one that learnt nothing
    assert found["table-1/other/accuracy"].verdict == NOT_REPRODUCED
    assert (found["table-6/earlier/accuracy"].verdict, found["table-6/earlier/accuracy"].why) == (
        NOT_COMPARABLE, "No row of the recipes reruns it.",
    )  # fmt: skip


def test_every_statement_has_its_answer(answered: Answers) -> None:
    found = {answer.statement.removeprefix("bezzon/"): answer for answer in answered.statements}
    assert {name: answer.verdict for name, answer in found.items()} == {
        "best": REPRODUCED,  # 90.5 − 72.5 = 18 points; 20 are printed
        "worse": INCONSISTENT,
        "differ": REPRODUCED,
        "same": NO_VERDICT,
    }
    assert {name: answer.question for name, answer in found.items()} == {
        "best": "blocks", "worse": "blocks", "differ": "blocks", "same": "",
    }  # fmt: skip


def test_a_question_has_its_rows_its_differences_and_a_sentence(answered: Answers) -> None:
    (question,) = answered.questions_of("bezzon-carraro")
    assert [(row.row, row.label, row.seeds) for row in question.rows] == [
        ("four", "four blocks", (0, 1)), ("one", "one block", (0, 1)),
    ]  # fmt: skip
    assert question.rows[1].by_seed == pytest.approx((0.72, 0.73))
    assert [(one.metric, one.label, one.finding) for one in question.differences] == [
        ("accuracy", "", AS_CLAIMED), ("f1", "malignant", AS_CLAIMED),
    ]  # fmt: skip
    assert question.differences[0].value == pytest.approx(0.18)
    assert question.sentence.startswith(
        "With four blocks, accuracy is higher than with one block: +0.180 (95% interval +0."
    )
    assert question.sentence.endswith(
        "2 of 2 trainings agree). Both of a pair were tested on the same 500 photos of 500 lesions."
    )
    assert (question.verdict, question.budget, question.metric) == (REPRODUCED, "laptop", "accuracy")


def test_trainings_that_are_missing_are_waited_for(leave: Leave, rows: tuple[Row, ...], tmp_path: Path) -> None:
    leave("four", LABELS, wrong_on(0.1))
    leave("one", LABELS, wrong_on(0.3))
    (question,) = make_answers(tmp_path / "results", LEDGER, rows, (QUESTION,), draws=50).questions
    assert (question.verdict, question.why) == (NOT_YET_RUN, "2 of the 4 trainings that it rests on have run.")
    assert question.sentence.endswith(question.why)


def test_one_training_waits_for_the_rows_that_tell_what_seeds_make(
    leave: Leave, rows: tuple[Row, ...], tmp_path: Path
) -> None:
    for row, share in (("idle", 0.1), ("other", 0.3), ("four", 0.1)):
        leave(row, LABELS, wrong_on(share))
    asked = replace(QUESTION, rows={"idle": "I", "other": "O"}, pairs=(("idle", "other"),), statements=())
    (question,) = make_answers(tmp_path / "results", LEDGER, rows, (asked,), draws=50).questions
    assert (
        question.why == "3 of the 8 trainings that it rests on have run."
    )  # idle and other, and the three with two seeds


@pytest.mark.parametrize(
    ("may_fail", "verdict", "why"),
    [
        (
            False,
            NOT_COMPARABLE,
            "With I, nothing was learnt: its balanced accuracy is not above the constant answer's.",
        ),
        (True, REPRODUCED, "With four blocks, accuracy is higher than with I: +0.4"),
    ],
)
def test_a_row_that_learnt_nothing_answers_nothing_unless_that_is_the_claim(
    answered: Answers, rows: tuple[Row, ...], tmp_path: Path, leave: Leave, may_fail: bool, verdict: str, why: str
) -> None:
    leave("five", LABELS, wrong_on(0.1))
    leave("five", LABELS, wrong_on(0.1), seed=1)
    asked = replace(
        QUESTION,
        rows={"four": "four blocks", "idle": "I"},
        pairs=(("four", "idle"),),
        statements=(),
        lesser_may_fail=may_fail,
    )
    (question,) = make_answers(tmp_path / "results", LEDGER, rows, (asked,), draws=200).questions
    assert (question.verdict, question.why[: len(why)]) == (verdict, why)
    assert question.sentence.startswith(why if may_fail else "With I, nothing was learnt")


def test_without_results_nothing_is_answered_but_what_needs_none(rows: tuple[Row, ...], tmp_path: Path) -> None:
    answers = make_answers(tmp_path / "none", LEDGER, rows, (QUESTION,))
    assert {answer.verdict for answer in answers.figures} == {NOT_YET_RUN, NO_VERDICT, INCONSISTENT, NOT_COMPARABLE}
    (question,) = answers.questions
    assert (question.verdict, question.sentence) == (NOT_YET_RUN, "Its pairs have not run yet.")
    assert math.isnan(question.rows[0].value)


def test_answers_are_read_back_as_they_were_written(answered: Answers, tmp_path: Path) -> None:
    path = write_answers(tmp_path / "results", answered)
    assert path == tmp_path / "results" / ANSWERS
    again = read_answers(tmp_path / "results")
    assert repr(again) == repr(replace(answered, rests_on=again.rests_on))  # NaN equals NaN in words only
    assert dict(again.rests_on) == answered.rests_on
    assert "NaN" not in path.read_text(encoding="utf-8")
    assert len(again.figures_of("bezzon")) == len(answered.figures)
    assert len(again.statements_of("bezzon")) == 4
    assert again.figures_of("gupta") == again.questions_of("gupta-et-al") == ()


def test_answers_that_rest_on_other_results_are_refused(answered: Answers, leave: Leave, tmp_path: Path) -> None:
    root = tmp_path / "results"
    write_answers(root, answered)
    leave("five", LABELS, LABELS)
    with pytest.raises(
        ResultError,
        match=r"rest on the 7 results there are, found those of 6, .*bezzon-carraro/five/laptop-seed0.*--answers",
    ):
        read_answers(root)


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"figures": [{"claim": "x", "beauty": 1}], "statements": []}'])
def test_damaged_answers_are_refused(tmp_path: Path, damage: str) -> None:
    (tmp_path / ANSWERS).write_text(damage, encoding="utf-8")
    with pytest.raises(
        ResultError, match=r"expected what our runs answer, found nothing that can be read\. Make them again"
    ):
        read_answers(tmp_path)


def test_no_answers_are_refused_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"dermaviz reproduce all --answers"):
        read_answers(tmp_path)


@pytest.mark.parametrize(
    ("claim", "classes", "metric"),
    [
        ("table-1/four/accuracy", ("benign", "malignant"), "accuracy"),
        ("table-1/six/recall", ("benign", "malignant"), "sensitivity/malignant"),
        ("table-1/six/f1", ("other", "mel"), "f1/mel"),
        ("table-1/six/f1", ("akiec", "bcc", "mel"), ""),
        ("table-1/four/layers", ("benign", "malignant"), ""),
    ],
)
def test_our_metric_of_a_printed_figure(claim: str, classes: tuple[str, ...], metric: str) -> None:
    assert our_metric(LEDGER["bezzon"].claim(claim), classes) == metric


@pytest.mark.parametrize(
    ("pair", "metric", "difference"),
    [
        (("four", "one"), "accuracy", 0.2),
        (("one", "four"), "accuracy", -0.2),
        (("four", "one"), "balanced_accuracy", None),  # not printed
        (("four", "one"), "f1/malignant", None),
        (("four", "constant"), "accuracy", None),
        (("four", "nobody"), "accuracy", None),
    ],
)
def test_a_printed_difference_is_of_one_table(
    rows: tuple[Row, ...], pair: tuple[str, str], metric: str, difference: float | None
) -> None:
    found = Matching(LEDGER["bezzon"], rows).printed_difference(pair, metric)
    assert found == (None if difference is None else pytest.approx(difference))


def test_an_attacks_figures_are_of_the_row_under_it(make_row: Callable[..., Row]) -> None:
    root = Path(__file__).parents[2] / "results" / "claims.yaml"
    gupta = read_ledger(root)["gupta"]
    row = make_row(row="resnet-18", claims=("gupta/table-1/resnet-18", "gupta/resnet-18/test", "gupta/resnet-18/fgsm"))
    matching = Matching(gupta, (row,))
    assert matching.row_of(gupta.claim("resnet-18/fgsm/accuracy")) == "resnet-18/fgsm"
    assert matching.row_of(gupta.claim("resnet-18/test/accuracy")) == "resnet-18"
    assert matching.row_of(gupta.claim("resnet-18/darker/accuracy")) == ""
    assert matching.printed_difference(("resnet-18", "resnet-18/fgsm"), "accuracy") == pytest.approx(0.897 - 0.741)


def test_the_row_that_is_named_like_the_run_reruns_it(make_row: Callable[..., Row]) -> None:
    rows = tuple(make_row(row=name, claims=("bezzon/table-1/four",)) for name in ("better", "four"))
    claim = LEDGER["bezzon"].claim("table-1/four/accuracy")
    assert Matching(LEDGER["bezzon"], rows).row_of(claim) == "four"
    assert Matching(LEDGER["bezzon"], rows[:1]).row_of(claim) == "better"


def test_answers_are_made_and_read_without_torch() -> None:
    code = (
        "import sys; import studies.five_reports.claims.make_answers, studies.five_reports.claims.reruns; "
        "sys.exit('torch' in sys.modules or 'streamlit' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_ledger_may_lack_a_report(rows: tuple[Row, ...], tmp_path: Path) -> None:
    empty: Ledger = {}
    assert make_answers(tmp_path, empty, rows) == Answers()
    assert json.loads(write_answers(tmp_path, Answers()).read_text(encoding="utf-8"))["figures"] == []
