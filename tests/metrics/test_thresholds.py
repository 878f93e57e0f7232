"""Tests of operating points: counts by hand, shares as scikit-learn's, intervals of the same resamples."""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from dermaviz.metrics.bootstrap import Bootstrap
from dermaviz.metrics.ranking import binary_view, operating_point

POSITIVE = np.array([True, True, True, False, False, False, False])
SCORE = np.array([0.9, 0.5, 0.2, 0.6, 0.5, 0.1, 0.0])


def test_a_score_at_the_threshold_is_called_positive() -> None:
    point = operating_point(POSITIVE, SCORE, 0.5)
    assert (point.threshold, point.tp, point.fp, point.fn, point.tn) == (0.5, 2, 2, 1, 2)
    assert point.sensitivity.value == pytest.approx(2 / 3)
    assert point.specificity.value == pytest.approx(2 / 4)
    assert point.precision.value == pytest.approx(2 / 4)


@pytest.mark.parametrize("threshold", [-1, 0.0, 0.15, 0.5, 0.9, 2])
def test_counts_are_scikit_learns(threshold: float) -> None:
    point = operating_point(POSITIVE, SCORE, threshold)
    (tn, fp), (fn, tp) = confusion_matrix(POSITIVE, threshold <= SCORE, labels=[False, True])
    assert (point.tp, point.fp, point.fn, point.tn) == (tp, fp, fn, tn)


def test_what_nothing_defines_is_nan() -> None:
    nothing_called = operating_point(POSITIVE, SCORE, 2, Bootstrap.over(range(7), 200))
    none_of_3, all_of_4 = (binomtest(k, n).proportion_ci() for k, n in ((0, 3), (4, 4)))
    assert astuple(nothing_called.specificity)[:3] == pytest.approx((1, all_of_4.low, 1))
    assert astuple(nothing_called.sensitivity)[:3] == pytest.approx((0, 0, none_of_3.high))
    ten = np.repeat(POSITIVE, 10)
    missed = operating_point(ten, np.repeat(SCORE, 10), 2, Bootstrap.over(np.arange(70) // 10, 9)).sensitivity
    assert astuple(missed)[:3] == pytest.approx((0, 0, none_of_3.high))
    assert math.isnan(nothing_called.precision.value)
    assert math.isnan(nothing_called.precision.low)
    nobody_ill = operating_point(np.zeros(7, bool), SCORE, 0.5, Bootstrap.over(range(7), 20))
    assert math.isnan(nobody_ill.sensitivity.value)
    assert nobody_ill.specificity.value == pytest.approx(3 / 7)
    empty = operating_point(POSITIVE[:0], SCORE[:0], 0.5, Bootstrap.over([], 20))
    assert (empty.tp, empty.fn) == (0, 0)
    assert math.isnan(empty.specificity.value)


def test_intervals_are_of_the_draws_that_were_given(guesses, lesions_of) -> None:
    labels, probabilities = guesses(0)
    positive, score = binary_view(labels, probabilities, [3])
    images = Bootstrap.over(lesions_of(200), draws=60)
    weights = images.weights
    point = operating_point(positive, score, 0.3, images)
    called = score >= 0.3
    drawn = {
        "sensitivity": [recall_score(positive, called, sample_weight=w) for w in weights],
        "specificity": [recall_score(~positive, ~called, sample_weight=w) for w in weights],
        "precision": [precision_score(positive, called, sample_weight=w) for w in weights],
    }
    for name, sample in drawn.items():
        found = getattr(point, name)
        assert [found.low, found.high] == pytest.approx(list(np.percentile(sample, [2.5, 97.5])))
        assert found.low < found.value < found.high
    assert math.isnan(operating_point(positive, score, 0.3).sensitivity.low)


def test_one_side_is_the_sum_of_its_classes() -> None:
    positive, score = binary_view(np.array([0, 1, 2]), np.array([[0.5, 0.2, 0.3], [0.1, 0.2, 0.7], [1, 0, 0]]), [0, 2])
    assert positive.tolist() == [True, False, True]
    np.testing.assert_allclose(score, [0.8, 0.8, 1.0])
