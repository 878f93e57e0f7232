"""Curves of a classifier: ROC, precision–recall, reliability, risk–coverage, and those of its training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dermaviz.plots.theme import (
    MUTED,
    add_note,
    axis,
    band,
    chart,
    colour_of,
    constant_line,
    interval_bars,
    line_trace,
    share_axis,
    styled,
)

_HEIGHT = 400
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross")
_LOSSES = {"train_loss": "training loss", "loss": "validation loss"}
_METRICS = {"balanced_accuracy": "balanced accuracy", "macro_f1": "macro-F1", "accuracy": "accuracy"}


@chart
def roc_figure(
    curves: Mapping[str, pd.DataFrame], points: pd.DataFrame | None = None, *, ink: str | None = None
) -> go.Figure:
    """Sensitivity against the false positive rate, with the line of chance.

    Args:
        curves: per name, a table ``threshold, false_positive_rate, sensitivity`` in order of the threshold.
        points: operating points: ``name`` (of the curve, whose colour it takes), ``threshold``, ``false_positive_rate``,
            ``sensitivity``, and, where known, the ends of their 95% intervals: each with ``_low`` and ``_high``.
    """
    figure = go.Figure([constant_line([0, 1], [0, 1], "chance")])
    _add_curves(figure, curves, "false_positive_rate", "sensitivity", "linear")
    _add_points(figure, curves, points, "false_positive_rate", "sensitivity")
    figure.update_xaxes(**share_axis("false positive rate (1 − specificity), 0 to 1"))
    figure.update_yaxes(**share_axis("sensitivity, 0 to 1"))
    return styled(figure, _HEIGHT, ink)


@chart
def precision_recall_figure(
    curves: Mapping[str, pd.DataFrame], prevalence: float, points: pd.DataFrame | None = None, *, ink: str | None = None
) -> go.Figure:
    """Precision against recall, in steps, with the precision of chance: the share of positives, ``prevalence`` in [0, 1].

    The tables of ``curves`` have the columns ``threshold, recall, precision``; ``points`` are as for ``roc_figure``, of
    ``recall`` and ``precision``.
    """
    figure = go.Figure([constant_line([0, 1], [prevalence] * 2, f"chance: {prevalence:.1%} are positive")])
    _add_curves(figure, curves, "recall", "precision", "hv")
    _add_points(figure, curves, points, "recall", "precision")
    figure.update_xaxes(**share_axis("recall (sensitivity), 0 to 1"))
    figure.update_yaxes(**share_axis("precision, 0 to 1"))
    return styled(figure, _HEIGHT, ink)


@chart
def reliability_figure(bins: Mapping[str, pd.DataFrame], *, ink: str | None = None) -> go.Figure:
    """How often answers of a given confidence are right, with 95% intervals; below, how many images each bin holds.

    Args:
        bins: per name (such as before and after calibration), a table ``low, high, confidence, accuracy, accuracy_low,
            accuracy_high, n``, one row per bin of confidence; empty bins are left out.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.76, 0.24], vertical_spacing=0.06)
    figure.add_trace(constant_line([0, 1], [0, 1], "confidence equals accuracy"), row=1, col=1)
    for index, (name, table) in enumerate(bins.items()):
        full = table[table["n"] > 0]
        figure.add_trace(_reliability_points(name, full, index), row=1, col=1)
        figure.add_trace(_bin_sizes(name, full, index), row=2, col=1)
    figure.update_xaxes(**share_axis(""), row=1, col=1)
    figure.update_xaxes(**share_axis("mean confidence of the images in a bin, 0 to 1"), row=2, col=1)
    figure.update_yaxes(**share_axis("share that is right, 0 to 1"), row=1, col=1)
    figure.update_yaxes(**axis("images", rangemode="tozero", nticks=3), row=2, col=1)
    figure.update_layout(barmode="overlay")
    return styled(figure, 470, ink)


@chart
def risk_coverage_figure(curves: Mapping[str, pd.DataFrame], *, ink: str | None = None) -> go.Figure:
    """The share of wrong answers among the most confident ones, against how many of the images are answered.

    The tables have the columns ``coverage, risk, low, high``: shares in [0, 1], the last two a 95% interval, drawn as a
    band (El-Yaniv and Wiener 2010).
    """
    figure = go.Figure()
    for index, (name, table) in enumerate(curves.items()):
        figure.add_trace(band(table["coverage"], table["low"], table["high"], index))
        words = "Of the most confident %{x:.0%}, %{y:.1%} are wrong.<extra></extra>"
        figure.add_trace(line_trace(table["coverage"], table["risk"], name, index, hovertemplate=words))
    figure.update_xaxes(**share_axis("coverage: share answered, the surest first, 0 to 1"))
    figure.update_yaxes(**axis("risk: share of these that is wrong", rangemode="tozero", tickformat=".0%"))
    return styled(figure, 360, ink, legend=len(curves) > 1)


def _add_curves(figure: go.Figure, curves: Mapping[str, pd.DataFrame], x: str, y: str, shape: str) -> None:
    words = f"{x.replace('_', ' ')} %{{x:.3f}}<br>{y} %{{y:.3f}}<br>threshold %{{customdata:.3f}}"
    for index, (name, table) in enumerate(curves.items()):
        said = {"customdata": table["threshold"], "hovertemplate": f"{words}<extra>{name}</extra>"}
        figure.add_trace(line_trace(table[x], table[y], name, index, line={"shape": shape}, **said))


def _add_points(
    figure: go.Figure, curves: Mapping[str, pd.DataFrame], points: pd.DataFrame | None, x: str, y: str
) -> None:
    """Operating points: large marks with a rim, and a cross of intervals where they are known."""
    order, axes = list(curves), f"{x.replace('_', ' ')} %{{x:.3f}}<br>{y} %{{y:.3f}}"
    for point in () if points is None else points.to_dict("records"):
        colour = colour_of(order.index(point["name"]) if point["name"] in order else 0)
        threshold = f"threshold {point['threshold']:.2f}"
        figure.add_trace(
            go.Scatter(
                x=[point[x]],
                y=[point[y]],
                error_x=_error(point, x, colour),
                error_y=_error(point, y, colour),
                name=threshold if len(order) == 1 else f"{point['name']}, {threshold}",
                showlegend=len(order) == 1,  # with several, their colours say whose they are, and the key stays short
                mode="markers",
                marker={"size": 13, "color": colour, "symbol": "diamond", "line": {"color": "white", "width": 1.5}},
                hovertemplate=f"{axes}<extra>threshold {point['threshold']:.3f}</extra>",
            )
        )


def _error(point: Mapping[str, float], of: str, colour: str) -> dict[str, object] | None:
    low, high = point.get(f"{of}_low", np.nan), point.get(f"{of}_high", np.nan)
    if not np.isfinite([low, high]).all():
        return None
    up, down = max(high - point[of], 0), max(point[of] - low, 0)
    return {"type": "data", "array": [up], "arrayminus": [down], "color": colour, "thickness": 1.5, "width": 4}


def _reliability_points(name: str, table: pd.DataFrame, index: int) -> go.Scatter:
    value, low, high = (table[column] for column in ("accuracy", "accuracy_low", "accuracy_high"))
    return line_trace(
        table["confidence"],
        value,
        name,
        index,
        mode="lines+markers",
        line={"width": 1.5},
        error_y=interval_bars(value, low, high, colour_of(index), thickness=1.5, width=3),
        customdata=table[["low", "high", "accuracy_low", "accuracy_high", "n"]],
        marker={"size": 8, "symbol": _SYMBOLS[index % 4]},
        hovertemplate=(
            "confidence %{customdata[0]:.2f} to %{customdata[1]:.2f}, %{customdata[4]:,} images<br>"
            "right: %{y:.1%} (%{customdata[2]:.1%} to %{customdata[3]:.1%})<extra></extra>"
        ),
    )


def _bin_sizes(name: str, table: pd.DataFrame, index: int) -> go.Bar:
    colour = colour_of(index)
    return go.Bar(
        x=(table["low"] + table["high"]) / 2,
        width=(table["high"] - table["low"]) * 0.9,
        y=table["n"],
        name=name,
        marker={"color": colour if index == 0 else "rgba(0,0,0,0)", "line": {"color": colour, "width": 1.5}},
        opacity=0.8,
        showlegend=False,
        hovertemplate=f"%{{y:,}} images<extra>{name}</extra>",
    )


@chart
def learning_figure(curve: pd.DataFrame, kept_epoch: int | None = None, *, ink: str | None = None) -> go.Figure:
    """Losses above, validation metrics below, by epoch.

    The training loss is the one that was optimised, with class weights and smoothed labels where the recipe has them: its
    course can be held against that of the validation loss, its height cannot.

    Args:
        curve: one row per epoch, as on a checkpoint's card (``training.curve``): ``epoch`` and those there are of
            ``size`` (input, in pixels), ``train_loss``, ``loss``, ``balanced_accuracy``, ``macro_f1``, ``accuracy``.
        kept_epoch: the epoch whose weights the checkpoint holds; None leaves it unmarked.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    present = [*((1, column, name) for column, name in _LOSSES.items() if column in curve)]
    present += [(2, column, name) for column, name in _METRICS.items() if column in curve]
    for index, (row, column, name) in enumerate(present):
        more = {"line": {"width": 2}, "marker": {"size": 6, "symbol": _SYMBOLS[index % len(_SYMBOLS)]}}
        words = f"epoch %{{x}}: {name} %{{y:.3f}}<extra></extra>"
        trace = line_trace(
            curve["epoch"], curve[column], name, index, mode="lines+markers", hovertemplate=words, **more
        )
        figure.add_trace(trace, row=row, col=1)
    _mark_sizes(figure, curve, ink)
    if kept_epoch is not None:
        figure.add_vline(x=kept_epoch, line={"color": ink or MUTED, "width": 1.5})
        place = {"yref": "y2 domain", "yanchor": "bottom", "xanchor": "right", "xshift": -3}
        add_note(figure, "kept", ink, x=kept_epoch, y=0, **place)
    figure.update_yaxes(**axis("loss, 0 is perfect", rangemode="tozero"), row=1, col=1)
    figure.update_yaxes(**axis("on validation, 0 to 1", nticks=6), row=2, col=1)
    last = int(curve["epoch"].max()) if len(curve) else 1
    figure.update_xaxes(range=[0.5, last + 0.5], tickformat="d", nticks=8)
    figure.update_xaxes(**axis("epoch"), row=2, col=1)
    return styled(figure, 460, ink)


def _mark_sizes(figure: go.Figure, curve: pd.DataFrame, ink: str | None) -> None:
    """A line where the input grows, and the size in pixels under each stretch."""
    if "size" not in curve or not len(curve):
        return
    changed = curve[curve["size"] != curve["size"].shift()]
    for epoch, size in zip(changed["epoch"], changed["size"], strict=True):
        if epoch != curve["epoch"].iloc[0]:
            figure.add_vline(x=epoch - 0.5, line={"color": MUTED, "dash": "dot", "width": 1.5})
        place = {"yref": "y domain", "yanchor": "bottom", "xanchor": "left"}
        add_note(figure, f"{size} px", ink, x=epoch - 0.5, y=0, **place)
