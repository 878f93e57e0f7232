"""Fairness: right × looking — was the answer right, and was the model looking at the lesion, by group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.errors import FairnessError
from dermaviz.evaluation.intervals import DRAWS, Estimate, LesionIds, exact_interval, interval, lesion_weights
from dermaviz.evaluation.metrics import ratio
from dermaviz.explain.localisation import looks_at_lesion

CELLS = ((True, True), (True, False), (False, True), (False, False))
"""Right and looking, right and looking elsewhere, wrong and looking, wrong and looking elsewhere."""
_SHARE = ("share", "low", "high")
_OF_ANSWERS = ("share_of_answers", "share_of_answers_low", "share_of_answers_high")


def right_and_looking(
    correct: NDArray[np.bool_],
    energy: NDArray[np.floating],
    lesion_area: NDArray[np.floating],
    groups: Sequence[str],
    lesion_ids: LesionIds | None,
    draws: int = DRAWS,
) -> pd.DataFrame:
    """Images of each group by whether the answer was right and whether the map lay on the lesion more than by chance.

    A map looks at the lesion if the share of its energy in the lesion is above the lesion's share of the picture, which is
    what a map that is everywhere alike has there (``explain.localisation``).

    Args:
        correct: whether each answer was right, bool ``[N]``.
        energy: share of the attention map's energy in the lesion, in [0, 1], ``[N]``; NaN where a map shows nothing.
        lesion_area: the lesion's share of the picture, in [0, 1], ``[N]``; NaN where it is unknown. Where it is all or
            nothing of the picture, no map can be judged.
        groups: ``[N]``; images of group "" (unknown) are left out.
        lesion_ids: the lesion of each image, ``[N]``, for 95% lesion-bootstrap intervals. None: each image shows a lesion of
            its own, and intervals are exact ones, which a handful of photos need.

    Returns:
        Four rows per group, the largest first: ``group, right, looking`` (bool); ``n_images`` and ``n_lesions`` of the row;
        ``share, low, high`` of the group's images that can be placed; ``share_of_answers, …_low, …_high`` of its right images
        alone, or of its wrong ones (of the right ones, how many looked elsewhere); ``n_group`` images that can be placed, and
        ``n_unplaced`` that cannot, without a map or a lesion.

    Raises:
        FairnessError: the arguments are of unequal length.
    """
    columns = [np.asarray(one) for one in (correct, energy, lesion_area)]
    names = np.asarray(groups, dtype=str)
    lesions = np.arange(len(names)) if lesion_ids is None else np.asarray(lesion_ids, dtype=str)
    if {len(column) for column in (*columns, lesions)} != {len(names)}:
        found = ", ".join(f"{len(column):,}" for column in (*columns, names, lesions))
        raise FairnessError(
            f"expected an answer, an energy, a lesion area, a group and a lesion for each image, found {found}. "
            "Take all from the same rows of the evidence."
        )
    right, inside, area = columns[0].astype(bool), columns[1], columns[2]
    placed = np.isfinite(inside) & (area > 0) & (area < 1)
    looking = looks_at_lesion(inside, area)
    weights = None if lesion_ids is None else lesion_weights(lesions, draws)
    rows: list[dict[str, Any]] = []
    for group in pd.Series(names[names != ""]).value_counts(sort=True).index:
        mine = (names == group) & placed
        facts = {"n_group": int(mine.sum()), "n_unplaced": int((names == group).sum() - mine.sum())}
        for is_right, is_looking in CELLS:
            answers = mine & (right == is_right)
            cell = answers & (looking == is_looking)
            row = {"group": group, "right": is_right, "looking": is_looking}
            row |= {"n_images": int(cell.sum()), "n_lesions": len(set(lesions[cell]))}
            for names_of, of in ((_SHARE, mine), (_OF_ANSWERS, answers)):
                estimate = _share(cell, of, lesions, weights)
                row |= zip(names_of, (estimate.value, estimate.low, estimate.high), strict=True)
            rows.append(row | facts)
    return pd.DataFrame(rows)


def _share(
    cell: NDArray[np.bool_], of: NDArray[np.bool_], lesions: NDArray[Any], weights: NDArray[np.float64] | None
) -> Estimate:
    """The images of a cell as a share of some images, with its interval.

    None or all of them are so in every draw, which is no certainty: they have the exact interval of as many lesions.
    """
    k, n = int(cell.sum()), int(of.sum())
    if weights is None:
        return exact_interval(k, n)
    if k in (0, n):
        n_lesions = len(set(lesions[of]))
        return exact_interval(n_lesions if k else 0, n_lesions)
    return Estimate(float(ratio(k, n)), *interval(ratio(weights @ cell, weights @ of)))
