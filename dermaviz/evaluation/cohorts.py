"""Evaluation: a cohort is a filter on metadata; which images are in it, and what there is to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

AGE = "age"


@dataclass(frozen=True)
class Cohort:
    """Which images to look at: for each column the values let in, and ages from–to in years, both ends included.

    A column that is not named, and ``ages`` None, let everything in, the unknown too. Once a column is named, images of
    which it is unknown are left out, unless "" is among its values.
    """

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ages: tuple[float, float] | None = None


def in_cohort(table: pd.DataFrame, cohort: Cohort) -> NDArray[np.bool_]:
    """Whether each row of a table with metadata is in the cohort, bool ``[N]``."""
    chosen = np.ones(len(table), dtype=bool)
    for column, values in cohort.values.items():
        if values:
            chosen &= table[column].isin(values).to_numpy()
    if cohort.ages is not None:
        low, high = cohort.ages
        chosen &= ages(table).between(low, high).to_numpy()
    return chosen


def ages(table: pd.DataFrame) -> pd.Series:
    """Age in years of each row, float; NaN where it is unknown."""
    return pd.to_numeric(table[AGE], errors="coerce")


def values_of(table: pd.DataFrame, column: str) -> dict[str, int]:
    """The values of a column with their numbers of images, the commonest first, "" (unknown) last; empty without the column."""
    if column not in table:
        return {}
    counts = table[column].value_counts()
    return {str(value): int(counts[value]) for value in sorted(counts.index, key=lambda v: (v == "", -counts[v], v))}
