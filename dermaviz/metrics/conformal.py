"""Conformal sets: so many diagnoses for an image that the true one is among them as often as promised.

MAPIE 1.6 gives the same sets (on all 2,001 test images of the default checkpoint). It is not used: it wants an estimator of
scikit-learn round stored probabilities, and brings 200 of its modules (1.8 s) for the one quantile below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.metrics.bootstrap import DRAWS, Bootstrap, ClusterIds, Sampled, interval_table
from dermaviz.metrics.classification import Labels, Probabilities, Values

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

    Source: least ambiguous sets (LAC), Sadinle, Lei and Wasserman 2019, theorems 1 and 2.
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
