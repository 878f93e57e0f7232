"""What chance alone explains: exact tests of two shares, of different images and of the same ones."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from scipy.stats import binomtest, fisher_exact

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
    """The two-sided p-value of ``k`` of ``n`` against ``other`` of ``of``, two sets of independent images (Fisher 1935)."""
    return float(fisher_exact([[k, n - k], [other, of - other]]).pvalue)


def paired(k: int, other: int, n: int) -> Paired:
    """The bounds of McNemar's exact test for ``k`` and ``other`` right of the same ``n`` images (McNemar 1947)."""
    more, gap = max(k, other), abs(k - other)
    against = min(n - more, more - gap)  # the better one misses n - more, the worse one is right on more - gap
    tolerated = bisect_left(range(against + 1), LEVEL, key=lambda back: _sign_test(gap + back, back)) - 1
    return Paired(_sign_test(gap, 0), _sign_test(gap + against, against), tolerated)


def _sign_test(one_way: int, other_way: int) -> float:
    """How often as uneven a split happens if both directions are equally likely."""
    return float(binomtest(one_way, one_way + other_way).pvalue) if one_way + other_way else 1.0
