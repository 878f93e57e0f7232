"""Intervals: every table of figures with 95% intervals is built here, by a bootstrap over clusters of images.

Images of one patient, or of one lesion, are no independent witnesses, so they are drawn together: whole patients where these
are known, else whole lesions (:func:`clusters`). A table is made in three steps::

    drawn = Bootstrap.over(cluster_ids)                            # 1,000 resamplings of whole patients or lesions
    first, second = drawn.mean(right), drawn.mean(right_attacked)  # Sampled: figures, and the same in every draw
    table = interval_table({"epsilon": epsilons}, value=second, difference=second - first)

- Figures of the same draws are paired: ``second - first`` and ``second / first`` are taken draw by draw, so what an
  image's difficulty does to both cancels out.
- A group is ``drawn.take(images)``: groups share the draws of all clusters, so their differences are paired as well.
  ``group.counts`` are its ``n_images`` and ``n_clusters``; ``figure.where(enough)`` leaves out what rests on too few.

Where all images are alike so are all draws: a bootstrap of 28 right answers says "1.000 to 1.000", which is no certainty
but all that it can see. No interval is given without a width. In place of it stands (:meth:`Sampled.among`):

- of a share, Clopper and Pearson's bound on as many lesions (or patients) as it is among, all of them alike: the rule of three
  (Hanley and Lippman-Hand 1983). Images of one lesion count once, so it is never too narrow for them.
- of a mean of shares, such as balanced accuracy, the mean of their bounds: as wide as if the shares erred together, and so never
  narrower than for independent ones (Zou and Donner 2008 take the root of the squared distances).
- of a difference, the least and the most that the bounds of both leave: of n lesions answered alike, 0 ± the bound on
  the share that is not.
- of anything else (an area under a curve, Obuchowski and Lieber 2002; F1, an error), nothing: a value without an interval.

Of more than ``MOST_CLUSTERS`` none is drawn by itself: they are dealt at random into ``GROUPS`` equal groups, and whole groups
are drawn (random groups: Wolter 2007, chapter 2). The bounds are those of clusters but for the error of a bootstrap with
2,000 of them, and 400,000 images cost little more than 2,000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from math import isnan
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri

from dermaviz.errors import EvidenceError
from dermaviz.metrics.classification import (
    GroupedWeights,
    Labels,
    Metric,
    OfConfusion,
    Probabilities,
    Values,
    Weights,
    confusion_matrix,
    each_once,
    grouped,
    mean_of_defined,
    ratio,
    weighted_mean,
)

ClusterIds = Sequence[str] | NDArray[Any]
"""What each image is drawn together with: its patient, else its lesion, ``[N]``; see :func:`clusters`."""

Statistic = Callable[[Weights], Values]
"""How often each image counts, ``[..., N]`` → a figure ``[...]``, or figures ``[..., K]``."""

DRAWS = 1000
UNDEFINED = 0.05
"""Largest share of draws that may leave a metric undefined; beyond it, what is left would not be a 95% interval."""
FEWEST = 10
"""What a group needs (images, positives, negatives, clusters) for figures of its own; below it, only its counts are said."""
TAIL = 0.025
"""Share of cases beyond each bound of a 95% interval."""
MOST_CLUSTERS, GROUPS = 5_000, 2_000
"""Clusters that are drawn one by one; and the groups into which more are dealt."""
BLOCK = 200_000
"""Weights per pass: arrays of this size stay in the processor's cache."""
NO_WIDTH = 1e-12
"""Width of an interval, relative to its end, that is rounding: no draw varies."""


@dataclass(frozen=True)
class Estimate:
    """A figure with the bounds of its 95% interval, from resampling unless they are ``exact``: no draw varied."""

    value: float
    low: float
    high: float
    exact: bool = field(default=False, kw_only=True)

    @classmethod
    def of(cls, row: Mapping[str, Any] | pd.Series, name: str = "value") -> Estimate:
        """The figure in a table's row: ``value, low, high, exact``, or ``NAME, NAME_low, NAME_high, NAME_exact``."""
        *figures, exact = (name, *_bound_columns(name))
        return cls(*(float(row[column]) for column in figures), exact=bool(row.get(exact, False)))

    def __rsub__(self, whole: float) -> Estimate:
        """``1 - share``: the share of the others, with its interval turned round."""
        return Estimate(whole - self.value, whole - self.high, whole - self.low, exact=self.exact)

    def text(self, written: Callable[[float], str] = "{:.3f}".format, of: str = "") -> str:
        """The figure in a sentence: ``0.719 (95% interval 0.663 to 0.772)``; "exact 95% interval" of one that is.

        Without bounds (too few clusters, or no draw varies) only the figure; a figure that is NaN is "undefined". ``written``
        says how a number is written (``percent``, ``signed`` …), ``of`` what stands after the figure, such as " points".
        """
        if isnan(self.value):
            return "undefined"
        if isnan(self.low) or isnan(self.high):
            return f"{written(self.value)}{of}"
        return f"{written(self.value)}{of} ({'exact ' * self.exact}95% interval {written(self.low)} to {written(self.high)})"

    def cell(self, written: Callable[[float], str] = "{:.3f}".format) -> str:
        """The figure short enough for a table: ``0.041 (0.033 to 0.062)``; a dash where it is undefined."""
        if isnan(self.value):
            return "–"
        bounds = self.bounds(written)
        return f"{written(self.value)} ({bounds})" if bounds else written(self.value)

    def bounds(self, written: Callable[[float], str] = "{:.3f}".format) -> str:
        """The interval for a table: ``0.033 to 0.062``, ``0.000 to 0.309, exact``; "" where there is none."""
        ends = f"{written(self.low)} to {written(self.high)}{', exact' * self.exact}"
        return "" if isnan(self.low) or isnan(self.high) else ends


def _bound_columns(name: str) -> tuple[str, str, str]:
    """The columns of a figure's bounds, and of whether they are exact."""
    return ("low", "high", "exact") if name == "value" else (f"{name}_low", f"{name}_high", f"{name}_exact")


@dataclass(frozen=True, eq=False)
class Sampled:
    """Figures ``[...]`` of some images, and what they are in each of D draws of clusters, ``[D, ...]``.

    ``unvaried`` ``[2, ...]`` are the bounds that stand where no draw varies, NaN where none can be given; None: nowhere. They
    are exact but for a ``difference``, bool ``[...]``, whose bounds are those of both sides at their worst: at most that wide.
    """

    value: Values
    draws: Values
    unvaried: Values | None = None
    difference: NDArray[np.bool_] | bool = False

    def __add__(self, other: Sampled) -> Sampled:
        return Sampled(self.value + other.value, self.draws + other.draws)

    def __sub__(self, other: Sampled) -> Sampled:
        """By how much these figures are higher than others of the same draws."""
        ours, theirs = self.unvaried, other.unvaried
        unvaried = None if ours is None or theirs is None else ours - theirs[::-1]
        return Sampled(self.value - other.value, self.draws - other.draws, unvaried, difference=True)

    def __rsub__(self, whole: float) -> Sampled:
        unvaried = None if self.unvaried is None else whole - self.unvaried[::-1]
        return Sampled(whole - self.value, whole - self.draws, unvaried, self.difference)

    def __truediv__(self, other: Sampled) -> Sampled:
        """How many times these figures are others of the same draws; NaN where those are 0."""
        return Sampled(ratio(self.value, other.value), ratio(self.draws, other.draws))

    def __getitem__(self, index: Any) -> Sampled:
        """Some of the figures, as the values are indexed."""
        index = index if isinstance(index, tuple) else (index,)
        within = (slice(None), *index)
        difference = np.broadcast_to(self.difference, np.shape(self.value))[index]
        unvaried = None if self.unvaried is None else self.unvaried[within]
        return Sampled(self.value[index], self.draws[within], unvaried, difference)

    def where(self, enough: bool | NDArray[np.bool_]) -> Sampled:
        """These figures, NaN where it is not True that the images are ``enough``."""
        return replace(self, value=np.where(enough, self.value, np.nan), draws=np.where(enough, self.draws, np.nan))

    def among(self, n_clusters: int | NDArray[np.int64], least: float = 0) -> Sampled:
        """These figures as means over so many clusters ``[...]`` of values from ``least`` to 1, such as shares of images.

        Where all n clusters have one value, those of other values are at most 1 − 0.025^(1/n) of all (Clopper and
        Pearson 1934), and at worst lie at one end.
        """
        beyond = 1 - TAIL ** (1 / np.maximum(n_clusters, 1))
        value = np.asarray(self.value)
        return replace(self, unvaried=np.stack([value - beyond * (value - least), value + beyond * (1 - value)]))

    def certain(self, where: NDArray[np.bool_]) -> Sampled:
        """These figures, which are no estimates where it is True: by how much a figure is above itself."""
        nothing = np.full((2, *np.shape(self.value)), np.nan)
        return replace(self, unvaried=np.where(where, self.value, nothing if self.unvaried is None else self.unvaried))

    @property
    def bounds(self) -> Values:
        """The ends ``[2, ...]`` of the 95% intervals: those of the draws, or, where no draw varies, ``unvaried``."""
        return self._bounds[0]

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Where the bounds are ``unvaried``, neither a certainty nor of a difference, bool ``[...]``."""
        (low, high), same = self._bounds
        return same & (low < high) & ~np.asarray(self.difference)

    @cached_property
    def _bounds(self) -> tuple[Values, NDArray[np.bool_]]:
        columns = self.draws.reshape(len(self.draws), np.size(self.value)).T
        found = np.array([interval(sample) for sample in columns]).reshape(-1, 2).T.reshape(2, *np.shape(self.value))
        same = found[1] - found[0] <= NO_WIDTH * np.abs(found[1])
        return np.where(same, np.nan if self.unvaried is None else self.unvaried, found), same

    def estimate(self) -> Estimate:
        """A single figure with its interval."""
        low, high = self.bounds
        return Estimate(float(self.value), float(low), float(high), exact=bool(self.exact))

    @classmethod
    def join(cls, parts: Iterable[Sampled]) -> Sampled:
        """The figures of several parts in one row ``[K]``."""
        parts = list(parts)
        rows = [part.draws.reshape(len(part.draws), np.size(part.value)) for part in parts]
        bounds = [
            np.full((2, np.size(part.value)), np.nan) if part.unvaried is None else part.unvaried.reshape(2, -1)
            for part in parts
        ]
        return cls(
            np.concatenate([np.ravel(part.value) for part in parts]),
            np.concatenate(rows, axis=1),
            np.concatenate(bounds, axis=1),
            np.concatenate([np.broadcast_to(part.difference, np.shape(part.value)).ravel() for part in parts]),
        )


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """N images with how often each counts, ``weights`` ``[D, N]``, in D resamplings of whole clusters."""

    cluster_ids: NDArray[Any]
    weights: Weights

    @classmethod
    def over(cls, cluster_ids: ClusterIds, draws: int = DRAWS, seed: int = 0) -> Bootstrap:
        """``draws`` resamplings of the clusters of N images, see :func:`cluster_weights`, or of groups of very many of them."""
        ids = np.asarray(cluster_ids)
        if len(ids) > MOST_CLUSTERS and len(pd.unique(ids)) > MOST_CLUSTERS:
            cluster = pd.factorize(ids)[0]
            return cls(cluster, cast(Weights, group_weights(cluster, draws, seed)))
        return cls(ids, cluster_weights(ids, draws, seed))

    def take(self, images: NDArray[Any]) -> Bootstrap:
        """Some of the images, a mask bool ``[N]`` or their indices, in the same draws of all clusters."""
        return Bootstrap(self.cluster_ids[images], self.weights[:, images])

    @property
    def counts(self) -> dict[str, int]:
        """``n_images`` and ``n_clusters``."""
        return {"n_images": len(self.cluster_ids), "n_clusters": len(pd.unique(self.cluster_ids))}

    def sample(self, statistic: Statistic) -> Sampled:
        """What a function of weights gives for the images as they are, and in every draw."""
        return Sampled(np.asarray(statistic(each_once(self.cluster_ids))), statistic(self.weights))

    def mean(self, values: NDArray[np.number | np.bool_]) -> Sampled:
        """The mean over images of ``values`` ``[N]`` or ``[N, K]``; of yes and no, a share with bounds where no draw varies."""
        mean = self.sample(lambda weights: weighted_mean(values, weights))
        return mean.among(self.counts["n_clusters"]) if values.dtype == bool else mean

    def metrics(self, metrics: Iterable[Metric], labels: Labels, probabilities: Probabilities) -> list[Sampled]:
        """Metrics of labels ``[N]`` and probabilities ``[N, C]``, each of one figure or of one for each class."""
        metrics, images = tuple(metrics), (labels, probabilities)
        drawn = over_draws(metrics, *images, self.weights)
        return [
            Sampled(np.asarray(metric(*images)), sample, self._unvaried(metric, *images))
            for metric, sample in zip(metrics, drawn, strict=True)
        ]

    def _unvaried(self, metric: Metric, labels: Labels, probabilities: Probabilities) -> Values | None:
        """What :meth:`Sampled.among` gives a share, or a mean of shares, of the clusters that have images it is among."""
        if (share := getattr(metric, "mean_of", None)) is not None:
            bounds = self._unvaried(share, labels, probabilities)
            return None if bounds is None else mean_of_defined(bounds)
        if (among := getattr(metric, "among", None)) is None:
            return None
        value = np.asarray(metric(labels, probabilities))
        return Sampled(value, value[None]).among(self.clusters_in(among(labels, probabilities))).unvaried

    def clusters_in(self, images: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many clusters have some of the images, bool ``[N]`` or ``[N, K]``: an int, or ``[K]``."""
        cluster = pd.factorize(self.cluster_ids)[0]
        found = [len(pd.unique(cluster[mine])) for mine in (images.T if images.ndim > 1 else images[None])]
        return np.array(found).reshape(images.shape[1:])


def interval_table(rows: pd.DataFrame | Mapping[str, Any], **figures: Sampled) -> pd.DataFrame:
    """A row for each of K figures, with 95% intervals.

    ``rows`` names them, in columns of K values. Of the ``figures``, K each, ``value`` has its bounds in ``low`` and ``high``, any
    other ``name`` in ``name_low`` and ``name_high``. Where no draw varies they are those of ``Sampled.unvaried``, and ``exact``
    (``name_exact``) is True.
    """
    table = pd.DataFrame(rows).reset_index(drop=True)
    for name, figure in figures.items():
        low, high, exact = _bound_columns(name)
        table[name] = figure.value
        table[low], table[high] = figure.bounds
        table[exact] = figure.exact
    return table


def estimate(
    metrics: Mapping[str, Metric],
    labels: Labels,
    probabilities: Probabilities,
    cluster_ids: ClusterIds,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Each metric (of one value) with its percentile interval over ``draws`` resamplings of whole clusters."""
    sampled = Bootstrap.over(cluster_ids, draws, seed).metrics(metrics.values(), labels, probabilities)
    return {name: figure.estimate() for name, figure in zip(metrics, sampled, strict=True)}


def clusters(images: pd.DataFrame) -> NDArray[Any]:
    """What each image is drawn together with, ``[N]``: its ``patient_id`` where one is named, else its ``lesion_id``."""
    lesions, patients = images["lesion_id"].to_numpy(), _patients(images)
    return np.where(patients != "", "patient " + patients, lesions) if (patients != "").any() else lesions


def cluster_unit(images: pd.DataFrame) -> str:
    """What :func:`clusters` are, in words: ``patients``, ``lesions``, or ``images`` where neither is known."""
    named = _patients(images) != ""
    if named.any():
        return "patients" if named.all() else "patients or lesions"
    return "lesions" if (images["lesion_id"].to_numpy() != images["image_id"].to_numpy()).any() else "images"


def _patients(images: pd.DataFrame) -> NDArray[Any]:
    return images.get("patient_id", pd.Series("", images.index)).astype(object).fillna("").to_numpy()


def cluster_weights(cluster_ids: ClusterIds, draws: int = DRAWS, seed: int = 0) -> Weights:
    """How often each image counts in each of ``draws`` resamplings of whole clusters: ``[draws, N]`` (Efron 1979).

    A draw takes as many clusters as there are, with replacement; the images of a cluster come along as often as it does.
    """
    names, cluster = np.unique(np.asarray(cluster_ids, dtype=str), return_inverse=True)
    return _times(len(names), draws, np.random.default_rng(seed))[:, cluster].astype(np.float64)


def group_weights(cluster: NDArray[np.int64], draws: int = DRAWS, seed: int = 0) -> GroupedWeights:
    """The same of ``GROUPS`` random groups of clusters, which are numbered from 0."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(int(cluster.max()) + 1) % GROUPS
    return GroupedWeights(_times(GROUPS, draws, rng).astype(np.float64), group[cluster])


def _times(n: int, draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """How often each of ``n`` is drawn in ``draws`` draws of so many with replacement: ``[draws, n]``."""
    if not n:
        return np.zeros((draws, 0), np.int64)
    drawn = rng.integers(n, size=(draws, n)) + n * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n)


def over_draws(
    metrics: Iterable[Metric], labels: Labels, probabilities: Probabilities, weights: Weights
) -> list[Values]:
    """Each metric in each draw of ``weights`` ``[draws, N]``: ``[draws]``, or ``[draws, C]`` where it is per class."""
    metrics = tuple(metrics)
    rows = max(1, len(weights) if grouped(weights) else BLOCK // max(1, weights.shape[1]))
    blocks, images = [], (labels, probabilities)
    for first in range(0, max(len(weights), 1), rows):
        drawn = weights if rows >= len(weights) else weights[first : first + rows]
        matrix = cache(partial(confusion_matrix, *images, drawn))
        blocks.append([m.of(matrix()) if isinstance(m, OfConfusion) else m(*images, drawn) for m in metrics])
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def interval(sample: Values) -> tuple[float, float]:
    """The 2.5th and 97.5th percentile of a metric's draws ``[draws]``; of a figure, rather :attr:`Sampled.bounds`.

    A draw that leaves the metric undefined (none of the class's few clusters was drawn) is left out; where that is so in
    more than 5% of the draws the bounds are NaN: the images are too few to say.
    """
    defined = sample[~np.isnan(sample)]
    if not defined.size or sample.size - defined.size > UNDEFINED * sample.size:
        return float("nan"), float("nan")
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def off_zero(low: float, high: float) -> bool:
    """Whether the whole of an interval lies on one side of 0, its ends too; never of one without bounds (NaN)."""
    return low > 0 or high < 0


def exact_interval(k: int, n: int) -> Estimate:
    """``k`` of ``n`` as a share with its exact 95% interval, for few images that are independent; NaN of none.

    It holds the truth in at least 95% of all samples, however small: 8 of 9 is .889 (.518–.997). ``scipy.stats.binomtest``
    searches for the same bounds (they agree to 5e-13) and takes 170 times as long. Source: Clopper and Pearson 1934.

    Raises:
        EvidenceError: ``k`` does not lie in 0 to ``n``.
    """
    _expect_share(k, n)
    low = betaincinv(k, n - k + 1, TAIL) if k else 0.0
    high = betaincinv(k + 1, n - k, 1 - TAIL) if k < n else 1.0
    return _share(k, n, low, high, exact=True)


def wilson_interval(k: int, n: int) -> Estimate:
    """``k`` of ``n`` as a share with its 95% score interval, which is narrower than the exact one; NaN of none.

    It holds the truth in 95% of samples on average, not in each. Source: Wilson 1927.

    Raises:
        EvidenceError: ``k`` does not lie in 0 to ``n``.
    """
    _expect_share(k, n)
    z = ndtri(1 - TAIL)
    middle, spread = k + z**2 / 2, z * np.sqrt(k * (n - k) / max(n, 1) + z**2 / 4)
    return _share(k, n, (middle - spread) / (n + z**2), (middle + spread) / (n + z**2))


def _expect_share(k: int, n: int) -> None:
    if not 0 <= k <= n:
        raise EvidenceError(f"expected a count between 0 and the {n} images it is of, found {k}. Count both again.")


def _share(k: int, n: int, low: float, high: float, exact: bool = False) -> Estimate:
    return Estimate(k / n, float(low), float(high), exact=exact) if n else Estimate(*(float("nan"),) * 3)
