"""Rows of a report rerun, with their seeds, and their differences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermaviz.plots.reports import differences_figure, rows_figure, span_of

ROWS = pd.DataFrame(
    {
        "label": ["Pretrained", "From scratch"],
        "value": [0.82, 0.7],
        "low": [0.79, 0.66],
        "high": [0.85, 0.74],
        "n": [782, 782],
        "constant": [0.5, 0.5],
        "by_seed": [(0.81, 0.82, 0.83), (0.7,)],
    }
)
DIFFERENCES = pd.DataFrame(
    {
        "label": ["Pretrained minus from scratch", "Deeper minus shallower"],
        "value": [0.12, -0.004],
        "low": [0.09, -0.03],
        "high": [0.16, 0.02],
        "by_seed": [(0.11, 0.12, 0.13), (-0.01, 0.0, -0.002)],
    }
)


def test_the_seeds_lie_under_the_mean_where_there_are_several() -> None:
    dots, constant, seeds = rows_figure(ROWS, "accuracy, 0 to 1", constant_name="a coin").data
    assert dots.name == "mean over seeds, with 95% interval"
    assert constant.name == "a coin"
    assert list(seeds.x) == [0.81, 0.82, 0.83]
    assert all(0 < y < 0.5 for y in seeds.y)


def test_of_one_seed_there_is_no_mean() -> None:
    figure = rows_figure(ROWS.iloc[1:], "accuracy, 0 to 1", constant_name="a coin")
    assert [trace.name for trace in figure.data] == ["our run, with 95% interval", "a coin"]


def test_differences_carry_their_sign_and_lie_beside_a_line_at_zero() -> None:
    figure = differences_figure(DIFFERENCES, "difference in accuracy")
    dots, line, seeds = figure.data
    assert dots.hovertext[1] == "Deeper minus shallower: −0.004<br>95% interval −0.030 to +0.020"
    assert list(line.x) == [0.0, 0.0]
    assert len(seeds.x) == 6
    low, high = figure.layout.xaxis.range
    assert low == pytest.approx(-high)


@pytest.mark.parametrize(
    ("values", "around_zero", "span"),
    [
        ([0.63, 0.81, np.nan], False, (0.6, 0.85)),
        ([0.65, 0.7], False, (0.65, 0.7)),
        ([0.5], False, (0.45, 0.55)),
        ([-0.02, 0.4], False, (-0.05, 0.4)),
        ([-0.12, 0.07], True, (-0.15, 0.15)),
        ([0.001], True, (-0.05, 0.05)),
        ([np.nan], True, (-0.05, 0.05)),
    ],
)
def test_axes_hold_all_values_and_end_on_round_ones(values: list[float], around_zero: bool, span: tuple) -> None:
    assert span_of(values, around_zero=around_zero) == pytest.approx(span)


def test_long_labels_get_higher_rows() -> None:
    short = differences_figure(DIFFERENCES.assign(label=["a", "b"]), "difference")
    long = differences_figure(
        DIFFERENCES.assign(label=["four lines of some twenty letters each, or so, in all", "b"]), "d"
    )
    assert long.layout.yaxis.ticktext[0].count("<br>") >= 2
    assert long.layout.height > short.layout.height
