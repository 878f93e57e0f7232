"""What is printed beside what we measured, one row for each run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermaviz.plots.reports import beside_figure

TABLE = pd.DataFrame(
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
    printed, constant, ours, our_constant = beside_figure(TABLE, title="accuracy").data
    assert (printed.name, ours.name) == ("as printed, with 95% interval", "our runs, with 95% interval")
    assert (
        printed.y[0] == constant.y[0] < 0 < ours.y[0] == our_constant.y[0]
    )  # the first row is on top, y runs downwards
    assert ours.x[0] == 0.8
    assert ours.error_x.array[0] == pytest.approx(0.02)
    assert ours.error_x.arrayminus[0] == pytest.approx(0.03)
    assert ours.hovertext[0] == "ResNet-18, ours: 0.800<br>95% interval 0.770 to 0.820"
    assert (our_constant.x[0], our_constant.showlegend) == (0.5, False)


def test_each_row_says_of_how_many_photos_both_are() -> None:
    first, second = beside_figure(TABLE, title="accuracy").layout.yaxis.ticktext
    assert first.endswith(">n = 660, ours 1,782</span>")
    assert second == "LeNet-like CNN"


def test_without_runs_of_ours_there_are_no_marks_of_ours() -> None:
    nothing = TABLE.assign(ours=np.nan)
    assert [trace.name for trace in beside_figure(nothing, title="accuracy").data] == [
        "as printed, with 95% interval",
        "always the same answer",
    ]


def test_a_constant_that_only_we_have_is_in_the_key() -> None:
    marks = beside_figure(TABLE.assign(constant=np.nan), title="accuracy").data[-1]
    assert (marks.name, marks.showlegend) == ("always the same answer, on our photos", True)
