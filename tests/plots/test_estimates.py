"""Estimates with their intervals as dots on a line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermaviz.plots.intervals import coverage_figure, estimates_figure

TABLE = pd.DataFrame(
    {
        "label": ["Melanoma AUC", "Sensitivity for dermatofibroma"],
        "value": [0.9, np.nan],
        "low": [0.85, np.nan],
        "high": [0.93, np.nan],
        "n": [1223, 4],
        "constant": [0.5, np.nan],
    }
)


def test_dots_have_intervals_and_the_first_row_is_on_top() -> None:
    figure = estimates_figure(TABLE)
    dots = figure.data[0]
    assert dots.error_x.array[0] == pytest.approx(0.03)
    assert dots.error_x.arrayminus[0] == pytest.approx(0.05)
    low, high = figure.layout.yaxis.range
    assert low > high
    assert dots.hovertext[0] == "Melanoma AUC: 0.900<br>95% interval 0.850 to 0.930"


def test_labels_are_broken_and_carry_their_n() -> None:
    first, second = estimates_figure(TABLE).layout.yaxis.ticktext
    assert "n = 1,223" in first
    assert second.startswith("Sensitivity for<br>dermatofibroma<br>")


def test_the_constant_answer_is_a_hollow_mark() -> None:
    marks = estimates_figure(TABLE, constant_name="always nevus").data[1]
    assert marks.name == "always nevus"
    assert marks.marker.symbol == "diamond-open"
    assert marks.x[0] == 0.5


def test_an_estimate_of_too_few_says_so() -> None:
    (note,) = estimates_figure(TABLE).layout.annotations
    assert (note.text, note.y) == ("too few to say", 1)


def test_without_n_and_constant_there_are_neither() -> None:
    figure = estimates_figure(TABLE[["label", "value", "low", "high"]])
    assert figure.layout.yaxis.ticktext[0] == "Melanoma AUC"
    assert len(figure.data) == 1


def test_coverage_stands_beside_what_was_promised() -> None:
    figure = coverage_figure(TABLE.drop(columns="constant"), 0.9)
    line = figure.data[-1]
    assert line.name == "promised: 90%"
    assert list(line.x) == [0.9, 0.9]
