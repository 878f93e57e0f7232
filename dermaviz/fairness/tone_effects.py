"""Fairness: what counterfactual tones do to a classifier's answers and attention, from the evidence table ``counterfactuals``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd

from dermaviz.evaluation.intervals import DRAWS
from dermaviz.evaluation.metrics import MELANOMA
from dermaviz.fairness.effects import change, effects, mean_of, read_paired

BY = ("axis", "lesion", "ita_to")
"""Columns that name a condition."""


def tone_effects(
    table: pd.DataFrame,
    predictions: pd.DataFrame,
    classes: tuple[str, ...],
    malignant: Collection[str],
    positive: str = MELANOMA,
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """What each shift of tone does, on average over the images.

    Args:
        table: ``image_id, axis`` (``clean``, or a name in ``counterfactual.AXES``), ``lesion, ita_to, shift, p_<class>,
            rank_correlation, energy``. Images without a measured tone have a clean row only and are left out.
        predictions: ``image_id, lesion_id, dx`` of the images to count.

    Returns:
        ``axis, lesion, ita_to, shift`` (mean of ``ita_to − ita_from``, degrees), ``metric, value, low, high, beyond, beyond_low,
        beyond_high, n_images, n_lesions``, see :func:`~dermaviz.fairness.effects.effects`; ``beyond`` is against the control
        that is no tone. Further metrics: ``rank_correlation`` of the attention map with the clean one, ``energy`` (in the lesion)
        and ``energy_change``, means over the images whose maps show anything.

    Raises:
        EvidenceError: a column is missing, or an image lacks a condition or has one twice.
    """
    paired = read_paired(table, predictions, classes, BY, ("shift", "rank_correlation", "energy"))
    energy = paired.measured["energy"]
    attention = {
        "rank_correlation": mean_of(paired.measured["rank_correlation"][:, 1:]),
        "energy": mean_of(energy[:, 1:]),
        "energy_change": mean_of(change(energy)),
    }
    found = effects(paired, malignant, _control_of, positive, attention, draws, seed)
    mean_shift = paired.conditions.assign(shift=paired.measured["shift"][:, 1:].mean(axis=0))
    columns = [*BY, "shift", *(name for name in found if name not in BY)]
    return found.merge(mean_shift, on=list(BY), how="left")[columns]


def _control_of(condition: tuple[Any, ...]) -> tuple[Any, ...]:
    axis, *rest = condition
    return ("control" if axis == "melanin" else axis, *rest)
