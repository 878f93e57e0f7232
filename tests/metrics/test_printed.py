"""Printed figures: matrices and whole numbers that fit them, and the calculator, which goes from some figures to others."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from dermaviz.errors import LedgerError
from dermaviz.metrics.bootstrap import Estimate, exact_interval
from dermaviz.metrics.printed import (
    MEASURES,
    Counts,
    Span,
    mean_of_two,
    parse_printed,
    possible_counts,
    solve,
    whole_counts,
)


def test_precision_recall_and_prevalence_make_the_others() -> None:
    solution = solve(600, 300, {"recall": parse_printed("0.77"), "precision": parse_printed("0.94")})
    rows = {row.measure: row for row in solution.implied}
    assert Fraction("0.860") in rows["accuracy"].span
    assert rows["accuracy"].span == rows["balanced_accuracy"].span
    low, high = (round(600 * end) for end in (rows["accuracy"].span.low, rows["accuracy"].span.high))
    assert (low, high) == (515, 520)  # 230 to 233 of 300 found, 13 to 16 false alarms
    assert rows["accuracy"].interval == (exact_interval(low, 600).low, exact_interval(high, 600).high)
    assert rows["f1"].interval is None


def test_accuracy_recall_and_prevalence_make_the_precision() -> None:
    solution = solve(600, 117, {"accuracy": parse_printed("0.7333"), "recall": parse_printed("0.4615")})
    assert solution.possible.only == Counts(54, 63, 97, 386)
    assert next(row.span.words(4) for row in solution.implied if row.measure == "precision") == "0.3576"


def test_what_cannot_be_is_told_with_what_it_must_be() -> None:
    typed = {"recall": "0.77", "precision": "0.94", "accuracy": "0.935", "f1": "0.85"}
    solution = solve(600, 300, {name: parse_printed(text) for name, text in typed.items()})
    assert {name: span.words() for name, span in solution.odd.items()} == {"accuracy": "0.860 to 0.867"}


@pytest.mark.parametrize(
    ("n", "positives", "figures", "said"),
    [
        (600, 0, {}, "photos of both classes"),
        (600, 600, {}, "photos of both classes"),
        (20_000, 10, {}, "10,000 at most"),
        (600, 300, {"recall": "77"}, "recall: expected a share"),
        (600, 300, {"auc": "0.5"}, "auc: expected a share"),
    ],
)
def test_what_the_calculator_refuses(n: int, positives: int, figures: dict[str, str], said: str) -> None:
    with pytest.raises(LedgerError, match=said):
        solve(n, positives, {name: parse_printed(text) for name, text in figures.items()})


@pytest.mark.parametrize("printed", [{"recall": "0.6", "precision": "0.5"}, {"accuracy": "0.7", "f1": "0.6"}])
def test_no_matrix_is_left_out_and_none_is_wrong(printed: dict[str, str]) -> None:
    positives, negatives = 7, 9
    spans = {name: parse_printed(text).share for name, text in printed.items()}
    possible = possible_counts(positives, negatives, spans)
    listed = {(true, false) for true, least, most in possible.rows for false in range(least, most + 1)}
    tried = {
        (true, false)
        for true, false in product(range(positives + 1), range(negatives + 1))
        if all(MEASURES[n](Counts(true, positives - true, false, negatives - false)) in s for n, s in spans.items())
    }
    assert listed == tried
    assert len(possible) == len(tried) > 1


@pytest.mark.parametrize(("true", "false"), [(3, 0), (5, 4), (0, 2), (7, 9)])
def test_measures_agree_with_scikit_learn(true: int, false: int) -> None:
    counts = Counts(true, 7 - true, false, 9 - false)
    labels = [1] * 7 + [0] * 9
    called = [1] * true + [0] * (7 - true) + [1] * false + [0] * (9 - false)
    for name, oracle in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        assert float(MEASURES[name](counts)) == pytest.approx(oracle(labels, called, zero_division=0))
    assert MEASURES["specificity"](counts) == Fraction(9 - false, 9)
    assert MEASURES["accuracy"](counts) == Fraction(true + 9 - false, 16)


def test_whole_counts_are_those_within_the_span() -> None:
    assert list(whole_counts(Span(Fraction(1, 4), Fraction(1, 2)), 8)) == [2, 3, 4]
    assert list(whole_counts(parse_printed("0.884").span, 600)) == []


def test_the_mean_of_two_shares_has_the_narrower_interval_of_both_together() -> None:
    both = mean_of_two(Estimate(0.8, 0.7, 0.86), Estimate(0.6, 0.5, 0.72))
    assert both.value == pytest.approx(0.7)
    assert (both.low, both.high) == (pytest.approx(0.7 - 0.02**0.5 / 2), pytest.approx(0.7 + 0.018**0.5 / 2))
