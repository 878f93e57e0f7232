"""Gaps: the widest pair counted by hand, and the rule by which a gap is called inconclusive, case by case."""

from __future__ import annotations

import numpy as np
import pytest

from dermaviz.fairness.groups import INCONCLUSIVE, SAME, TOO_FEW, audit_figures, judge, measure_groups, widest_gaps
from dermaviz.metrics.bootstrap import Estimate

NAN = float("nan")


@pytest.mark.parametrize(
    ("gap", "others", "verdict", "reason"),
    [
        ((-0.2, -0.3, -0.1), {}, SAME, ""),
        ((0.2, 0.1, 0.3), {"x": 0.01, "y": 0.4}, SAME, ""),
        ((0.2, 0.0, 0.3), {"x": 0.2}, INCONCLUSIVE, "the interval holds no difference"),
        ((0.2, -0.1, 0.3), {}, INCONCLUSIVE, "the interval holds no difference"),
        ((0.2, 0.1, 0.3), {"x": 0.2, "y": -0.01}, INCONCLUSIVE, "the sign changes under y"),
        ((-0.2, -0.3, -0.1), {"x": 0.0, "y": 0.1}, INCONCLUSIVE, "the sign changes under x, y"),
        ((0.2, 0.1, 0.3), {"x": 0.2, "y": NAN}, INCONCLUSIVE, "a group has too few images under y"),
        ((0.2, NAN, NAN), {}, INCONCLUSIVE, "the lesions are too few for an interval"),
        ((NAN, NAN, NAN), {"x": 0.2}, TOO_FEW, "a group has fewer than 10 positives or 10 negatives"),
    ],
)
def test_the_rule(gap: tuple[float, float, float], others: dict[str, float], verdict: str, reason: str) -> None:
    assert judge(Estimate(*gap), others) == (verdict, reason)


def measured(caught: dict[str, int]):
    """Groups of 20 melanomas, of which some are caught, and 20 nevi, all called nevi."""
    labels = np.tile(np.repeat([0, 1], 20), len(caught))
    calls = np.concatenate([[0] * k + [1] * (40 - k) for k in caught.values()])
    names = np.repeat(list(caught), 40)
    figures = audit_figures(("mel", "nv"), frozenset({"mel"}))
    return measure_groups(labels, np.eye(2)[calls], np.arange(len(labels)), names, figures, draws=200)


def test_the_widest_gap_is_between_the_best_and_the_worst() -> None:
    row = widest_gaps(measured({"a": 12, "b": 18, "c": 6})).set_index("metric").loc["sensitivity"]
    assert (row.group, row.reference) == ("b", "c")
    assert (row.difference, row.ratio) == pytest.approx((0.6, 3))
    assert 0 < row.difference_low < 0.6 < row.difference_high < 1
    assert row[["n_positives", "reference_n_negatives"]].tolist() == [20, 20]


def test_one_group_has_no_gap() -> None:
    assert widest_gaps(measured({"a": 12})).empty


def test_no_multiple_of_nothing() -> None:
    """None of c is caught: the difference is known, the ratio to it is not."""
    row = widest_gaps(measured({"b": 18, "c": 0})).set_index("metric").loc["sensitivity"]
    assert (row.difference, row.reference_value) == pytest.approx((0.9, 0))
    assert np.isnan(row.ratio)
    assert row.difference_low < 0.9 - 0.025 ** (1 / 20) / 20  # c's own uncertainty is in it
