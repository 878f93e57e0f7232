"""Evaluation: intervals by a bootstrap over lesions, because images of one lesion are no independent witnesses.

Where every image shows a lesion of its own and they are few, a count has an exact interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri

from dermaviz.errors import EvidenceError
from dermaviz.metrics.classification import (
    Labels,
    Metric,
    OfConfusion,
    Probabilities,
    Values,
    Weights,
    confusion_matrix,
)

LesionIds = Sequence[str] | NDArray[Any]
"""The lesion that each image shows, ``[N]``."""

DRAWS = 1000
UNDEFINED = 0.05
"""Largest share of draws that may leave a metric undefined; beyond it, what is left would not be a 95% interval."""
FEWEST = 10
"""What a group needs (images, positives, negatives, lesions) for figures of its own; below it, only its counts are said."""
TAIL = 0.025
"""Share of cases beyond each bound of a 95% interval."""
BLOCK = 200_000
"""Weights per pass: arrays of this size stay in the processor's cache."""


@dataclass(frozen=True)
class Estimate:
    """A figure with the bounds of its 95% interval."""

    value: float
    low: float
    high: float


def lesion_weights(lesion_ids: LesionIds, draws: int = DRAWS, seed: int = 0) -> Weights:
    """How often each image counts in each of ``draws`` resamplings of whole lesions: ``[draws, N]`` (Efron 1979).

    A draw takes as many lesions as there are, with replacement; the images of a lesion come along as often as it does.
    """
    names, lesion = np.unique(np.asarray(lesion_ids, dtype=str), return_inverse=True)
    n = len(names)
    if not n:
        return np.zeros((draws, 0))
    drawn = np.random.default_rng(seed).integers(n, size=(draws, n)) + n * np.arange(draws)[:, None]
    times = np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n)
    return times[:, lesion].astype(np.float64)


def estimate(
    metrics: Mapping[str, Metric],
    labels: Labels,
    probabilities: Probabilities,
    lesion_ids: LesionIds,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Each metric (of one value) with its percentile interval over ``draws`` resamplings of whole lesions."""
    weights = lesion_weights(lesion_ids, draws, seed)
    samples = over_draws(metrics.values(), labels, probabilities, weights)
    return {
        name: Estimate(float(metric(labels, probabilities)), *interval(sample))
        for (name, metric), sample in zip(metrics.items(), samples, strict=True)
    }


def over_draws(
    metrics: Iterable[Metric], labels: Labels, probabilities: Probabilities, weights: Weights
) -> list[Values]:
    """Each metric in each draw of ``weights`` ``[draws, N]``: ``[draws]``, or ``[draws, C]`` where it is per class."""
    metrics = tuple(metrics)
    rows = max(1, BLOCK // max(1, weights.shape[1]))
    blocks = []
    for first in range(0, len(weights), rows):
        drawn = weights[first : first + rows]
        matrix = cache(partial(confusion_matrix, labels, probabilities, drawn))
        blocks.append(
            [m.of(matrix()) if isinstance(m, OfConfusion) else m(labels, probabilities, drawn) for m in metrics]
        )
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def interval(sample: Values) -> tuple[float, float]:
    """The 2.5th and 97.5th percentile of a metric's draws ``[draws]``.

    A draw that leaves the metric undefined (none of the class's few lesions was drawn) is left out; where that is so in
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

    It holds the truth in at least 95% of all samples, however small: 8 of 9 is .889 (.518–.997).
    Source: Clopper and Pearson 1934.

    Raises:
        EvidenceError: ``k`` does not lie in 0 to ``n``.
    """
    _expect_share(k, n)
    low = betaincinv(k, n - k + 1, TAIL) if k else 0.0
    high = betaincinv(k + 1, n - k, 1 - TAIL) if k < n else 1.0
    return _share(k, n, low, high)


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


def _share(k: int, n: int, low: float, high: float) -> Estimate:
    return Estimate(k / n, float(low), float(high)) if n else Estimate(*(float("nan"),) * 3)
