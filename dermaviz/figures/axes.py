"""Figures: the frame that charts share: quiet axes with titles, words in the page's ink, nothing that traps a phone's scroll."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from dermaviz.figures.palette import DASHES, MUTED, SERIES

_WORDS, _SMALL = 13, 12
_SHADE = 0.17


def dress(figure: go.Figure, height: int, ink: str | None, *, legend: bool = True) -> go.Figure:
    """Give a chart its height in pixels, its words their colour, and its key a place above it; returns the same figure."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 56 if legend else 12, "b": 8},
        dragmode=False,
        hovermode="closest",
        showlegend=legend,
        plot_bgcolor="rgba(0,0,0,0)",
        legend={
            "orientation": "h", "x": 0, "xref": "container", "y": 1, "yref": "container", "xanchor": "left",
            "yanchor": "top", "traceorder": "normal", "font": {"color": ink, "size": _SMALL},
        },
    )  # fmt: skip
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(
            fixedrange=True,
            gridcolor=MUTED,
            griddash="dot",
            gridwidth=0.5,
            zeroline=False,
            automargin=True,
            title_font={"color": ink, "size": _WORDS},
            tickfont={"color": ink, "size": _SMALL},
        )
    return figure


def shares(title: str, **more: Any) -> dict[str, Any]:
    """An axis from 0 to 1, with a little room for marks that lie on its ends."""
    return {"title": {"text": title, "standoff": 6}, "range": [-0.02, 1.02], "tick0": 0, "dtick": 0.25} | more


def pen(index: int) -> dict[str, Any]:
    """The line of the n-th model or setting: a colour and a dash of its own."""
    return {"color": SERIES[index % len(SERIES)], "dash": DASHES[index % len(DASHES)], "width": 2.5}


def whiskers(
    value: pd.Series, low: pd.Series, high: pd.Series, colour: str, *, thickness: float = 2.5, width: float = 0
) -> dict[str, Any]:
    """The intervals of dots as their error bars; thickness and the width of the ends are in pixels."""
    bars = {"type": "data", "array": high - value, "arrayminus": value - low, "color": colour}
    return bars | {"thickness": thickness, "width": width}


def constant_line(x: list[float], y: list[float], name: str) -> go.Scatter:
    """A line to hold a curve against, such as chance."""
    return go.Scatter(
        x=x, y=y, name=name, mode="lines", line={"color": MUTED, "dash": "dot", "width": 1.5}, hoverinfo="skip"
    )


def band(x: Iterable[float], low: Iterable[float], high: Iterable[float], index: int) -> go.Scatter:
    """The n-th line's interval as a shade in its colour: there along the upper bounds, back along the lower ones."""
    places, lower = list(x), list(low)
    red, green, blue = hex_to_rgb(SERIES[index % len(SERIES)])
    return go.Scatter(
        x=[*places, *reversed(places)],
        y=[*high, *reversed(lower)],
        fill="toself",
        fillcolor=f"rgba({red}, {green}, {blue}, {_SHADE})",
        mode="lines",
        line={"width": 0},
        showlegend=False,
        hoverinfo="skip",
    )
