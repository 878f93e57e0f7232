"""The charts of skin tone and attention: what is drawn where, and what is said under the pointer."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from dermaviz.plots.theme import INK
from dermaviz.plots.tone import against_ita_figure, counterfactual_figure, distribution_figure, looking_figure

GROUPS = ("very light", "light", "intermediate", "tan", "brown", "dark")
CUTS = (55.0, 41.0, 28.0, 10.0, -30.0)
ITA = np.array([60.0, 55.0, 54.2, 54.1, 41.5, 20.0, -40.0, math.nan])


def test_images_are_counted_in_the_group_that_begins_below_them() -> None:
    figure = distribution_figure(ITA, CUTS, GROUPS)
    names = ["very light: 1", "light: 4", "intermediate: 0", "tan: 1", "brown: 0", "dark: 1"]
    assert [trace.name for trace in figure.data] == names
    light = figure.data[1]
    assert dict(zip(light.x, light.y, strict=True)) == {41.5: 1, 54.5: 3}  # the degree from 54 to 55 holds three
    assert figure.data[5].x[0] == -40.5
    assert [shape.x0 for shape in figure.layout.shapes] == list(CUTS)


@pytest.mark.parametrize("cuts", [CUTS, (50.5, 41.25, 28.0, 19.0, 10.0)])
def test_no_bar_lies_across_a_cut(cuts: tuple[float, ...]) -> None:
    ita = np.linspace(-45, 75, 500)
    figure = distribution_figure(ita, cuts, GROUPS)
    assert sum(sum(trace.y) for trace in figure.data) == 500
    for trace, low in zip(figure.data, cuts, strict=False):
        assert min(trace.x) - 0.5 >= low


def test_a_test_set_without_any_tone_is_an_empty_chart() -> None:
    figure = distribution_figure(np.full(3, math.nan), CUTS, GROUPS)
    assert [sum(trace.y) for trace in figure.data] == [0] * 6


LINE = pd.DataFrame(
    {
        "ita": [40.0, 20.0, 0.0],
        "value": [0.5, 0.25, math.nan],
        "low": [0.4, 0.2, math.nan],
        "high": [0.6, 0.3, math.nan],
    }
)


def test_a_line_along_ita_has_its_band_and_leaves_out_what_is_unknown() -> None:
    figure = against_ita_figure({"right": LINE}, "share", cuts=CUTS, ink=INK["dark"])
    shade, line = figure.data
    assert list(line.x) == [20, 40]
    assert list(line.y) == [0.25, 0.5]
    assert list(shade.y) == [0.3, 0.6, 0.4, 0.2]
    assert line.hovertext[0] == "25% (20% to 30%)"
    assert len(figure.layout.shapes) == len(CUTS)


def test_the_images_themselves_stand_beside_their_trend() -> None:
    steps = pd.DataFrame({"ita": [30.0], "value": [0.4], "low": [0.3], "high": [0.6], "n_images": [50]})
    marks = against_ita_figure({"right": LINE}, "share", points=steps).data[-1]
    assert (marks.x[0], marks.y[0], marks.customdata[0]) == (30, 0.4, 50)
    assert (marks.error_y.array[0], marks.error_y.arrayminus[0]) == (pytest.approx(0.2), pytest.approx(0.1))


def test_a_line_of_too_few_says_so() -> None:
    figure = against_ita_figure({"found": LINE.assign(value=math.nan)}, "share")
    assert figure.data[1].name == "found: too few to say"


IMAGES = pd.DataFrame(
    {
        "image_id": ["a", "b", "c", "d", "e"],
        "group": ["light", "light", "tan", "tan", ""],
        "right": [True, False, True, True, True],
        "ratio": [2.0, 0.0, 100.0, math.nan, 1.0],
    }
)
LABELS = {"light": "light, n = 2", "tan": "tan, n = 1"}


def test_each_image_has_a_dot_in_the_row_of_its_group() -> None:
    figure = looking_figure(IMAGES, LABELS, {"light": 1.5, "tan": math.nan})
    right, wrong = figure.data[:2]
    assert (right.name, wrong.name) == ("right answers: 2", "wrong answers: 1")
    assert list(right.x) == pytest.approx([math.log10(2), 1.0]), "beyond the axis, at its end"
    assert list(wrong.x) == pytest.approx([-1.0])
    assert [row[0] for row in right.customdata] == ["a", "c"]
    assert -0.5 < right.y[0] < 0 < wrong.y[0] < 0.5 < right.y[1] < 1
    assert list(figure.layout.yaxis.ticktext) == list(LABELS.values())
    low, high = figure.layout.yaxis.range
    assert low > high


def test_chance_is_a_line_and_the_centre_a_hollow_sign() -> None:
    figure = looking_figure(IMAGES, LABELS, {"light": 1.5, "tan": math.nan})
    *_, centre, chance = figure.data
    assert list(chance.x) == [0, 0]
    assert chance.name.startswith("chance")
    assert (list(centre.x), list(centre.y)) == ([pytest.approx(math.log10(1.5))], [0])
    medians = figure.data[2]
    assert list(medians.customdata) == [2.0, 100.0]


def test_the_same_picture_is_drawn_every_time() -> None:
    first, second = (looking_figure(IMAGES, LABELS, {}) for _ in range(2))
    some = looking_figure(IMAGES.assign(drawn=np.arange(len(IMAGES)) == 0), LABELS, {})
    assert [trace.name for trace in some.data] == [trace.name for trace in first.data], "counts are of all images"
    assert [list(trace.x) for trace in some.data[2:4]] == [list(trace.x) for trace in first.data[2:4]], "so are medians"
    assert sum(len(trace.x) for trace in some.data[:2]) == 1
    assert list(first.data[0].y) == list(second.data[0].y)


FIGURES = {
    "distribution": distribution_figure(ITA, CUTS, GROUPS, ink=INK["dark"]),
    "against ITA": against_ita_figure({"right": LINE}, "share", ink=INK["dark"]),
    "looking": looking_figure(IMAGES, LABELS, {"light": 1.5}, ink=INK["dark"]),
}


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_a_phone_can_scroll_past_and_words_take_the_ink(figure: go.Figure) -> None:
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        assert axis.fixedrange
        assert axis.tickfont.color == INK["dark"]
        assert axis.title.text is None or axis.title.font.color == INK["dark"]
    assert figure.layout.dragmode is False


DIRECTIONS = {"melanin": "other skin", "control": "control"}
SHIFTS = pd.DataFrame(
    {
        "axis": ["melanin"] * 3 + ["control"] * 3,
        "ita": [70, -60, 45.2, 70, -60, 45.2],
        "value": [0.1, 0.6, 0.2, 0.15, 0.3, 0.2],
        "said": ["says nevus", "says melanoma", "says nevus"] * 2,
    }
)


def test_a_line_for_each_axis_from_dark_to_light() -> None:
    tone, control = counterfactual_figure(SHIFTS, DIRECTIONS, "p(malignant)", ink="#1A2B30").data
    assert (tone.name, control.name) == ("other skin", "control")
    assert list(tone.x) == [-60, 45.2, 70]
    assert list(tone.y) == [0.6, 0.2, 0.1]
    assert tone.hovertext[0] == "ITA −60°: p(malignant) 60%<br>says melanoma"
    assert tone.line.dash != control.line.dash
    assert tone.line.color != control.line.color


def test_cuts_and_marks_stand_where_they_are() -> None:
    figure = counterfactual_figure(
        SHIFTS, DIRECTIONS, "p(malignant)", cuts=(55, 10), marks={"as it is": 45.2, "chosen": -20}
    )
    assert [line.x0 for line in figure.layout.shapes] == [55, 10, 45.2, -20]
    assert {note.text: note.x for note in figure.layout.annotations} == {"as it is": 45.2, "chosen": -20}
    assert figure.layout.xaxis.range == (-62, 72)


def test_an_axis_without_rows_is_an_empty_line() -> None:
    figure = counterfactual_figure(SHIFTS, DIRECTIONS | {"redrawn": "drawn anew"}, "p(malignant)")
    assert len(figure.data[2].x) == 0
