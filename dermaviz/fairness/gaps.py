"""Fairness: by how much groups differ, with intervals from the same draws, and whether a gap outlives another measurement."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import Any

import numpy as np
import pandas as pd

from dermaviz.errors import FairnessError
from dermaviz.evaluation.intervals import FEWEST, Estimate, interval, off_zero
from dermaviz.evaluation.metrics import ratio
from dermaviz.fairness.groups import CALIBRATION_BIAS, COUNTS, GroupFigures

SAME, INCONCLUSIVE, TOO_FEW = "the same", "inconclusive", "too few"
"""What :func:`judge` can say of a gap."""


def gaps_to(measured: GroupFigures, reference: str | None = None) -> pd.DataFrame:
    """Each other group beside a reference group (None: the one with the most images); a row per group and figure.

    Columns as in :func:`dermaviz.fairness.audit.group_gaps`.

    Raises:
        FairnessError: the reference is none of the groups.
    """
    groups = measured.groups
    reference = groups[0] if reference is None else reference
    if reference not in groups:
        raise FairnessError(
            f"expected one of the groups {', '.join(groups)} as reference, found {reference!r}. Choose one of them."
        )
    beside = groups.index(reference)
    pairs = [(g, beside, m) for g in range(len(groups)) if g != beside for m in range(len(measured.figures))]
    return pd.DataFrame([_gap(measured, *pair) for pair in pairs], columns=_COLUMNS)


def widest_gaps(measured: GroupFigures) -> pd.DataFrame:
    """For each figure the group with the highest value beside that with the lowest (its ``reference``), as ``gaps_to``.

    The pair was chosen because its gap is the widest, so the interval, which is that of this pair, flatters the gap: the
    more groups, the more. No rows where fewer than two groups have figures.
    """
    shown = np.flatnonzero(~measured.counts["suppressed"])
    pairs = []
    if len(shown) > 1:
        for m in range(len(measured.figures)):
            values = measured.values[shown, m]
            pairs.append((int(shown[values.argmax()]), int(shown[values.argmin()]), m))
    return pd.DataFrame([_gap(measured, *pair) for pair in pairs], columns=_COLUMNS)


def judge(gap: Estimate, others: Mapping[str, float]) -> tuple[str, str]:
    """Whether a gap (a difference, or a slope: 0 is none) was found again under other measurements, and why not.

    - ``TOO_FEW``: there is no gap to judge (NaN), because a group has too few positives or negatives.
    - ``INCONCLUSIVE``: the interval of the gap holds 0 or cannot be had; or, under one of the ``others``, the gap has
      another sign (0 is one) or cannot be had (NaN).
    - ``SAME``: none of these. The intervals of the others are not asked to leave out 0: they are no independent evidence.

    An interval that leaves out 0 does so by chance in one of twenty fair comparisons: of many figures, some will.

    Args:
        others: by name, the gap as another tone estimator or other cuts find it.

    Returns:
        The verdict, and its reason in words ("" where it is ``SAME``).
    """
    if isnan(gap.value):
        return TOO_FEW, f"a group has fewer than {FEWEST} positives or {FEWEST} negatives"
    if isnan(gap.low):
        return INCONCLUSIVE, "the lesions are too few for an interval"
    if not off_zero(gap.low, gap.high):
        return INCONCLUSIVE, "the interval holds no difference"
    turned = [name for name, other in others.items() if other * gap.value <= 0]
    if turned:
        return INCONCLUSIVE, f"the sign changes under {', '.join(turned)}"
    missing = [name for name, other in others.items() if isnan(other)]
    if missing:
        return INCONCLUSIVE, f"a group has too few images under {', '.join(missing)}"
    return SAME, ""


_COLUMNS = (
    *("group", "reference", "metric", "label", "value", "reference_value"),
    *("difference", "difference_low", "difference_high", "ratio", "ratio_low", "ratio_high"),
    *COUNTS,
    *(f"reference_{name}" for name in COUNTS),
    "suppressed",
)


def _gap(measured: GroupFigures, group: int, reference: int, m: int) -> dict[str, Any]:
    """One figure of one group beside that of another."""
    value, beside = measured.values[group, m], measured.values[reference, m]
    drawn, drawn_beside = measured.draws[group, m], measured.draws[reference, m]
    mine, theirs = (measured.counts.loc[g].to_dict() for g in (group, reference))
    figure = measured.figures[m]
    row = {
        "group": mine["group"], "reference": theirs["group"], "metric": figure.slug, "label": figure.label,
        "value": float(value), "reference_value": float(beside),
    }  # fmt: skip
    of_two = {"difference": (value - beside, drawn - drawn_beside), "ratio": (np.nan, np.full(1, np.nan))}
    if figure.slug != CALIBRATION_BIAS:
        of_two["ratio"] = ratio(value, beside), ratio(drawn, drawn_beside)
    for name, (shown, sample) in of_two.items():
        row[name] = float(shown)
        row[f"{name}_low"], row[f"{name}_high"] = interval(sample)
    row |= {name: mine[name] for name in COUNTS} | {f"reference_{name}": theirs[name] for name in COUNTS}
    return row | {"suppressed": bool(mine["suppressed"] or theirs["suppressed"])}
