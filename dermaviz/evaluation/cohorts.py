"""Evaluation: a cohort is a filter on metadata; which images are in it, and what there is to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

AGE = "age"
AGE_GROUPS = MappingProxyType({"under 40": (0, 40), "40 to 59": (40, 60), "60 and over": (60, 200)})
"""Name to ages from, and below, in years."""


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


def cohort_names(table: pd.DataFrame, column: str, most: int | None = None) -> list[str]:
    """The cohort of each row of a table with metadata: its value of a column, of ages the group; "" where it is unknown.

    With ``most``, only that many of the largest are named (age groups always are), and the others are "" as well.
    """
    if column == AGE:
        years = ages(table).to_numpy(np.float64)
        names = np.full(len(table), "", dtype=object)
        for name, (low, high) in AGE_GROUPS.items():
            names[(years >= low) & (years < high)] = name
        return list(names)
    known = table[column].where(~table[column].isin(["", "unknown"]), "")
    largest = known[known != ""].value_counts().index[:most]
    return list(known.where(known.isin(largest), ""))
