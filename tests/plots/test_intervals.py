"""Values with their intervals as dots on a line, several beside each other, and bars of probabilities."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from dermaviz.plots.intervals import (
    beside_figure,
    comparison_figure,
    coverage_figure,
    estimates_figure,
    probability_bars,
    rows_figure,
    span_of,
)
from dermaviz.plots.theme import MALIGNANT_PATTERN

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


def score(*values: float) -> pd.DataFrame:
    value = np.array(values)
    return pd.DataFrame({"label": ["all", "tan"], "value": value, "low": value - 0.1, "high": value + 0.1})


def test_a_map_and_its_baselines_share_rows() -> None:
    tables = {"map": score(0.6, math.nan), "centre": score(0.5, 0.4)}
    figure = comparison_figure(tables, "energy", reference=(0.0, "nothing"))
    ours, centre, line = figure.data
    assert (ours.name, centre.name, line.name) == ("map", "centre", "nothing")
    assert ours.y[0] < 0 < centre.y[0] < 0.5
    assert ours.error_x.array[0] == pytest.approx(0.1)
    assert ours.hovertext[0] == "0.600 (0.500 to 0.700)"
    assert len({trace.marker.symbol for trace in (ours, centre)}) == 2
    assert list(figure.layout.yaxis.ticktext) == ["all", "tan"]


NAMES = ["nevus", "melanoma", "basal cell carcinoma"]
PROBABILITIES = [0.25, 0.6, 0.15]


def test_the_most_probable_class_is_on_top() -> None:
    figure = probability_bars(NAMES, PROBABILITIES, [False, True, True])
    assert figure.layout.yaxis.categoryarray == ("basal cell carcinoma", "nevus", "melanoma")  # Plotly draws upwards


def test_malignant_classes_are_marked_by_pattern_and_words_with_their_sum() -> None:
    figure = probability_bars(NAMES, PROBABILITIES, [False, True, True])
    benign, malignant = figure.data
    assert set(malignant.y) == {"melanoma", "basal cell carcinoma"}
    assert malignant.marker.pattern.shape == MALIGNANT_PATTERN
    assert benign.marker.pattern.shape == ""
    assert "malignant, hatched: together 75%" in figure.layout.title.text
    assert "benign, plain: together 25%" in figure.layout.title.text


def test_without_malignant_classes_there_is_no_key() -> None:
    figure = probability_bars(NAMES, PROBABILITIES, [False] * 3)
    assert list(figure.data[0].x) == sorted(PROBABILITIES)
    assert figure.layout.title.text is None


def test_long_names_are_broken() -> None:
    bars = probability_bars(["actinic keratosis / intraepithelial carcinoma"], [1.0], [False]).data[0]
    assert bars.y[0].split("<br>") == ["actinic keratosis /", "intraepithelial carcinoma"]


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        probability_bars(NAMES, PROBABILITIES, [True])


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
