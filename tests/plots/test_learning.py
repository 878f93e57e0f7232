"""The learning curves of a training run as a figure."""

from __future__ import annotations

import pandas as pd
import pytest

from dermaviz.plots.curves import learning_figure

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
    assert len({trace.marker.symbol for trace in figure.data}) == len(figure.data)
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
