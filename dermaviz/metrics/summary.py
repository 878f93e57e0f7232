"""A split in figures, with intervals and counts, beside the constant answer: a page's table, a card's figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from dermaviz.metrics.bootstrap import DRAWS, Bootstrap, ClusterIds, Sampled, estimate, interval_table
from dermaviz.metrics.calibration import expected_calibration_error
from dermaviz.metrics.classification import (
    MELANOMA,
    Labels,
    Metric,
    Probabilities,
    accuracy,
    balanced_accuracy,
    brier,
    cohen_kappa,
    f1,
    macro_f1,
    negative_log_likelihood,
    precision,
    sensitivity,
    specificity,
    weighted_f1,
)
from dermaviz.metrics.ranking import (
    RankingMetric,
    average_precision,
    of_group,
    one_vs_rest,
    roc_auc,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)

ON_CARD = (
    *("balanced_accuracy", "macro_f1", "accuracy", "negative_log_likelihood", "expected_calibration_error"),
    *("melanoma_auc", "melanoma_sensitivity", "malignant_auc"),
)
CONSTANT_ON_CARD = ("balanced_accuracy", "macro_f1", "accuracy")


@dataclass(frozen=True)
class Figure:
    """A row of the page of metrics, or, ``by_class``, a row for each class: its slug, its name in words, the metric.

    ``positive`` are the classes that a melanoma's or a malignancy's metric looks for; empty where all classes count alike.
    """

    slug: str
    label: str
    metric: Metric
    positive: tuple[int, ...] = ()
    by_class: bool = False


OVERALL = (
    Figure("balanced_accuracy", "Balanced accuracy", balanced_accuracy),
    Figure("macro_f1", "Macro F1", macro_f1),
    Figure("weighted_f1", "Weighted F1", weighted_f1),
    Figure("accuracy", "Accuracy", accuracy),
    Figure("cohen_kappa", "Cohen's κ", cohen_kappa),
    Figure("brier", "Brier score", brier),
    Figure("negative_log_likelihood", "Negative log-likelihood", negative_log_likelihood),
    Figure("expected_calibration_error", "Calibration error (15 bins)", expected_calibration_error),
)
BY_CLASS = (
    Figure("sensitivity", "Sensitivity", sensitivity, by_class=True),
    Figure("specificity", "Specificity", specificity, by_class=True),
    Figure("precision", "Precision", precision, by_class=True),
    Figure("f1", "F1", f1, by_class=True),
    Figure("roc_auc", "ROC AUC against the rest", one_vs_rest(roc_auc), by_class=True),
    Figure("average_precision", "Average precision against the rest", one_vs_rest(average_precision), by_class=True),
)
OF_GROUP: Mapping[str, tuple[str, RankingMetric]] = {
    "auc": ("ROC AUC", roc_auc),
    "average_precision": ("average precision", average_precision),
    **{
        f"sensitivity_at_specificity_{at}": (
            f"sensitivity at specificity .{at}",
            partial(sensitivity_at_specificity, specificity=at / 100),
        )
        for at in (90, 95)
    },
    **{
        f"specificity_at_sensitivity_{at}": (
            f"specificity at sensitivity .{at}",
            partial(specificity_at_sensitivity, sensitivity=at / 100),
        )
        for at in (90, 95)
    },
}


def figures_for(classes: Sequence[str], malignant: frozenset[str]) -> tuple[Figure, ...]:
    """The figures of a checkpoint with these classes; those of melanoma and of malignancy where the classes name them."""
    rows = list(OVERALL)
    if MELANOMA in classes:
        melanoma = classes.index(MELANOMA)
        rows += _of_group("melanoma", (melanoma,))
        label = "Melanoma: sensitivity as most probable class"
        rows.append(Figure("melanoma_sensitivity", label, sensitivity.at(melanoma), (melanoma,)))
    if malignant and malignant < set(classes):
        rows += _of_group("malignant", tuple(i for i, name in enumerate(classes) if name in malignant))
    return (*rows, *BY_CLASS)


def _of_group(name: str, positive: tuple[int, ...]) -> list[Figure]:
    return [
        Figure(f"{name}_{slug}", f"{name.capitalize()}: {label}", of_group(metric, positive), positive)
        for slug, (label, metric) in OF_GROUP.items()
    ]


def metrics_for(classes: Sequence[str], malignant: frozenset[str]) -> Mapping[str, Metric]:
    """The metrics of a card for these classes, by the slug of their figure."""
    metrics = {figure.slug: figure.metric for figure in figures_for(classes, malignant)}
    return {slug: metrics[slug] for slug in ON_CARD if slug in metrics}


def measure(
    labels: Labels,
    probabilities: Probabilities,
    cluster_ids: ClusterIds,
    classes: Sequence[str],
    malignant: frozenset[str],
    draws: int = DRAWS,
) -> pd.DataFrame:
    """Every figure of some images ``[N]`` with probabilities ``[N, C]``, one row each, those by class with a row per class.

    Columns: ``metric`` (slug), ``label`` (in words), ``class`` ("" where it is one value), ``value``, ``low`` and ``high`` (95%
    interval of ``draws`` resamplings of whole clusters, or ``exact`` where none of them varies), ``n_images``, ``n_clusters``,
    ``n_positives`` (images of the class or of the malignant classes; missing where all classes count alike), ``constant`` (the
    same figure of the commonest class of these images, given always and with certainty; NaN of the negative log-likelihood, where
    certainty that errs means nothing). What is undefined is NaN (``bootstrap.interval``).
    """
    figures = figures_for(classes, malignant)
    metrics = [figure.metric for figure in figures]
    drawn = Bootstrap.over(cluster_ids, draws)
    sampled = Sampled.join(drawn.metrics(metrics, labels, probabilities))
    constant = constant_answer(labels, probabilities)
    rows = [
        {"metric": figure.slug, "label": figure.label, "class": name, "positive": (i,) if name else figure.positive}
        for figure in figures
        for i, name in enumerate(classes if figure.by_class else ("",))
    ]
    table = interval_table(pd.DataFrame(rows), value=sampled).assign(**drawn.counts)
    positive = table.pop("positive")
    counts = np.bincount(labels, minlength=len(classes))
    n_positives = [int(counts[list(indices)].sum()) if indices else pd.NA for indices in positive]
    return table.assign(
        n_positives=pd.array(n_positives, dtype="Int64"),
        constant=np.concatenate(
            [np.ravel(np.nan if metric is negative_log_likelihood else metric(labels, constant)) for metric in metrics]
        ),
    )


def constant_answer(labels: Labels, probabilities: Probabilities) -> Probabilities:
    """Certainty ``[N, C]`` of the commonest true class, whatever the image."""
    n_classes = probabilities.shape[1]
    commonest = np.bincount(labels, minlength=n_classes).argmax()
    return np.tile(np.eye(n_classes)[commonest], (len(labels), 1))


def summarise(
    labels: Labels,
    probabilities: Probabilities,
    cluster_ids: ClusterIds,
    classes: Sequence[str],
    malignant: frozenset[str],
    draws: int = DRAWS,
    unit: str = "lesions",
) -> dict[str, Any]:
    """Figures of a split for its card, with 95% bootstrap intervals, counts, and the row of the constant answer.

    The constant answer is the most frequent class of this split, always: what a model must beat. A metric that the split
    does not define (there is no melanoma in it, say), or that has no interval (``bootstrap``), is left out. ``unit`` is what
    the clusters are (``bootstrap.cluster_unit``): their number is ``n_patients`` or ``n_lesions``.
    """
    metrics = metrics_for(classes, malignant)
    figures = estimate(metrics, labels, probabilities, cluster_ids, draws)
    counts = np.bincount(labels, minlength=len(classes))
    constant = constant_answer(labels, probabilities)
    return {
        "n_images": len(labels),
        "n_patients" if unit.startswith("patients") else "n_lesions": len(set(cluster_ids)),
        "n_by_class": dict(zip(classes, counts.tolist(), strict=True)),
        "bootstrap_draws": draws,
        **{
            name: {key: value for key, value in asdict(figure).items() if key != "exact" or value}
            for name, figure in figures.items()
            if np.isfinite(astuple(figure)).all()
        },
        "constant_answer": {
            "class": classes[int(counts.argmax())],
            **{name: float(metrics[name](labels, constant)) for name in CONSTANT_ON_CARD},
        },
    }
