"""Explain: how far an attention map moved when the image was attacked or spoiled, and whether it left the lesion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from dermaviz.errors import AttentionError
from dermaviz.explain.localisation import energy_in_lesion
from dermaviz.types import AttentionMap


@dataclass(frozen=True)
class Drift:
    """``rank_correlation`` in [−1, 1] of the maps before and after; the share of each map's energy that lies in the lesion.

    NaN where a map shows nothing, or, for the energies, where no mask of the lesion was given.
    """

    rank_correlation: float
    energy_before: float
    energy_after: float


def drift(before: AttentionMap, after: AttentionMap, mask: NDArray[np.bool_] | None = None) -> Drift:
    """What happened to the attention map of one image.

    Args:
        before, after: maps of the same class, method and layer, of the image as it was and as it became.
        mask: bool ``[H, W]``, the lesion in the model's input, of any resolution.

    Raises:
        AttentionError: the maps are of different class, method, layer or size, or the mask is none.
    """
    first, second = ((m.method, m.layer, m.class_index, m.raw.shape) for m in (before, after))
    if first != second:
        raise AttentionError(
            f"expected two maps of one method, layer, class and size, found {first} and {second}. "
            "Explain the same class before and after."
        )
    energies = (np.nan, np.nan) if mask is None else (energy_in_lesion(before, mask), energy_in_lesion(after, mask))
    return Drift(rank_correlation(before.raw, after.raw), *energies)


def rank_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Spearman's ρ of two raw maps of one shape, place by place, in [−1, 1]; NaN where one is constant or not finite.

    As a measure of how similar two attention maps are: Adebayo et al. 2018.
    """
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return float("nan")
    ranks = [rankdata(values).ravel() for values in (first, second)]
    centred = [values - values.mean() for values in ranks]
    scale = np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum())
    return float(np.clip((centred[0] * centred[1]).sum() / scale, -1, 1)) if scale > 0 else float("nan")
