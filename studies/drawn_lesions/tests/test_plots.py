"""The figures that hold drawn lesions against photographs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from studies.drawn_lesions.plots import answers_figure, colours_figure, distances_figure, spectrum_figure

COLOURS = pd.DataFrame(
    [
        {"set": name, "part": part, "axis": axis, "value": value, "share": 0.5}
        for name in ("HAM10000", "drawn")
        for part in ("skin", "lesion")
        for axis in ("L*", "a*", "b*")
        for value in (10.0, 20.0)
    ]
)
SPECTRA = pd.DataFrame(
    {
        "set": ["HAM10000"] * 2 + ["drawn"] * 2,
        "frequency": [1.0, 10.0] * 2,
        "mean": [50.0, 30.0, 48.0, 31.0],
        "low": [40.0, 20.0, 41.0, 22.0],
        "high": [60.0, 35.0, 55.0, 36.0],
    }
)
DISTANCES = pd.DataFrame(
    {
        "set": ["drawn", "drawn"],
        "label": ["Skin colour", "Spectrum of L*"],
        "unit": ["ΔE", "dB"],
        "value": [4.0, 1.0],
        "low": [3.0, 0.9],
        "high": [6.0, 1.2],
        "floor": [2.0, 0.5],
    }
)


def test_each_set_is_one_entry_of_the_key_over_six_panels() -> None:
    figure = colours_figure(COLOURS)
    assert len(figure.data) == 2 * 6
    assert [trace.name for trace in figure.data if trace.showlegend] == ["HAM10000", "drawn"]
    titles = [note.text for note in figure.layout.annotations]
    assert titles == ["skin: L*", "skin: a*", "skin: b*", "lesion: L*", "lesion: a*", "lesion: b*"]


def test_spectra_have_a_band_and_a_line() -> None:
    figure = spectrum_figure(SPECTRA, ink="#1A2B30")
    assert [trace.fill for trace in figure.data] == ["toself", None, "toself", None]
    assert list(figure.data[1].y) == [50.0, 30.0]
    assert list(figure.data[0].y) == [60.0, 35.0, 20.0, 40.0]  # out along the upper end, back along the lower
    assert figure.layout.xaxis.type == "log"


def test_distances_are_multiples_of_the_floor() -> None:
    (trace,) = distances_figure(DISTANCES).data
    assert list(trace.x) == [2.0, 2.0]
    assert list(trace.error_x.array) == pytest.approx([1.0, 0.4])
    assert list(trace.error_x.arrayminus) == pytest.approx([0.5, 0.2])


def test_answers_keep_classes_that_were_never_called() -> None:
    table = pd.DataFrame({"dx": ["mel", "mel", "nv"], "called": ["mel", "nv", "nv"], "n": [3, 1, 4]})
    figure = answers_figure(table, ["bkl", "mel", "nv"])
    heat = next(trace for trace in figure.data if trace.type == "heatmap")
    assert np.asarray(heat.z, dtype=float) == pytest.approx(np.array([[0, 0.75, 0.25], [0, 0, 1]]))
