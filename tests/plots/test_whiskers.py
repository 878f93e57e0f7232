"""Intervals as error bars."""

from __future__ import annotations

import pandas as pd

from dermaviz.plots.theme import interval_bars


def test_the_bars_reach_from_the_lower_to_the_upper_bound() -> None:
    value, low, high = pd.Series([0.5, 0.75]), pd.Series([0.25, 0.5]), pd.Series([1.0, 0.875])

    bars = interval_bars(value, low, high, "#123456", thickness=1, width=3)

    assert (value + bars["array"]).tolist() == [1.0, 0.875]
    assert (value - bars["arrayminus"]).tolist() == [0.25, 0.5]
    assert (bars["color"], bars["thickness"], bars["width"]) == ("#123456", 1, 3)
