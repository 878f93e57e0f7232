"""The curves of a classifier and of its training: their lines, marks, intervals and axes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from dermaviz.plots.curves import (
    learning_figure,
    precision_recall_figure,
    reliability_figure,
    risk_coverage_figure,
    roc_figure,
)
from dermaviz.plots.theme import INK, SERIES

ROC = pd.DataFrame(
    {"threshold": [np.inf, 0.8, 0.1], "false_positive_rate": [0.0, 0.25, 1.0], "sensitivity": [0.0, 0.9, 1.0]}
)
PR = pd.DataFrame({"threshold": [0.1, 0.8], "recall": [1.0, 0.5], "precision": [0.2, 0.8]})
BINS = pd.DataFrame(
    {
        "low": [0.0, 0.5, 0.75],
        "high": [0.5, 0.75, 1.0],
        "confidence": [np.nan, 0.6, 0.9],
        "accuracy": [np.nan, 0.5, 0.95],
        "accuracy_low": [np.nan, 0.4, 0.9],
        "accuracy_high": [np.nan, 0.7, 0.97],
        "n": [0, 20, 80],
    }
)
RISK = pd.DataFrame({"coverage": [0.5, 1.0], "risk": [0.05, 0.2], "low": [0.02, 0.15], "high": [0.1, 0.25]})


def point(**more: object) -> pd.DataFrame:
    """A table of one operating point."""
    return pd.DataFrame([{"name": "a", "threshold": 0.3, "false_positive_rate": 0.2, "sensitivity": 0.8, **more}])


def trace(figure: go.Figure, name: str) -> go.Scatter:
    """The trace whose name starts so."""
    return next(found for found in figure.data if (found.name or "").startswith(name))


def test_roc_curves_have_a_colour_and_a_dash_of_their_own_beside_chance() -> None:
    figure = roc_figure({"a": ROC, "b": ROC})
    first, second = trace(figure, "a"), trace(figure, "b")
    assert list(first.y) == [0.0, 0.9, 1.0]
    assert first.line.color != second.line.color
    assert first.line.dash != second.line.dash
    assert list(trace(figure, "chance").x) == list(trace(figure, "chance").y) == [0, 1]


def test_an_operating_point_takes_its_curves_colour_and_shows_its_interval() -> None:
    figure = roc_figure({"b": ROC, "a": ROC}, point(sensitivity_low=0.7, sensitivity_high=0.85))
    mark = trace(figure, "a, threshold 0.30")
    assert (mark.x[0], mark.y[0]) == (0.2, 0.8)
    assert mark.marker.color == SERIES[1]
    assert mark.error_y.array[0] == pytest.approx(0.05)
    assert mark.error_y.arrayminus[0] == pytest.approx(0.1)
    assert mark.error_x.array is None


def test_an_interval_that_is_not_known_is_not_drawn() -> None:
    mark = trace(roc_figure({"a": ROC}, point(sensitivity_low=np.nan, sensitivity_high=np.nan)), "threshold")
    assert mark.error_y.array is None


def test_precision_against_recall_goes_in_steps_and_chance_is_the_share_of_positives() -> None:
    figure = precision_recall_figure({"a": PR}, 0.2)
    assert trace(figure, "a").line.shape == "hv"
    chance = trace(figure, "chance: 20.0% are positive")
    assert list(chance.y) == [0.2, 0.2]


def test_reliability_leaves_empty_bins_out_and_shows_how_many_images_are_in_each() -> None:
    points, sizes = (t for t in reliability_figure({"a": BINS}).data if t.name == "a")
    assert list(points.x) == [0.6, 0.9]
    np.testing.assert_allclose(points.error_y.array, [0.2, 0.02])
    np.testing.assert_allclose(points.error_y.arrayminus, [0.1, 0.05])
    assert list(sizes.x) == [0.625, 0.875]
    assert list(sizes.y) == [20, 80]


def test_risk_against_coverage_has_a_band() -> None:
    shade, line = risk_coverage_figure({"a": RISK}).data
    assert list(shade.x) == [*line.x, *line.x[::-1]]
    assert list(shade.y) == [0.1, 0.25, 0.15, 0.02]
    assert shade.fill == "toself"
    assert list(line.y) == [0.05, 0.2]


FIGURES = {
    "roc": roc_figure({"a": ROC}, point(), ink=INK["dark"]),
    "precision and recall": precision_recall_figure({"a": PR}, 0.1, ink=INK["dark"]),
    "reliability": reliability_figure({"a": BINS}, ink=INK["dark"]),
    "risk and coverage": risk_coverage_figure({"a": RISK}, ink=INK["dark"]),
}


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_a_phone_can_scroll_past_and_words_take_the_ink(figure: go.Figure) -> None:
    axes = [figure.layout[name] for name in figure.layout if name.startswith(("xaxis", "yaxis"))]
    assert axes
    assert figure.layout.dragmode is False
    for axis in axes:
        assert axis.fixedrange
        assert axis.tickfont.color == axis.title.font.color == INK["dark"]
    assert figure.layout.legend.font.color == INK["dark"]


CURVE = pd.DataFrame(
    {
        "epoch": [1, 2, 3],
        "size": [128, 128, 192],
        "train_loss": [1.5, 1.1, 0.9],
        "loss": [0.9, 0.7, 0.6],
        "balanced_accuracy": [0.5, 0.6, 0.65],
        "macro_f1": [0.4, 0.5, 0.6],
        "accuracy": [0.7, 0.71, 0.74],
    }
)


def test_losses_stand_above_metrics() -> None:
    figure = learning_figure(CURVE)
    places = {trace.name: trace.yaxis for trace in figure.data}
    assert places == {
        "training loss": "y",
        "validation loss": "y",
        "balanced accuracy": "y2",
        "macro-F1": "y2",
        "accuracy": "y2",
    }
    for look in ("marker.symbol", "line.color", "line.dash"):
        assert len({trace[look] for trace in figure.data}) == len(figure.data), look
    assert list(figure.data[1].y) == [0.9, 0.7, 0.6]


def test_changes_of_input_size_and_the_kept_epoch_are_marked() -> None:
    figure = learning_figure(CURVE, kept_epoch=2)
    said = {note.text: note.x for note in figure.layout.annotations}
    assert said == {"128 px": 0.5, "192 px": 2.5, "kept": 2}
    assert {shape.x0 for shape in figure.layout.shapes} == {2.5, 2}


@pytest.mark.parametrize("columns", [["epoch", "loss"], ["epoch", "train_loss", "macro_f1"]])
def test_what_a_card_does_not_hold_is_left_out(columns: list[str]) -> None:
    figure = learning_figure(CURVE[columns])
    assert len(figure.data) == len(columns) - 1
    assert not figure.layout.annotations


def test_a_run_without_epochs_is_an_empty_figure() -> None:
    assert all(len(trace.x) == 0 for trace in learning_figure(CURVE[:0]).data)
