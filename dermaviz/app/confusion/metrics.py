"""The metrics of the Confusion page, computed from audited images and remembered."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dermaviz.app.cache import remembered, shared
from dermaviz.app.confusion.view import View
from dermaviz.evidence.predictions import Audited, compare_sets
from dermaviz.metrics.bootstrap import DRAWS, Bootstrap, Estimate, estimate
from dermaviz.metrics.calibration import Kind, conformal_sets, coverage_by_class, fit_conformal
from dermaviz.metrics.ranking import (
    OperatingPoint,
    average_precision,
    of_group,
    operating_point,
    precision_recall_points,
    risk_coverage,
    roc_auc,
    roc_points,
)

COVERAGE = 0.9
"""What conformal sets promise."""
MOST_POINTS = 5_000
"""Points of a curve that are sent to the browser."""


@remembered(max_entries=512, show_spinner=False)
def point_at(audited: Audited, view: View) -> OperatingPoint:
    """What the threshold of a view does to these images."""
    return operating_point(*view.sides(audited), view.threshold, _draws(audited))


@shared(max_entries=4, show_spinner=False)
def _draws(audited: Audited) -> Bootstrap:
    """Resamplings of the clusters for every position of a slider: 16 MB for 2,000 images."""
    drawn = Bootstrap.over(audited.clusters, DRAWS)
    if isinstance(drawn.weights, np.ndarray):
        drawn.weights.flags.writeable = False
    return drawn


@remembered(max_entries=64, show_spinner=False)
def threshold_curves(audited: Audited, view: View) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The points of the ROC and of the precision–recall curve of a view's score; of very many, ``MOST_POINTS`` of each."""
    sides = view.sides(audited)
    curves = roc_points(*sides), precision_recall_points(*sides)
    roc, recall = (t.iloc[np.unique(np.linspace(0, len(t) - 1, min(len(t), MOST_POINTS)).astype(int))] for t in curves)
    return roc, recall


@remembered(max_entries=64, show_spinner=False)
def areas(audited: Audited, positive: tuple[str, ...]) -> tuple[Estimate, Estimate]:
    """The area under the ROC curve and the average precision of the sum of these classes' probabilities."""
    indices = [audited.classes.index(name) for name in positive]
    metrics = {"roc": of_group(roc_auc, indices), "precision": of_group(average_precision, indices)}
    found = estimate(metrics, audited.labels, audited.probabilities, audited.clusters)
    return found["roc"], found["precision"]


@remembered(max_entries=64)
def metric_table(audited: Audited) -> pd.DataFrame:
    """Every metric with its interval and counts, beside the constant answer: see ``metrics.summary.measure``."""
    from dermaviz.metrics.summary import measure

    card = audited.checkpoint.card
    return measure(
        audited.labels, audited.probabilities, audited.clusters, card.classes, frozenset(card.malignant), DRAWS
    )


@remembered(max_entries=64, show_spinner=False)
def coverage_curve(audited: Audited) -> pd.DataFrame:
    """The share of mistakes among the most confident images, with its interval."""
    return risk_coverage(audited.labels, audited.probabilities, audited.clusters)


@remembered(max_entries=64, show_spinner=False)
def reliability_bins(audited: Audited) -> dict[str, pd.DataFrame]:
    """How often answers of a confidence are right, before and after temperature."""
    from dermaviz.metrics.calibration import reliability, uncalibrated

    raw = uncalibrated(audited.probabilities, audited.checkpoint.card.temperature)
    said = {"before": raw, "after": audited.probabilities}
    return {name: reliability(audited.labels, probabilities) for name, probabilities in said.items()}


@remembered(max_entries=64)
def calibration_table(audited: Audited) -> pd.DataFrame:
    """What the temperature did, figure by figure: see ``metrics.calibration.before_and_after``."""
    from dermaviz.metrics.calibration import before_and_after

    card = audited.checkpoint.card
    return before_and_after(
        audited.labels,
        audited.probabilities,
        card.temperature,
        audited.clusters,
        card.classes,
        frozenset(card.malignant),
    )


@remembered(max_entries=64, show_spinner=False)
def set_coverage(audited: Audited, fitted_on: Audited, kind: Kind) -> pd.DataFrame:
    """How often conformal sets hold the true class: see ``metrics.calibration.coverage_by_class``."""
    thresholds = fit_conformal(fitted_on.labels, fitted_on.probabilities, COVERAGE, kind)
    sets = conformal_sets(audited.probabilities, thresholds)
    malignant = frozenset(audited.checkpoint.card.malignant)
    return coverage_by_class(audited.labels, sets, audited.clusters, audited.classes, malignant)


@remembered(max_entries=16)
def set_differences(first: Audited, second: Audited) -> pd.DataFrame:
    """The card's figures on two sets of images, and their differences: see ``evidence.predictions.compare_sets``."""
    return compare_sets(first, second)


@remembered(max_entries=64)
def differences(first: Audited, second: Audited) -> pd.DataFrame:
    """The card's figures of two checkpoints on the same images, and their paired differences."""
    from dermaviz.metrics.comparison import paired_differences
    from dermaviz.metrics.summary import figures_for, metrics_for

    card = first.checkpoint.card
    malignant = frozenset(card.malignant)
    metrics = metrics_for(card.classes, malignant)
    table = paired_differences(metrics, first.labels, first.probabilities, second.probabilities, first.clusters)
    labels = {figure.slug: figure.label for figure in figures_for(card.classes, malignant)}
    return table.assign(label=table["metric"].map(labels))
