"""Evaluation: a figure as a report printed it, and all the values that its digits may stand for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from dermaviz.errors import LedgerError

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
