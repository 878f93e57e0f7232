"""Tests of ranking metrics: scikit-learn's values with ties and weights, rates at a fixed other, and undefined sides."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from dermaviz.metrics.ranking import (
    RankingMetric,
    average_precision,
    counts_by_threshold,
    of_group,
    one_vs_rest,
    roc_auc,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)

FIXED: dict[str, RankingMetric] = {
    "sensitivity": partial(sensitivity_at_specificity, specificity=0.9),
    "specificity": partial(specificity_at_sensitivity, sensitivity=0.9),
}
EVERY: dict[str, RankingMetric] = {"auc": roc_auc, "average precision": average_precision, **FIXED}


def scored(seed: int, levels: int | None, n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positives, scores (of so many levels, so that there are ties), and how often each image is drawn."""
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.2
    score = rng.normal(size=n) + 1.3 * positive
    return (
        positive,
        score if levels is None else np.round(score * levels) / levels,
        rng.poisson(1, (6, n)).astype(float),
    )


@pytest.mark.parametrize("levels", [None, 4, 1])
@pytest.mark.parametrize(("ours", "theirs"), [(roc_auc, roc_auc_score), (average_precision, average_precision_score)])
def test_areas_are_scikit_learns(ours: RankingMetric, theirs, levels: int | None) -> None:
    positive, score, weights = scored(0, levels)
    assert ours(positive, score) == pytest.approx(theirs(positive, score), rel=1e-12)
    expected = [theirs(positive, score, sample_weight=w) for w in weights]
    np.testing.assert_allclose(ours(positive, score, weights), expected, rtol=1e-12)


@pytest.mark.parametrize("levels", [None, 4])
@pytest.mark.parametrize("rate", [0.5, 0.9, 0.95, 1.0])
def test_fixed_rates_are_the_best_points_of_scikit_learns_curve(rate: float, levels: int | None) -> None:
    positive, score, weights = scored(1, levels)
    for w in weights:
        fpr, tpr, _ = roc_curve(positive, score, sample_weight=w, drop_intermediate=False)
        sensitivity = tpr[1 - fpr >= rate - 1e-9].max()
        specificity = (1 - fpr)[tpr >= rate - 1e-9].max()
        assert sensitivity_at_specificity(positive, score, w, specificity=rate) == pytest.approx(sensitivity)
        assert specificity_at_sensitivity(positive, score, w, sensitivity=rate) == pytest.approx(specificity)


def test_values_counted_by_hand() -> None:
    """Of 2 × 3 pairs, 4 are in order and 1 is tied; precision is 1/1 at the first positive and 2/4 at the second."""
    positive = np.array([True, False, True, False, False])
    score = np.array([0.9, 0.7, 0.4, 0.4, 0.1])
    assert roc_auc(positive, score) == pytest.approx(4.5 / 6)
    assert average_precision(positive, score) == pytest.approx((1 + 2 / 4) / 2)
    assert sensitivity_at_specificity(positive, score, specificity=2 / 3) == 0.5
    assert sensitivity_at_specificity(positive, score, specificity=1 / 3) == 1
    assert specificity_at_sensitivity(positive, score, sensitivity=0.9) == pytest.approx(1 / 3)
    assert specificity_at_sensitivity(positive, score, sensitivity=0.5) == 1


@pytest.mark.parametrize(("alarms", "sensitivity"), [(178, 1.0), (179, 0.5)])
def test_a_tenth_of_the_others_is_a_specificity_of_nine_tenths(alarms: int, sensitivity: float) -> None:
    """Of 1,780 others, 178 may be alarmed on: in floating point, (1 − .9) · 1780 is a little less."""
    positive = np.r_[np.ones(2), np.zeros(1780)].astype(bool)
    score = np.r_[0.9, 0.5, np.full(alarms, 0.7), np.full(1780 - alarms, 0.1)]
    assert sensitivity_at_specificity(positive, score, specificity=0.9) == sensitivity
    assert specificity_at_sensitivity(positive, score, sensitivity=1) == pytest.approx(1 - alarms / 1780)


def test_when_all_others_score_higher_only_the_empty_call_is_specific() -> None:
    positive, score = np.array([True, False, False]), np.array([0.1, 0.8, 0.9])
    assert sensitivity_at_specificity(positive, score, specificity=0.9) == 0
    assert specificity_at_sensitivity(positive, score, sensitivity=0.9) == 0


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("positive", [np.ones(4, bool), np.zeros(4, bool), np.zeros(0, bool)], ids=str)
def test_one_side_alone_defines_nothing(name: str, positive: np.ndarray) -> None:
    score = np.linspace(0, 1, len(positive))
    assert math.isnan(EVERY[name](positive, score))
    assert np.isnan(EVERY[name](positive, score, np.ones((3, len(positive))))).all()


@pytest.mark.parametrize("name", EVERY)
def test_a_draw_without_positives_is_undefined_and_the_others_are_not(name: str) -> None:
    positive, score, weights = scored(2, None)
    weights[3, positive] = 0
    np.testing.assert_array_equal(np.isnan(EVERY[name](positive, score, weights)), np.arange(6) == 3)


def test_counts_at_each_distinct_score() -> None:
    positive, score = np.array([True, False, True, False]), np.array([0.2, 0.8, 0.8, 0.5])
    threshold, tp, fp = counts_by_threshold(positive, score)
    assert (threshold.tolist(), tp.tolist(), fp.tolist()) == ([0.8, 0.5, 0.2], [1, 1, 2], [1, 2, 2])


def test_classes_and_groups_of_classes(guesses) -> None:
    labels, probabilities = guesses(3)
    expected = [roc_auc_score(labels == i, probabilities[:, i]) for i in range(5)]
    np.testing.assert_allclose(one_vs_rest(roc_auc)(labels, probabilities), expected)
    assert one_vs_rest(roc_auc)(labels, probabilities, np.ones((7, 200))).shape == (7, 5)
    for group in ([2], [0, 3], [4, 1, 2]):
        auc = roc_auc_score(np.isin(labels, group), probabilities[:, group].sum(1))
        assert of_group(roc_auc, group)(labels, probabilities) == pytest.approx(auc)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=30),
    st.sampled_from(sorted(EVERY)),
)
def test_a_weight_is_as_many_copies_and_only_order_matters(images: list[tuple[bool, int, int]], name: str) -> None:
    positive, score, times = (np.array(column) for column in zip(*images, strict=True))
    found = EVERY[name](positive, score, times.astype(float))
    np.testing.assert_allclose(found, EVERY[name](np.repeat(positive, times), np.repeat(score, times)), rtol=1e-12)
    np.testing.assert_allclose(found, EVERY[name](positive, np.exp(score), times.astype(float)), rtol=1e-12)
    if np.isfinite(found):
        assert 0 <= found <= 1
