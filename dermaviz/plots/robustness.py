"""Figures: how accuracy falls as an attack, noise or a corruption grows, and what every corruption costs at each severity."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dermaviz.plots.matrix import Cells, Chosen, Headers, matrix_figure
from dermaviz.plots.theme import (
    DASHES,
    MUTED,
    SERIES,
    add_note,
    band,
    chart,
    constant_line,
    line_trace,
    percent,
    sequential_scale,
    share_axis,
    share_with_interval,
    signed,
    styled,
)

DEFAULT_SIZE = 3e-3
"""The ε and the σ that pages show first, 0.765 of a grey level; every axis of them marks it."""
_HEIGHT = 420
_SIGNS = ("circle", "square", "diamond", "triangle-up", "cross")
_LEAST_SCALE, _NO_INTERVAL = 0.1, " (no interval)"
_CLOSEST, _LETTER = 0.08, 0.026
"""The least between two ticks and the width of a letter of theirs, shares of the axis: words do not overlap on a phone."""


@dataclass(frozen=True)
class Sizes:
    """An axis of sizes: its title, where a size is put, how a size is written, and a size to mark, with its name.

    ``place`` is monotone with 0 at 0: near 0 steps are even, further out each doubling takes the same room, so that an
    eighth of a grey level and eight of them can be read on one axis.
    """

    title: str
    place: Callable[[float], float]
    word: Callable[[float], str]
    marked: tuple[float, str] | None = None


def epsilon_in_words(epsilon: float) -> str:
    """An ε in grey levels of 255: ``2/255``, an eighth ``0.125/255``, 3e-3 ``0.77/255``."""
    levels = epsilon * 255
    near = Fraction(levels).limit_denominator(8)
    if abs(float(near) - levels) > 1e-6:
        return f"{levels:.{2 if levels < 1 else 3}g}/255"
    return f"{float(near):g}/255" if near else "0"


SIZES = {
    "epsilon": Sizes(
        "ε, largest change, grey levels of 255", lambda size: math.log2(1 + 8 * 255 * size),
        epsilon_in_words, (DEFAULT_SIZE, "0.77/255, as in Gupta et al."),
    ),
    "sigma": Sizes(
        "σ of Gaussian noise, pixels from 0 to 1", lambda size: math.log2(1 + size / DEFAULT_SIZE),
        lambda size: f"{size:.3g}", (DEFAULT_SIZE, "0.003, as in Gupta et al."),
    ),
    "severity": Sizes("severity, 0 (clean) to 5", float, lambda size: f"{size:g}"),
}  # fmt: skip
"""Column of the size, as in evidence, to its axis."""


@chart
def decline_figure(
    lines: Mapping[str, pd.DataFrame],
    size: str,
    measure: str,
    *,
    baseline: tuple[float, str] | None = None,
    ink: str | None = None,
) -> go.Figure:
    """A figure between 0 and 1 against the size of what is done to the images: a line with its 95% band per name.

    Args:
        lines: per name (a class, a cohort, a checkpoint, a method) its rows: the column ``size``, ``value``, ``low``,
            ``high`` and ``n_images``; where there is ``drop``, it is said under the pointer. A value of NaN (too few
            images) is left out; a name without any is kept in the key and reads "too few to say".
        size: a name in ``SIZES``, and the column of the sizes.
        measure: what is measured, in words.
        baseline: a value to hold the lines against, and its name, such as the constant answer's.
    """
    axis = SIZES[size]
    tables = {name: table.dropna(subset=["value"]).sort_values(size) for name, table in lines.items()}
    figure = go.Figure()
    for index, (name, table) in enumerate(tables.items()):
        known = table.dropna(subset=["low", "high"])
        figure.add_trace(band([axis.place(at) for at in known[size]], known["low"], known["high"], index))
        figure.add_trace(_line(table, size, index, name, measure))
    shown = sorted({float(at) for table in tables.values() for at in table[size]})
    places = [axis.place(at) for at in shown]
    if baseline is not None and places:
        figure.add_trace(constant_line([places[0], places[-1]], [baseline[0]] * 2, f"{baseline[1]}: {baseline[0]:.0%}"))
    if axis.marked is not None and places and axis.place(axis.marked[0]) <= places[-1]:
        at = axis.place(axis.marked[0])
        figure.add_vline(x=at, line={"color": ink or MUTED, "width": 1, "dash": "dot"})
        place = {"x": at, "y": 1, "yref": "y domain", "yanchor": "bottom", "xanchor": "left", "xshift": 2}
        add_note(figure, axis.marked[1], ink, **place)
    figure.update_xaxes(title={"text": axis.title, "standoff": 16}, **_ticks(axis, shown))
    figure.update_yaxes(**share_axis(f"{measure}, 0% to 100%"), tickformat=".0%")
    return styled(figure, _HEIGHT, ink)


@chart
def corruption_figure(
    table: pd.DataFrame,
    labels: Mapping[str, str],
    meanings: Mapping[str, Sequence[str]],
    measure: str,
    *,
    selected: Chosen | None = None,
    ink: str | None = None,
) -> go.Figure:
    """Corruptions by severity: the figure that is left, in the cell, and the percentage points lost, as its colour.

    Args:
        table: rows ``corruption, severity, value, low, high, drop, n_images``, one per corruption and severity; that of
            severity 0 holds the clean value. Values and drops are shares in [0, 1].
        labels: corruption to its name in words; their order is that of the rows.
        meanings: corruption to what its severities 1 to 5 mean, in words.
        measure: what is measured, in words.
        selected: cell, row or column that is outlined.

    Returns:
        A figure whose last trace can be clicked: ``customdata`` is ``[row, column]``, ``[row, -1]`` or ``[-1, column]``;
        column 0 is severity 1.
    """
    severities = sorted(int(at) for at in table["severity"].unique() if at > 0)
    placed = table.set_index(["corruption", "severity"]).sort_index()
    cells = [[placed.loc[(name, at)] for at in severities] for name in labels]
    clean = float(table.loc[table["severity"] == 0, "value"].iloc[0])
    drops = np.array([[float(cell["drop"]) for cell in row] for row in cells])
    said = [
        [
            _cell_sentence(cell, labels[name], at, meanings[name][at - 1], measure, clean)
            for cell, at in zip(row, severities, strict=True)
        ]
        for name, row in zip(labels, cells, strict=True)
    ]
    matrix = Cells(
        colours=100 * np.maximum(drops, 0),
        words=[["–" if math.isnan(cell["value"]) else percent(cell["value"]) for cell in row] for row in cells],
        said=said,
        scale=sequential_scale(ink),
        low=0.0,
        high=100 * max(float(np.nanmax(drops, initial=0)), _LEAST_SCALE),
        title=f"percentage points of {measure} lost; clean: {percent(clean)}",
    )
    names, notes = list(labels.values()), [f"mean {_points(mean)}" for mean in drops.mean(axis=1)]
    said_of_rows = [f"{name}: {note} points over its severities." for name, note in zip(names, notes, strict=True)]
    rows = Headers(names, notes, said_of_rows, [False] * len(names), "corruption")
    means = [_points(mean) for mean in drops.mean(axis=0)]  # as short as a phone's column
    said_of_columns = [
        f"Severity {severity}: mean {mean} points over the corruptions shown."
        for severity, mean in zip(severities, means, strict=True)
    ]
    title, marked = "severity, and the mean change in points", [False] * len(severities)
    columns = Headers(list(map(str, severities)), means, said_of_columns, marked, title)
    return matrix_figure(matrix, rows, columns, selected=selected, ink=ink)


def _line(table: pd.DataFrame, size: str, index: int, name: str, measure: str) -> go.Scatter:
    axis = SIZES[size]
    said = [
        f"{axis.title.split(',')[0]} {axis.word(row[size])}: {measure} {share_with_interval(row, ' (no interval)')}"
        + (f"<br>{signed(-100 * row['drop'], 1)} points against clean" if "drop" in row else "")
        + f"<br>n = {int(row['n_images']):,} images"
        for row in table.to_dict("records")
    ]
    return line_trace(
        [axis.place(at) for at in table[size]],
        table["value"],
        name if len(table) else f"{name}: too few to say",
        index,
        mode="lines+markers",
        line={"dash": DASHES[(index + index // len(SERIES)) % len(DASHES)]},
        marker={"size": 7, "symbol": _SIGNS[index % len(_SIGNS)]},
        hovertext=said,
        hovertemplate=f"%{{hovertext}}<extra>{name}</extra>",
        legendgroup=name,
    )


def _ticks(axis: Sizes, shown: Sequence[float]) -> dict[str, object]:
    """A tick at the sizes that were measured, as far as they have room; the marked one's line has its own words."""
    marked = None if axis.marked is None else axis.marked[0]
    kept: list[float] = []
    span = axis.place(shown[-1]) - axis.place(shown[0]) if shown else 0.0
    word = {at: axis.word(at).removesuffix("/255") for at in shown}
    for at in shown:
        letters = (len(word[at]) + len(word[kept[-1]])) / 2 if kept else 0
        least = max(_CLOSEST, _LETTER * (letters + 1)) * span
        apart = not kept or axis.place(at) - axis.place(kept[-1]) >= least
        if apart and (marked is None or not math.isclose(at, marked)):
            kept.append(at)
    words = [word[at] for at in kept]
    return {"tickvals": [axis.place(at) for at in kept], "ticktext": words, "tickangle": 0}


def _cell_sentence(cell: pd.Series, label: str, severity: int, meaning: str, measure: str, clean: float) -> str:
    what = f"{label}, severity {severity} ({meaning})"
    if math.isnan(cell["value"]):
        return f"{what}: too few images to say."
    return (
        f"{what}: {measure} {share_with_interval(cell, ' (no interval)')}, "
        f"{signed(-100 * cell['drop'], 1)} points against {percent(clean)} on the clean images; "
        f"n = {int(cell['n_images']):,} images."
    )


def _points(drop: float) -> str:
    return "–" if math.isnan(drop) else signed(-100 * drop, 1)
