"""Evaluation: from some figures of one operating point, all the others — by trying every confusion matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dermaviz.errors import LedgerError
from dermaviz.metrics.bootstrap import Estimate, exact_interval
from studies.five_reports.reported.chance import mean_of_two
from studies.five_reports.reported.printed import MEASURES, Counts, Possible, Printed, Span, fitting_counts

MOST_PHOTOS = 10_000
"""More photos take longer to try than a page may wait."""


@dataclass(frozen=True)
class Implied:
    """What a measure must be (``span``), and the 95% interval that so many photos leave (None where none is known)."""

    measure: str
    span: Span
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Solution:
    """What typed figures leave: the matrices, every measure, and, if no matrix fits all, what each odd one must be."""

    possible: Possible
    implied: tuple[Implied, ...]
    odd: Mapping[str, Span]


def solve(n: int, positives: int, figures: Mapping[str, Printed]) -> Solution:
    """What figures (by name of the measure, as printed) of ``n`` photos, ``positives`` of them positive, leave of the others.

    Raises:
        LedgerError: there are too many photos, none of a class, or a figure is no share or of an unknown measure.
    """
    if not 0 < positives < n <= MOST_PHOTOS:
        raise LedgerError(
            f"expected photos of both classes, {MOST_PHOTOS:,} at most, found {positives:,} positives of {n:,}. "
            "Choose another number of photos, or another prevalence."
        )
    for name, printed in figures.items():
        if name not in MEASURES or printed.value > 1:
            raise LedgerError(f"{name}: expected a share in 0 to 1 of {', '.join(MEASURES)}, found {printed.text}.")
    possible, odd = fitting_counts(positives, n - positives, {name: p.share for name, p in figures.items()})
    implied = tuple(_implied(possible, name) for name in MEASURES) if len(possible) else ()
    return Solution(possible, implied, MappingProxyType({name: rest.span(name) for name, rest in odd.items()}))


def _implied(possible: Possible, measure: str) -> Implied:
    lowest, highest = possible.extremes(measure)
    estimate = _ESTIMATES.get(measure)
    ends = (estimate(lowest).low, estimate(highest).high) if estimate else None
    return Implied(measure, possible.span(measure), ends)


def _recall(counts: Counts) -> Estimate:
    return exact_interval(counts.true_positives, counts.true_positives + counts.false_negatives)


def _specificity(counts: Counts) -> Estimate:
    return exact_interval(counts.true_negatives, counts.true_negatives + counts.false_positives)


def _precision(counts: Counts) -> Estimate:
    return exact_interval(counts.true_positives, counts.true_positives + counts.false_positives)


def _accuracy(counts: Counts) -> Estimate:
    right, wrong = counts.true_positives + counts.true_negatives, counts.false_positives + counts.false_negatives
    return exact_interval(right, right + wrong)


_ESTIMATES: Mapping[str, Callable[[Counts], Estimate]] = MappingProxyType(
    {
        "accuracy": _accuracy,
        "precision": _precision,
        "recall": _recall,
        "specificity": _specificity,
        "balanced_accuracy": lambda counts: mean_of_two(_recall(counts), _specificity(counts)),
    }
)
"""Intervals of the measures that are shares of photos, or a mean of two such shares."""
