"""Evaluation: what a threshold does — one side against the other, and the counts, sensitivity and specificity of a cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dermaviz.evaluation.intervals import Estimate, LesionIds, interval
from dermaviz.evaluation.metrics import Labels, Probabilities, Values, Weights, each_once, ratio

Positive = NDArray[np.bool_]
Score = NDArray[np.floating]

TP, FP, FN, TN = range(4)


@dataclass(frozen=True)
class OperatingPoint:
    """Images on either side of a threshold, called positive where their score is at least ``threshold``.

    ``tp``, ``fp``, ``fn``, ``tn`` count images. ``n_lesions`` is the number of lesions they show, None where the lesions
    were not given.
    """

    threshold: float
    tp: int
    fp: int
    fn: int
    tn: int
    sensitivity: Estimate
    specificity: Estimate
    precision: Estimate
    n_lesions: int | None


def binary_view(labels: Labels, probabilities: Probabilities, class_indices: Sequence[int]) -> tuple[Positive, Score]:
    """Some classes against the others: whether each image is of them ``[N]``, and their summed probability ``[N]``."""
    return np.isin(labels, class_indices), probabilities[:, list(class_indices)].sum(1)


def called(probabilities: Probabilities, class_indices: Sequence[int], threshold: float | None = None) -> Positive:
    """Which images ``[N]`` are called one of some classes: their summed probability is at least ``threshold``.

    Without a threshold: their most probable class is one of them.
    """
    if threshold is None:
        return np.isin(probabilities.argmax(1), class_indices)
    return probabilities[:, list(class_indices)].sum(1) >= threshold


def operating_point(
    positive: Positive,
    score: Score,
    threshold: float,
    weights: Weights | None = None,
    lesion_ids: LesionIds | None = None,
) -> OperatingPoint:
    """What calling ``score >= threshold`` positive gives.

    ``weights`` ``[draws, N]`` from ``lesion_weights`` make the 95% intervals, which are NaN without them; make them once for
    all positions of a slider. What the images do not define (the sensitivity to a class that has none) is NaN.
    """
    tp, fp, fn, tn = counts = _counts(positive, score, threshold, each_once(positive))
    drawn = np.full((4, 1), np.nan) if weights is None else _counts(positive, score, threshold, weights)

    def share(hit: int, miss: int) -> Estimate:
        value = ratio(counts[hit], counts[hit] + counts[miss])
        return Estimate(float(value), *interval(ratio(drawn[hit], drawn[hit] + drawn[miss])))

    return OperatingPoint(
        threshold=float(threshold),
        tp=int(tp),
        fp=int(fp),
        fn=int(fn),
        tn=int(tn),
        sensitivity=share(TP, FN),
        specificity=share(TN, FP),
        precision=share(TP, FP),
        n_lesions=None if lesion_ids is None else len(set(lesion_ids)),
    )


def _counts(positive: Positive, score: Score, threshold: float, weights: Weights) -> Values:
    """True and false positives, false and true negatives: ``[4, ...]``."""
    called = score >= threshold
    cells = np.stack([positive & called, ~positive & called, positive & ~called, ~positive & ~called], axis=1)
    return np.moveaxis(weights @ cells.astype(np.float64), -1, 0)
