"""TODO docstring dermaviz.fairness.effects"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.errors import EvidenceError
from dermaviz.evidence.store import require_columns
from dermaviz.metrics.bootstrap import DRAWS, interval, lesion_weights
from dermaviz.metrics.classification import MELANOMA, Labels, Values, Weights, each_once, ratio, weighted_mean

CLEAN = "clean"
"""What the first naming column of a table says of the images as they are."""

Metric = Callable[[Weights], Values]
"""Weights ``[..., N]`` → the figure of each condition, ``[..., K]``."""


@dataclass(frozen=True, eq=False)
class Paired:
    """What a classifier says of N images as they are and under K conditions.

    ``conditions`` has K rows. ``probabilities`` is ``[N, 1 + K, C]`` and each of ``measured`` ``[N, 1 + K]``, the images as they
    are first. ``labels`` are indices into ``classes``, −1 where the diagnosis is none of them.
    """

    classes: tuple[str, ...]
    lesion_ids: NDArray[Any]
    labels: Labels
    conditions: pd.DataFrame
    probabilities: NDArray[np.float64]
    measured: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.labels)


def read_paired(
    table: pd.DataFrame,
    predictions: pd.DataFrame,
    classes: tuple[str, ...],
    by: Sequence[str],
    measured: Sequence[str] = (),
) -> Paired:
    """Put an evidence table beside who the images are.

    Args:
        table: ``image_id``, the columns of ``by`` that name a condition, ``p_<class>`` and those of ``measured``. Images that
            have no other row than the clean one (no tone could be measured) are left out.
        predictions: ``image_id, lesion_id, dx``; images that are not in it are left out, so a cohort gives that cohort.

    Raises:
        EvidenceError: a column is missing, or an image lacks a condition or has one twice.
    """
    values = [*(f"p_{name}" for name in classes), *measured]
    require_columns(table, ("image_id", *by, *values))
    require_columns(predictions, ("image_id", "lesion_id", "dx"))
    clean = (table[by[0]] == CLEAN).to_numpy()
    known = predictions[predictions["image_id"].isin(set(table["image_id"][~clean]))]
    image = pd.Index(known["image_id"]).get_indexer(table["image_id"])
    groups = table[~clean].groupby(list(by), sort=False)
    condition = np.zeros(len(table), dtype=np.int64)
    condition[~clean] = 1 + groups.ngroup().to_numpy()
    filled = np.full((len(known), 1 + groups.ngroups, len(values)), np.nan)
    inside = image >= 0
    filled[image[inside], condition[inside]] = table.loc[inside, values].to_numpy(np.float64)
    if (
        not len(known)
        or inside.sum() != filled.shape[0] * filled.shape[1]
        or np.isnan(filled[..., : len(classes)]).any()
    ):
        raise EvidenceError(
            f"expected each of {len(known):,} images once as it is and once under each of {groups.ngroups} conditions, found "
            f"{int(inside.sum()):,} rows. Make the evidence again with `dermaviz audit`."
        )
    return Paired(
        classes,
        known["lesion_id"].to_numpy(),
        pd.Index(classes).get_indexer(known["dx"]).astype(np.int64),
        table.loc[~clean, list(by)].drop_duplicates(ignore_index=True),
        filled[..., : len(classes)],
        {name: filled[..., len(classes) + i] for i, name in enumerate(measured)},
    )


def effects(
    paired: Paired,
    malignant: Collection[str],
    control_of: Callable[[tuple[Any, ...]], tuple[Any, ...]] = tuple,
    positive: str = MELANOMA,
    more: Mapping[str, Metric] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """What each condition does.

    Args:
        control_of: from the values that name a condition to those that name its control; itself where it has none.
        positive: the class whose probability is followed. more: further metrics by name.

    Returns:
        The columns that name a condition; ``metric, value, low, high``; ``beyond, beyond_low, beyond_high``, the same minus the
        control's (NaN without a control); ``n_images, n_lesions``. Metrics: ``p_positive_change`` and ``p_malignant_change`` (of
        the mean probability), ``flips`` (share of images with another answer), ``flips_to_malignant``, ``flips_to_benign``,
        ``accuracy``, ``balanced_accuracy``, and what the two changed by: ``accuracy_change``, ``balanced_accuracy_change``.
        What the classes do not define is left out.
    """
    metrics = {**_metrics(paired, malignant, positive), **(more or {})}
    names = list(paired.conditions.itertuples(index=False, name=None))
    places = {name: k for k, name in enumerate(names)}
    controls = [places.get(tuple(control_of(name)), k) for k, name in enumerate(names)]
    weights = lesion_weights(paired.lesion_ids.tolist(), draws, seed)
    counts = {"n_images": len(paired), "n_lesions": len(set(paired.lesion_ids))}
    parts = []
    for metric, of in metrics.items():
        figures = list(_figures(of(each_once(paired.labels)), of(weights), controls))
        parts.append(pd.concat([paired.conditions, pd.DataFrame(figures)], axis=1).assign(metric=metric, **counts))
    columns = [*paired.conditions, "metric", *_FIGURES, *counts]
    return pd.concat(parts, ignore_index=True)[columns]


_FIGURES = ("value", "low", "high", "beyond", "beyond_low", "beyond_high")


def _figures(shown: Values, drawn: Values, controls: Sequence[int]) -> Iterator[dict[str, float]]:
    """Of values ``[K]`` and their draws ``[draws, K]``: figures with intervals, one condition after another."""
    for k, control in enumerate(controls):
        own = (shown[k], *interval(drawn[:, k]))
        against = (shown[k] - shown[control], *interval(drawn[:, k] - drawn[:, control]))
        yield dict(zip(_FIGURES, map(float, (*own, *(against if control != k else (np.nan,) * 3))), strict=True))


def _metrics(paired: Paired, malignant: Collection[str], positive: str) -> dict[str, Metric]:
    p, classes = paired.probabilities, paired.classes
    called = p.argmax(axis=-1)
    bad = np.isin(classes, list(malignant))
    metrics: dict[str, Metric] = {}
    if positive in classes:
        metrics["p_positive_change"] = mean_of(change(p[..., classes.index(positive)]))
    if bad.any():
        metrics["p_malignant_change"] = mean_of(change(p[..., bad].sum(axis=-1)))
    metrics["flips"] = mean_of(called[:, 1:] != called[:, :1])
    if bad.any():
        moved = change(bad[called].astype(np.float64))
        metrics |= {"flips_to_malignant": mean_of(moved > 0), "flips_to_benign": mean_of(moved < 0)}
    right = (called == paired.labels[:, None]).astype(np.float64)
    return metrics | {
        "accuracy": mean_of(right[:, 1:]),
        "accuracy_change": mean_of(change(right)),
        "balanced_accuracy": lambda weights: _balanced(paired.labels, right, weights)[..., 1:],
        "balanced_accuracy_change": lambda weights: change(_balanced(paired.labels, right, weights)),
    }


def change(values: Values) -> Values:
    """Of values ``[..., 1 + K]`` what each of the last K has more than the first: ``[..., K]``."""
    return values[..., 1:] - values[..., :1]


def mean_of(values: NDArray[Any]) -> Metric:
    """The metric that is the mean over images of ``values`` ``[N, K]``, without what is NaN."""
    defined = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.shape, dtype=bool)
    filled = np.where(defined, values, 0).astype(np.float64)
    return lambda weights: ratio(weights @ filled, weights @ defined)


def _balanced(labels: Labels, right: Values, weights: Weights) -> Values:
    """Mean sensitivity over the classes that have images, ``[..., 1 + K]``, of ``right`` ``[N, 1 + K]``."""
    each = [weighted_mean(right[labels == c], weights[..., labels == c]) for c in np.unique(labels[labels >= 0])]
    stacked = np.stack(each)
    return ratio(np.nansum(stacked, axis=0), (~np.isnan(stacked)).sum(axis=0))
