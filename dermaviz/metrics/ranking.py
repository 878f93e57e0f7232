"""Some classes against the others: what a threshold gives, curves over all thresholds, and the areas under them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.metrics.bootstrap import MOST_CLUSTERS, Bootstrap, ClusterIds, Estimate, Sampled, interval_table
from dermaviz.metrics.classification import (
    GroupedWeights,
    Labels,
    Metric,
    Probabilities,
    Values,
    Weights,
    counted,
    each_once,
    grouped,
    ratio,
)

Positive = NDArray[np.bool_]
Score = NDArray[np.floating]


@dataclass(frozen=True)
class OperatingPoint:
    """Images on either side of a threshold, called positive where their score is at least that; ``tp`` … ``tn`` count them."""

    threshold: float
    tp: int
    fp: int
    fn: int
    tn: int
    sensitivity: Estimate
    specificity: Estimate
    precision: Estimate


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
    positive: Positive, score: Score, threshold: float, images: Bootstrap | None = None
) -> OperatingPoint:
    """What calling ``score >= threshold`` positive gives.

    The draws of the ``images`` make the 95% intervals, which are NaN without them; make them once for all positions of a
    slider. What the images do not define (the sensitivity to a class that has none) is NaN.
    """
    called = score >= threshold
    cells = np.stack([positive & called, ~positive & called, positive & ~called, ~positive & ~called], axis=1)
    drawn = np.full((1, 4), np.nan) if images is None else images.weights @ cells.astype(np.float64)
    sides = np.stack([positive, ~positive, called], axis=1)
    ill, well, alarms = np.zeros(3, np.int64) if images is None else images.clusters_in(sides)
    counts = Sampled(cells.sum(axis=0), drawn)
    tp, fp, fn, tn = (counts[cell] for cell in range(4))
    return OperatingPoint(
        threshold=float(threshold),
        tp=int(tp.value),
        fp=int(fp.value),
        fn=int(fn.value),
        tn=int(tn.value),
        sensitivity=(tp / (tp + fn)).among(ill).estimate(),
        specificity=(tn / (tn + fp)).among(well).estimate(),
        precision=(tp / (tp + fp)).among(alarms).estimate(),
    )


RankingMetric = Callable[[Positive, Score, Weights | None], Values]

KEPT = 16
"""Orders of very many scores that are kept."""
STEPS = 1_000
"""Thresholds at which draws of very many images are counted; the figures of the images themselves are of all of them."""
ROUNDING = 1e-9
"""Relative slack when a rate is held against a fixed one, so that 178 of 1,780 is a tenth."""


def counts_by_threshold(
    positive: Positive, score: Score, weights: Weights | None = None
) -> tuple[Score, Values, Values]:
    """Distinct scores ``[T]`` from the highest, and the positives and negatives ``[..., T]`` that score at least as much."""
    weights = each_once(positive) if weights is None else weights
    if (of := grouped(weights)) is not None:
        key = b"".join(map(_digest, (score, positive)))
        if key not in of.counts:
            of.counts[key] = _counts_by_step(positive, score, of)
        return cast(tuple[Score, Values, Values], of.counts[key])
    order = _highest_first(score)
    score, positive, weights = score[order], positive[order], weights[..., order]
    tp = np.cumsum(weights * positive, axis=-1)
    fp = np.cumsum(weights, axis=-1) - tp
    last = np.flatnonzero(np.append(np.diff(score) != 0, np.ones(min(1, len(score)), dtype=bool)))
    if len(last) == len(score):
        return score, tp, fp
    return score[last], tp[..., last], fp[..., last]


_ORDERS: OrderedDict[bytes, NDArray[np.intp]] = OrderedDict()


def _highest_first(score: Score) -> NDArray[np.intp]:
    """The order from the highest score; of many images, a dozen metrics ask for the same, so the latest are kept."""
    if len(score) <= MOST_CLUSTERS:
        return np.argsort(-score, kind="stable")
    key = _digest(score)
    order = _ORDERS.get(key)
    if order is None:
        order = _ORDERS[key] = np.argsort(-score, kind="stable")
        while len(_ORDERS) > KEPT:
            with suppress(KeyError):
                _ORDERS.popitem(last=False)
    return order


def _digest(values: NDArray[np.generic]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(values).data, digest_size=16).digest()


def _counts_by_step(positive: Positive, score: Score, weights: GroupedWeights) -> tuple[Score, Values, Values]:
    """:func:`counts_by_threshold` of many images at about ``STEPS`` of their thresholds: from one to the next lie at most
    2 / ``STEPS`` of all images, and of the positives. Scores that are equal are one threshold."""
    order = _highest_first(score)
    score, positive, weights = score[order], positive[order], weights[..., order]
    passed = np.cumsum(1 / len(score) + positive / max(positive.sum(), 1))
    begins = np.append(True, np.diff(score) != 0)
    step = (passed * (STEPS / 2)).astype(np.int64)[np.maximum.accumulate(np.where(begins, np.arange(len(score)), 0))]
    last = np.append(np.diff(step) != 0, True)
    step = np.cumsum(last) - last
    n = int(last.sum())
    tp, fp = (weights[..., side].in_bins(step[side], n).cumsum(-1) for side in (positive, ~positive))
    return score[last], tp, fp


def roc_auc(positive: Positive, score: Score, weights: Weights | None = None) -> Values:
    """Chance that a positive scores above a negative, ties counting half: the area under the ROC curve, in [0, 1]."""
    _, tp, fp = counts_by_threshold(positive, score, weights)
    area = (np.diff(fp, prepend=0) * (tp - np.diff(tp, prepend=0) / 2)).sum(-1)
    return ratio(area, _total(tp) * _total(fp))


def average_precision(positive: Positive, score: Score, weights: Weights | None = None) -> Values:
    """Mean precision over the positives, from the highest score down, in [0, 1]: a step sum, not a trapezium."""
    _, tp, fp = counts_by_threshold(positive, score, weights)
    precision = tp / np.maximum(tp + fp, np.finfo(np.float64).tiny)  # where nothing is called yet, nothing is added
    return ratio((np.diff(tp, prepend=0) * precision).sum(-1), np.where(_total(fp) > 0, _total(tp), 0))


def sensitivity_at_specificity(
    positive: Positive, score: Score, weights: Weights | None = None, *, specificity: float
) -> Values:
    """The highest sensitivity of a threshold whose specificity is at least ``specificity``; both in [0, 1]."""
    _, tp, fp = counts_by_threshold(positive, score, weights)
    negatives = _total(fp)
    allowed = fp <= ((1 - specificity) * negatives * (1 + ROUNDING))[..., None]
    best = np.where(allowed, tp, 0).max(-1, initial=0)  # a threshold above all scores calls nothing
    return ratio(best, np.where(negatives > 0, _total(tp), 0))


def specificity_at_sensitivity(
    positive: Positive, score: Score, weights: Weights | None = None, *, sensitivity: float
) -> Values:
    """The highest specificity of a threshold whose sensitivity is at least ``sensitivity``; both in [0, 1]."""
    _, tp, fp = counts_by_threshold(positive, score, weights)
    positives, negatives = _total(tp), _total(fp)
    reached = tp >= (sensitivity * positives * (1 - ROUNDING))[..., None]
    least = np.where(reached, fp, np.inf).min(-1, initial=np.inf)
    return ratio(negatives - np.minimum(least, negatives), np.where(positives > 0, negatives, 0))


def one_vs_rest(metric: RankingMetric) -> Metric:
    """A metric of each class's probability against the other classes: ``[..., C]``."""

    def by_class(labels: Labels, probabilities: Probabilities, weights: Weights | None = None) -> Values:
        classes = range(probabilities.shape[1])
        return np.stack([metric(*binary_view(labels, probabilities, [i]), weights) for i in classes], axis=-1)

    return by_class


def of_group(metric: RankingMetric, classes: Sequence[int]) -> Metric:
    """A metric of the summed probability of ``classes`` against the other classes."""

    def of_sum(labels: Labels, probabilities: Probabilities, weights: Weights | None = None) -> Values:
        return metric(*binary_view(labels, probabilities, classes), weights)

    return of_sum


group_auc = partial(of_group, roc_auc)

COVERAGES = 100
"""Points of a risk–coverage curve at most."""


def roc_points(positive: Positive, score: Score) -> pd.DataFrame:
    """``threshold, false_positive_rate, sensitivity`` from a threshold above all scores (inf) down to the lowest score.

    An image is called positive where its score is at least the threshold. A row per distinct score; a rate of none is NaN.
    """
    threshold, tp, fp = counts_by_threshold(positive, score)
    negatives = len(positive) - positive.sum()
    return pd.DataFrame(
        {
            "threshold": np.append(np.inf, threshold),
            "false_positive_rate": ratio(np.append(0, fp), negatives),
            "sensitivity": ratio(np.append(0, tp), positive.sum()),
        }
    )


def precision_recall_points(positive: Positive, score: Score) -> pd.DataFrame:
    """``threshold, recall, precision`` from the highest score down, a row per distinct score; recall of none is NaN.

    There is no made-up point at recall 0, where nothing is called positive and precision is undefined.
    """
    threshold, tp, fp = counts_by_threshold(positive, score)
    return pd.DataFrame({"threshold": threshold, "recall": ratio(tp, positive.sum()), "precision": ratio(tp, tp + fp)})


def risk_coverage(labels: Labels, probabilities: Probabilities, cluster_ids: ClusterIds | None = None) -> pd.DataFrame:
    """The share of wrong answers among the most confident images, as fewer are left to a doctor.

    Columns: ``coverage`` (share of images answered, in (0, 1]), ``risk`` (share of those that are wrong), and the risk's
    95% bootstrap interval ``low, high`` at the same confidence; NaN without ``cluster_ids``. A row for some 100 distinct
    confidences at most. Source: El-Yaniv and Wiener 2010.
    """
    confidence, wrong = probabilities.max(1, initial=0), probabilities.argmax(1) != labels
    threshold, errors, rights = counts_by_threshold(wrong, confidence)
    answered = errors + rights
    rows = np.unique(np.linspace(0, len(answered) - 1, COVERAGES).round().astype(int))[: len(answered)]
    drawn = Bootstrap.over(cluster_ids) if cluster_ids is not None else None

    first = np.searchsorted(-threshold[rows], -confidence)  # the first row at which an image is answered

    def risk(weights: Weights) -> Values:
        wrong_drawn, right_drawn = (
            counted(first[side], len(rows), weights[..., side]).cumsum(-1) for side in (wrong, ~wrong)
        )
        return ratio(wrong_drawn, wrong_drawn + right_drawn)

    points = {"coverage": ratio(answered[rows], len(labels))}
    if drawn is None:
        return pd.DataFrame({**points, "risk": risk(each_once(wrong)), "low": np.nan, "high": np.nan})
    clusters = np.bincount(pd.Series(first).groupby(drawn.cluster_ids).min(), minlength=len(rows)).cumsum()
    return interval_table(points, value=drawn.sample(risk).among(clusters)).rename(columns={"value": "risk"})


def _total(counts: Values) -> Values:
    """The last of cumulated counts ``[..., T]``, 0 of none."""
    return counts[..., -1] if counts.shape[-1] else np.zeros(counts.shape[:-1])
