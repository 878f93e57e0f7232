"""Rows of a report rerun with their seeds, their differences, and what is printed beside ours."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermaviz.plots.reports import beside_figure, rows_figure, span_of

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
    dots, constant, seeds = rows_figure(ROWS, "accuracy, 0 to 1").data
    assert dots.name == "mean over seeds, with 95% interval, n = 782 each", "said once, where it is the same of all"
    assert constant.name == "always the same answer"
    assert list(seeds.x) == [0.81, 0.82, 0.83]
    assert all(0 < y < 0.5 for y in seeds.y)


def test_of_one_seed_there_is_no_mean() -> None:
    figure = rows_figure(ROWS.iloc[1:], "accuracy, 0 to 1")
    assert [trace.name for trace in figure.data] == ["our run, with 95% interval", "always the same answer"]


def test_differences_carry_their_sign_and_lie_beside_a_line_at_zero() -> None:
    figure = rows_figure(DIFFERENCES, "difference in accuracy", change=True)
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
    short = rows_figure(DIFFERENCES.assign(label=["a", "b"]), "difference", change=True)
    long = rows_figure(
        DIFFERENCES.assign(label=["four lines of some twenty letters each, or so, in all", "b"]), "d", change=True
    )
    assert long.layout.yaxis.ticktext[0].count("<br>") >= 2
    assert long.layout.height > short.layout.height


PRINTED = pd.DataFrame(
    {
        "label": ["ResNet-18", "LeNet-like CNN"],
        "value": [0.897, 0.842],
        "low": [0.871, 0.842],
        "high": [0.919, 0.842],
        "n": [660, None],
        "constant": [0.546, np.nan],
        "ours": [0.8, np.nan],
        "our_low": [0.77, np.nan],
        "our_high": [0.82, np.nan],
        "our_constant": [0.5, np.nan],
        "our_n": [1782, None],
    }
)


def test_ours_lies_below_what_is_printed_in_the_same_row() -> None:
    figure = beside_figure(PRINTED, title="accuracy")
    printed, ours, constant, our_constant = figure.data
    assert (printed.name, ours.name, constant.name) == ("as printed", "our runs", "always the same answer")
    assert printed.y[0] < ours.y[0] < constant.y[0] < our_constant.y[0] < 0.5  # y runs downwards
    assert (ours.x[0], our_constant.x[0]) == (0.8, 0.5)
    assert [ours.error_x.arrayminus[0], ours.error_x.array[0]] == pytest.approx([0.03, 0.02])
    assert list(printed.hovertext) == ["0.897 (0.871 to 0.919)", "0.842"]  # the second has no interval
    first, second = figure.layout.yaxis.ticktext
    assert first.endswith(">n = 660, ours 1,782</span>")
    assert second == "LeNet-like CNN"


def test_without_runs_of_ours_there_are_no_marks_of_ours() -> None:
    nothing = PRINTED.assign(ours=np.nan, our_constant=np.nan)
    assert [trace.name for trace in beside_figure(nothing, title="accuracy").data] == [
        "as printed",
        "always the same answer",
    ]
