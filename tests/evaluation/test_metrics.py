"""Tests of the metrics against scikit-learn, and of what they say where a class is absent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    log_loss,
    recall_score,
    roc_auc_score,
)

from dermaviz.evaluation.metrics import (
    accuracy,
    balanced_accuracy,
    class_sensitivity,
    group_auc,
    macro_f1,
    negative_log_likelihood,
)

LABELS = np.array([0, 0, 0, 1, 1, 2])
CERTAIN = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 2, 2]]


def guesses(seed: int, n: int = 200, classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Labels of unequal frequency and probabilities that know something of them."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes, n, p=np.arange(1, classes + 1) / (classes * (classes + 1) / 2))
    logits = rng.normal(size=(n, classes)) + 1.2 * np.eye(classes)[labels]
    return labels, softmax(logits, axis=1).astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_metrics_are_scikit_learns(seed: int) -> None:
    labels, probabilities = guesses(seed)
    called = probabilities.argmax(1)
    assert accuracy(labels, probabilities) == pytest.approx(accuracy_score(labels, called))
    assert balanced_accuracy(labels, probabilities) == pytest.approx(balanced_accuracy_score(labels, called))
    assert macro_f1(labels, probabilities) == pytest.approx(f1_score(labels, called, average="macro"))
    double = probabilities.astype(np.float64)
    expected = log_loss(labels, double / double.sum(1, keepdims=True), labels=range(5))
    assert negative_log_likelihood(labels, probabilities) == pytest.approx(expected, rel=1e-5)
    for group in ([2], [0, 3], [4, 1, 2]):
        auc = roc_auc_score(np.isin(labels, group), probabilities[:, group].sum(1))
        assert group_auc(group)(labels, probabilities) == pytest.approx(auc)
    recalls = recall_score(labels, called, average=None)
    assert [class_sensitivity(i)(labels, probabilities) for i in range(5)] == pytest.approx(list(recalls))


def test_values_counted_by_hand() -> None:
    """Sensitivities 2/3, 1/2, 1; F1 = 2·TP / (images + calls): 4/5, 1/2, 2/3."""
    assert accuracy(LABELS, CERTAIN) == pytest.approx(4 / 6)
    assert balanced_accuracy(LABELS, CERTAIN) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert macro_f1(LABELS, CERTAIN) == pytest.approx((4 / 5 + 1 / 2 + 2 / 3) / 3)
    assert class_sensitivity(1)(LABELS, CERTAIN) == 0.5


def test_an_absent_class_counts_neither_way() -> None:
    labels, probabilities = guesses(7)
    labels, probabilities = labels[labels != 3], probabilities[labels != 3]
    present = [0, 1, 2, 4]
    called = probabilities.argmax(1)
    assert 3 in called
    expected = recall_score(labels, called, labels=present, average="macro")
    assert balanced_accuracy(labels, probabilities) == pytest.approx(expected)
    expected = f1_score(labels, called, labels=present, average="macro")
    assert macro_f1(labels, probabilities) == pytest.approx(expected)
    assert math.isnan(class_sensitivity(3)(labels, probabilities))
    assert math.isnan(group_auc([3])(labels, probabilities))
    assert math.isnan(group_auc(present)(labels, probabilities))


def test_a_class_that_is_never_called_has_an_f1_of_0() -> None:
    probabilities = np.tile(np.float32([0.8, 0.1, 0.1]), (6, 1))
    assert macro_f1(LABELS, probabilities) == pytest.approx((2 * 3 / 9) / 3)
    assert balanced_accuracy(LABELS, probabilities) == pytest.approx(1 / 3)


def test_the_likelihood_of_the_impossible_is_finite() -> None:
    wrong = np.eye(3, dtype=np.float32)[[1, 1, 1, 2, 2, 0]]
    assert negative_log_likelihood(LABELS, wrong) == pytest.approx(
        126 * math.log(2), rel=1e-6
    )  # float32's smallest normal
    assert negative_log_likelihood(LABELS, np.full((6, 3), 1 / 3, np.float32)) == pytest.approx(math.log(3))
