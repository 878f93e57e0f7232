"""Checks of printed figures of one run: planted cases."""

from __future__ import annotations

import re

import pytest

from dermaviz.metrics.bootstrap import exact_interval
from studies.five_reports.reported.consistency import (
    FAILS,
    HOLDS,
    OPEN,
    Outcome,
    auc_check,
    constant_check,
    f1_check,
    interval_of,
    macro_check,
    matrix_check,
    whole_number_check,
)
from studies.five_reports.reported.ledger import Sample
from studies.five_reports.tests.reported.planted import claim, figures, sample


@pytest.mark.parametrize(
    ("precision", "recall", "f1", "outcome"),
    [
        ("0.94", "0.77", "0.85", HOLDS),
        ("0.21", "0.59", "0.30", HOLDS),  # .3097 from the digits alone, but they were rounded
        ("0.50", "0.50", "0.53", FAILS),
        ("0.00", "0.00", "0.00", HOLDS),
        ("1.00", "0.09", "0.17", HOLDS),
    ],
)
def test_f1_is_the_harmonic_mean_within_the_digits(precision: str, recall: str, f1: str, outcome: Outcome) -> None:
    check = f1_check(claim("precision", precision), claim("recall", recall), claim("f1", f1))
    assert check.outcome == outcome
    assert check.claims == ("study/table/row/precision", "study/table/row/recall", "study/table/row/f1")


def test_an_accuracy_that_the_others_speak_against_is_named_and_replaced() -> None:
    of = sample(300, 300)
    check = matrix_check(figures(of, accuracy="0.935", precision="0.94", recall="0.77"), of)
    assert (check.outcome, check.suspects) == (FAILS, ("study/table/row/accuracy", "study/table/row/recall"))
    check = matrix_check(figures(of, accuracy="0.935", precision="0.94", recall="0.77", f1="0.85"), of)
    assert check.suspects == ("study/table/row/accuracy",)
    assert check.expected == "accuracy 0.860 to 0.867"


def test_the_only_matrix_is_told_in_words() -> None:
    of = sample(117, 483)
    check = matrix_check(figures(of, precision="0.2283", recall="0.4957"), of)
    assert check.outcome == HOLDS
    assert "(58 found, 59 missed, 196 false alarms, 287 left alone)" in check.sentence


def test_figures_of_which_two_are_wrong_leave_nothing() -> None:
    of = sample(10, 10)
    check = matrix_check(figures(of, accuracy="0.99", precision="0.123", recall="0.777"), of)
    assert (check.outcome, check.suspects) == (FAILS, ())
    assert "nor all of these but one" in check.sentence


@pytest.mark.parametrize(
    ("auc", "areas", "outcome", "said"),
    [
        ("0.5450", 8, FAILS, "taken from hard labels"),
        ("0.60", 8, HOLDS, "is another figure"),
        ("0.9", 8, FAILS, r"must be 0\.295 to 0\.795"),
        ("0.5", 8, OPEN, "too few to say"),
    ],
)
def test_an_auc_is_held_against_balanced_accuracy(auc: str, areas: int, outcome: Outcome, said: str) -> None:
    of = sample(117, 483)
    check = auc_check(figures(of, precision="0.2283", recall="0.4957"), of, claim("auc", auc, of), areas)
    assert check.outcome == outcome
    assert re.search(said, check.sentence)


@pytest.mark.parametrize(
    ("text", "n", "outcome", "expected"),
    [
        ("92.0%", 264, HOLDS, "243 of 264"),
        ("91.6%", 264, HOLDS, "242 of 264"),  # 91.667
        ("0.884", 600, FAILS, "0.8833 or 0.8850"),
        ("0.50", 3, FAILS, "0.3333 or 0.6667"),
    ],
)
def test_a_share_is_of_a_whole_number_of_photos(text: str, n: int, outcome: Outcome, expected: str) -> None:
    check = whole_number_check(claim("accuracy", text), n)
    assert (check.outcome, check.expected) == (outcome, expected)


def test_digits_that_were_cut_off_are_told() -> None:
    assert "cut off and not rounded" in whole_number_check(claim("accuracy", "91.6%"), 264).sentence


@pytest.mark.parametrize(("text", "outcome"), [("0.40", HOLDS), ("0.41", HOLDS), ("0.42", FAILS), ("0.38", FAILS)])
def test_a_macro_average_is_the_mean_over_the_classes(text: str, outcome: Outcome) -> None:
    classes = [claim("f1", value, label=name) for name, value in (("a", "0.10"), ("b", "0.30"), ("c", "0.80"))]
    assert macro_check(claim("macro_f1", text), classes).outcome == outcome


@pytest.mark.parametrize(
    ("metric", "text", "of", "outcome"),
    [
        ("accuracy", "0.70", sample(30, 70), OPEN),  # just what the constant gets
        ("accuracy", "0.72", sample(30, 70), OPEN),  # more, but within the interval
        ("accuracy", "0.90", sample(30, 70), HOLDS),
        ("accuracy", "0.65", sample(30, 70), FAILS),
        ("accuracy", "8/9", sample(9, 0), FAILS),
        ("auc", "0.47", sample(30, 70), FAILS),
        ("macro_f1", "0.42", sample(30, 70), HOLDS),  # .7 / 1.7 = .412
        ("macro_f1", "0.40", sample(30, 70), FAILS),
    ],
)
def test_a_figure_is_held_against_the_constant_answer(metric: str, text: str, of: Sample, outcome: Outcome) -> None:
    assert constant_check(claim(metric, text, of), of).outcome == outcome


def test_only_shares_of_photos_carry_an_interval() -> None:
    of = sample(9, 1)
    exact = exact_interval(8, 9)
    assert (
        interval_of(claim("accuracy", "8/9", of)) == (exact.low, exact.high) == pytest.approx((0.518, 0.997), abs=5e-4)
    )
    assert interval_of(claim("recall", "0.89", of)) == (exact.low, exact.high)
    for metric in ("f1", "auc", "precision"):
        assert interval_of(claim(metric, "0.89", of)) is None
    assert interval_of(claim("accuracy", "0.89")) is None
