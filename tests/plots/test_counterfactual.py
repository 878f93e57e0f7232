"""The curve of one photo against the tone of its skin: what is drawn where, and what is said under the pointer."""

from __future__ import annotations

import pandas as pd

from dermaviz.plots.tone import counterfactual_figure

NAMES = {"melanin": "other skin", "control": "control"}
TABLE = pd.DataFrame(
    {
        "axis": ["melanin"] * 3 + ["control"] * 3,
        "ita": [70, -60, 45.2, 70, -60, 45.2],
        "value": [0.1, 0.6, 0.2, 0.15, 0.3, 0.2],
        "said": ["says nevus", "says melanoma", "says nevus"] * 2,
    }
)


def test_a_line_for_each_axis_from_dark_to_light() -> None:
    tone, control = counterfactual_figure(TABLE, NAMES, "p(malignant)", ink="#1A2B30").data
    assert (tone.name, control.name) == ("other skin", "control")
    assert list(tone.x) == [-60, 45.2, 70]
    assert list(tone.y) == [0.6, 0.2, 0.1]
    assert tone.hovertext[0] == "ITA −60°: p(malignant) 60%<br>says melanoma"
    assert tone.line.dash != control.line.dash
    assert tone.line.color != control.line.color


def test_cuts_and_marks_stand_where_they_are() -> None:
    figure = counterfactual_figure(TABLE, NAMES, "p(malignant)", cuts=(55, 10), marks={"as it is": 45.2, "chosen": -20})
    assert [line.x0 for line in figure.layout.shapes] == [55, 10, 45.2, -20]
    assert {note.text: note.x for note in figure.layout.annotations} == {"as it is": 45.2, "chosen": -20}
    assert figure.layout.xaxis.range == (-62, 72)


def test_an_axis_without_rows_is_an_empty_line() -> None:
    figure = counterfactual_figure(TABLE, NAMES | {"redrawn": "drawn anew"}, "p(malignant)")
    assert len(figure.data[2].x) == 0
