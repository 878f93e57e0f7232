"""Robustness: what attacks and corruptions cost — accuracy and sensitivities under each of them, with paired drops.

Everything is computed from evidence: the tables ``attacks`` and ``corruptions`` say what the model called each image, the
table ``predictions`` who the images are and what it called them as they were. Intervals are 95% percentile intervals of a
bootstrap over lesions; a drop compares the same resampled images before and after.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.errors import EvidenceError
from dermaviz.evaluation.intervals import DRAWS, FEWEST, Estimate, interval, lesion_weights
from dermaviz.evaluation.metrics import Labels, Values, Weights, ratio, weighted_mean
from dermaviz.evidence.columns import require_columns

BY_ATTACK, BY_CORRUPTION = ("method", "epsilon"), ("corruption", "severity")
"""Columns that name a condition in the two tables: what is done, and how much of it (0: nothing)."""


@dataclass(frozen=True, eq=False)
class Answers:
    """Which answers of a model were right: of N images as they are, and under K conditions.

    ``conditions`` has K rows and two columns, ``BY_ATTACK`` or ``BY_CORRUPTION``, all of size above 0. ``clean`` is bool
    ``[N]``, ``right`` bool ``[N, K]``. ``labels`` are indices into ``classes``.
    """

    classes: tuple[str, ...]
    image_ids: NDArray[Any]
    lesion_ids: NDArray[Any]
    labels: Labels
    clean: NDArray[np.bool_]
    conditions: pd.DataFrame
    right: NDArray[np.bool_]

    def take(self, rows: NDArray[Any]) -> Answers:
        """Only these images: a mask bool ``[N]``, or their indices."""
        own = {name: getattr(self, name)[rows] for name in ("image_ids", "lesion_ids", "labels", "clean", "right")}
        return replace(self, **own)

    def __len__(self) -> int:
        return len(self.labels)


def read_answers(
    table: pd.DataFrame, predictions: pd.DataFrame, classes: tuple[str, ...], by: tuple[str, str]
) -> Answers:
    """Put an evidence table beside the predictions on the same images.

    Args:
        table: ``attacks`` or ``corruptions``: ``image_id, predicted`` and the two columns of ``by``; rows of size 0 are
            not needed, since ``predictions`` holds the clean answers. It may hold more images than ``predictions``.
        predictions: ``image_id, lesion_id, dx`` and ``p_<class>``; a cohort of them gives the answers on that cohort.
        classes: in the card's order.
        by: ``BY_ATTACK`` or ``BY_CORRUPTION``.

    Raises:
        EvidenceError: a column is missing, an image lacks a condition or has one twice, or a diagnosis is unknown.
    """
    require_columns(table, ("image_id", "predicted", *by))
    require_columns(predictions, ("image_id", "lesion_id", "dx", *(f"p_{name}" for name in classes)))
    labels = pd.Index(classes).get_indexer(predictions["dx"]).astype(np.int64)  # −1 where unknown
    done = table[(table[by[1]] > 0) & table["image_id"].isin(predictions["image_id"])]
    said = done.set_index(["image_id", *by])["predicted"]
    if said.index.has_duplicates or (labels < 0).any():
        wrong = "diagnoses that are none of the classes" if (labels < 0).any() else "the same image twice"
        raise EvidenceError(
            f"expected each image once per {' and '.join(by)}, of the classes {', '.join(classes)}; found {wrong}. "
            "Make the evidence again with `dermaviz audit`."
        )
    wide = said.unstack(list(by)).reindex(predictions["image_id"]).sort_index(axis=1)
    missing = int(wide.isna().to_numpy().any(axis=1).sum()) if wide.size else len(predictions)
    if missing or not len(predictions):
        raise EvidenceError(
            f"expected {by[0]} evidence on all {len(predictions):,} images with predictions, found {missing:,} without "
            "some of it. Make both tables of the same split with `dermaviz audit`."
        )
    called = predictions[[f"p_{name}" for name in classes]].to_numpy().argmax(axis=1)
    true = predictions["dx"].to_numpy()[:, None]
    return Answers(
        classes,
        predictions["image_id"].to_numpy(),
        predictions["lesion_id"].to_numpy(),
        labels,
        called == labels,
        wide.columns.to_frame(index=False),
        wide.to_numpy() == true,
    )


def curves(answers: Answers, draws: int = DRAWS, seed: int = 0, fewest: int = FEWEST) -> pd.DataFrame:
    """Each figure under each condition, and what it lost against the same images as they are.

    Returns:
        The two columns of the condition, with a first row of size 0 (clean) for each method or corruption; ``metric``
        (``accuracy``, ``balanced_accuracy`` or, with ``class``, ``sensitivity``); ``value, low, high``; ``drop, drop_low,
        drop_high`` (clean minus value, paired; above 0 is a loss); ``n_images`` and ``n_lesions`` that the figure is of.
        Balanced accuracy is the mean sensitivity over the classes that have images.
    """
    shown = measured(answers, None)
    drawn = measured(answers, lesion_weights(answers.lesion_ids.tolist(), draws, seed))
    what, size = answers.conditions.columns
    rows: list[dict[str, Any]] = []
    for (metric, name), sample in drawn.items():
        mine = answers.labels == answers.classes.index(name) if name else np.ones(len(answers), dtype=bool)
        counts = {"n_images": int(mine.sum()), "n_lesions": len(set(answers.lesion_ids[mine]))}
        figures = list(_with_drops(shown[metric, name], sample, enough=counts["n_images"] >= fewest))
        where = {series: [(0.0, figures[0])] for series in answers.conditions[what].unique()}
        for (series, at), figure in zip(answers.conditions.itertuples(index=False), figures[1:], strict=True):
            where[series].append((float(at), figure))
        rows += (
            {what: series, size: at, "metric": metric, "class": name, **figure, **counts}
            for series, points in where.items()
            for at, figure in points
        )
    return pd.DataFrame(rows)


def cohort_curves(
    answers: Answers, cohorts: Sequence[str], draws: int = DRAWS, seed: int = 0, fewest: int = FEWEST
) -> pd.DataFrame:
    """:func:`curves` of each cohort with a column ``cohort``, the largest first.

    Args:
        cohorts: name of each image's cohort, ``[N]``; images of cohort "" (unknown) are left out.
    """
    names = np.asarray(cohorts, dtype=object)
    if len(names) != len(answers):
        raise EvidenceError(
            f"expected a cohort for each of {len(answers):,} images, found {len(names):,}. Name them all."
        )
    counts = pd.Series(names[names != ""]).value_counts()
    parts = [
        curves(answers.take(names == name), draws, seed, fewest).assign(cohort=name, n_cohort=int(count))
        for name, count in counts.items()
    ]
    if not parts:
        raise EvidenceError("expected images of at least one cohort, found none of a known one. Choose another column.")
    return pd.concat(parts, ignore_index=True)


def median_flip_distance(
    epsilons: NDArray[np.float64], lesion_ids: Sequence[str], draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """Median over images of the smallest ε that flips them, with its interval; ``inf`` where half withstand all tried.

    Args:
        epsilons: ``flip_epsilon`` of the table ``flips``, ``[N]`` in [0, 1] pixels: ``inf`` for an image that withstood,
            0 for one that was wrong already, which is left out. The median of none is NaN.
        lesion_ids: the lesion of each image, ``[N]``.
    """
    right = epsilons > 0
    order = np.argsort(epsilons[right], kind="stable")
    # A number beyond every ε, since percentiles interpolate and infinity minus infinity is nothing.
    sizes = np.where(np.isinf(epsilons), 1e9, epsilons)[right][order]
    weights = lesion_weights(lesion_ids, draws, seed)[:, right][:, order]
    value, low, high = (
        np.inf if figure > 1 else float(figure)
        for figure in (_medians(sizes, np.ones((1, len(sizes))))[0], *interval(_medians(sizes, weights)))
    )
    return Estimate(value, low, high)


def measured(answers: Answers, weights: Weights | None) -> dict[tuple[str, str], Values]:
    """Accuracy, balanced accuracy and each class's sensitivity: by metric and class, ``[..., 1 + K]``, clean first.

    ``weights`` ``[..., N]`` say how often each image counts; NaN where a class has no image in a draw.
    """
    right = np.column_stack([answers.clean, answers.right]).astype(np.float64)
    everything = np.ones(len(answers)) if weights is None else weights
    classes = [answers.labels == index for index in range(len(answers.classes))]
    sensitivities = [weighted_mean(right[mine], everything[..., mine]) for mine in classes]
    stacked = np.stack(sensitivities)
    balanced = ratio(np.nansum(stacked, axis=0), (~np.isnan(stacked)).sum(axis=0))
    overall = {("accuracy", ""): weighted_mean(right, everything), ("balanced_accuracy", ""): balanced}
    return overall | {
        ("sensitivity", name): sensitivity for name, sensitivity in zip(answers.classes, sensitivities, strict=True)
    }


def _with_drops(shown: Values, drawn: Values, *, enough: bool) -> Iterator[dict[str, float]]:
    """Of values ``[1 + K]`` and their draws ``[draws, 1 + K]``: figures and drops with intervals, one by one."""
    names = ("value", "low", "high", "drop", "drop_low", "drop_high")
    for k, value in enumerate(shown):
        lost = drawn[:, 0] - drawn[:, k]
        figures = (value, *interval(drawn[:, k]), shown[0] - value, *interval(lost)) if enough else (np.nan,) * 6
        yield dict(zip(names, map(float, figures), strict=True))


def _medians(sizes: Values, weights: Weights) -> Values:
    """Median of ascending ``sizes`` ``[N]``, each as often as ``weights`` ``[draws, N]`` say: ``[draws]``."""
    medians = np.full(len(weights), np.nan)
    if len(sizes):
        reached = weights.cumsum(axis=1)
        half = reached[:, -1:] / 2
        lower, upper = (reached >= half).argmax(axis=1), (reached > half).argmax(axis=1)
        some = half[:, 0] > 0
        medians[some] = ((sizes[lower] + sizes[upper]) / 2)[some]
    return medians
