"""Evaluation: metrics, plain functions of labels and probabilities; scikit-learn does the counting."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, roc_auc_score

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float32]
Metric = Callable[[Labels, Probabilities], float]


def _matrix(labels: Labels, probabilities: Probabilities) -> NDArray[np.int64]:
    return confusion_matrix(labels, probabilities.argmax(1), labels=range(probabilities.shape[1]))


def accuracy(labels: Labels, probabilities: Probabilities) -> float:
    """Share of images whose most probable class is the true one, in [0, 1]."""
    return float((probabilities.argmax(1) == labels).mean())


def balanced_accuracy(labels: Labels, probabilities: Probabilities) -> float:
    """Mean sensitivity over the classes that have images, in [0, 1]."""
    matrix = _matrix(labels, probabilities)
    present = matrix.sum(1) > 0
    return float((np.diag(matrix)[present] / matrix.sum(1)[present]).mean())


def macro_f1(labels: Labels, probabilities: Probabilities) -> float:
    """Mean F1 over the classes that have images, in [0, 1]; F1 is 0 where nothing is called that class."""
    matrix = _matrix(labels, probabilities)
    present = matrix.sum(1) > 0
    f1 = 2 * np.diag(matrix) / np.maximum(matrix.sum(0) + matrix.sum(1), 1)
    return float(f1[present].mean())


def negative_log_likelihood(labels: Labels, probabilities: Probabilities) -> float:
    """Mean of −ln p(true class), in nats."""
    p_true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(p_true, np.finfo(np.float32).tiny)).mean())


def group_auc(classes: Sequence[int]) -> Metric:
    """A metric: the area under the ROC curve of the summed probability of ``classes`` against the other classes.

    NaN where the images are all of one side.
    """

    def auc(labels: Labels, probabilities: Probabilities) -> float:
        positive = np.isin(labels, classes)
        if positive.all() or not positive.any():
            return float("nan")
        return float(roc_auc_score(positive, probabilities[:, list(classes)].sum(1)))

    return auc


def class_sensitivity(index: int) -> Metric:
    """A metric: the share of the images of a class that are called it; NaN where there are none."""

    def sensitivity(labels: Labels, probabilities: Probabilities) -> float:
        mine = labels == index
        return float((probabilities[mine].argmax(1) == index).mean()) if mine.any() else float("nan")

    return sensitivity
