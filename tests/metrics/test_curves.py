"""Tests of the curves: scikit-learn's points, the calibration error out of its bins, and risk counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, auc, precision_recall_curve, roc_curve

from dermaviz.metrics.bootstrap import cluster_weights
from dermaviz.metrics.calibration import expected_calibration_error, reliability
from dermaviz.metrics.ranking import (
    COVERAGES,
    binary_view,
    operating_point,
    precision_recall_points,
    risk_coverage,
    roc_auc,
    roc_points,
)


@pytest.mark.parametrize("decimals", [None, 1])
def test_roc_points_are_scikit_learns(decimals: int | None, guesses) -> None:
    positive, score = binary_view(*guesses(0, decimals=decimals), [2])
    points = roc_points(positive, score)
    fpr, tpr, threshold = roc_curve(positive, score, drop_intermediate=False)
    assert list(points) == ["threshold", "false_positive_rate", "sensitivity"]
    np.testing.assert_allclose(points, np.stack([threshold, fpr, tpr], axis=1), rtol=1e-12)
    assert auc(points.false_positive_rate, points.sensitivity) == pytest.approx(roc_auc(positive, score))


@pytest.mark.parametrize("decimals", [None, 1])
def test_precision_and_recall_are_scikit_learns(decimals: int | None, guesses) -> None:
    positive, score = binary_view(*guesses(0, decimals=decimals), [2])
    points = precision_recall_points(positive, score)
    precision, recall, threshold = precision_recall_curve(positive, score)
    assert list(points) == ["threshold", "recall", "precision"]
    theirs = np.stack([threshold, recall[:-1], precision[:-1]], axis=1)[::-1]  # without its made-up last point
    np.testing.assert_allclose(points, theirs, rtol=1e-12)


def test_an_operating_point_lies_on_both_curves(guesses) -> None:
    positive, score = binary_view(*guesses(0), [2])
    row, other = roc_points(positive, score).iloc[41], precision_recall_points(positive, score).iloc[40]
    point = operating_point(positive, score, row.threshold)
    assert other.threshold == row.threshold
    assert (row.sensitivity, 1 - row.false_positive_rate) == pytest.approx(
        (point.sensitivity.value, point.specificity.value)
    )
    assert (other.recall, other.precision) == pytest.approx((point.sensitivity.value, point.precision.value))


def test_one_side_alone_has_half_a_curve() -> None:
    score = np.array([0.2, 0.7])
    roc = roc_points(np.zeros(2, bool), score)
    assert roc.sensitivity.isna().all()
    assert roc.false_positive_rate.tolist() == [0, 0.5, 1]
    assert precision_recall_points(np.zeros(2, bool), score).recall.isna().all()
    assert len(precision_recall_points(np.zeros(0, bool), score[:0])) == 0


def test_bins_counted_by_hand() -> None:
    """Wilson's interval of 1 in 2 and of 2 in 2 in closed form; .5 lies in the bin above it, and 1 in the last."""
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.5, 0.5], [1, 0]])
    table = reliability(np.array([0, 1, 1, 0, 0]), probabilities, bins=4)
    assert list(table) == ["low", "high", "confidence", "accuracy", "accuracy_low", "accuracy_high", "n"]
    assert table.low.tolist() == [0, 0.25, 0.5, 0.75]
    assert table.n.tolist() == [0, 0, 2, 3]
    assert table.iloc[:2, 2:6].isna().all(axis=None)
    assert table.confidence[2:].tolist() == pytest.approx([0.55, 0.9])
    assert table.accuracy[2:].tolist() == pytest.approx([1, 2 / 3])
    z = 1.959963984540054
    assert table.accuracy_low[2] == pytest.approx(2 / (2 + z**2))
    centre, half = (2 / 3 + z**2 / 6) / (1 + z**2 / 3), z / (1 + z**2 / 3) * math.sqrt(2 / 27 + z**2 / 36)
    assert (table.accuracy_low[3], table.accuracy_high[3]) == pytest.approx((centre - half, centre + half))


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_the_gaps_of_the_bins_are_the_calibration_error(bins: int, guesses) -> None:
    labels, probabilities = guesses(0)
    table = reliability(labels, probabilities, bins).dropna()
    gaps = (table.n * (table.accuracy - table.confidence).abs()).sum() / 200
    assert gaps == pytest.approx(expected_calibration_error(labels, probabilities, bins=bins))


def test_risk_counted_by_hand() -> None:
    """Two images are equally confident: they are answered together."""
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.7, 0.3], [0.6, 0.4]])
    table = risk_coverage(np.array([0, 1, 1, 1]), probabilities)
    assert list(table) == ["coverage", "risk", "low", "high"]
    assert table.coverage.tolist() == pytest.approx([1 / 4, 3 / 4, 1])
    assert table.risk.tolist() == pytest.approx([0, 1 / 3, 2 / 4])
    assert table[["low", "high"]].isna().all(axis=None)


def test_risk_is_the_error_among_the_confident_with_the_interval_of_its_draws(guesses, lesions_of) -> None:
    labels, probabilities = guesses(0, n=400)
    lesions = lesions_of(400)
    table = risk_coverage(labels, probabilities, lesions)
    assert len(table) == COVERAGES
    assert table.coverage.iloc[-1] == 1
    assert table.risk.iloc[-1] == pytest.approx(1 - accuracy_score(labels, probabilities.argmax(1)))
    assert (table.low <= table.risk).iloc[20:].all()
    assert (table.risk <= table.high).iloc[20:].all()
    half = table.iloc[50]
    confident = np.argsort(-probabilities.max(1))[: round(half.coverage * 400)]
    wrong = (probabilities.argmax(1) != labels)[confident]
    assert half.risk == pytest.approx(wrong.mean())
    drawn = [np.average(wrong, weights=w) for w in cluster_weights(lesions)[:, confident]]
    assert [half.low, half.high] == pytest.approx(list(np.percentile(drawn, [2.5, 97.5])))


def test_no_mistake_among_the_most_confident_lesions_is_no_certainty() -> None:
    """All 40 images are answered rightly, two of each lesion: of n lesions the exact bound is n's."""
    sure = np.linspace(0.99, 0.6, 40)
    table = risk_coverage(np.zeros(40, int), np.stack([sure, 1 - sure], axis=1), np.arange(40) // 2)
    assert (table.risk == 0).all()
    known = table.iloc[4:]  # of two lesions none is in too many draws
    assert (known.low == 0).all()
    assert known.high.tolist() == pytest.approx([1 - 0.025 ** (1 / (1 + row // 2)) for row in known.index])


def test_no_images_have_no_curve() -> None:
    labels, probabilities = np.zeros(0, np.int64), np.zeros((0, 3))
    assert len(risk_coverage(labels, probabilities, ())) == 0
    assert reliability(labels, probabilities).n.sum() == 0
