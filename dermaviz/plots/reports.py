"""Charts of reports: figures as printed beside ours, and rows or differences with their seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dermaviz.plots.intervals import comparison_figure, estimates_figure, row_label
from dermaviz.plots.theme import MUTED, chart

PRINTED, OURS, CONSTANT = "as printed", "our runs", "always the same answer"


@chart
def beside_figure(table: pd.DataFrame, *, title: str, ink: str | None = None) -> go.Figure:
    """A row for each run: what is printed, what ours give, and what the same answer always gives on either's photos.

    Args:
        table: ``label``, ``value``, ``low``, ``high`` and ``constant`` as printed (``low`` is ``value`` where there is no
            interval), ``n`` its photos where known; ``ours``, ``our_low``, ``our_high``, ``our_constant``, ``our_n`` of our
            runs, NaN where there are none.
        title: of the axis, with the unit and range.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    known = zip(table["label"], table["n"], table["our_n"], strict=True)
    labels = [row_label(label, **{"n =": n, "ours": ours}) for label, n, ours in known]
    columns = {
        PRINTED: ("value", "low", "high"),
        OURS: ("ours", "our_low", "our_high"),
        CONSTANT: ("constant",),
        f"{CONSTANT}, on our photos": ("our_constant",),
    }
    tables = {}
    for name, (value, *ends) in columns.items():
        low, high = (table[end] for end in ends) if ends else (table[value], table[value])
        bare = low == high  # a figure without an interval
        if table[value].notna().any():
            figures = {"value": table[value], "low": low.mask(bare), "high": high.mask(bare)}
            tables[name] = pd.DataFrame(figures).astype(float)
    return comparison_figure(tables, title, labels=labels, ink=ink)


_STEP = 0.05
"""Axes end on multiples of this."""
_BELOW = 0.27
"""How far below a row's dot its seeds lie, in rows."""
_LEAST_ROW, _ROW, _LINE, _FRAME = 44, 32, 15, 112
"""Heights in pixels: of a row that has room for its seeds, of one of one line, of each further line, and of what is round."""


@chart
def rows_figure(table: pd.DataFrame, title: str, *, change: bool = False, ink: str | None = None) -> go.Figure:
    """A dot with its 95% interval for each row, and small dots under it for the seeds, where there are several.

    Args:
        table: as :func:`estimates_figure` takes it (``label, value, low, high``, and ``n, constant`` where there are any), and
            ``by_seed``, the values of the seeds whose mean ``value`` is.
        title: of the axis, with the unit and range.
        change: whether these are differences, which stand beside a line at 0; ``title`` must say of what from what.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    seeds = [(value, place) for place, values in enumerate(table["by_seed"]) if len(values) > 1 for value in values]
    columns = [name for name in ("value", "low", "high", "constant") if name in table]
    what = "difference" if change else "mean over seeds" if seeds else "our run"
    figure = estimates_figure(
        table,
        title=title,
        span=span_of([*table[columns].to_numpy(float).ravel(), *(value for value, _ in seeds)], around_zero=change),
        dots_name=f"{what}{', mean over seeds' if change and seeds else ''}, with 95% interval",
        constant_name=CONSTANT,
        reference=(0.0, "no difference") if change else None,
        change=change,
        ink=ink,
    )
    if seeds:
        figure.add_scatter(
            x=[value for value, _ in seeds],
            y=[place + _BELOW for _, place in seeds],
            name="each seed",
            mode="markers",
            marker={"size": 6, "color": MUTED},
            hovertemplate="one seed: %{x:.3f}<extra></extra>",
        )
    lines = max((label.count("<br>") for label in figure.layout.yaxis.ticktext), default=0)
    return figure.update_layout(height=_FRAME + len(table) * max(_LEAST_ROW, _ROW + _LINE * lines))


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
