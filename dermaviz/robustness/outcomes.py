"""TODO docstring dermaviz.robustness.outcomes"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import Audited
from dermaviz.evidence.store import require_columns
from dermaviz.metrics.bootstrap import DRAWS, FEWEST, Estimate, interval, lesion_weights
from dermaviz.metrics.classification import Labels, Values, Weights, ratio, weighted_mean
from dermaviz.robustness.corruptions import CORRUPTIONS

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
    require_columns(table, ("image_id", "predicted", *by))
    image_ids = images.table["image_id"]
    done = table[(table[by[1]] > 0) & table["image_id"].isin(image_ids)]
    said = done.set_index(["image_id", *by])["predicted"]
    if said.index.has_duplicates:
        raise EvidenceError(
            f"expected each image once per {' and '.join(by)}, found the same image twice. "
            "Make the evidence again with `dermaviz audit`."
        )
    wide = said.unstack(list(by)).reindex(image_ids).sort_index(axis=1)
    missing = int(wide.isna().to_numpy().any(axis=1).sum()) if wide.size else len(images)
    if missing or not len(images):
        raise EvidenceError(
            f"expected {by[0]} evidence on all {len(images):,} images with predictions, found {missing:,} without "
            "some of it. Make both tables of the same split with `dermaviz audit`."
        )
    return Answers(
        images.classes,
        image_ids.to_numpy(),
        images.lesions,
        images.labels,
        images.probabilities.argmax(axis=1) == images.labels,
        wide.columns.to_frame(index=False),
        wide.to_numpy() == np.array(images.classes, dtype=object)[images.labels][:, None],
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


MEAN = "mean"
"""Name of the row that averages over corruptions, without those as small as an attack (``Corruption.averaged``)."""


def corruption_errors(
    answers: Answers, reference: Answers | None = None, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """The error under each corruption, over its severities s, and their mean.

    - ``error``: mean of E_s, the balanced error in [0, 1].
    - ``extra_error``: mean of E_s − E_clean; what the corruption itself costs.
    - ``ce``: Σ E_s / Σ E_s of the reference; below 1 is better than the reference.
    - ``relative_ce``: Σ (E_s − E_clean) / Σ (E_s − E_clean) of the reference; NaN where that one lost nothing.

    In the row ``mean``, each is the mean over corruptions: there ``ce`` is the mCE and ``relative_ce`` the relative mCE,
    as shares rather than per cent.

    Args:
        answers: under the table ``corruptions``.
        reference: of another checkpoint, the same images under the same corruptions; without it there is no ``ce``.

    Returns:
        ``corruption, metric, value, low, high`` with paired 95% lesion-bootstrap intervals; n is that of ``answers``.

    Raises:
        EvidenceError: the reference is of other images, classes or corruptions.
    """
    if reference is not None:
        _require_same(answers, reference)
    weights = lesion_weights(answers.lesion_ids.tolist(), draws, seed)
    shown, drawn = _errors(answers, reference, None), _errors(answers, reference, weights)
    rows: list[dict[str, Any]] = []
    for key, value in shown.items():
        low, high = interval(drawn[key])
        rows.append({"corruption": key[0], "metric": key[1], "value": float(value), "low": low, "high": high})
    return pd.DataFrame(rows)


def _errors(answers: Answers, reference: Answers | None, weights: Weights | None) -> dict[tuple[str, str], Values]:
    """By corruption and metric, ``[...]``; the means last."""
    name = answers.conditions.columns[0]
    by_corruption = answers.conditions.groupby(name, sort=False).indices
    error = 1 - measured(answers, weights)["balanced_accuracy", ""]
    other = None if reference is None else 1 - measured(reference, weights)["balanced_accuracy", ""]
    found: dict[tuple[str, str], Values] = {}
    for corruption, columns in by_corruption.items():
        found |= {(corruption, metric): values for metric, values in _of_one(error, other, np.asarray(columns) + 1)}
    averaged = [one for one in by_corruption if one not in CORRUPTIONS or CORRUPTIONS[one].averaged]
    for metric in dict.fromkeys(metric for _, metric in found):
        if averaged:
            found[MEAN, metric] = np.mean([found[one, metric] for one in averaged], axis=0)
    return found


def _of_one(error: Values, other: Values | None, columns: Values) -> Iterator[tuple[str, Values]]:
    """Of errors ``[..., 1 + K]``, clean first, those of one corruption's columns."""
    level, extra = error[..., columns].mean(-1), (error[..., columns] - error[..., :1]).mean(-1)
    yield "error", level
    yield "extra_error", extra
    if other is not None:
        yield "ce", ratio(level, other[..., columns].mean(-1))
        yield "relative_ce", ratio(extra, (other[..., columns] - other[..., :1]).mean(-1))


def _require_same(answers: Answers, reference: Answers) -> None:
    same = (
        answers.classes == reference.classes
        and np.array_equal(answers.image_ids, reference.image_ids)
        and answers.conditions.equals(reference.conditions)
    )
    if not same:
        raise EvidenceError(
            f"expected the reference on the same {len(answers):,} images, classes and corruptions, found "
            f"{len(reference):,} images and {len(reference.conditions)} conditions for {len(answers.conditions)}. "
            "Take the images and corruptions that both checkpoints have."
        )


def paired_curves(first: Answers, second: Answers, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Each figure of two checkpoints under every condition that both were put under, and by how much the second is higher.

    Both are measured on the same resamplings of lesions, so what an image's difficulty does to both cancels out.

    Returns:
        The two columns of the condition, with a first row of size 0 (clean) for each method or corruption; ``metric`` and
        ``class`` as in :func:`dermaviz.robustness.outcomes.curves`; ``first, second, difference`` (second − first), each
        with its 95% interval in ``…_low`` and ``…_high``; ``n_images`` and ``n_lesions`` that the figure is of.

    Raises:
        EvidenceError: the two are not of the same images and classes, or share no condition.
    """
    conditions = _shared(first, second)
    what, size = conditions.columns[:2]
    weights = lesion_weights(first.lesion_ids.tolist(), draws, seed)
    shown = [measured(answers, None) for answers in (first, second)]
    drawn = [measured(answers, weights) for answers in (first, second)]
    rows: list[dict[str, Any]] = []
    for metric, name in shown[0]:
        mine = first.labels == first.classes.index(name) if name else np.ones(len(first), dtype=bool)
        of = {
            "metric": metric, "class": name, "n_images": int(mine.sum()), "n_lesions": len(set(first.lesion_ids[mine])),
        }  # fmt: skip
        for series, at, *columns in _points(conditions):
            values = [float(of_one[metric, name][k]) for of_one, k in zip(shown, columns, strict=True)]
            samples = [of_one[metric, name][:, k] for of_one, k in zip(drawn, columns, strict=True)]
            row: dict[str, Any] = {what: series, size: at}
            for column, value, sample in (
                ("first", values[0], samples[0]),
                ("second", values[1], samples[1]),
                ("difference", values[1] - values[0], samples[1] - samples[0]),
            ):
                row[column] = value
                row[f"{column}_low"], row[f"{column}_high"] = interval(sample)
            rows.append(row | of)
    return pd.DataFrame(rows)


def _shared(first: Answers, second: Answers) -> pd.DataFrame:
    """The conditions of both, and where each stands in the two (0 is clean): ``…, first, second``."""
    same = first.classes == second.classes and np.array_equal(first.image_ids, second.image_ids)
    found = pd.DataFrame()
    if same and list(first.conditions.columns) == list(second.conditions.columns):
        of_first, of_second = (
            answers.conditions.assign(**{name: np.arange(len(answers.conditions)) + 1})
            for answers, name in ((first, "first"), (second, "second"))
        )
        found = of_first.merge(of_second, on=list(first.conditions.columns))
    if found.empty:
        raise EvidenceError(
            f"expected two checkpoints tested on the same images and under the same conditions, found {len(first):,} and "
            f"{len(second):,} images and no condition in common. Make both tables of the same split with `dermaviz audit`."
        )
    return found


def _points(conditions: pd.DataFrame) -> list[tuple[Any, float, int, int]]:
    """For each method or corruption its clean point, then its conditions."""
    points: list[tuple[Any, float, int, int]] = []
    for series, rows in conditions.groupby(conditions.columns[0], sort=False):
        points.append((series, 0.0, 0, 0))
        points += [(series, float(row[2]), int(row[3]), int(row[4])) for row in rows.itertuples()]
    return points
