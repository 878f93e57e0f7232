"""Printed figures beside ours, and the verdicts in words; against the ledger that ships, with answers made by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from studies.five_reports.claims.answers import (
    DIRECTION,
    INCONSISTENT,
    NOT_REPRODUCED,
    VERDICTS,
    Answers,
    FigureAnswer,
    StatementAnswer,
    read_answers,
)
from studies.five_reports.page import (
    MEANINGS,
    PAGE,
    figure_rows,
    report_page,
    run_rows,
    runs_sentence,
    statement_rows,
    tally_sentence,
    verdict_rows,
    write_page,
)
from studies.five_reports.reported.ledger import Ledger, Report, ledger_path, read_ledger
from studies.five_reports.reported.statements import report_checks
from studies.five_reports.result import results_root

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


LEDGER: Ledger = read_ledger(ledger_path())
GUPTA = LEDGER["gupta"]


def ours(answers: Answers, report: Report = GUPTA) -> dict[str, FigureAnswer]:
    return {answer.claim: answer for answer in answers.figures_of(report.name)}


def test_every_verdict_has_its_meaning() -> None:
    assert tuple(MEANINGS) == VERDICTS


def test_ours_stands_beside_what_is_printed() -> None:
    rows = {row["claim"]: row for row in figure_rows(GUPTA, report_checks(GUPTA), ours(ANSWERS))}
    row = rows[OURS.claim]
    assert (row["printed"], row["ours"], row["our_low"], row["our_high"]) == ("89.7%", 0.8, 0.77, 0.83)
    assert (row["verdict"], row["seeds"], row["our_n"], row["recipe"]) == (DIRECTION, 2, 782, "resnet-18")
    assert rows["gupta/data/all/photos"]["verdict"] == "nothing to run"
    unknown = rows["gupta/baseline/test/accuracy"]
    assert unknown["verdict"] == ""  # of which nothing was said
    assert math.isnan(unknown["ours"])


def test_a_chart_has_ours_in_the_row_of_what_is_printed() -> None:
    rows = run_rows(GUPTA, ours(ANSWERS), "accuracy", "test")
    assert {row["label"]: row["ours"] for row in rows if not math.isnan(row["ours"])} == {
        "ResNet-18, ImageNet weights, 1e-5, batch 128, 30 epochs": 0.8
    }
    said = runs_sentence(rows, "accuracy")
    assert "Ours, on our own test photos: highest is **0.800** (ResNet-18" in said
    assert "**1 of 1** lie above the constant answer there." in said
    assert "Ours" not in runs_sentence(run_rows(GUPTA, {}, "accuracy", "test"), "accuracy")


def test_one_printed_figure_that_two_recipes_rerun_has_a_row_for_each() -> None:
    claims = {"sagar/table-2/batch-64/accuracy": "batch-64", "sagar/table-5/resnet-50/accuracy": "resnet-50"}
    answered = Answers(tuple(FigureAnswer(claim, row=row, value=0.7) for claim, row in claims.items()))
    rows = run_rows(LEDGER["sagar"], ours(answered, LEDGER["sagar"]), "accuracy", "validation")
    assert [row["recipe"] for row in rows if row["printed"] == "0.935"] == ["batch-64", "", "resnet-50"]


def test_statements_stand_in_the_order_of_their_verdicts() -> None:
    rows = statement_rows(GUPTA, report_checks(GUPTA), ANSWERS)
    assert [row["verdict"] for row in rows[:3]] == [DIRECTION, INCONSISTENT, "nothing to run"]
    assert rows[0]["says"] == "ResNet-18 clearly outperforms the baseline on the test photos."
    assert rows[0]["why"] == "+0.040 (0.010 to 0.070)."
    assert len(rows) == len(GUPTA.statements)
    assert sum(row["verdict"] == "nothing to run" for row in rows) == len(rows) - 2


def test_verdicts_are_counted() -> None:
    counts = [(row["verdict"], row["figures"], row["statements"]) for row in verdict_rows(GUPTA, ANSWERS)]
    assert counts == [(DIRECTION, 1, 1), (INCONSISTENT, 1, 1)]
    assert verdict_rows(GUPTA, Answers()) == []
    said = tally_sentence("Printed results", [DIRECTION, "", NOT_REPRODUCED, DIRECTION])
    assert said == "Printed results, 3 in all: **2** direction reproduced, **1** not reproduced."
    assert tally_sentence("Printed results", ["", "nothing to run"]) == ""


def test_a_report_that_was_not_rerun_names_the_command() -> None:
    answers = replace(ANSWERS, rests_on={"gupta-et-al/resnet-18/laptop-seed0": "0" * 64})
    assert report_page(GUPTA, report_checks(GUPTA), answers)["note"] == ""
    sagar = LEDGER["sagar"]
    assert "`dermaviz reproduce sagar-jacob --data FOLDER`" in report_page(sagar, report_checks(sagar), answers)["note"]


def test_the_page_that_ships_is_that_of_the_answers_that_ship(tmp_path: Path) -> None:
    shipped = results_root()
    page = write_page(tmp_path, read_answers(shipped), LEDGER, ledger_path())
    assert page.read_bytes() == (shipped / PAGE).read_bytes()
