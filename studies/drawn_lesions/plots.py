"""Figures: drawn lesions held against photographs — colours, spectra, distances, and what a model calls them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb
from plotly.subplots import make_subplots

from dermaviz.plots.confusion_matrix import confusion_figure
from dermaviz.plots.theme import MUTED, SERIES, line_style, styled

_SHADE = 0.15


def colours_figure(table: pd.DataFrame, *, ink: str | None = None) -> go.Figure:
    """Distributions of L*, a* and b* on skin (above) and on the lesion (below), a line for each set of pictures.

    Args:
        table: ``set, part`` (skin or lesion), ``axis, value, share`` in [0, 1]; sets and axes in their order there.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    parts, axes, sets = (list(table[column].unique()) for column in ("part", "axis", "set"))
    titles = [f"{part}: {axis}" for part in parts for axis in axes]
    figure = make_subplots(len(parts), len(axes), subplot_titles=titles, horizontal_spacing=0.07, vertical_spacing=0.16)
    for (name, part, axis), rows in table.groupby(["set", "part", "axis"], sort=False):
        figure.add_trace(
            go.Scatter(
                x=rows["value"].to_list(), y=rows["share"].to_list(), name=name, legendgroup=name, mode="lines",
                line=line_style(sets.index(name)) | {"shape": "spline", "width": 2}, hovertemplate="%{x:.0f}: %{y:.1%}",
                showlegend=part == parts[0] and axis == axes[0],
            ),
            parts.index(part) + 1,
            axes.index(axis) + 1,
        )  # fmt: skip
    figure.update_annotations(font={"color": ink, "size": 13})
    styled(figure, 480, ink)
    figure.update_layout(margin={"t": 72})
    return figure.update_yaxes(tickformat=".0%", rangemode="tozero")


def spectrum_figure(table: pd.DataFrame, *, ink: str | None = None) -> go.Figure:
    """Power of L* against spatial frequency, on logarithmic axes, a line and a band for each set of pictures.

    Args:
        table: ``set, frequency`` in cycles per side, ``mean, low, high`` in dB.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    figure = go.Figure()
    for index, (name, rows) in enumerate(table.groupby("set", sort=False)):
        red, green, blue = hex_to_rgb(SERIES[index % len(SERIES)])
        figure.add_scatter(
            x=[*rows["frequency"], *rows["frequency"][::-1]], y=[*rows["high"], *rows["low"][::-1]], fill="toself",
            fillcolor=f"rgba({red},{green},{blue},{_SHADE})", line={"width": 0}, hoverinfo="skip", showlegend=False,
            mode="lines", legendgroup=name,
        )  # fmt: skip
        figure.add_scatter(
            x=rows["frequency"].to_list(), y=rows["mean"].to_list(), name=name, legendgroup=name, mode="lines",
            line=line_style(index), hovertemplate="%{x:.0f} cycles per side: %{y:.1f} dB",
        )  # fmt: skip
    styled(figure, 400, ink)
    figure.update_xaxes(title="cycles per side (logarithmic)", type="log", tickvals=[1, 2, 5, 10, 20, 50])
    return figure.update_yaxes(title="power of L*, dB; line: mean, band: 10–90% of the pictures")


def distances_figure(table: pd.DataFrame, *, ink: str | None = None) -> go.Figure:
    """Distances of drawn sets from the photographs as multiples of the floor: 1 is a second half of the photographs.

    Args:
        table: ``set, label, unit, value, low, high, floor``.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    figure = go.Figure()
    for index, (name, rows) in enumerate(table.groupby("set", sort=False)):
        times = rows["value"] / rows["floor"]
        figure.add_scatter(
            x=times.to_list(), y=rows["label"].to_list(), name=name, mode="markers",
            marker={"color": SERIES[(index + 1) % len(SERIES)], "size": 11, "symbol": ["circle", "diamond"][index % 2]},
            error_x={
                "type": "data", "symmetric": False, "array": ((rows["high"] - rows["value"]) / rows["floor"]).to_list(),
                "arrayminus": ((rows["value"] - rows["low"]) / rows["floor"]).to_list(), "thickness": 1.5,
            },
            customdata=rows[["value", "unit", "floor"]].to_numpy().tolist(),
            hovertemplate="%{y}: %{customdata[0]:.2f} %{customdata[1]}, floor %{customdata[2]:.2f}",
        )  # fmt: skip
    figure.add_vline(1, line={"color": MUTED, "dash": "dot", "width": 1.5})
    styled(figure, 300, ink)
    top = float((table["high"] / table["floor"]).max())
    marks = [tick for tick in (1, 2, 5, 10, 20, 50, 100) if tick <= top * 1.3]
    figure.update_xaxes(
        title="times the distance of two halves of the photographs (logarithmic; dotted: 1)", type="log",
        tickvals=marks, range=[np.log10(0.7), np.log10(top * 1.3)],
    )  # fmt: skip
    return figure.update_yaxes(autorange="reversed")


def answers_figure(table: pd.DataFrame, classes: Sequence[str], *, ink: str | None = None) -> go.Figure:
    """What a model calls drawn lesions: rows are drawn as, columns are called.

    Args:
        table: of one set, ``dx, called, n``. classes: what the model can call a lesion.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    counts = table.pivot_table(index="dx", columns="called", values="n", aggfunc="sum", fill_value=0, observed=True)
    rows = list(table["dx"].unique())
    matrix = counts.reindex(index=rows, columns=list(classes), fill_value=0).to_numpy()
    return confusion_figure(matrix, rows, list(classes), ink=ink)
