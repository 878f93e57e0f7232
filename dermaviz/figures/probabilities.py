"""Figures: the probabilities of one image's classes as bars, the malignant ones marked by pattern, colour and words."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from dermaviz.figures.palette import BENIGN, MALIGNANT, MALIGNANT_PATTERN, MUTED

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
