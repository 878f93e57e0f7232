"""Curves as tables — ROC, precision against recall, reliability, and risk against coverage."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dermaviz.metrics.bootstrap import Bootstrap, LesionIds, interval_table, wilson_interval
from dermaviz.metrics.calibration import confidence_bin
from dermaviz.metrics.classification import Labels, Probabilities, Values, Weights, each_once, ratio
from dermaviz.metrics.ranking import Positive, Score, counts_by_threshold

COVERAGES = 100
"""Points of a risk–coverage curve at most."""


def roc_points(positive: Positive, score: Score) -> pd.DataFrame:
    """``threshold, false_positive_rate, sensitivity`` from a threshold above all scores (inf) down to the lowest score.

    Args:
        positive: bool ``[N]``.
        score: ``[N]``; an image is called positive where it is at least the threshold.

    Returns:
        A row per distinct score, rates in [0, 1]; a rate of no images is NaN.
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


def reliability(labels: Labels, probabilities: Probabilities, bins: int = 15) -> pd.DataFrame:
    """Whether images of a confidence are right as often as it says: a row for each of ``bins`` equally wide bins.

    Columns: ``low, high`` (the bin's bounds), ``confidence`` (mean), ``accuracy`` with its 95% Wilson interval
    ``accuracy_low, accuracy_high`` (images counted as independent), ``n`` images; NaN where there are none. The gaps,
    weighted by ``n``, add up to ``expected_calibration_error``.
    """
    confidence, right = probabilities.max(1, initial=0), probabilities.argmax(1) == labels
    member = confidence_bin(confidence, bins)
    n, hits = np.bincount(member, minlength=bins), np.bincount(member, weights=right, minlength=bins)
    total = np.bincount(member, weights=confidence, minlength=bins)
    shares = [wilson_interval(int(k), int(m)) for k, m in zip(hits, n, strict=True)]
    bounds = np.arange(bins + 1) / bins
    return pd.DataFrame(
        {
            "low": bounds[:-1],
            "high": bounds[1:],
            "confidence": ratio(total, n),
            "accuracy": [share.value for share in shares],
            "accuracy_low": [share.low for share in shares],
            "accuracy_high": [share.high for share in shares],
            "n": n,
        }
    )


def risk_coverage(labels: Labels, probabilities: Probabilities, lesion_ids: LesionIds | None = None) -> pd.DataFrame:
    """The share of wrong answers among the most confident images, as fewer are left to a doctor.

    Columns: ``coverage`` (share of images answered, in (0, 1]), ``risk`` (share of those that are wrong), and the risk's
    95% lesion-bootstrap interval ``low, high`` at the same confidence; NaN without ``lesion_ids``. A row for some 100 distinct
    confidences at most. Source: El-Yaniv and Wiener 2010.
    """
    confidence, wrong = probabilities.max(1, initial=0), probabilities.argmax(1) != labels
    _, errors, rights = counts_by_threshold(wrong, confidence)
    answered = errors + rights
    rows = np.unique(np.linspace(0, len(answered) - 1, COVERAGES).round().astype(int))[: len(answered)]
    lesions = Bootstrap.over(lesion_ids) if lesion_ids is not None else None

    def risk(weights: Weights) -> Values:
        _, wrong_drawn, right_drawn = counts_by_threshold(wrong, confidence, weights)
        return ratio(wrong_drawn[..., rows], wrong_drawn[..., rows] + right_drawn[..., rows])

    points = {"coverage": ratio(answered[rows], len(labels))}
    if lesions is None:
        return pd.DataFrame({**points, "risk": risk(each_once(wrong)), "low": np.nan, "high": np.nan})
    return interval_table(points, value=lesions.sample(risk)).rename(columns={"value": "risk"})
