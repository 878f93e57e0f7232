"""A row's answers to its test photos, by seed, measured in any metric with the draws that intervals are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from dermaviz.errors import ResultError
from dermaviz.evidence.store import labels_of
from dermaviz.metrics.bootstrap import DRAWS, Estimate, cluster_weights, interval, over_draws
from dermaviz.metrics.classification import (
    Labels,
    Metric,
    OfConfusion,
    Probabilities,
    Values,
    Weights,
    confusion_matrix,
    precision,
    ratio,
)
from dermaviz.metrics.summary import constant_answer, figures_for
from studies.five_reports.claims.reruns import folder_of
from studies.five_reports.result import Result, read_curve, read_predictions

_LATER = 0.02
NOTHING = Estimate(*(float("nan"),) * 3)


@dataclass(frozen=True)
class SeedFigure:
    """A metric of a row: its value for each of S seeds, and each seed's in each of D resamplings of lesions, ``[S, D]``.

    ``draws`` is None where only the figures of the answers were kept (after an attack, under noise); then ``kept`` are they.
    ``constant`` is the figure of the constant answer, ``n`` the photos that it is of: of the class, if it is of one.
    """

    by_seed: tuple[float, ...]
    draws: Values | None
    constant: float
    n: int
    kept: tuple[Estimate, ...] = ()

    @property
    def estimate(self) -> Estimate:
        """The mean over the seeds with its 95% interval over lesions."""
        if not self.by_seed:
            return NOTHING
        value = float(np.mean(self.by_seed))
        if self.draws is not None:
            return Estimate(value, *interval(self.draws.mean(0)))
        return Estimate(value, *(float(np.mean([getattr(k, end) for k in self.kept])) for end in ("low", "high")))


class RowResults:
    """The answers of a row's runs (one budget, one set of classes), read when first asked for.

    ``under`` names the attack or noise that the figures are of; "" for clean photos.
    """

    def __init__(self, root: Path, results: Sequence[Result], under: str = "", draws: int = DRAWS) -> None:
        self.results = tuple(results)
        self.under = under
        self._root, self._n_draws = root, draws
        self._measured: dict[str, SeedFigure] = {}

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of training."""
        return tuple(result.seed for result in self.results)

    @cached_property
    def tables(self) -> tuple[pd.DataFrame, ...]:
        """The predictions of each run, in the order of image ids.

        Raises:
            ResultError: the runs of the row did not have the same test photos.
        """
        found = [read_predictions(folder_of(self._root, result)).sort_values("image_id") for result in self.results]
        for table, result in zip(found, self.results, strict=True):
            if not np.array_equal(table["image_id"], found[0]["image_id"]):
                raise ResultError(
                    f"{result.report}/{result.row}: expected the same test photos whatever the seed, found others with seed "
                    f"{result.seed}. Delete the row's results and run `dermaviz reproduce {result.report} {result.row}`."
                )
        return tuple(found)

    @cached_property
    def image_ids(self) -> tuple[str, ...]:
        """The test photos, in order."""
        return tuple(self.tables[0]["image_id"].to_list())

    @cached_property
    def lesion_ids(self) -> tuple[str, ...]:
        """The lesion that each test photo shows."""
        return tuple(self.tables[0]["lesion_id"].to_list())

    @property
    def n_lesions(self) -> int:
        """The lesions that the test photos show."""
        return int(self.results[0].under[self.under][0]["n_lesions"]) if self.under else len(set(self.lesion_ids))

    @cached_property
    def learnt_later(self) -> bool:
        """Whether in some run an epoch that was not kept had a balanced accuracy on validation above the kept one's by more
        than 0.02: the kept one, of the best accuracy, may be one that answers with the commonest class alone."""
        for result in self.results:
            curve = read_curve(folder_of(self._root, result))
            if "balanced_accuracy" in curve and result.kept_epoch in set(curve["epoch"]):
                kept = curve.loc[curve["epoch"] == result.kept_epoch, "balanced_accuracy"].iloc[-1]
                if curve["balanced_accuracy"].max() > kept + _LATER:
                    return True
        return False

    def paired_with(self, other: RowResults) -> bool:
        """Whether both answered the same photos, and answers of both were kept."""
        return not self.under and not other.under and self.image_ids == other.image_ids

    def figure(self, metric: str) -> SeedFigure:
        """A metric of the row by its name, ``accuracy`` or ``f1/mel``.

        Raises:
            ResultError: the row's classes have no such metric.
        """
        if metric not in self._measured:
            self._measured[metric] = self._kept(metric) if self.under else self._drawn(metric)
        return self._measured[metric]

    def _drawn(self, name: str) -> SeedFigure:
        classes, malignant = self.results[0].classes, frozenset(self.results[0].malignant)
        metric = metric_named(name, classes, malignant)
        labels, answers = self._labels, self._answers
        return SeedFigure(
            tuple(float(metric(labels, said)) for said in answers),
            np.stack([self._draws(metric, i) for i in range(len(answers))]),
            float(metric(labels, constant_answer(labels, answers[0]))),
            _photos(name, labels, classes),
        )

    def _draws(self, metric: Metric, i: int) -> Values:
        """A metric of the i-th run in each draw; what the confusion matrix decides comes from matrices that are kept."""
        if isinstance(metric, OfConfusion):
            return metric.of(self._matrices[i])
        return over_draws([metric], self._labels, self._answers[i], _weights(self.lesion_ids, self._n_draws))[0]

    @cached_property
    def _matrices(self) -> tuple[Values, ...]:
        """The confusion matrix of each run in each draw: ``[D, C, C]``."""
        weights = _weights(self.lesion_ids, self._n_draws)
        return tuple(confusion_matrix(self._labels, said, weights) for said in self._answers)

    @cached_property
    def _labels(self) -> Labels:
        return labels_of(self.tables[0], self.results[0].classes)

    @cached_property
    def _answers(self) -> tuple[Probabilities, ...]:
        """The probabilities ``[N, C]`` that each run gave."""
        columns = [f"p_{name}" for name in self.results[0].classes]
        return tuple(table[columns].to_numpy(np.float64) for table in self.tables)

    def _kept(self, name: str) -> SeedFigure:
        slug, _, label = name.partition("/")
        rows = [
            row
            for result in self.results
            for row in result.under[self.under]
            if (row["metric"], row["class"]) == (slug, label)
        ]
        if len(rows) != len(self.results):
            raise _no_metric(name, [str(row["metric"]) for row in self.results[0].under[self.under]])
        kept = tuple(
            Estimate(*(float("nan") if row[key] is None else row[key] for key in ("value", "low", "high")))
            for row in rows
        )
        n = rows[0]["n_positives"] if label else rows[0]["n_images"]
        return SeedFigure(tuple(one.value for one in kept), None, float(rows[0]["constant"]), int(n), kept)


class ConstantResults(RowResults):
    """The constant answer to the photos of a row's runs: the commonest of their classes, with certainty."""

    @cached_property
    def _answers(self) -> tuple[Probabilities, ...]:
        return tuple(constant_answer(self._labels, said) for said in super()._answers)


def metric_named(name: str, classes: Sequence[str], malignant: frozenset[str]) -> Metric:
    """The metric of one value with this name: a slug of ``metrics.summary``, with ``/`` and a class where it is of one.

    Beside those: ``weighted_precision``, and ``called/df as bcc``, the share of a class's photos that are called another.

    Raises:
        ResultError: the classes have no such metric.
    """
    slug, _, label = name.partition("/")
    if slug == "called" and set(label.split(" as ")) <= set(classes):
        return _called(*(classes.index(one) for one in label.split(" as ")))
    if slug == "weighted_precision" and not label:
        return weighted_precision
    found = {figure.slug: figure for figure in figures_for(classes, malignant)}
    if slug not in found or found[slug].by_class != bool(label) or (label and label not in classes):
        raise _no_metric(name, list(found))
    metric = found[slug].metric
    return _of_class(metric, classes.index(label)) if label else metric


@OfConfusion
def weighted_precision(matrix: Values) -> Values:
    """Mean precision over the classes, each counting as often as it has images; NaN where one is never answered."""
    images = matrix.sum(-1)
    of_class = np.where(images > 0, precision.of(matrix), 0)
    return ratio((images * of_class).sum(-1), images.sum(-1))


def _called(of: int, called: int) -> OfConfusion:
    """The share of a class's images that are called another class."""
    return OfConfusion(lambda matrix: ratio(matrix[..., of, called], matrix[..., of, :].sum(-1)))


def _of_class(metric: Metric, index: int) -> Metric:
    if isinstance(metric, OfConfusion):
        return metric.at(index)

    def of_class(labels: Labels, probabilities: Probabilities, weights: Weights | None = None, /) -> Values:
        return metric(labels, probabilities, weights)[..., index]

    return of_class


def _photos(name: str, labels: Labels, classes: Sequence[str]) -> int:
    """The photos that a metric is of: those of its class for what is a share of them, else all."""
    slug, _, label = name.partition("/")
    if not label or slug not in ("sensitivity", "called", "f1", "precision"):
        return len(labels)
    return int((labels == classes.index(label.split(" as ")[0])).sum())


def _no_metric(name: str, known: Sequence[str]) -> ResultError:
    listed = ", ".join(dict.fromkeys(known))
    return ResultError(f"expected a metric {name!r} of the run's classes, found {listed}. Name one of these.")


@lru_cache(maxsize=3)
def _weights(lesion_ids: tuple[str, ...], draws: int) -> Weights:
    return cluster_weights(lesion_ids, draws)
