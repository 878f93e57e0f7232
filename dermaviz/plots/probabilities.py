"""TODO docstring dermaviz.plots.probabilities"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dermaviz.plots.theme import BENIGN, MALIGNANT, MALIGNANT_PATTERN, MUTED, dress, pen, shares

_ROW_HEIGHT, _FRAME_HEIGHT = 30, 76
_LABEL_WIDTH = 26
"""Characters: a longer name is broken, so that the bars keep their room on a phone."""


def probability_bars(
    names: Sequence[str], probabilities: Sequence[float], malignant: Sequence[bool], *, ink: str | None = None
) -> go.Figure:
    """Bars of one image's class probabilities, the most probable on top.

    Args:
        names: of the classes, in words.
        probabilities: in [0, 1], one per class.
        malignant: whether each class counts as malignant; those bars are hatched, and their sum is in the title.
        ink: colour of the words, of the page's theme; by default Plotly's.

    Returns:
        A figure with a trace of benign and one of malignant classes; its title is their key and gives the sums.
    """
    labels = ["<br>".join(textwrap.wrap(name, _LABEL_WIDTH)) for name in names]
    rows = sorted(zip(labels, probabilities, malignant, strict=True), key=lambda row: row[1])
    figure = go.Figure(
        [
            _bars([row for row in rows if not row[2]], "benign", BENIGN, ""),
            _bars([row for row in rows if row[2]], "malignant", MALIGNANT, MALIGNANT_PATTERN),
        ]
    )
    figure.update_layout(
        title=_key(rows) if any(malignant) else None,
        height=_FRAME_HEIGHT + _ROW_HEIGHT * len(rows),
        margin={"l": 0, "r": 44, "t": 52 if any(malignant) else 8, "b": 4},
        bargap=0.32,
        showlegend=False,
        dragmode=False,
    )
    figure.update_xaxes(
        range=[0, 1], tickformat=".0%", dtick=0.5, tickangle=0, gridcolor=MUTED, griddash="dot", fixedrange=True
    )
    figure.update_yaxes(categoryorder="array", categoryarray=[row[0] for row in rows], fixedrange=True, ticksuffix=" ")
    figure.update_xaxes(tickfont={"color": ink, "size": 12})
    figure.update_yaxes(tickfont={"color": ink, "size": 12})
    figure.update_traces(textfont={"color": ink, "size": 12})
    return figure


def _key(rows: list[tuple[str, float, bool]]) -> dict[str, Any]:
    """What the two kinds of bars mean, and what each sums to. A legend would take its room from the bars."""
    lines = (
        f'<span style="color:{colour}">{sign}</span> {words}: together '
        f"{percent(math.fsum(row[1] for row in rows if row[2] == wanted))}"
        for wanted, words, colour, sign in (
            (True, "malignant, hatched", MALIGNANT, "▨"),
            (False, "benign, plain", BENIGN, "■"),
        )
    )
    return {"text": "<br>".join(lines), "x": 0, "xref": "container", "font": {"size": 14, "weight": 400}}


def _bars(rows: list[tuple[str, float, bool]], name: str, colour: str, pattern: str) -> go.Bar:
    return go.Bar(
        name=name,
        orientation="h",
        x=[row[1] for row in rows],
        y=[row[0] for row in rows],
        text=[percent(row[1]) for row in rows],
        textposition="outside",
        cliponaxis=False,
        marker={
            "color": colour,
            "pattern": {"shape": pattern, "bgcolor": colour, "fgcolor": "white", "size": 7, "solidity": 0.2},
        },
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )


def percent(probability: float) -> str:
    """A probability in [0, 1] in words short enough for a bar: ``<1%``, ``37%``, ``>99%``; never a false 0% or 100%."""
    if 0 < probability < 0.01:
        return "<1%"
    if 0.99 < probability < 1:
        return ">99%"
    return f"{probability:.0%}"


_HEIGHT = 380
_SIGNS = ("circle", "square", "diamond")


def counterfactual_figure(
    table: pd.DataFrame,
    names: Mapping[str, str],
    measure: str,
    *,
    cuts: Sequence[float] = (),
    marks: Mapping[str, float] | None = None,
    ink: str | None = None,
) -> go.Figure:
    """A line against ITA for each axis along which a photo was shifted.

    Args:
        table: rows ``axis, ita`` (degrees), ``value`` (a probability in [0, 1]) and ``said`` (what the model says there).
        names: axis to its name in words; their order is that of the lines.
        measure: what is on the vertical axis, in words.
        cuts: ITAs at which tone groups meet, as dotted lines.
        marks: name to ITA of lines to find oneself by, such as the photo's own tone.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    figure = go.Figure()
    for index, (axis, name) in enumerate(names.items()):
        rows = table[table["axis"] == axis].sort_values("ita")
        said = [
            f"ITA {_degrees(ita)}: {measure} {percent(value)}<br>{words}"
            for ita, value, words in zip(rows["ita"], rows["value"], rows["said"], strict=True)
        ]
        figure.add_trace(
            go.Scatter(
                x=rows["ita"],
                y=rows["value"],
                name=name,
                mode="lines+markers",
                line=pen(index),
                marker={"size": 7, "symbol": _SIGNS[index % len(_SIGNS)]},
                hovertext=said,
                hovertemplate=f"%{{hovertext}}<extra>{name}</extra>",
            )
        )
    for cut in cuts:
        figure.add_vline(x=cut, line={"color": MUTED, "width": 1, "dash": "dot"})
    for place, (name, at) in enumerate((marks or {}).items()):
        figure.add_vline(x=at, line={"color": ink or MUTED, "width": 1.5})
        figure.add_annotation(
            x=at, y=1 - 0.08 * place, yref="y domain", yanchor="top", xshift=2, text=name, showarrow=False,
            xanchor="right" if at > 20 else "left", font={"color": ink, "size": 12},
        )  # fmt: skip
    first, last = float(table["ita"].min()), float(table["ita"].max())
    figure.update_xaxes(
        title={"text": "ITA in degrees: dark on the left, very light on the right", "standoff": 6},
        range=[first - 2, last + 2], dtick=20, tick0=0,
    )  # fmt: skip
    figure.update_yaxes(**shares(f"{measure}, 0 to 1"), tickformat=".0%")
    return dress(figure, _HEIGHT, ink)


def _degrees(ita: float) -> str:
    return f"{ita:.0f}°".replace("-", "−")
