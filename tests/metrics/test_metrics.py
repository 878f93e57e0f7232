"""Tests of the metrics against scikit-learn, with and without weights, and of what they say where a class is absent."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    brier_score_loss,
    cohen_kappa_score,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
)
from sklearn.metrics import confusion_matrix as sklearn_matrix

from dermaviz.metrics.classification import (
    Metric,
    accuracy,
    balanced_accuracy,
    brier,
    cohen_kappa,
    confusion_matrix,
    f1,
    macro_f1,
    negative_log_likelihood,
    precision,
    ratio,
    sensitivity,
    specificity,
    weighted_f1,
    weighted_mean,
)

LABELS = np.array([0, 0, 0, 1, 1, 2])
CERTAIN = np.eye(3)[[0, 0, 1, 1, 2, 2]]


def specificity_score(labels: np.ndarray, called: np.ndarray, sample_weight: np.ndarray) -> list[float]:
    """Recall of "not this class", class by class."""
    return [recall_score(labels != i, called != i, sample_weight=sample_weight) for i in range(int(labels.max()) + 1)]


OF_CALLS: dict[str, tuple[Metric, Callable[..., float]]] = {
    "accuracy": (accuracy, accuracy_score),
    "balanced": (balanced_accuracy, balanced_accuracy_score),
    "macro F1": (macro_f1, lambda y, c, **w: f1_score(y, c, average="macro", **w)),
    "weighted F1": (weighted_f1, lambda y, c, **w: f1_score(y, c, average="weighted", **w)),
    "κ": (cohen_kappa, cohen_kappa_score),
    "sensitivity": (sensitivity, lambda y, c, **w: recall_score(y, c, average=None, **w)),
    "precision": (precision, lambda y, c, **w: precision_score(y, c, average=None, **w)),
    "F1": (f1, lambda y, c, **w: f1_score(y, c, average=None, **w)),
    "specificity": (specificity, specificity_score),
    "matrix": (confusion_matrix, sklearn_matrix),
}
OF_PROBABILITIES: dict[str, tuple[Metric, Callable[..., float]]] = {
    "Brier": (brier, lambda y, p, **w: brier_score_loss(y, p, scale_by_half=False, **w)),
    "NLL": (negative_log_likelihood, log_loss),
}


@pytest.mark.parametrize("name", OF_CALLS)
@pytest.mark.parametrize("seed", range(3))
def test_metrics_of_the_calls_are_scikit_learns(name: str, seed: int, guesses) -> None:
    labels, probabilities = guesses(seed)
    metric, theirs = OF_CALLS[name]
    times = np.random.default_rng(seed).poisson(1, len(labels))
    once, often = (theirs(labels, probabilities.argmax(1), sample_weight=w) for w in (np.ones(len(labels)), times))
    np.testing.assert_allclose(metric(labels, probabilities), once, rtol=1e-12)
    np.testing.assert_allclose(metric(labels, probabilities, times.astype(float)), often, rtol=1e-12)


@pytest.mark.parametrize("name", OF_PROBABILITIES)
def test_metrics_of_the_probabilities_are_scikit_learns(name: str, guesses) -> None:
    labels, probabilities = guesses(0)
    metric, theirs = OF_PROBABILITIES[name]
    times = np.random.default_rng(0).poisson(1, len(labels))
    assert metric(labels, probabilities) == pytest.approx(theirs(labels, probabilities), rel=1e-12)
    expected = theirs(labels, probabilities, sample_weight=times)
    assert metric(labels, probabilities, times.astype(float)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", [accuracy, balanced_accuracy, f1, confusion_matrix, brier, negative_log_likelihood])
def test_draws_are_one_call(metric: Metric, guesses) -> None:
    labels, probabilities = guesses(1)
    weights = np.random.default_rng(1).poisson(1, (2, 3, len(labels))).astype(float)
    together = metric(labels, probabilities, weights)
    single = [[metric(labels, probabilities, w) for w in row] for row in weights]
    np.testing.assert_allclose(together, single, rtol=1e-12)


def test_values_counted_by_hand() -> None:
    """Sensitivities 2/3, 1/2, 1; F1 = 2·TP / (images + calls): 4/5, 1/2, 2/3; 16/36 right by chance, or 5·(36 − 13) apart."""
    assert accuracy(LABELS, CERTAIN) == pytest.approx(4 / 6)
    assert balanced_accuracy(LABELS, CERTAIN) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert macro_f1(LABELS, CERTAIN) == pytest.approx((4 / 5 + 1 / 2 + 2 / 3) / 3)
    assert weighted_f1(LABELS, CERTAIN) == pytest.approx((3 * 4 / 5 + 2 * 1 / 2 + 1 * 2 / 3) / 6)
    np.testing.assert_allclose(sensitivity(LABELS, CERTAIN), [2 / 3, 1 / 2, 1])
    np.testing.assert_allclose(precision(LABELS, CERTAIN), [1, 1 / 2, 1 / 2])
    np.testing.assert_allclose(specificity(LABELS, CERTAIN), [1, 3 / 4, 4 / 5])
    by_chance = (3 * 2 + 2 * 2 + 1 * 2) / 36
    assert cohen_kappa(LABELS, CERTAIN) == pytest.approx((4 / 6 - by_chance) / (1 - by_chance))
    assert brier(LABELS, CERTAIN) == pytest.approx(2 * 2 / 6)  # two wrong with certainty, each 1² + 1²


def test_an_absent_class_counts_neither_way(guesses) -> None:
    labels, probabilities = guesses(7)
    labels, probabilities = labels[labels != 3], probabilities[labels != 3]
    present = [0, 1, 2, 4]
    called = probabilities.argmax(1)
    assert 3 in called
    expected = recall_score(labels, called, labels=present, average="macro")
    assert balanced_accuracy(labels, probabilities) == pytest.approx(expected)
    expected = f1_score(labels, called, labels=present, average="macro")
    assert macro_f1(labels, probabilities) == pytest.approx(expected)
    assert math.isnan(sensitivity(labels, probabilities)[3])
    assert math.isnan(f1(labels, probabilities)[3])
    assert precision(labels, probabilities)[3] == 0  # it is called, and always wrongly


def test_a_class_that_is_never_called_has_an_f1_of_0_and_no_precision() -> None:
    probabilities = np.tile([0.8, 0.1, 0.1], (6, 1))
    assert macro_f1(LABELS, probabilities) == pytest.approx((2 * 3 / 9) / 3)
    assert balanced_accuracy(LABELS, probabilities) == pytest.approx(1 / 3)
    np.testing.assert_array_equal(np.isnan(precision(LABELS, probabilities)), [False, True, True])


@pytest.mark.parametrize("metric", [m for m, _ in OF_CALLS.values() if m is not confusion_matrix] + [brier])
def test_no_images_define_nothing(metric: Metric) -> None:
    labels, probabilities = np.zeros(0, dtype=np.int64), np.zeros((0, 3))
    assert np.isnan(metric(labels, probabilities)).all()
    assert np.isnan(metric(labels, probabilities, np.zeros((4, 0)))).all()
    assert np.isnan(metric(LABELS, CERTAIN, np.zeros(6))).all()


def test_one_class_alone_leaves_kappa_undefined() -> None:
    assert math.isnan(cohen_kappa(np.zeros(4, dtype=np.int64), np.tile([0.9, 0.1], (4, 1))))


def test_the_likelihood_of_the_impossible_is_finite() -> None:
    wrong = np.eye(3, dtype=np.float32)[[1, 1, 1, 2, 2, 0]]
    assert negative_log_likelihood(LABELS, wrong) == pytest.approx(
        126 * math.log(2), rel=1e-6
    )  # float32's smallest normal
    assert negative_log_likelihood(LABELS, np.full((6, 3), 1 / 3, np.float32)) == pytest.approx(math.log(3))


def test_a_class_of_a_metric_that_has_one_per_class(guesses) -> None:
    labels, probabilities = guesses(2)
    weights = np.ones((3, len(labels)))
    assert sensitivity.at(2)(labels, probabilities) == sensitivity(labels, probabilities)[2]
    assert sensitivity.at(2)(labels, probabilities, weights).shape == (3,)
    assert (balanced_accuracy.__name__, balanced_accuracy.__doc__[:16]) == ("balanced_accuracy", "Mean sensitivity")


def test_nothing_is_divided_by_nothing() -> None:
    np.testing.assert_array_equal(ratio(np.array([1.0, 1, 0]), np.array([2.0, 0, 0])), [0.5, np.nan, np.nan])
    assert weighted_mean(np.array([1.0, 5]), np.array([3.0, 1])) == 2
    np.testing.assert_array_equal(weighted_mean(np.eye(2), np.array([[1.0, 3], [0, 0]])), [[0.25, 0.75], [np.nan] * 2])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=30))
def test_a_weight_is_as_many_copies(images: list[tuple[int, int, int]]) -> None:
    true, called, times = (np.array(column) for column in zip(*images, strict=True))
    probabilities = np.eye(3)[called] * 0.7 + 0.1
    for metric in (confusion_matrix, sensitivity, weighted_f1, cohen_kappa, brier, negative_log_likelihood):
        copied = metric(np.repeat(true, times), np.repeat(probabilities, times, axis=0))
        np.testing.assert_allclose(metric(true, probabilities, times.astype(float)), copied, rtol=1e-12)
