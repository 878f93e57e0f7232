"""Figures: estimates with their intervals as dots on a line, such as metrics, groups, or coverage by class."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dermaviz.plots.theme import (
    BENIGN,
    MALIGNANT,
    MALIGNANT_PATTERN,
    MUTED,
    interval_bars,
    percent,
    share_axis,
    signed,
    styled,
)

_LABEL_LETTERS = 20
_ROW_HEIGHT, _LINE_HEIGHT, _FRAME_HEIGHT = 24, 14, 112


def estimates_figure(
    table: pd.DataFrame,
    *,
    title: str = "value, 0 to 1",
    span: tuple[float, float] = (0.0, 1.0),
    dots_name: str = "the model, with 95% interval",
    constant_name: str = "always the commonest answer",
    reference: tuple[float, str] | None = None,
    change: bool = False,
    ink: str | None = None,
) -> go.Figure:
    """Dots with 95% intervals, one row of the table each, the first on top.

    Args:
        table: ``label``, ``value``, ``low``, ``high``; where there are any, ``n`` (written under the label) and
            ``constant`` (what the constant answer gets: a hollow mark). A value of NaN reads "too few to say".
        title: of the axis, with the unit and range.
        span: ends of the axis.
        dots_name: what the dots are.
        constant_name: what the hollow marks are.
        reference: a line to hold all values against, and its name.
        change: whether the values are differences, which are written with their sign.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    places = list(range(len(table)))
    known = table["value"].notna().to_numpy()
    constant = table["constant"] if "constant" in table else pd.Series(np.nan, index=table.index)
    labels = [_label(label, n) for label, n in zip(table["label"], _counts(table), strict=True)]
    figure = go.Figure(_dots(table, places, labels, dots_name, change))
    if constant.notna().any():
        figure.add_trace(_hollow(constant, places, constant_name))
    if reference is not None:
        figure.add_trace(_reference(reference, len(places)))
    room = (span[1] - span[0]) * 0.03
    for place in (place for place in places if not known[place]):
        figure.add_annotation(
            x=span[0], y=place, xanchor="left", text="too few to say", showarrow=False, font={"color": ink, "size": 12}
        )
    figure.update_xaxes(**share_axis(title, range=[span[0] - room, span[1] + room], dtick=None, nticks=6))
    figure.update_yaxes(
        tickvals=places, ticktext=labels, range=[len(places) - 0.5, -0.5], ticksuffix=" ", showgrid=False
    )
    lines = max((label.count("<br>") for label in labels), default=0)
    return styled(figure, _FRAME_HEIGHT + (_ROW_HEIGHT + _LINE_HEIGHT * lines) * len(places), ink)


def coverage_figure(table: pd.DataFrame, level: float, *, ink: str | None = None) -> go.Figure:
    """How often a conformal set holds the true class, by class, with 95% intervals, beside what was promised.

    Args:
        table: one row per class: ``label``, ``value`` (achieved coverage in [0, 1]), ``low``, ``high``, ``n``.
        level: the nominal coverage in [0, 1], drawn as a line.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    return estimates_figure(
        table,
        title="share of sets that hold the true class, 0 to 1",
        reference=(level, f"promised: {level:.0%}"),
        ink=ink,
    )


def _counts(table: pd.DataFrame) -> list[int | None]:
    return [None if pd.isna(n) else int(n) for n in table["n"]] if "n" in table else [None] * len(table)


def _label(label: str, n: int | None) -> str:
    lines = textwrap.wrap(str(label), _LABEL_LETTERS) or [""]
    return "<br>".join(lines if n is None else [*lines, f'<span style="font-size:10px">n = {n:,}</span>'])


def _dots(table: pd.DataFrame, places: list[int], labels: list[str], name: str, change: bool) -> go.Scatter:
    said = []
    for label, row in zip(labels, table.itertuples(), strict=True):
        value, low, high = (signed(x, 3) if change else f"{x:.3f}" for x in (row.value, row.low, row.high))
        interval = "too few for an interval" if np.isnan(row.low) else f"95% interval {low} to {high}"
        said.append(f"{label.split('<br><span')[0].replace('<br>', ' ')}: {value}<br>{interval}")
    return go.Scatter(
        x=table["value"],
        y=places,
        error_x=interval_bars(table["value"], table["low"], table["high"], BENIGN),
        hovertext=said,
        hovertemplate="%{hovertext}<extra></extra>",
        name=name,
        mode="markers",
        marker={"size": 10, "color": BENIGN},
    )


def _hollow(constant: pd.Series, places: list[int], name: str) -> go.Scatter:
    return go.Scatter(
        x=constant,
        y=places,
        name=name,
        mode="markers",
        marker={"size": 10, "symbol": "diamond-open", "color": MUTED, "line": {"width": 2, "color": MUTED}},
        hovertemplate=f"{name}: %{{x:.3f}}<extra></extra>",
    )


def _reference(reference: tuple[float, str], rows: int) -> go.Scatter:
    at, name = reference
    return go.Scatter(
        x=[at, at],
        y=[-0.5, rows - 0.5],
        name=name,
        mode="lines",
        line={"color": MUTED, "dash": "dash", "width": 2},
        hoverinfo="skip",
    )


_BAR_HEIGHT, _BARS_FRAME = 30, 76
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
            _probabilities([row for row in rows if not row[2]], "benign", BENIGN, ""),
            _probabilities([row for row in rows if row[2]], "malignant", MALIGNANT, MALIGNANT_PATTERN),
        ]
    )
    figure.update_layout(
        title=_key(rows) if any(malignant) else None,
        height=_BARS_FRAME + _BAR_HEIGHT * len(rows),
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


def _probabilities(rows: list[tuple[str, float, bool]], name: str, colour: str, pattern: str) -> go.Bar:
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
