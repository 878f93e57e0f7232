"""Metrics of the answers and probabilities, plain functions that also take how often each image counts.

Every metric takes ``labels`` int64 ``[N]``, ``probabilities`` ``[N, C]`` and, optionally, ``weights`` ``[..., N]``: how often
each image counts, once each by default. It returns float64 ``[...]``, or ``[..., C]`` where it has one value per class: all
draws of a bootstrap are one call. What the images do not define (nothing to divide by) is NaN, never 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial, update_wrapper
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Labels = NDArray[np.int64]
Probabilities = NDArray[np.floating]
Weights = NDArray[np.float64]
Values = NDArray[np.float64]

MELANOMA = "mel"
"""The class that has figures of its own, in data sets that name it so."""


class Metric(Protocol):
    """What is measured: labels ``[N]``, probabilities ``[N, C]`` and weights ``[..., N]`` → ``[...]`` or ``[..., C]``."""

    def __call__(self, labels: Labels, probabilities: Probabilities, weights: Weights | None = None, /) -> Values: ...


@dataclass(frozen=True, eq=False)
class GroupedWeights:
    """Weights ``[D, N]`` of many images, never written out: image i counts ``times[:, group[i]]``, ``times`` ``[D, G]``.

    It takes the place of an array in metrics: they ask for sums over images, which are sums over groups of what each adds up
    to. 400,000 images in 1,000 draws are 16 MB, not 3.2 GB.
    """

    times: NDArray[np.float64]
    group: NDArray[np.int64]
    counts: dict[bytes, Any] = field(default_factory=dict)
    """What was counted of all images, for metrics that ask for the same."""

    @property
    def shape(self) -> tuple[int, int]:
        """D draws and N images."""
        return len(self.times), len(self.group)

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, index: Any) -> GroupedWeights:
        """Some of the images, ``[..., images]``, in all draws."""
        return GroupedWeights(self.times, self.group[index[-1]])

    def __matmul__(self, values: NDArray[np.number | np.bool_]) -> Values:
        """The sum of ``values`` ``[N]`` or ``[N, K]`` in each draw."""
        columns = values.reshape(len(values), -1).astype(np.float64).T
        sums = [np.bincount(self.group, column, self.times.shape[1]) for column in columns]
        return (self.times @ np.stack(sums, axis=1)).reshape(len(self), *values.shape[1:])

    def sum(self, axis: int = -1, keepdims: bool = False) -> Values:
        """How many images each draw has, ``[D]`` or ``[D, 1]``."""
        return self.in_bins(np.zeros(len(self.group), np.int64), 1)[:, slice(None) if keepdims else 0]

    def in_bins(self, bins: NDArray[np.integer], n: int, values: Values | None = None) -> Values:
        """How many images of each of ``n`` bins each draw has, or their sum of ``values``, ``[D, n]``; image i lies in
        ``bins[i]``."""
        g = self.times.shape[1]
        counts = np.bincount(self.group * n + bins, values, g * n).reshape(g, n)
        if values is not None:
            return self.times @ counts
        return (self.times.astype(np.float32) @ counts.astype(np.float32)).astype(np.float64)  # whole numbers: exact


def grouped(weights: Weights | None) -> GroupedWeights | None:
    """The weights where they are of groups, which stand in for an array; else None."""
    given: Any = weights
    return given if isinstance(given, GroupedWeights) else None


def counted(bins: NDArray[np.integer], n: int, weights: Weights) -> Values:
    """How often the images of each of ``n`` bins count, ``[..., n]``; image i lies in ``bins[i]``."""
    if (of := grouped(weights)) is not None:
        return of.in_bins(bins, n)
    order = np.argsort(bins, kind="stable")
    filled, first = np.unique(bins[order], return_index=True)
    counts = np.zeros((*weights.shape[:-1], n))
    counts[..., filled] = np.add.reduceat(weights[..., order], first, axis=-1)
    return counts


def ratio(part: ArrayLike, whole: ArrayLike) -> Values:
    """``part / whole``, NaN where ``whole`` is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)[()]


def weighted_mean(values: NDArray[np.number | np.bool_], weights: Weights | None) -> Values:
    """Mean of ``values`` ``[N]`` or ``[N, K]``, each image as often as ``weights`` ``[..., N]`` say; NaN of no images."""
    weights = each_once(values) if weights is None else weights
    total = weights.sum(-1)
    return ratio(weights @ values.astype(np.float64), total[..., None] if values.ndim > 1 else total)


def each_once(images: NDArray[np.generic]) -> Weights:
    """Weights ``[N]`` that count each of N images once."""
    return np.ones(len(images))


def confusion_matrix(labels: Labels, probabilities: Probabilities, weights: Weights | None = None) -> Values:
    """Images ``[..., C, C]`` by true class (rows) and most probable class (columns)."""
    weights = each_once(labels) if weights is None else weights
    n = probabilities.shape[1]
    cells = counted(labels * n + probabilities.argmax(1), n * n, weights)
    return cells.reshape(*cells.shape[:-1], n, n)


Among = Callable[[Labels, Probabilities], NDArray[np.bool_]]
"""Which images a share is of, ``[N]``, or ``[N, C]`` where there is one for each class."""


class OfConfusion:
    """A metric that the confusion matrix alone decides; ``of`` a matrix ``[..., C, C]`` it is a plain function.

    Draws that many such metrics need are counted once, in one matrix (``bootstrap.over_draws``). A share of images names those
    that it is ``among``, a mean of shares what it is the ``mean_of``: they have bounds where no draw varies.
    """

    def __init__(
        self, of: Callable[[Values], Values], among: Among | None = None, mean_of: OfConfusion | None = None
    ) -> None:
        self.of, self.among, self.mean_of = of, among, mean_of
        update_wrapper(self, of)

    def __call__(self, labels: Labels, probabilities: Probabilities, weights: Weights | None = None, /) -> Values:
        return self.of(confusion_matrix(labels, probabilities, weights))

    def at(self, index: int) -> OfConfusion:
        """One class's value of a metric that has one per class."""
        among = self.among
        return OfConfusion(
            lambda matrix: self.of(matrix)[..., index], among and (lambda *images: among(*images)[..., index])
        )


def _of_class(labels: Labels, probabilities: Probabilities) -> NDArray[np.bool_]:
    return np.equal.outer(labels, np.arange(probabilities.shape[1]))


def _called(_: Labels, probabilities: Probabilities) -> NDArray[np.bool_]:
    return _of_class(probabilities.argmax(1), probabilities)


@partial(OfConfusion, among=lambda labels, _: np.ones(len(labels), dtype=bool))
def accuracy(matrix: Values) -> Values:
    """Share of images whose most probable class is the true one, in [0, 1]."""
    return ratio(_diagonal(matrix).sum(-1), matrix.sum((-1, -2)))


@partial(OfConfusion, among=_of_class)
def sensitivity(matrix: Values) -> Values:
    """Share of each class's images that are called it, ``[..., C]`` in [0, 1]."""
    return ratio(_diagonal(matrix), matrix.sum(-1))


@partial(OfConfusion, among=_called)
def precision(matrix: Values) -> Values:
    """Share of the images called each class that are of it, ``[..., C]`` in [0, 1]; NaN where nothing is called it."""
    return ratio(_diagonal(matrix), matrix.sum(-2))


@partial(OfConfusion, among=lambda *images: ~_of_class(*images))
def specificity(matrix: Values) -> Values:
    """Share of the images of other classes that are not called the class, ``[..., C]`` in [0, 1]."""
    others = matrix.sum((-1, -2))[..., None] - matrix.sum(-1)
    return ratio(others - matrix.sum(-2) + _diagonal(matrix), others)


@OfConfusion
def f1(matrix: Values) -> Values:
    """F1 of each class, ``[..., C]`` in [0, 1]: 0 where nothing is called the class, NaN where the class has no images."""
    images = matrix.sum(-1)
    return ratio(2 * _diagonal(matrix), np.where(images > 0, images + matrix.sum(-2), 0))


@partial(OfConfusion, mean_of=sensitivity)
def balanced_accuracy(matrix: Values) -> Values:
    """Mean sensitivity over the classes that have images, in [0, 1]."""
    return mean_of_defined(sensitivity.of(matrix))


@OfConfusion
def macro_f1(matrix: Values) -> Values:
    """Mean F1 over the classes that have images, in [0, 1]."""
    return mean_of_defined(f1.of(matrix))


@OfConfusion
def weighted_f1(matrix: Values) -> Values:
    """Mean F1 over the classes, each counting as often as it has images, in [0, 1]."""
    images = matrix.sum(-1)
    return ratio(np.nansum(images * f1.of(matrix), axis=-1), images.sum(-1))


@OfConfusion
def cohen_kappa(matrix: Values) -> Values:
    """Agreement with the truth beyond chance, at most 1 (Cohen 1960); NaN where chance alone would agree always."""
    total = matrix.sum((-1, -2))
    by_chance = ratio((matrix.sum(-1) * matrix.sum(-2)).sum(-1), total)
    return ratio(_diagonal(matrix).sum(-1) - by_chance, total - by_chance)


def brier(labels: Labels, probabilities: Probabilities, weights: Weights | None = None) -> Values:
    """Mean squared distance of the probabilities from the truth, summed over the classes: in [0, 2] (Brier 1950)."""
    truth = np.eye(probabilities.shape[1])[labels]
    return weighted_mean(((probabilities - truth) ** 2).sum(1), weights)


def negative_log_likelihood(labels: Labels, probabilities: Probabilities, weights: Weights | None = None) -> Values:
    """Mean of −ln p(true class), in nats; p counts as no less than float32's smallest normal number."""
    p_true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return weighted_mean(-np.log(np.maximum(p_true, np.finfo(np.float32).tiny)), weights)


def _diagonal(matrix: Values) -> Values:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def mean_of_defined(values: Values) -> Values:
    """Mean over the last axis without what is NaN; NaN where all is."""
    return ratio(np.nansum(values, axis=-1), (~np.isnan(values)).sum(-1))
