"""Figures: the learning curves of a training run, with the changes of input size and the epoch that was kept."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dermaviz.figures.axes import dress, pen
from dermaviz.figures.palette import MUTED

_LOSSES = {"train_loss": "training loss", "loss": "validation loss"}
_METRICS = {"balanced_accuracy": "balanced accuracy", "macro_f1": "macro-F1", "accuracy": "accuracy"}
_SIGNS = ("circle", "square", "diamond", "triangle-up", "cross")


def learning_figure(curve: pd.DataFrame, kept_epoch: int | None = None, *, ink: str | None = None) -> go.Figure:
    """Losses above, validation metrics below, by epoch.

    The training loss is the one that was optimised, with class weights and smoothed labels where the recipe has them: its
    course can be held against that of the validation loss, its height cannot.

    Args:
        curve: one row per epoch, as on a checkpoint's card (``training.curve``): ``epoch`` and those there are of
            ``size`` (input, in pixels), ``train_loss``, ``loss``, ``balanced_accuracy``, ``macro_f1``, ``accuracy``.
        kept_epoch: the epoch whose weights the checkpoint holds; None leaves it unmarked.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    present = [*((1, column, name) for column, name in _LOSSES.items() if column in curve)]
    present += [(2, column, name) for column, name in _METRICS.items() if column in curve]
    for index, (row, column, name) in enumerate(present):
        figure.add_trace(_line(curve, column, name, index), row=row, col=1)
    _mark_sizes(figure, curve, ink)
    if kept_epoch is not None:
        figure.add_vline(x=kept_epoch, line={"color": ink or MUTED, "width": 1.5})
        figure.add_annotation(
            x=kept_epoch, y=0, yref="y2 domain", yanchor="bottom", xanchor="right", xshift=-3, text="kept",
            showarrow=False, font={"color": ink, "size": 12},
        )  # fmt: skip
    figure.update_yaxes(title={"text": "loss, 0 is perfect", "standoff": 6}, rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title={"text": "on validation, 0 to 1", "standoff": 6}, nticks=6, row=2, col=1)
    last = int(curve["epoch"].max()) if len(curve) else 1
    figure.update_xaxes(range=[0.5, last + 0.5], tickformat="d", nticks=8)
    figure.update_xaxes(title={"text": "epoch", "standoff": 6}, row=2, col=1)
    return dress(figure, 460, ink)


def _line(curve: pd.DataFrame, column: str, name: str, index: int) -> go.Scatter:
    return go.Scatter(
        x=curve["epoch"],
        y=curve[column],
        name=name,
        mode="lines+markers",
        line=pen(index) | {"width": 2},
        marker={"size": 6, "symbol": _SIGNS[index % len(_SIGNS)]},
        hovertemplate=f"epoch %{{x}}: {name} %{{y:.3f}}<extra></extra>",
    )


def _mark_sizes(figure: go.Figure, curve: pd.DataFrame, ink: str | None) -> None:
    """A line where the input grows, and the size in pixels under each stretch."""
    if "size" not in curve or not len(curve):
        return
    changed = curve[curve["size"] != curve["size"].shift()]
    for epoch, size in zip(changed["epoch"], changed["size"], strict=True):
        if epoch != curve["epoch"].iloc[0]:
            figure.add_vline(x=epoch - 0.5, line={"color": MUTED, "dash": "dot", "width": 1.5})
        figure.add_annotation(
            x=epoch - 0.5, y=0, yref="y domain", yanchor="bottom", xanchor="left", text=f"{size} px",
            showarrow=False, font={"color": ink, "size": 12},
        )  # fmt: skip
