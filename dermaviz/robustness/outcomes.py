"""Robustness: what attacks and corruptions cost a model over a data set, from evidence, with intervals. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import Audited
from dermaviz.evidence.store import require_columns
from dermaviz.metrics.bootstrap import (
    DRAWS,
    FEWEST,
    GROUPS,
    Bootstrap,
    ClusterIds,
    Estimate,
    Sampled,
    interval,
    interval_table,
)
from dermaviz.metrics.classification import Labels, Values, Weights, grouped, mean_of_defined
from dermaviz.robustness.corruptions import CORRUPTIONS

BY_ATTACK, BY_CORRUPTION = ("method", "epsilon"), ("corruption", "severity")
"""Columns that name a condition in the two tables: what is done, and how much of it (0: nothing)."""
ANSWERED = ("image_id", "predicted")
"""The columns of both that :func:`read_answers` wants besides."""


@dataclass(frozen=True, eq=False)
class Answers:
    """Which answers of a model were right: of N images as they are, and under K conditions.

    ``conditions`` has K rows and two columns, ``BY_ATTACK`` or ``BY_CORRUPTION``, all of size above 0. ``clean`` is bool
    ``[N]``, ``right`` bool ``[N, K]``. ``labels`` are indices into ``classes``.
    """

    classes: tuple[str, ...]
    image_ids: NDArray[Any]
    cluster_ids: NDArray[Any]
    labels: Labels
    clean: NDArray[np.bool_]
    conditions: pd.DataFrame
    right: NDArray[np.bool_]

    def take(self, rows: NDArray[Any]) -> Answers:
        """Only these images: a mask bool ``[N]``, or their indices."""
        own = {name: getattr(self, name)[rows] for name in ("image_ids", "cluster_ids", "labels", "clean", "right")}
        return replace(self, **own)

    def alike(self, other: Answers) -> bool:
        """Whether both are of the same images and classes."""
        return self.classes == other.classes and np.array_equal(self.image_ids, other.image_ids)

    def __len__(self) -> int:
        return len(self.labels)


def read_answers(table: pd.DataFrame, images: Audited, by: tuple[str, str]) -> Answers:
    """Put an evidence table beside the predictions on the same images.

    Args:
        table: ``attacks`` or ``corruptions``: ``image_id, predicted`` and the two columns of ``by``; rows of size 0 are
            not needed, since ``images`` hold the clean answers. It may be of more images than these.
        images: the predictions; a cohort of them gives the answers on that cohort.
        by: ``BY_ATTACK`` or ``BY_CORRUPTION``.

    Raises:
        EvidenceError: a column is missing, or an image lacks a condition or has one twice.
    """
    require_columns(table, (*ANSWERED, *by))
    image_ids = images.table["image_id"]
    # By numbers rather than by a pivot of texts: an audit of 400,000 images has nine million rows.
    image, ids = pd.factorize(table["image_id"])
    row = pd.Index(image_ids).get_indexer(pd.Index(ids.astype(str), dtype=image_ids.dtype))[image]
    kept = (table[by[1]] > 0).to_numpy() & (row >= 0)
    if not kept.all():
        row, table = row[kept], table.loc[kept, ["predicted", *by]]
    (done, names), (size, sizes) = (pd.factorize(table[name], sort=True) for name in by)
    condition = done * len(sizes) + size
    there = np.bincount(condition, minlength=1) > 0
    found, column = np.flatnonzero(there), np.cumsum(there) - 1
    cell = row * len(found) + column[condition]
    answer, answers = pd.factorize(table["predicted"])
    times, answered = (
        np.bincount(some, minlength=len(images) * len(found)).reshape(len(images), len(found))
        for some in (cell, cell[answer >= 0])
    )
    if (times > 1).any():
        raise EvidenceError(
            f"expected each image once per {' and '.join(by)}, found the same image twice. "
            "Make the evidence again with `dermaviz audit`."
        )
    missing = int((answered == 0).any(axis=1).sum()) if len(found) else len(images)
    if missing or not len(images):
        raise EvidenceError(
            f"expected {by[0]} evidence on all {len(images):,} images with predictions, found {missing:,} without "
            "some of it. Make both tables of the same split with `dermaviz audit`."
        )
    right = np.zeros((len(images), len(found)), dtype=bool)
    said = pd.Index(images.classes, dtype=object).get_indexer(answers.astype(object))
    right.flat[cell] = said[answer] == images.labels[row]
    return Answers(
        images.classes,
        image_ids.to_numpy(),
        images.clusters,
        images.labels,
        images.probabilities.argmax(axis=1) == images.labels,
        pd.DataFrame({by[0]: names.astype(str)[found // len(sizes)], by[1]: sizes[found % len(sizes)]}),
        right,
    )


def curves(answers: Answers, draws: int = DRAWS, fewest: int = FEWEST) -> pd.DataFrame:
    """Each figure under each condition, and what it lost against the same images as they are.

    Returns:
        The two columns of the condition, with a first row of size 0 (clean) for each method or corruption; ``metric``
        (``accuracy``, ``balanced_accuracy`` or, with ``class``, ``sensitivity``); ``value, low, high``; ``drop, drop_low,
        drop_high`` (clean minus value, paired; above 0 is a loss); ``n_images`` and ``n_clusters`` that the figure is of.
        Balanced accuracy is the mean sensitivity over the classes that have images.
    """
    drawn = Bootstrap.over(answers.cluster_ids, draws)
    rows = _with_clean(answers.conditions.assign(column=np.arange(len(answers.conditions)) + 1))
    columns, clean = rows.pop("column").to_numpy(), np.zeros(len(rows), dtype=int)
    parts = []
    for (metric, name), figure in _figures(answers, drawn).items():
        counts = _counts(answers, drawn, name)
        shown = figure.where(counts["n_clusters"] >= fewest)
        named = rows.assign(**{"metric": metric, "class": name})
        drop = (shown[clean] - shown[columns]).certain(columns == clean)
        parts.append(interval_table(named, value=shown[columns], drop=drop).assign(**counts))
    return pd.concat(parts, ignore_index=True)


def cohort_curves(answers: Answers, cohorts: Sequence[str], draws: int = DRAWS, fewest: int = FEWEST) -> pd.DataFrame:
    """:func:`curves` of each cohort with a column ``cohort``, the largest first. ``cohorts`` ``[N]`` names that of each image;
    images of cohort "" (unknown) are left out."""
    names = np.asarray(cohorts, dtype=object)
    counts = pd.Series(names[names != ""]).value_counts()
    parts = [
        curves(answers.take(names == name), draws, fewest).assign(cohort=name, n_cohort=int(count))
        for name, count in counts.items()
    ]
    if not parts:
        raise EvidenceError("expected images of at least one cohort, found none of a known one. Choose another column.")
    return pd.concat(parts, ignore_index=True)


def median_flip_distance(epsilons: NDArray[np.float64], cluster_ids: ClusterIds, draws: int = DRAWS) -> Estimate:
    """Median over images of the smallest ε that flips them, with its interval; ``inf`` where half withstand all tried.

    ``epsilons`` are ``flip_epsilon`` of the table ``flips``, ``[N]`` in [0, 1] pixels: ``inf`` for an image that withstood, 0
    for one that was wrong already, which is left out. The median of none is NaN.
    """
    right = epsilons > 0
    order = np.argsort(epsilons[right], kind="stable")
    # A number beyond every ε, since percentiles interpolate and infinity minus infinity is nothing.
    sizes = np.where(np.isinf(epsilons), 1e9, epsilons)[right][order]
    drawn = Bootstrap.over(cluster_ids, draws).take(right).take(order)
    found = drawn.sample(partial(_medians, sizes))  # many alike make a median certain: its draws may be so
    return Estimate(*(np.inf if figure > 1 else figure for figure in (float(found.value), *interval(found.draws))))


def _medians(sizes: Values, weights: Weights) -> Values:
    """Median of ascending ``sizes`` ``[N]``, each as often as ``weights`` ``[..., N]`` say: ``[...]``; NaN of none."""
    if not len(sizes):
        return np.full(weights.shape[:-1], np.nan)
    if (of := grouped(weights)) is not None:  # to within a 2,000th of the images
        step = np.arange(len(sizes)) * GROUPS // len(sizes)
        weights, sizes = of.in_bins(step, GROUPS), sizes[np.arange(1, 2 * GROUPS, 2) * len(sizes) // (2 * GROUPS)]
    reached = weights.cumsum(axis=-1)
    half = reached[..., -1:] / 2
    lower, upper = (reached >= half).argmax(axis=-1), (reached > half).argmax(axis=-1)
    return np.where(half[..., 0] > 0, (sizes[lower] + sizes[upper]) / 2, np.nan)


def _figures(answers: Answers, drawn: Bootstrap) -> dict[tuple[str, str], Sampled]:
    """Accuracy, balanced accuracy and each class's sensitivity: by metric and class, ``[1 + K]``, clean first.

    NaN where a class has no image in a draw.
    """
    right = np.column_stack([answers.clean, answers.right])
    classes = [answers.labels == index for index in range(len(answers.classes))]
    sensitivities = [drawn.take(mine).mean(right[mine]) for mine in classes]
    balanced = Sampled(
        mean_of_defined(np.stack([one.value for one in sensitivities], axis=-1)),
        mean_of_defined(np.stack([one.draws for one in sensitivities], axis=-1)),
        mean_of_defined(np.stack([cast(Values, one.unvaried) for one in sensitivities], axis=-1)),
    )
    overall = {("accuracy", ""): drawn.mean(right), ("balanced_accuracy", ""): balanced}
    return overall | {("sensitivity", name): one for name, one in zip(answers.classes, sensitivities, strict=True)}


def _counts(answers: Answers, drawn: Bootstrap, name: str) -> dict[str, int]:
    """Images and clusters that a figure is of: those of a class, or all ("")."""
    return (drawn.take(answers.labels == answers.classes.index(name)) if name else drawn).counts


def _with_clean(conditions: pd.DataFrame) -> pd.DataFrame:
    """The conditions of each method or corruption, in a first row its clean point: size and columns of figures are 0."""
    parts = []
    for _, rows in conditions.groupby(conditions.columns[0], sort=False):
        clean = rows.iloc[:1].assign(**dict.fromkeys(conditions.columns[1:], 0))
        parts += [clean, rows]
    return pd.concat(parts, ignore_index=True).astype({conditions.columns[1]: float})


MEAN = "mean"
"""Name of the row that averages over corruptions, without those as small as an attack (``Corruption.averaged``)."""


def corruption_errors(answers: Answers, reference: Answers | None = None, draws: int = DRAWS) -> pd.DataFrame:
    """The error under each corruption, over its severities s, and their mean.

    - ``error``: mean of E_s, the balanced error in [0, 1].
    - ``extra_error``: mean of E_s − E_clean; what the corruption itself costs.
    - ``ce``: Σ E_s / Σ E_s of the reference; below 1 is better than the reference.
    - ``relative_ce``: Σ (E_s − E_clean) / Σ (E_s − E_clean) of the reference; NaN where that one lost nothing.

    In the row ``mean``, each is the mean over corruptions: there ``ce`` is the mCE and ``relative_ce`` the relative mCE,
    as shares rather than per cent.

    ``reference`` is another checkpoint's answers to the same images under the same corruptions; without it there is no ``ce``.

    Returns:
        ``corruption, metric, value, low, high`` with paired 95% bootstrap intervals; n is that of ``answers``.

    Raises:
        EvidenceError: the reference is of other images, classes or corruptions.
    """
    if reference is not None and not (answers.alike(reference) and answers.conditions.equals(reference.conditions)):
        raise EvidenceError(
            f"expected the reference on the same {len(answers):,} images, classes and corruptions, found "
            f"{len(reference):,} images and {len(reference.conditions)} conditions for {len(answers.conditions)}. "
            "Take the images and corruptions that both checkpoints have."
        )
    drawn = Bootstrap.over(answers.cluster_ids, draws)
    error, *others = (1 - _figures(of, drawn)["balanced_accuracy", ""] for of in (answers, reference) if of is not None)
    found: dict[tuple[str, str], Sampled] = {}
    by_corruption = answers.conditions.groupby(answers.conditions.columns[0], sort=False).indices
    for name, rows in by_corruption.items():
        columns = np.asarray(rows) + 1
        level, extra = _level_and_extra(error, columns)
        found[name, "error"], found[name, "extra_error"] = level, extra
        for other in others:
            other_level, other_extra = _level_and_extra(other, columns)
            found[name, "ce"], found[name, "relative_ce"] = level / other_level, extra / other_extra
    averaged = [name for name in by_corruption if name not in CORRUPTIONS or CORRUPTIONS[name].averaged]
    for metric in dict.fromkeys(metric for _, metric in found) if averaged else ():
        found[MEAN, metric] = _mean(Sampled.join(found[name, metric] for name in averaged))
    names, metrics = zip(*found, strict=True)
    return interval_table({"corruption": names, "metric": metrics}, value=Sampled.join(found.values()))


def _level_and_extra(error: Sampled, columns: NDArray[np.int64]) -> tuple[Sampled, Sampled]:
    """Of errors ``[1 + K]``, clean first: the mean of some columns, and of what they add to the clean error."""
    return _mean(error[columns]), _mean(error[columns] - error[np.zeros_like(columns)])


def _mean(figures: Sampled) -> Sampled:
    unvaried = None if figures.unvaried is None else figures.unvaried.mean(-1)
    return Sampled(figures.value.mean(-1), figures.draws.mean(-1), unvaried, bool(np.any(figures.difference)))


def paired_curves(first: Answers, second: Answers) -> pd.DataFrame:
    """The rows of :func:`curves` for every condition that two checkpoints were put under: ``first, second, difference`` (second −
    first), each with its 95% interval in ``…_low`` and ``…_high``.

    Both are measured on the same resamplings of clusters, so what an image's difficulty does to both cancels out.

    Raises:
        EvidenceError: the two are not of the same images and classes, or share no condition.
    """
    names, found = list(first.conditions.columns), pd.DataFrame()
    if first.alike(second) and names == list(second.conditions.columns):
        place_in_first, place_in_second = (np.arange(len(of.conditions)) + 1 for of in (first, second))  # 0 is clean
        found = first.conditions.assign(first=place_in_first).merge(
            second.conditions.assign(second=place_in_second), on=names
        )
    if found.empty:
        raise EvidenceError(
            f"expected two checkpoints tested on the same images and under the same conditions, found {len(first):,} and "
            f"{len(second):,} images and no condition in common. Make both tables of the same split with `dermaviz audit`."
        )
    rows = _with_clean(found)
    columns = [rows.pop(name).to_numpy() for name in ("first", "second")]
    drawn = Bootstrap.over(first.cluster_ids)
    figures = [_figures(answers, drawn) for answers in (first, second)]
    parts = []
    for metric, name in figures[0]:
        one, other = (of[metric, name][at] for of, at in zip(figures, columns, strict=True))
        table = interval_table(rows, first=one, second=other, difference=other - one)
        parts.append(table.assign(**{"metric": metric, "class": name, **_counts(first, drawn, name)}))
    return pd.concat(parts, ignore_index=True)
