"""Charts of reports: figures as printed beside ours, rows with their seeds, and differences beside 0."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dermaviz.plots.intervals import estimates_figure
from dermaviz.plots.theme import MUTED, SERIES, interval_bars

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
        error_x=interval_bars(table["ours"], table["our_low"], table["our_high"], _OUR_COLOUR),
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


_STEP = 0.05
"""Axes end on multiples of this."""
_BELOW = 0.27
"""How far below a row's dot its seeds lie, in rows."""
_LEAST_ROW, _ROW, _LINE, _FRAME = 44, 32, 15, 112
"""Heights in pixels: of a row that has room for its seeds, of one of one line, of each further line, and of what is round."""


def rows_figure(table: pd.DataFrame, title: str, *, constant_name: str, ink: str | None = None) -> go.Figure:
    """A dot with its 95% interval for each row, and small dots under it for the seeds, where there are several.

    Args:
        table: as :func:`estimates_figure` takes it (``label, value, low, high, n, constant``), and ``by_seed``, the values
            of the seeds whose mean ``value`` is.
        title: of the axis, with the unit and range.
        constant_name: what the hollow marks are.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    several = any(len(values) > 1 for values in table["by_seed"])
    figure = estimates_figure(
        table,
        title=title,
        span=span_of([*table["value"], *table["low"], *table["high"], *table["constant"], *_flat(table["by_seed"])]),
        dots_name=f"{'mean over seeds' if several else 'our run'}, with 95% interval",
        constant_name=constant_name,
        ink=ink,
    )
    if several:
        _add_seeds(figure, table["by_seed"])
    return _with_room(figure, len(table))


def differences_figure(table: pd.DataFrame, title: str, *, ink: str | None = None) -> go.Figure:
    """A dot with its 95% interval for each difference, beside a line at 0, and small dots for the seeds.

    Args:
        table: ``label, value, low, high`` of differences, and ``by_seed``, those of the seeds.
        title: of the axis, which must say what is subtracted from what.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    several = any(len(values) > 1 for values in table["by_seed"])
    figure = estimates_figure(
        table,
        title=title,
        span=span_of([*table["value"], *table["low"], *table["high"], *_flat(table["by_seed"])], around_zero=True),
        dots_name=f"difference{', mean over seeds,' if several else ''} with 95% interval",
        reference=(0.0, "no difference"),
        change=True,
        ink=ink,
    )
    if several:
        _add_seeds(figure, table["by_seed"])
    return _with_room(figure, len(table))


def span_of(values: Sequence[float], *, around_zero: bool = False) -> tuple[float, float]:
    """The ends of an axis that holds all values that are known; ``around_zero``: as far to the left of 0 as to the right."""
    known = [value for value in values if np.isfinite(value)] or [0.0]
    if around_zero:
        end = _up(max(*map(abs, known), _STEP))
        return -end, end
    low, high = -_up(-min(known)), _up(max(known))
    return (low, high) if low < high else (low - _STEP, high + _STEP)


def _up(value: float) -> float:
    """The next multiple of the step; what lies on one but for the last bits of a float stays."""
    return round(math.ceil(round(value / _STEP, 6)) * _STEP, 6)


def _flat(by_seed: pd.Series) -> list[float]:
    return [value for values in by_seed for value in values]


def _add_seeds(figure: go.Figure, by_seed: pd.Series) -> None:
    """The seeds of all rows that have several; of one seed the row's own dot is all there is."""
    told = [(value, place) for place, values in enumerate(by_seed) if len(values) > 1 for value in values]
    figure.add_scatter(
        x=[value for value, _ in told],
        y=[place + _BELOW for _, place in told],
        name="each seed",
        mode="markers",
        marker={"size": 6, "color": MUTED},
        hovertemplate="one seed: %{x:.3f}<extra></extra>",
    )


def _with_room(figure: go.Figure, rows: int) -> go.Figure:
    """Rows so high that neither long labels nor seeds touch the next one."""
    lines = max((label.count("<br>") for label in figure.layout.yaxis.ticktext), default=0)
    return figure.update_layout(height=_FRAME + rows * max(_LEAST_ROW, _ROW + _LINE * lines))
