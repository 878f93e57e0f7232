"""Printed figures beside ours, and the verdicts in words; against the ledger that ships, with answers made by hand."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dermaviz.app.reports.ledger import Book, books, claim_table, run_sentence, run_table
from dermaviz.app.reports.verdicts import (
    COLOURS,
    MEANINGS,
    statement_table,
    statements,
    tally_sentence,
    tally_table,
    what_runs_say,
)
from studies.five_reports.claims.answers import (
    DIRECTION,
    INCONSISTENT,
    NOT_REPRODUCED,
    VERDICTS,
    Answers,
    FigureAnswer,
    StatementAnswer,
    result_hashes,
    write_answers,
)
from studies.five_reports.result import Result

ROOT = Path(__file__).parents[3]
OURS = FigureAnswer(
    "gupta/resnet-18/test/accuracy",
    *("gupta-et-al", "resnet-18", "laptop", (0, 1), "accuracy", ""),
    *(0.8, 0.77, 0.83, 0.5, 782, 700, "HAM10000", DIRECTION, "Both lie above the constant answer."),
)
ANSWERS = Answers(
    figures=(
        OURS,
        FigureAnswer("gupta/data/all/photos"),
        FigureAnswer("gupta/table-1/resnet-18/accuracy", verdict=INCONSISTENT),
    ),
    statements=(
        StatementAnswer("gupta/one-image"),
        StatementAnswer("gupta/beats-baseline", "baseline", DIRECTION, "+0.040 (0.010 to 0.070)."),
        StatementAnswer("gupta/best-on-validation", "", INCONSISTENT, "The table says otherwise."),
    ),
)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of results with the ledger that ships, and no run."""
    shutil.copy(ROOT / "studies/five_reports/results/claims.yaml", tmp_path)
    monkeypatch.setenv("DERMAVIZ_RESULTS", str(tmp_path))
    return tmp_path / "reports"


@pytest.fixture
def gupta(results: Path) -> Book:
    """A report."""
    return books()["gupta"]


def test_every_verdict_has_its_meaning_and_its_colour() -> None:
    assert set(VERDICTS) == set(MEANINGS) == set(COLOURS)


def test_ours_stands_beside_what_is_printed(gupta: Book) -> None:
    table = claim_table(gupta, ANSWERS).set_index("claim")
    row = table.loc[OURS.claim]
    assert (row["printed"], row["ours"], row["our_low"], row["our_high"]) == ("89.7%", 0.8, 0.77, 0.83)
    assert (row["verdict"], row["seeds"], row["our_n"], row["recipe"]) == (DIRECTION, 2, 782, "resnet-18")
    assert table.loc["gupta/data/all/photos", "verdict"] == "nothing to run"
    unknown = table.loc["gupta/baseline/test/accuracy"]
    assert unknown["verdict"] == ""  # of which nothing was said
    assert math.isnan(unknown["ours"])


def test_a_chart_has_ours_in_the_row_of_what_is_printed(gupta: Book) -> None:
    table = run_table(gupta, "accuracy", "test", ANSWERS)
    assert table.set_index("label")["ours"].dropna().to_dict() == {
        "ResNet-18, ImageNet weights, 1e-5, batch 128, 30 epochs": 0.8
    }
    said = run_sentence(table, "accuracy")
    assert "Ours, on our own test photos: highest is **0.800** (ResNet-18" in said
    assert "**1 of 1** lie above the constant answer there." in said
    assert "Ours" not in run_sentence(run_table(gupta, "accuracy", "test"), "accuracy")


def test_one_printed_figure_that_two_recipes_rerun_has_a_row_for_each(results: Path) -> None:
    claims = {"sagar/table-2/batch-64/accuracy": "batch-64", "sagar/table-5/resnet-50/accuracy": "resnet-50"}
    answered = Answers(tuple(FigureAnswer(claim, row=row, value=0.7) for claim, row in claims.items()))
    table = run_table(books()["sagar"], "accuracy", "validation", answered)
    assert table[table["printed"] == "0.935"]["recipe"].tolist() == ["batch-64", "", "resnet-50"]


def test_statements_stand_in_the_order_of_their_verdicts(gupta: Book) -> None:
    told = statements(gupta, ANSWERS)
    assert [one.verdict for one in told[:3]] == [DIRECTION, INCONSISTENT, ""]
    assert told[0].says == "ResNet-18 clearly outperforms the baseline on the test photos."
    assert told[0].why == "+0.040 (0.010 to 0.070)."
    table = statement_table(gupta, ANSWERS)
    assert len(table) == len(gupta.report.statements)
    assert table["verdict"].value_counts()["nothing to run"] == len(table) - 2


def test_verdicts_are_counted(gupta: Book) -> None:
    table = tally_table(gupta, ANSWERS)
    assert table[["verdict", "figures", "statements"]].to_numpy().tolist() == [[DIRECTION, 1, 1], [INCONSISTENT, 1, 1]]
    assert tally_table(gupta, Answers()).empty
    said = tally_sentence("Printed results", [DIRECTION, "", NOT_REPRODUCED, DIRECTION])
    assert said == "Printed results, 3 in all: **2** direction reproduced, **1** not reproduced."
    assert tally_sentence("Printed results", ["", "nothing to run"]) == ""


def test_a_report_that_was_not_rerun_names_the_command(
    gupta: Book, results: Path, write_rerun: Callable[..., Result]
) -> None:
    answered, note = what_runs_say(gupta)
    assert answered == Answers()
    assert "`dermaviz reproduce gupta-et-al --data FOLDER`" in note
    write_rerun(results, "gupta-et-al", "resnet-18")
    answered, note = what_runs_say(gupta)
    assert (answered, "Make them again" in note) == (Answers(), True)
    write_answers(results, Answers(ANSWERS.figures, rests_on=result_hashes(results)))
    answered, note = what_runs_say(gupta)
    assert (answered.figures[0], note) == (OURS, "")
    answered, note = what_runs_say(books()["sagar"])
    assert answered.figures[0] == OURS
    assert "`dermaviz reproduce sagar-jacob --data FOLDER`" in note
