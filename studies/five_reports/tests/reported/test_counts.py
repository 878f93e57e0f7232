"""Counting and chance behind the checks: matrices that fit printed figures, whole numbers of photos, exact tests."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from scipy.stats import binomtest, fisher_exact
from sklearn.metrics import f1_score, precision_score, recall_score

from dermaviz.metrics.bootstrap import Estimate
from studies.five_reports.reported.chance import fisher, mean_of_two, paired
from studies.five_reports.reported.printed import MEASURES, Counts, Span, parse_printed, possible_counts, whole_counts


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


@pytest.mark.parametrize(("k", "n", "other", "of"), [(592, 660, 585, 660), (8, 9, 1, 9), (0, 5, 5, 5), (3, 10, 7, 40)])
def test_fisher_is_that_of_scipy(k: int, n: int, other: int, of: int) -> None:
    assert fisher(k, n, other, of) == pytest.approx(fisher_exact([[k, n - k], [other, of - other]]).pvalue)


def test_the_paired_bounds_are_the_extreme_sign_tests() -> None:
    bounds = paired(592, 585, 660)
    assert bounds.least == pytest.approx(binomtest(7, 7).pvalue)
    assert bounds.most == pytest.approx(binomtest(75, 143).pvalue)  # 68 that it misses, and so 75 the other way
    every = [binomtest(7 + back, 7 + 2 * back).pvalue for back in range(69)]
    assert bounds.tolerated == sum(p < 0.05 for p in every) - 1 == 1
    assert paired(5, 5, 10).tolerated == -1


def test_the_mean_of_two_shares_has_the_narrower_interval_of_both_together() -> None:
    both = mean_of_two(Estimate(0.8, 0.7, 0.86), Estimate(0.6, 0.5, 0.72))
    assert both.value == pytest.approx(0.7)
    assert (both.low, both.high) == (pytest.approx(0.7 - 0.02**0.5 / 2), pytest.approx(0.7 + 0.018**0.5 / 2))
