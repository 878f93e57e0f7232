"""Evaluation: the whole-numbered confusion matrices that printed figures leave possible, found by trying all of them."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType

from dermaviz.evaluation.reported.printed import Span


@dataclass(frozen=True)
class Counts:
    """A confusion matrix of two classes, in images."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int


def _share(k: int, n: int) -> Fraction:
    """``k`` of ``n``; 0 of none."""
    return Fraction(k, n) if n else Fraction(0)


def accuracy(counts: Counts) -> Fraction:
    """The share of images called what they are."""
    right = counts.true_positives + counts.true_negatives
    return _share(right, right + counts.false_positives + counts.false_negatives)


def recall(counts: Counts) -> Fraction:
    """The share of the positives that are found."""
    return _share(counts.true_positives, counts.true_positives + counts.false_negatives)


def specificity(counts: Counts) -> Fraction:
    """The share of the negatives that are left alone."""
    return _share(counts.true_negatives, counts.true_negatives + counts.false_positives)


def balanced_accuracy(counts: Counts) -> Fraction:
    """The mean of recall and specificity."""
    return (recall(counts) + specificity(counts)) / 2


def precision(counts: Counts) -> Fraction:
    """The share of positives among those called positive; 0 where none is called so."""
    return _share(counts.true_positives, counts.true_positives + counts.false_positives)


def f1(counts: Counts) -> Fraction:
    """The harmonic mean of precision and recall."""
    twice = 2 * counts.true_positives
    return _share(twice, twice + counts.false_positives + counts.false_negatives)


Measure = Callable[[Counts], Fraction]

MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "accuracy": accuracy,
        "precision": precision,
        "recall": recall,
        "specificity": specificity,
        "balanced_accuracy": balanced_accuracy,
        "f1": f1,
    }
)
"""What a confusion matrix of two classes decides. With the true positives given, none rises with the false positives."""


@dataclass(frozen=True)
class Possible:
    """Confusion matrices of so many positives and negatives: per row the true positives, the fewest and the most false ones."""

    positives: int
    negatives: int
    rows: tuple[tuple[int, int, int], ...]

    def __len__(self) -> int:
        return sum(most - fewest + 1 for _, fewest, most in self.rows)

    def counts(self, true: int, false: int) -> Counts:
        """The matrix with so many true and false positives."""
        return Counts(true, self.positives - true, false, self.negatives - false)

    @property
    def only(self) -> Counts | None:
        """The matrix, where there is exactly one."""
        return self.counts(*self.rows[0][:2]) if len(self) == 1 else None

    def extremes(self, measure: str) -> tuple[Counts, Counts]:
        """A matrix with the lowest and one with the highest value of a measure. There must be a matrix."""
        value = MEASURES[measure]
        lowest = min((self.counts(true, most) for true, _, most in self.rows), key=value)
        highest = max((self.counts(true, fewest) for true, fewest, _ in self.rows), key=value)
        return lowest, highest

    def span(self, measure: str) -> Span:
        """What a measure must be. There must be a matrix."""
        return Span(*map(MEASURES[measure], self.extremes(measure)))


def possible_counts(positives: int, negatives: int, figures: Mapping[str, Span]) -> Possible:
    """All confusion matrices whose measures lie in these spans (names of :data:`MEASURES`), none left out.

    The idea of looking whether whole numbers can give printed figures at all is that of GRIM (Brown and Heathers 2017).
    """
    return _possible(positives, negatives, tuple(figures.items()))


@lru_cache(maxsize=512)
def _possible(positives: int, negatives: int, figures: tuple[tuple[str, Span], ...]) -> Possible:
    empty, every = Possible(positives, negatives, ()), range(negatives + 1)
    found = []
    for true in _whole(dict(figures).get("recall"), positives):
        fewest, most = 0, negatives
        for name, span in figures:
            if fewest > most:
                break

            def fall(false: int, measure: Measure = MEASURES[name], true: int = true) -> Fraction:
                return -measure(empty.counts(true, false))

            fewest = bisect_left(every, -span.high, fewest, most + 1, key=fall)
            most = bisect_right(every, -span.low, fewest, most + 1, key=fall) - 1
        if fewest <= most:
            found.append((true, fewest, most))
    return Possible(positives, negatives, tuple(found))


def fitting_counts(
    positives: int, negatives: int, figures: Mapping[str, Span]
) -> tuple[Possible, Mapping[str, Possible]]:
    """The confusion matrices that fit all figures or, if there are none, all but one.

    The second part is, for each figure without which the others fit, what they leave; it is empty where all fit. If there
    are several such figures, none of the matrices is preferred.
    """
    found = possible_counts(positives, negatives, figures)
    if len(found):
        return found, {}
    without = {
        name: possible_counts(positives, negatives, {key: span for key, span in figures.items() if key != name})
        for name in figures
    }
    odd = {name: rest for name, rest in without.items() if len(rest)}
    return (next(iter(odd.values())) if len(odd) == 1 else found), odd


def whole_counts(span: Span, n: int) -> range:
    """The whole numbers whose share of ``n`` lies in the span."""
    return range(max(0, math.ceil(span.low * n)), min(n, math.floor(span.high * n)) + 1)


def _whole(span: Span | None, n: int) -> range:
    return range(n + 1) if span is None else whole_counts(span, n)
