"""Values with their intervals as dots on a line, several beside each other, and bars of probabilities."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from dermaviz.plots.intervals import comparison_figure, coverage_figure, estimates_figure, probability_bars
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
