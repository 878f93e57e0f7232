"""Figures: what the rows of a report gave when they were rerun, each seed beside their mean, and by how much they differ."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dermaviz.figures.estimates import estimates_figure
from dermaviz.figures.palette import MUTED

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
