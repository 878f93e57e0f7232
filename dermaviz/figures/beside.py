"""Figures: what a report prints beside what we measured — two dots with intervals a row, and what a constant answer gets."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dermaviz.figures.axes import whiskers
from dermaviz.figures.estimates import estimates_figure
from dermaviz.figures.palette import MUTED, SERIES

PRINTED, OURS = "as printed", "our runs"
_OUR_COLOUR = SERIES[2]
_APART = 0.17
"""How far the two dots of a row lie from its middle, in rows."""
_ROOM, _LINE_HEIGHT, _FRAME_HEIGHT = 14, 14, 112
_LEAST_ROW_HEIGHT = 44


def beside_figure(table: pd.DataFrame, *, title: str, ink: str | None = None) -> go.Figure:
    """A row for each run: above, round and blue, as printed; below, square and green, ours; hollow, the constant answers.

    Args:
        table: ``label``, ``value``, ``low``, ``high`` and ``constant`` as printed (``low`` is ``value`` where there is no
            interval), ``n`` its photos where known; ``ours``, ``our_low``, ``our_high``, ``our_constant``, ``our_n`` of our
            runs, NaN where there are none.
        title: of the axis, with the unit and range.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    figure = estimates_figure(
        table.drop(columns="n"), title=title, dots_name=f"{PRINTED}, with 95% interval", constant_name="always the same answer",
        ink=ink,
    )  # fmt: skip
    places = list(range(len(table)))
    for trace in figure.data:
        trace.y = [place - _APART for place in places]
    if table["ours"].notna().any():
        figure.add_trace(_ours(table, [place + _APART for place in places]))
        figure.add_trace(_our_constants(table, [place + _APART for place in places]))
    notes = [_note(n, ours) for n, ours in zip(table["n"], table["our_n"], strict=True)]
    labels = [label + note for label, note in zip(figure.layout.yaxis.ticktext, notes, strict=True)]
    figure.update_yaxes(ticktext=labels)
    row_height = _ROOM + _LINE_HEIGHT * (1 + max((label.count("<br>") for label in labels), default=0))
    figure.update_layout(height=_FRAME_HEIGHT + max(row_height, _LEAST_ROW_HEIGHT) * len(places))
    return figure


def _note(n: int | None, ours: int | None) -> str:
    """How many photos both are of, under the row's name."""
    known = [f"{word}{int(count):,}" for word, count in (("n = ", n), ("ours ", ours)) if pd.notna(count) and count]
    return f'<br><span style="font-size:10px">{", ".join(known)}</span>' if known else ""


def _ours(table: pd.DataFrame, places: list[float]) -> go.Scatter:
    said = [
        f"{row.label}, ours: {row.ours:.3f}<br>"
        + ("no interval" if pd.isna(row.our_low) else f"95% interval {row.our_low:.3f} to {row.our_high:.3f}")
        for row in table.itertuples()
    ]
    return go.Scatter(
        x=table["ours"],
        y=places,
        error_x=whiskers(table["ours"], table["our_low"], table["our_high"], _OUR_COLOUR),
        hovertext=said,
        hovertemplate="%{hovertext}<extra></extra>",
        name=f"{OURS}, with 95% interval",
        mode="markers",
        marker={"size": 10, "symbol": "square", "color": _OUR_COLOUR},
    )


def _our_constants(table: pd.DataFrame, places: list[float]) -> go.Scatter:
    return go.Scatter(
        x=table["our_constant"],
        y=places,
        name="always the same answer, on our photos",
        showlegend=bool(table["constant"].isna().all()),  # else the key has the same mark for theirs
        mode="markers",
        marker={"size": 10, "symbol": "diamond-open", "color": MUTED, "line": {"width": 2, "color": MUTED}},
        hovertemplate="always the same answer, on our photos: %{x:.3f}<extra></extra>",
    )
