"""Which images are confused with what: cohorts of images, and what each is and is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    counts = table[column].value_counts().to_dict()
    return {str(value): int(counts[value]) for value in sorted(counts, key=lambda v: (v == "", -counts[v], v))}


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


@dataclass(frozen=True)
class Verdicts:
    """What N images are and what they are called.

    ``true`` and ``called`` are int64 ``[N]``, indices into ``groups``; ``confidence`` is the probability ``[N]`` in [0, 1] of
    what each image is called.
    """

    groups: tuple[str, ...]
    true: NDArray[np.int64]
    called: NDArray[np.int64]
    confidence: NDArray[np.float64]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each image is called what it is, bool ``[N]``."""
        return self.true == self.called

    @property
    def counts(self) -> NDArray[np.int64]:
        """Images by true (row) and called (column) group, ``[G, G]``."""
        size = len(self.groups)
        return np.bincount(self.true * size + self.called, minlength=size**2).reshape(size, size)

    def cell(self, true: str | None, called: str | None) -> NDArray[np.intp]:
        """The images of a cell, a row (``called`` is None), a column or all: confident mistakes first, then the others."""
        chosen = np.ones(len(self.true), dtype=bool)
        if true is not None:
            chosen &= self.true == self.groups.index(true)
        if called is not None:
            chosen &= self.called == self.groups.index(called)
        order = np.lexsort((-self.confidence, self.right))
        return order[chosen[order]]

    def take(self, rows: NDArray[np.intp]) -> Verdicts:
        """The verdicts on these images only, in this order."""
        return Verdicts(self.groups, self.true[rows], self.called[rows], self.confidence[rows])


def by_class(labels: NDArray[np.int64], probabilities: NDArray[np.floating], classes: Sequence[str]) -> Verdicts:
    """Each of N images is called its most probable class; ``labels`` are indices into ``classes``."""
    return Verdicts(tuple(classes), labels, probabilities.argmax(1), probabilities.max(1, initial=0))


def by_threshold(
    positive: NDArray[np.bool_], score: NDArray[np.floating], threshold: float, groups: tuple[str, str]
) -> Verdicts:
    """Each of N images is called positive where its ``score`` (probability in [0, 1]) is at or above the threshold. ``groups``:
    the name of the positive ones and that of the others."""
    alarm = score >= threshold
    return Verdicts(groups, (~positive).astype(np.int64), (~alarm).astype(np.int64), np.where(alarm, score, 1 - score))


Order = Callable[[NDArray[np.int64], Sequence[str]], NDArray[np.intp]]
"""From counts ``[G, G]`` and the groups' names to the order in which rows and columns stand."""


ORDERS: Mapping[str, Order] = MappingProxyType(
    {
        "name": lambda counts, names: np.array(
            sorted(range(len(names)), key=lambda i: names[i].casefold()), dtype=np.intp
        ),
        "frequency": lambda counts, names: np.argsort(-counts.sum(1), kind="stable"),
        "confusion": lambda counts, names: np.argsort(
            counts.diagonal() / np.maximum(counts.sum(1), 1) + (counts.sum(1) == 0), kind="stable"
        ),
    }
)
"""By name; the commonest first; those least often called what they are first, groups without images last."""


@dataclass(frozen=True)
class Mistake:
    """A most frequent wrong call: ``count`` of the ``of`` images of group ``true`` are called ``called``."""

    true: str
    called: str
    count: int
    of: int


def most_missed(verdicts: Verdicts, dangerous: Sequence[str]) -> Mistake | None:
    """The most frequent mistake in which one of the ``dangerous`` groups is called one that is not; None where there is none."""
    missed = (one for one in _mistakes(verdicts) if one.true in dangerous and one.called not in dangerous)
    return max(missed, key=lambda one: one.count, default=None)


def most_frequent_mistakes(verdicts: Verdicts, dangerous: Sequence[str] = ()) -> tuple[Mistake, ...]:
    """The largest count off the diagonal, every cell that has it; none where everything is called what it is.

    Of equal counts those come first in which one of the ``dangerous`` groups, the worst first, is called one that is not.
    """
    mistakes = _mistakes(verdicts)
    most = max((one.count for one in mistakes), default=0)
    rank = {name: place for place, name in enumerate(dangerous)}

    def danger(mistake: Mistake) -> tuple[bool, int]:
        return mistake.called in rank, rank.get(mistake.true, len(rank))

    return tuple(sorted((one for one in mistakes if one.count == most), key=danger))


def _mistakes(verdicts: Verdicts) -> list[Mistake]:
    """Every cell off the diagonal that has images, row by row."""
    counts = verdicts.counts
    return [
        Mistake(verdicts.groups[true], verdicts.groups[called], int(counts[true, called]), int(counts[true].sum()))
        for true, called in np.argwhere(counts > 0)
        if true != called
    ]
