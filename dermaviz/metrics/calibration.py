"""Do probabilities mean what they say: reliability, calibration error, one temperature fitted on validation, what it changed;
and conformal sets, so many diagnoses for an image that the true one is among them as often as promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from dermaviz.metrics.bootstrap import DRAWS, Bootstrap, ClusterIds, Sampled, interval_table, wilson_interval
from dermaviz.metrics.classification import (
    MELANOMA,
    Labels,
    Metric,
    OfConfusion,
    Probabilities,
    Values,
    Weights,
    brier,
    each_once,
    grouped,
    negative_log_likelihood,
    ratio,
    sensitivity,
    weighted_mean,
)
from dermaviz.metrics.ranking import called


def fit_temperature(logits: NDArray[np.floating], labels: Labels) -> float:
    """The temperature in [0.05, 20] with the least negative log-likelihood (Guo et al. 2017, section 4.2)."""

    def loss(log_temperature: float) -> float:
        tempered = softmax(logits.astype(np.float64) / np.exp(log_temperature), axis=1)
        return float(negative_log_likelihood(labels, tempered))

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded").x))


def expected_calibration_error(
    labels: Labels, probabilities: Probabilities, weights: Weights | None = None, bins: int = 15
) -> Values:
    """ECE in [0, 1]: |confidence − accuracy| over ``bins`` equally wide bins of confidence, weighted by their images.

    As every metric (``metrics.classification``): ``weights`` ``[..., N]`` give ``[...]``. Source: Guo et al. 2017, equation 3.
    """
    confidence, correct = probabilities.max(1, initial=0), probabilities.argmax(1) == labels
    if (of := grouped(weights)) is not None:
        gaps = of.in_bins(confidence_bin(confidence, bins), bins, confidence - correct)
        return np.abs(ratio(gaps, of.sum(keepdims=True))).sum(-1)
    gap = np.eye(bins)[confidence_bin(confidence, bins)] * (confidence - correct)[:, None]
    return np.abs(weighted_mean(gap, weights)).sum(-1)


def confidence_bin(confidence: NDArray[np.floating], bins: int) -> NDArray[np.int64]:
    """Which of ``bins`` equally wide bins of [0, 1] each confidence lies in; a bin holds its lower bound, the last both."""
    return np.minimum((confidence * bins).astype(np.int64), bins - 1)


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


def uncalibrated(probabilities: Probabilities, temperature: float) -> Probabilities:
    """The probabilities ``[N, C]`` that ``temperature`` made these of: softmax(temperature · ln p)."""
    smallest = np.finfo(np.float64).tiny
    return softmax(temperature * np.log(np.maximum(probabilities.astype(np.float64), smallest)), axis=1)


def before_and_after(
    labels: Labels,
    probabilities: Probabilities,
    temperature: float,
    cluster_ids: ClusterIds,
    classes: Sequence[str],
    malignant: frozenset[str],
    threshold: float = 0.5,
    draws: int = DRAWS,
) -> pd.DataFrame:
    """What a temperature did: metrics of the probabilities without and with it, and the paired difference.

    Calibration leaves the most probable class as it was, but moves what a fixed threshold on the summed probability of the
    malignant classes catches: both are among the rows, where the classes name melanoma and malignancy.

    Args:
        probabilities: calibrated with ``temperature``, what the logits were divided by.
        threshold: probability of malignancy from which an image is flagged.

    Returns:
        A row per metric: ``metric, label``; ``before``, ``after`` and ``difference``, each with its 95% bootstrap
        interval in ``…_low`` and ``…_high``; ``n_images, n_clusters, n_positives`` (the images that a row's metric is a share
        of, missing where that is all).
    """
    rows = _compared(classes, malignant, threshold)
    names, metrics, of = zip(*rows.values(), strict=True)
    drawn = Bootstrap.over(cluster_ids, draws)
    before, after = (
        Sampled.join(drawn.metrics(metrics, labels, said))
        for said in (uncalibrated(probabilities, temperature), probabilities)
    )
    same = np.array(
        [isinstance(metric, OfConfusion) for metric in metrics]
    )  # decided by the answers, which do not move
    difference = (after - before).certain(same)
    table = interval_table({"metric": list(rows), "label": names}, before=before, after=after, difference=difference)
    positives = [int(np.isin(labels, classes).sum()) if classes else pd.NA for classes in of]
    return table.assign(**drawn.counts, n_positives=pd.array(positives, dtype="Int64"))


def _compared(
    classes: Sequence[str], malignant: frozenset[str], threshold: float
) -> dict[str, tuple[str, Metric, Sequence[int]]]:
    """By slug: the name in words, the metric, and the classes whose images it is a share of (none: all images)."""
    rows: dict[str, tuple[str, Metric, Sequence[int]]] = {
        "expected_calibration_error": ("Calibration error (15 bins)", expected_calibration_error, ()),
        "brier": ("Brier score", brier, ()),
        "negative_log_likelihood": ("Negative log-likelihood", negative_log_likelihood, ()),
    }
    sick = [i for i, name in enumerate(classes) if name in malignant]
    well = [i for i, name in enumerate(classes) if name not in malignant]
    melanoma = [i for i, name in enumerate(classes) if name == MELANOMA]
    if melanoma:
        label = "Melanoma: sensitivity as most probable class"
        rows["melanoma_sensitivity"] = (label, sensitivity.at(melanoma[0]), melanoma)
    if sick and well:
        at = f"with p(malignant) ≥ {threshold:g}"
        flagged = {"melanoma": ("Melanomas", melanoma), "malignant": ("Malignant", sick), "benign": ("Benign", well)}
        for name, (images, of) in flagged.items():
            if of:
                rows[f"{name}_flagged"] = (f"{images} {at}", FlaggedShare(of, sick, threshold), of)
    return rows


@dataclass(frozen=True, eq=False)
class FlaggedShare:
    """A metric: of the images of the classes ``of``, the share called one of the classes ``by`` (``ranking.called``), or the
    share that is ``not_called``."""

    of: Sequence[int]
    by: Sequence[int]
    threshold: float | None
    not_called: bool = False

    def among(self, labels: Labels, _: Probabilities) -> NDArray[np.bool_]:
        """Which images it is a share of, ``[N]``."""
        return np.isin(labels, self.of)

    def __call__(self, labels: Labels, probabilities: Probabilities, weights: Weights | None = None, /) -> Values:
        mine, flagged = np.isin(labels, self.of), called(probabilities, self.by, self.threshold)
        share = weighted_mean(flagged[mine], (each_once(labels) if weights is None else weights)[..., mine])
        return 1 - share if self.not_called else share


Kind = Literal["marginal", "class-conditional"]
Sets = NDArray[np.bool_]


def fit_conformal(
    labels: Labels, probabilities: Probabilities, coverage: float = 0.9, kind: Kind = "marginal"
) -> Values:
    """The least probability ``[C]`` with which each class joins a set, fitted on images that are not to be predicted.

    ``marginal``: one threshold, and of all images a share of at least ``coverage`` has its true class in the set.
    ``class-conditional``: one for each class, and the promise holds for the images of each class. It is made for images
    exchangeable with those fitted on, and one image per lesion. A class with too few images to promise anything (fewer than
    9 for .9) joins every set: its threshold is −inf.

    Source: least ambiguous sets (LAC), Sadinle, Lei and Wasserman 2019, theorems 1 and 2. MAPIE 1.6 gives the same sets, but
    wants an estimator of scikit-learn round stored probabilities, and 200 modules (1.8 s) for the one quantile below.
    """
    true = probabilities[np.arange(len(labels)), labels]
    n_classes = probabilities.shape[1]
    if kind == "marginal":
        return np.full(n_classes, _threshold(true, coverage))
    return np.array([_threshold(true[labels == i], coverage) for i in range(n_classes)])


def _threshold(true: NDArray[np.floating], coverage: float) -> float:
    """The ⌈(n + 1) · coverage⌉-th highest of n probabilities of the true class; −inf where there are not so many."""
    rank = int(np.ceil((len(true) + 1) * coverage - 1e-9))
    return float(np.sort(true)[::-1][rank - 1]) if rank <= len(true) else -np.inf


def conformal_sets(probabilities: Probabilities, thresholds: Values) -> Sets:
    """Which classes are in each image's set: bool ``[N, C]``. A set may be empty: nothing is probable enough."""
    return probabilities >= thresholds


def coverage_by_class(
    labels: Labels,
    sets: Sets,
    cluster_ids: ClusterIds,
    classes: Sequence[str],
    malignant: frozenset[str] = frozenset(),
    draws: int = DRAWS,
) -> pd.DataFrame:
    """How often the true class is in the set, and how large sets are: a row for all images, one for each class.

    Columns: ``class`` ("" for all; "malignant" for the images of all malignant classes, where these are given), ``coverage``
    with its 95% interval ``low, high`` (``exact`` where no draw varies), ``mean_size`` with ``size_low, size_high``, ``empty``
    (share of empty sets), ``n_images, n_clusters``. NaN where there are no images, or too few for an interval.
    """
    groups = {"": np.ones(len(labels), dtype=bool)} | {name: labels == i for i, name in enumerate(classes)}
    if malignant and "malignant" not in classes:
        groups["malignant"] = np.isin(labels, [i for i, name in enumerate(classes) if name in malignant])
    size = sets.sum(1)
    drawn = Bootstrap.over(cluster_ids, draws)
    of_group = [drawn.take(mine) for mine in groups.values()]
    covered, mean_size, empty = (
        Sampled.join(group.mean(said[mine]) for group, mine in zip(of_group, groups.values(), strict=True))
        for said in (sets[np.arange(len(labels)), labels], size, size == 0)
    )
    table = interval_table({"class": list(groups)}, coverage=covered, size=mean_size)
    named = {"coverage_low": "low", "coverage_high": "high", "coverage_exact": "exact", "size": "mean_size"}
    table = table.rename(columns=named).drop(columns="size_exact")  # a mean size has no exact interval
    return pd.concat([table.assign(empty=empty.value), pd.DataFrame([group.counts for group in of_group])], axis=1)
