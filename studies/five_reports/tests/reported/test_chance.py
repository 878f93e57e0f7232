"""Exact tests behind the checks, against sums over all tables and all coins."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest

from studies.five_reports.reported.comparisons import fisher, paired


def sign_test(more: int, fewer: int) -> float:
    """How often so many fair coins, or fewer, or as many of the other side, fall that way."""
    n = more + fewer
    return min(1.0, float(Fraction(2 * sum(comb(n, k) for k in range(fewer + 1)), 2**n)))


@pytest.mark.parametrize(("k", "n", "other", "of"), [(592, 660, 585, 660), (8, 9, 1, 9), (0, 5, 5, 5), (3, 10, 7, 40)])
def test_fisher_sums_the_tables_that_are_no_likelier(k: int, n: int, other: int, of: int) -> None:
    right = k + other
    ways = {x: comb(n, x) * comb(of, right - x) for x in range(max(0, right - of), min(n, right) + 1)}
    expected = Fraction(sum(way for way in ways.values() if way <= ways[k]), sum(ways.values()))
    assert fisher(k, n, other, of) == pytest.approx(float(expected))


def test_the_paired_bounds_are_the_extreme_sign_tests() -> None:
    bounds = paired(592, 585, 660)
    assert bounds.least == pytest.approx(sign_test(7, 0))
    assert bounds.most == pytest.approx(sign_test(75, 68))  # 68 that it misses, and so 75 the other way
    every = [sign_test(7 + back, back) for back in range(69)]
    assert bounds.tolerated == sum(p < 0.05 for p in every) - 1 == 1
    assert paired(5, 5, 10).tolerated == -1
