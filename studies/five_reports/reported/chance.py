"""Evaluation: what chance alone explains — exact tests of two shares, apart and on the same images, and an interval of a mean."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction

from dermaviz.metrics.bootstrap import Estimate

LEVEL = 0.05
"""A difference that chance alone makes less often than this is called more than chance."""


@dataclass(frozen=True)
class Paired:
    """How surprising a difference on the same images is, from the fewest images that changed sides to the most.

    Only the difference is printed, not how many images only the first and only the second got right. ``least`` is the
    p-value if every image that changed sides went the same way, ``most`` if as many as possible went the other way, and
    ``tolerated`` the most that may have gone the other way with the difference still being more than chance; -1: none.
    """

    least: float
    most: float
    tolerated: int


def fisher(k: int, n: int, other: int, of: int) -> float:
    """The two-sided p-value of ``k`` of ``n`` against ``other`` of ``of``, two sets of independent images (Fisher 1935).

    Tables no likelier than the one that was found are summed; the weights are whole numbers, so ties are found exactly.
    """
    right = k + other
    first = max(0, right - of)
    weights = [math.comb(n, first) * math.comb(of, right - first)]
    for x in range(first, min(n, right)):
        weights.append(weights[-1] * (n - x) * (right - x) // ((x + 1) * (of - right + x + 1)))
    return float(Fraction(sum(weight for weight in weights if weight <= weights[k - first]), sum(weights)))


def paired(k: int, other: int, n: int) -> Paired:
    """The bounds of McNemar's exact test for ``k`` and ``other`` right of the same ``n`` images (McNemar 1947)."""
    more, gap = max(k, other), abs(k - other)
    against = min(n - more, more - gap)  # the better one misses n - more, the worse one is right on more - gap
    tolerated = bisect_left(range(against + 1), LEVEL, key=lambda back: _sign_test(gap + back, back)) - 1
    return Paired(_sign_test(gap, 0), _sign_test(gap + against, against), tolerated)


def _sign_test(one_way: int, other_way: int) -> float:
    """How often as uneven a split happens if both directions are equally likely."""
    n, fewer = one_way + other_way, min(one_way, other_way)
    return min(1.0, float(Fraction(2 * sum(math.comb(n, k) for k in range(fewer + 1)), 2**n)))


def mean_of_two(first: Estimate, second: Estimate) -> Estimate:
    """The mean of two independent shares, such as balanced accuracy, with the interval that theirs carry together.

    Source: Zou and Donner 2008 (the method of variance estimates recovery).
    """
    value = (first.value + second.value) / 2
    below = math.hypot(first.value - first.low, second.value - second.low) / 2
    above = math.hypot(first.high - first.value, second.high - second.value) / 2
    return Estimate(value, value - below, value + above)
