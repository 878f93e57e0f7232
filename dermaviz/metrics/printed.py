"""Printed figures: what their digits may stand for, which confusion matrices can give them, and what those leave of the others.

All is exact: spans are fractions, and every matrix of whole numbers is tried (the idea of GRIM, Brown and Heathers 2017)."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from types import MappingProxyType

from dermaviz.errors import LedgerError
from dermaviz.metrics.bootstrap import Estimate, exact_interval

_RATIO = re.compile(r"(\d+)/(\d+)")
_NUMBER = re.compile(r"(\d[\d,]*)(?:\.(\d+))? ?(%|M)?")
_SCALES = {None: Fraction(1), "%": Fraction(1, 100), "M": Fraction(1_000_000)}
_NEARLY = 1 - Fraction(1, 10**9)
"""Digits that were cut off come from below the next printed value, never from that value itself."""


@dataclass(frozen=True)
class Span:
    """All values from ``low`` to ``high``, both included; exact fractions, so that no border is lost to rounding of ours."""

    low: Fraction
    high: Fraction

    def __contains__(self, value: Fraction) -> bool:
        return self.low <= value <= self.high

    def overlap(self, other: Span) -> Span | None:
        """What both hold; None if nothing."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Span(low, high) if low <= high else None

    def words(self, digits: int = 3) -> str:
        """``0.856 to 0.870``; one number where both ends read alike."""
        low, high = (f"{float(end):.{digits}f}" for end in (self.low, self.high))
        return low if low == high else f"{low} to {high}"


@dataclass(frozen=True)
class Printed:
    """A printed figure: its ``text``, its value (a share in [0, 1], or a count), and ``unit``, what its last digit counts.

    ``unit`` is 0 for whole numbers and ratios such as ``8/9``, which are taken as they stand; ``n`` is the lower number of
    a ratio.
    """

    text: str
    value: Fraction
    unit: Fraction
    n: int | None = None

    @property
    def rounded(self) -> Span:
        """The values that round to it."""
        return Span(self.value - self.unit / 2, self.value + self.unit / 2)

    @property
    def span(self) -> Span:
        """The values that it may stand for, whether its last digit was rounded or the rest was cut off."""
        return Span(self.value - self.unit / 2, self.value + self.unit * (_NEARLY if self.unit else 1))

    @property
    def share(self) -> Span:
        """The same of a share, which lies in [0, 1]."""
        return Span(max(Fraction(0), self.span.low), min(Fraction(1), self.span.high))

    @property
    def digits(self) -> int:
        """How many decimals to write other values with that are held against it: its own, at least three."""
        found = 3
        while self.unit and Fraction(1, 10**found) > self.unit:
            found += 1
        return min(found, 6)


def parse_printed(text: str) -> Printed:
    """A figure from its text: ``0.4483``, ``92.0%``, ``8/9``, ``2,373``, ``11.7 M``. Percentages become shares.

    Raises:
        LedgerError: the text is no such figure.
    """
    if found := _RATIO.fullmatch(text):
        k, n = map(int, found.groups())
        if 0 <= k <= n and n:
            return Printed(text, Fraction(k, n), Fraction(0), n)
    elif found := _NUMBER.fullmatch(text):
        whole, decimals, sign = found.groups()
        unit = Fraction(1, 10 ** len(decimals or "")) * _SCALES[sign]
        value = Fraction(int(whole.replace(",", "") + (decimals or ""))) * unit
        return Printed(text, value, unit if decimals or sign else Fraction(0))
    raise LedgerError(
        f"expected a figure such as 0.4483, 92.0%, 8/9, 2,373 or 11.7 M, found {text!r}. Write it as the report prints it."
    )


def corners(function: Callable[..., Fraction], *spans: Span) -> Span:
    """The values of ``function`` over a box of spans, where it rises or falls along each axis: its extremes lie in corners."""
    values = [function(*corner) for corner in product(*((span.low, span.high) for span in spans))]
    return Span(min(values), max(values))


@dataclass(frozen=True)
class Counts:
    """A confusion matrix of two classes, in images."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int


Share = Callable[[Counts], tuple[int, int]]
Measure = Callable[[Counts], Fraction]

SHARES: Mapping[str, Share] = MappingProxyType(
    {
        "accuracy": lambda c: (
            c.true_positives + c.true_negatives,
            c.true_positives + c.true_negatives + c.false_positives + c.false_negatives,
        ),
        "precision": lambda c: (c.true_positives, c.true_positives + c.false_positives),
        "recall": lambda c: (c.true_positives, c.true_positives + c.false_negatives),
        "specificity": lambda c: (c.true_negatives, c.true_negatives + c.false_positives),
    }
)
"""The measures that are shares of images: how many of how many."""


def _share(k: int, n: int) -> Fraction:
    """``k`` of ``n``; 0 of none."""
    return Fraction(k, n) if n else Fraction(0)


def _measure(name: str) -> Measure:
    return lambda counts: _share(*SHARES[name](counts))


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        **{name: _measure(name) for name in SHARES},
        "balanced_accuracy": lambda c: (MEASURES["recall"](c) + MEASURES["specificity"](c)) / 2,
        "f1": lambda c: _share(2 * c.true_positives, 2 * c.true_positives + c.false_positives + c.false_negatives),
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
    recall = dict(figures).get("recall")
    for true in range(positives + 1) if recall is None else whole_counts(recall, positives):
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
    implied = []
    for name in MEASURES if len(possible) else ():
        lowest, highest = (_interval(counts, name) for counts in possible.extremes(name))
        ends = (lowest.low, highest.high) if lowest and highest else None
        implied.append(Implied(name, possible.span(name), ends))
    return Solution(possible, tuple(implied), MappingProxyType({name: rest.span(name) for name, rest in odd.items()}))


def _interval(counts: Counts, measure: str) -> Estimate | None:
    """A measure with its 95% interval: exact for shares of images; None for F1, which is no share of anything."""
    if measure in SHARES:
        return exact_interval(*SHARES[measure](counts))
    if measure == "balanced_accuracy":
        return mean_of_two(*(exact_interval(*SHARES[name](counts)) for name in ("recall", "specificity")))
    return None


def mean_of_two(first: Estimate, second: Estimate) -> Estimate:
    """The mean of two independent shares, such as balanced accuracy, with the interval that theirs carry together.

    Source: Zou and Donner 2008 (the method of variance estimates recovery).
    """
    value = (first.value + second.value) / 2
    below = math.hypot(first.value - first.low, second.value - second.low) / 2
    above = math.hypot(first.high - first.value, second.high - second.value) / 2
    return Estimate(value, value - below, value + above)
