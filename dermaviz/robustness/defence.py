"""Robustness: what a defence costs on clean images and buys under attack — two checkpoints on the same images, paired."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dermaviz.errors import EvidenceError
from dermaviz.evaluation.intervals import DRAWS, interval, lesion_weights
from dermaviz.robustness.outcomes import Answers, measured


def paired_curves(first: Answers, second: Answers, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Each figure of two checkpoints under every condition that both were put under, and by how much the second is higher.

    Both are measured on the same resamplings of lesions, so what an image's difficulty does to both cancels out.

    Returns:
        The two columns of the condition, with a first row of size 0 (clean) for each method or corruption; ``metric`` and
        ``class`` as in :func:`dermaviz.robustness.outcomes.curves`; ``first, second, difference`` (second − first), each
        with its 95% interval in ``…_low`` and ``…_high``; ``n_images`` and ``n_lesions`` that the figure is of.

    Raises:
        EvidenceError: the two are not of the same images and classes, or share no condition.
    """
    conditions = _shared(first, second)
    what, size = conditions.columns[:2]
    weights = lesion_weights(first.lesion_ids.tolist(), draws, seed)
    shown = [measured(answers, None) for answers in (first, second)]
    drawn = [measured(answers, weights) for answers in (first, second)]
    rows: list[dict[str, Any]] = []
    for metric, name in shown[0]:
        mine = first.labels == first.classes.index(name) if name else np.ones(len(first), dtype=bool)
        of = {
            "metric": metric, "class": name, "n_images": int(mine.sum()), "n_lesions": len(set(first.lesion_ids[mine])),
        }  # fmt: skip
        for series, at, *columns in _points(conditions):
            values = [float(of_one[metric, name][k]) for of_one, k in zip(shown, columns, strict=True)]
            samples = [of_one[metric, name][:, k] for of_one, k in zip(drawn, columns, strict=True)]
            row: dict[str, Any] = {what: series, size: at}
            for column, value, sample in (
                ("first", values[0], samples[0]),
                ("second", values[1], samples[1]),
                ("difference", values[1] - values[0], samples[1] - samples[0]),
            ):
                row[column] = value
                row[f"{column}_low"], row[f"{column}_high"] = interval(sample)
            rows.append(row | of)
    return pd.DataFrame(rows)


def _shared(first: Answers, second: Answers) -> pd.DataFrame:
    """The conditions of both, and where each stands in the two (0 is clean): ``…, first, second``."""
    same = first.classes == second.classes and np.array_equal(first.image_ids, second.image_ids)
    found = pd.DataFrame()
    if same and list(first.conditions.columns) == list(second.conditions.columns):
        of_first, of_second = (
            answers.conditions.assign(**{name: np.arange(len(answers.conditions)) + 1})
            for answers, name in ((first, "first"), (second, "second"))
        )
        found = of_first.merge(of_second, on=list(first.conditions.columns))
    if found.empty:
        raise EvidenceError(
            f"expected two checkpoints tested on the same images and under the same conditions, found {len(first):,} and "
            f"{len(second):,} images and no condition in common. Make both tables of the same split with `dermaviz audit`."
        )
    return found


def _points(conditions: pd.DataFrame) -> list[tuple[Any, float, int, int]]:
    """For each method or corruption its clean point, then its conditions."""
    points: list[tuple[Any, float, int, int]] = []
    for series, rows in conditions.groupby(conditions.columns[0], sort=False):
        points.append((series, 0.0, 0, 0))
        points += [(series, float(row[2]), int(row[3]), int(row[4])) for row in rows.itertuples()]
    return points
