"""Charts of values with their intervals: metrics, groups, several models, figures of reports; and class probabilities."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from dermaviz.plots.theme import (
    BENIGN,
    MALIGNANT,
    MALIGNANT_PATTERN,
    MUTED,
    add_note,
    chart,
    colour_of,
    constant_line,
    interval_bars,
    percent,
    row_axis,
    signed,
    span_axis,
    styled,
)

_SYMBOLS = ("circle", "diamond-open", "square-open", "x-thin-open", "triangle-up-open")
_LABEL_LETTERS = 22
_ROW_HEIGHT, _LINE_HEIGHT, _FRAME_HEIGHT = 24, 14, 112


@chart
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
        table: ``label``, ``value``, ``low``, ``high``; where there are any, ``exact`` (said of the interval), ``n`` (under
            the label, in the key if all are equal) and ``constant`` (what the constant answer gets: a hollow mark). A value of
            NaN reads "too few to say".
        title: of the axis, with the unit and range.
        span: ends of the axis.
        dots_name: what the dots are.
        constant_name: what the hollow marks are.
        reference: a line to hold all values against, and its name.
        change: whether the values are differences, which are written with their sign.
    """
    places = list(range(len(table)))
    counts = table["n"] if "n" in table else [None] * len(table)
    if len(table) > 1 and "n" in table and table["n"].nunique(dropna=False) == 1:  # said once
        dots_name, counts = f"{dots_name}, n = {int(table['n'].iloc[0]):,} each", [None] * len(table)
    labels = [row_label(label, **{"n =": n}) for label, n in zip(table["label"], counts, strict=True)]
    constant = table["constant"] if "constant" in table else pd.Series(np.nan, index=table.index)
    figure = go.Figure(_dots(table, places, labels, dots_name, change))
    if constant.notna().any():
        figure.add_scatter(
            x=constant,
            y=places,
            name=constant_name,
            mode="markers",
            marker={"size": 10, "symbol": "diamond-open", "color": MUTED, "line": {"width": 2, "color": MUTED}},
            hovertemplate=f"{constant_name}: %{{x:.3f}}<extra></extra>",
        )
    if reference is not None:
        at, named = reference
        figure.add_trace(constant_line([at, at], [-0.5, len(places) - 0.5], named))
    for place in np.flatnonzero(table["value"].isna()):
        add_note(figure, "too few to say", ink, x=span[0], y=int(place), xanchor="left")
    figure.update_xaxes(**span_axis(title, span, tick0=0, dtick=None))
    figure.update_yaxes(**row_axis(labels))
    lines = max((label.count("<br>") for label in labels), default=0)
    return styled(figure, _FRAME_HEIGHT + (_ROW_HEIGHT + _LINE_HEIGHT * lines) * len(places), ink)


@chart
def coverage_figure(table: pd.DataFrame, level: float, *, ink: str | None = None) -> go.Figure:
    """How often a conformal set holds the true class, by class, with 95% intervals, beside what was promised.

    Args:
        table: one row per class: ``label``, ``value`` (achieved coverage in [0, 1]), ``low``, ``high``, ``n``.
        level: the nominal coverage in [0, 1], drawn as a line.
    """
    title, promised = "share of sets that hold the true class, 0 to 1", (level, f"promised: {level:.0%}")
    return estimates_figure(table, title=title, reference=promised, ink=ink)


@chart
def groups_figure(table: pd.DataFrame, title: str, *, around_zero: bool = False, ink: str | None = None) -> go.Figure:
    """One metric by group, with 95% intervals.

    Args:
        table: ``group, value, low, high, n_images``, a row per group, the first on top.
        title: of the axis, with the unit and range.
        around_zero: whether the axis is even about 0, for a metric that has a sign; else it runs from 0 to 1.
    """
    most = float(np.fmax.reduce(np.abs(table[["value", "low", "high"]].to_numpy(np.float64)), axis=None, initial=0.05))
    span = (-most, most) if around_zero else (0.0, 1.0)
    return estimates_figure(table.assign(label=table["group"], n=table["n_images"]), title=title, span=span, ink=ink)


@chart
def comparison_figure(
    tables: Mapping[str, pd.DataFrame],
    title: str,
    *,
    span: tuple[float, float] = (0.0, 1.0),
    form: str = ".3f",
    reference: tuple[float, str] | None = None,
    labels: Sequence[str] | None = None,
    ink: str | None = None,
) -> go.Figure:
    """The same figures of several things, such as a map and its baselines: a row per label, a sign per name, 95% intervals.

    Args:
        tables: per name a table ``label, value, low, high`` with the same labels in the same order; NaN is left out. Where
            the first has ``n``, it is written under each label.
        title: what is measured, with its unit and range.
        span: ends of the axis.
        form: how a value is written, as Python's format takes it.
        reference: a line to hold all values against, and its name.
        labels: of the rows as another chart writes them, in place of ``label`` and ``n``.
    """
    if labels is None:
        first = next(iter(tables.values()))
        counts = first["n"] if "n" in first else [None] * len(first)
        labels = [row_label(label, **{"n =": n}) for label, n in zip(first["label"], counts, strict=True)]
    step = 0.6 / max(len(tables), 1)
    figure = go.Figure()
    for index, (name, table) in enumerate(tables.items()):
        places = np.arange(len(labels), dtype=np.float64) + step * (index - (len(tables) - 1) / 2)
        figure.add_trace(_series(table, places, index, name, form))
    if reference is not None:
        at, named = reference
        figure.add_trace(constant_line([at, at], [-0.5, len(labels) - 0.5], named))
    ticks = form.replace("%", "~%") if form.endswith("%") else None
    figure.update_xaxes(**span_axis(title, span, tickformat=ticks))
    figure.update_yaxes(**row_axis(labels))
    return styled(figure, 132 + (22 + 12 * len(tables)) * len(labels), ink)


def row_label(label: str, **counts: float | None) -> str:
    """A row's name in lines of some twenty letters, and in small print the counts that are known, as ``n = 660``."""
    lines = textwrap.wrap(str(label), _LABEL_LETTERS) or [""]
    known = [f"{word} {int(n):,}" for word, n in counts.items() if n is not None and not pd.isna(n)]
    return "<br>".join([*lines, f'<span style="font-size:10px">{", ".join(known)}</span>'] if known else lines)


def _dots(table: pd.DataFrame, places: list[int], labels: list[str], name: str, change: bool) -> go.Scatter:
    said = []
    for label, row in zip(labels, table.itertuples(), strict=True):
        value, low, high = (signed(x, 3) if change else f"{x:.3f}" for x in (row.value, row.low, row.high))
        interval = (
            "no interval"
            if np.isnan(row.low)
            else f"{'exact ' * getattr(row, 'exact', False)}95% interval {low} to {high}"
        )
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


def _series(table: pd.DataFrame, places: NDArray[np.float64], index: int, name: str, form: str) -> go.Scatter:
    colour = colour_of(index)
    said = [
        f"{row.value:{form}}" + (f" ({row.low:{form}} to {row.high:{form}})" if np.isfinite(row.low) else "")
        for row in table.itertuples()
    ]
    return go.Scatter(
        x=table["value"],
        y=places,
        error_x=interval_bars(table["value"], table["low"], table["high"], colour, thickness=2),
        hovertext=said,
        hovertemplate=f"{name}: %{{hovertext}}<extra></extra>",
        name=name,
        mode="markers",
        marker={"size": 9, "symbol": _SYMBOLS[index % len(_SYMBOLS)], "color": colour, "line": {"width": 2}},
    )


_BAR_HEIGHT, _BARS_FRAME = 30, 76
_LABEL_WIDTH = 26
"""Characters: a longer name is broken, so that the bars keep their room on a phone."""


@chart
def probability_bars(
    names: Sequence[str], probabilities: Sequence[float], malignant: Sequence[bool], *, ink: str | None = None
) -> go.Figure:
    """Bars of one image's class probabilities, the most probable on top.

    Args:
        names: of the classes, in words.
        probabilities: in [0, 1], one per class.
        malignant: whether each class counts as malignant; those bars are hatched, and their sum is in the title.

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
    order = {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": [row[0] for row in rows],
    }  # classes may be "0", "1"
    figure.update_yaxes(**order, fixedrange=True, ticksuffix=" ")
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


PRINTED, OURS, CONSTANT = "as printed", "our runs", "always the same answer"


@chart
def beside_figure(table: pd.DataFrame, *, title: str, ink: str | None = None) -> go.Figure:
    """A row for each run: what is printed, what ours give, and what the same answer always gives on either's photos.

    Args:
        table: ``label``, ``value``, ``low``, ``high`` and ``constant`` as printed (``low`` is ``value`` where there is no
            interval), ``n`` its photos where known; ``ours``, ``our_low``, ``our_high``, ``our_constant``, ``our_n`` of our
            runs, NaN where there are none.
        title: of the axis, with the unit and range.
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
