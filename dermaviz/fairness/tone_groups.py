"""Estimated tone groups: where they begin, how far two estimates of ITA agree, and other groupings of the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import nan
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dermaviz.data.labels import TONE_CUTS as CUTS
from dermaviz.data.labels import TONE_GROUPS as GROUPS
from dermaviz.data.labels import scale_of
from dermaviz.errors import FairnessError

ESTIMATORS = MappingProxyType(
    {"ita": "region median", "ita_clusters": "dominant colour", "ita_constancy": "colour constancy"}
)
"""Estimates of ITA, as fields of ``skin_tone.Tone`` and columns of the table ``tone``, with their names in words."""
NARROW_CUTS = (55.0, 41.0, 28.0, 19.0, 10.0)
"""The variant of Kinyanjui et al., arXiv:1910.13268 (2019), whose darkest groups begin at 19° and 10°."""
NEAR = 2.0
"""Degrees: an image this near to a cut may change its group when it is measured again."""


def tone_groups(ita: ArrayLike, cuts: Sequence[float] = CUTS) -> list[str]:
    """The group of each ITA in degrees ``[N]``: lighter than a cut is the group above it; NaN gives "".

    Raises:
        FairnessError: ``cuts`` are not five falling numbers.
    """
    if len(cuts) != len(GROUPS) - 1 or not all(a > b for a, b in pairwise(cuts)):
        raise FairnessError(
            f"expected {len(GROUPS) - 1} falling cuts in degrees, found {list(cuts)}. The usual ones are {list(CUTS)}."
        )
    angles = np.asarray(ita, dtype=np.float64)
    return [GROUPS[code] if known else "" for code, known in zip(_codes(angles, cuts), ~np.isnan(angles), strict=True)]


def agreement(table: pd.DataFrame, columns: Sequence[str], cuts: Sequence[float] = CUTS) -> pd.DataFrame:
    """How far the ITA of each pair of columns agrees, over the images that both have measured.

    Returns:
        One row per pair: ``first, second, n`` images, ``difference`` (median of second − first, degrees),
        ``absolute`` (median of its size), ``same_group`` and ``within_one`` (shares), ``changed`` (images that change
        group), ``kappa`` (Cohen's, quadratic weights; NaN where it is not defined), ``near_cut`` (share of images
        whose first ITA lies within ``NEAR`` degrees of a cut).
    """
    rows = [
        {"first": pair[0], "second": pair[1], **_agreement(table[list(pair)].dropna().to_numpy(np.float64), cuts)}
        for pair in combinations(columns, 2)
    ]
    return pd.DataFrame(rows)


def _agreement(both: NDArray[np.float64], cuts: Sequence[float]) -> dict[str, float]:
    first, second = both.T
    if not len(both):
        names = ("difference", "absolute", "same_group", "within_one", "kappa", "near_cut")
        return {"n": 0, "changed": 0} | dict.fromkeys(names, nan)
    codes = _codes(first, cuts), _codes(second, cuts)
    apart = np.abs(codes[0] - codes[1])
    return {
        "n": len(first),
        "difference": float(np.median(second - first)),
        "absolute": float(np.median(np.abs(second - first))),
        "same_group": float(np.mean(apart == 0)),
        "within_one": float(np.mean(apart <= 1)),
        "changed": int(np.sum(apart > 0)),
        "kappa": _weighted_kappa(*codes),
        "near_cut": float(np.mean(np.abs(first[:, None] - np.asarray(cuts)).min(axis=1) <= NEAR)),
    }


@dataclass(frozen=True)
class LabelAgreement:
    """How far the tone that people labelled and the estimated one agree, over the ``n`` images that have both: shares in the
    ``same`` group and ``within_one``, and Cohen's ``kappa`` with quadratic weights (NaN where it is not defined)."""

    n: int
    same: float
    within_one: float
    kappa: float


def agreement_with_labels(levels: Sequence[str], ita: ArrayLike, cuts: Sequence[float] = CUTS) -> LabelAgreement | None:
    """How far labels of tone agree with groups of ITA, in bands that both scales fit into (Groh et al. 2021 for the six types).

    Args:
        levels: of each image ``[N]``, as :func:`~dermaviz.data.labels.tone_labels` gives them.
        ita: degrees ``[N]``; NaN where it could not be measured.

    Returns:
        None where the labels have no order, or no image has both.
    """
    scale, angles = scale_of(levels), np.asarray(ita, dtype=np.float64)
    both = np.isfinite(angles) & (np.asarray(levels, dtype=str) != "")
    if scale is None or not scale.bands or not both.any():
        return None
    labelled = np.array(
        [scale.bands[scale.levels.index(level)] for level, known in zip(levels, both, strict=True) if known]
    )
    estimated = np.asarray(scale.estimated)[_codes(angles[both], cuts)]
    apart = np.abs(labelled - estimated)
    kappa = _weighted_kappa(labelled, estimated)
    return LabelAgreement(len(apart), float(np.mean(apart == 0)), float(np.mean(apart <= 1)), kappa)


def _weighted_kappa(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Cohen's kappa with quadratic weights (Cohen, Psychol. Bull. 70:213, 1968); NaN where all images are in one group."""
    from sklearn.metrics import cohen_kappa_score  # here, or every page would wait for it

    if np.ptp(np.concatenate([first, second])) == 0:
        return nan
    return float(cohen_kappa_score(first, second, labels=range(len(GROUPS)), weights="quadratic"))


def _codes(ita: NDArray[np.float64], cuts: Sequence[float]) -> NDArray[np.int64]:
    """The index of each ITA's group in ``GROUPS``."""
    return np.asarray((ita[..., None] <= np.asarray(cuts)).sum(axis=-1))


def tone_regroupings(
    itas: Mapping[str, NDArray[np.floating]], cuts: Sequence[float] = CUTS, moved: float = NEAR
) -> dict[str, list[str]]:
    """Other tone groups of the same N images, whose figures are the ``others`` of :func:`dermaviz.fairness.groups.judge_gaps`.

    Args:
        itas: ITA in degrees ``[N]`` by the name of its estimator, the one in use first; NaN where it cannot be measured.
        moved: degrees by which all cuts are moved, up and down.

    Returns:
        By name, a group for each image: the first estimator with the cuts moved, then every other estimator at ``cuts``.
    """
    first, *others = itas
    found = {
        f"{first}, cuts {by:+g}°": tone_groups(itas[first], tuple(cut + by for cut in cuts)) for by in (-moved, moved)
    }
    return found | {name: tone_groups(itas[name], tuple(cuts)) for name in others}
