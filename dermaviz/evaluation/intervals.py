"""Evaluation: intervals by a bootstrap over lesions, because images of one lesion are no independent witnesses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dermaviz.evaluation.metrics import Labels, Metric, Probabilities


@dataclass(frozen=True)
class Estimate:
    """A figure with the bounds of its 95% interval."""

    value: float
    low: float
    high: float


def estimate(
    metrics: Mapping[str, Metric],
    labels: Labels,
    probabilities: Probabilities,
    lesion_ids: tuple[str, ...],
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Each metric with its percentile interval over ``draws`` resamplings of whole lesions (Efron 1979).

    A draw in which a metric is undefined (a class is absent) is left out of that metric's interval; bounds are NaN where
    no draw defines it.
    """
    rng = np.random.default_rng(seed)
    _, lesion = np.unique(np.array(lesion_ids), return_inverse=True)
    order = np.argsort(lesion, kind="stable")
    starts = np.searchsorted(lesion[order], np.arange(lesion.max() + 2))
    samples = np.full((draws, len(metrics)), np.nan)
    for draw in range(draws):
        times = np.bincount(rng.integers(lesion.max() + 1, size=lesion.max() + 1), minlength=lesion.max() + 1)
        rows = np.repeat(order, np.repeat(times, np.diff(starts)))
        samples[draw] = [metric(labels[rows], probabilities[rows]) for metric in metrics.values()]
    return {
        name: Estimate(metric(labels, probabilities), *_bounds(samples[:, i]))
        for i, (name, metric) in enumerate(metrics.items())
    }


def _bounds(sample: NDArray[np.float64]) -> tuple[float, float]:
    defined = sample[~np.isnan(sample)]
    if not defined.size:
        return float("nan"), float("nan")
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)
