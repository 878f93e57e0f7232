"""Figures: skin tone and attention over a test set: how tone is spread, what follows it, and who looks at the lesion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from dermaviz.plots.theme import (
    BENIGN,
    MALIGNANT,
    MUTED,
    SERIES,
    band,
    constant_line,
    interval_bars,
    line_style,
    percent,
    share_axis,
    styled,
)

_HEIGHT = 400
_TONES = "cividis"
_LIGHTEST, _DARKEST = 0.96, 0.1
_ROW, _FRAME = 68, 132
_BASE, _STEP = 22, 12
"""Height of a row: that of its label, and more for each of its signs."""
_SPREAD = 0.16
"""Half the width of the strip over which a row's dots are scattered."""
_SIGNS = ("circle", "diamond-open", "square-open", "x-thin-open", "triangle-up-open")
SMALLEST_RATIO, LARGEST_RATIO = 0.1, 10.0
"""Ends of the axis of energy ÷ lesion area; what lies outside is drawn at them."""
_OUTCOMES = MappingProxyType({True: ("called rightly", BENIGN, "circle"), False: ("called wrongly", MALIGNANT, "x")})


def distribution_figure(
    ita: NDArray[np.float64], cuts: Sequence[float], groups: Sequence[str], *, ink: str | None = None
) -> go.Figure:
    """How many images have which ITA, in the colours of their groups, with a line at each cut.

    Args:
        ita: degrees, ``[N]``; NaN is left out.
        cuts: the lower ends of all groups but the last, degrees, from high to low.
        groups: names of the groups from light to dark, one more than cuts.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    known = ita[np.isfinite(ita)]
    ends = [np.inf, *cuts, -np.inf]
    colours = sample_colorscale(_TONES, np.linspace(_LIGHTEST, _DARKEST, len(groups)).tolist())
    figure = go.Figure()
    for name, colour, high, low in zip(groups, colours, ends, ends[1:], strict=False):
        mine = known[(known > low) & (known <= high)]
        figure.add_trace(_bars(mine, low, f"{name}: {len(mine):,}", name, colour))
    for cut in cuts:
        figure.add_vline(x=cut, line={"color": ink or MUTED, "width": 1, "dash": "dot"})
    lowest, highest = (known.min(), known.max()) if known.size else (0.0, 0.0)
    figure.update_xaxes(
        title={"text": "ITA, degrees (higher is lighter)", "standoff": 6},
        range=[min(lowest, min(cuts, default=0)) - 3, max(highest, max(cuts, default=0)) + 3],
    )
    figure.update_yaxes(title={"text": "images per degree", "standoff": 14}, rangemode="tozero", nticks=5)
    figure.update_layout(barmode="overlay", bargap=0)
    return styled(figure, _HEIGHT, ink)


def against_ita_figure(
    lines: Mapping[str, pd.DataFrame],
    title: str,
    *,
    cuts: Sequence[float] = (),
    points: pd.DataFrame | None = None,
    span: tuple[float, float] | None = None,
    ink: str | None = None,
) -> go.Figure:
    """A share between 0 and 1 against ITA: a line with its 95% band per name.

    Args:
        lines: per name a table ``ita`` (degrees), ``value``, ``low``, ``high``; a value of NaN is left out.
        title: what is measured.
        cuts: borders of tone groups, degrees, drawn as thin lines.
        points: what the images themselves give in steps of ITA: ``ita, value, low, high, n_images``.
        span: ends of the axis of shares; by default those of the values.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    figure = go.Figure()
    for index, (name, table) in enumerate(lines.items()):
        known = table.dropna(subset=["value"]).sort_values("ita")
        shaded = known.dropna(subset=["low", "high"])
        figure.add_trace(band(shaded["ita"], shaded["low"], shaded["high"], index))
        figure.add_trace(
            go.Scatter(
                x=known["ita"], y=known["value"], name=name if len(known) else f"{name}: too few to say", mode="lines",
                line=line_style(index), hovertext=[_said(row) for row in known.to_dict("records")],
                hovertemplate=f"ITA %{{x:.0f}}°: %{{hovertext}}<extra>{name}</extra>",
            )
        )  # fmt: skip
    if points is not None and len(points):
        figure.add_trace(_steps(points, ink))
    for cut in cuts:
        figure.add_vline(x=cut, line={"color": MUTED, "width": 1, "dash": "dot"})
    figure.update_xaxes(title={"text": "ITA, degrees (higher is lighter)", "standoff": 6})
    figure.update_yaxes(
        title={"text": title, "standoff": 14}, tickformat=".1~%", range=list(span) if span else None, nticks=6
    )
    return styled(figure, _HEIGHT, ink)


def looking_figure(
    images: pd.DataFrame, groups: Mapping[str, str], centre: Mapping[str, float], *, ink: str | None = None
) -> go.Figure:
    """Right or wrong against looking: a dot per image, a row per group, and the line on which a map knows nothing of the lesion.

    Args:
        images: ``image_id, group, right`` (bool), ``ratio`` (energy in lesion ÷ lesion area; 1 is a uniform map's).
        groups: group to its label, in the order of the rows, the first on top.
        centre: group to the median ratio of a centred Gaussian's map; NaN is left out.
        ink: colour of the words, of the page's theme; by default Plotly's.

    Returns:
        A figure whose dots can be clicked: ``customdata`` is ``[image_id]``.
    """
    place = {name: row for row, name in enumerate(groups)}
    rows = images[images["group"].isin(place) & images["ratio"].notna()]
    figure = go.Figure([_outcome(rows[rows["right"] == right], place, right) for right in (True, False)])
    for right in (True, False):
        figure.add_trace(_medians(rows[rows["right"] == right], place, right, ink))
    known = {name: ratio for name, ratio in centre.items() if name in place and np.isfinite(ratio)}
    figure.add_trace(
        go.Scatter(
            x=[_placed(ratio) for ratio in known.values()], y=[place[name] for name in known], mode="markers",
            name="a spot in the centre, median",
            marker={"symbol": "diamond-open", "size": 12, "color": ink or MUTED, "line": {"width": 2}},
            customdata=list(known.values()),
            hovertemplate="A Gaussian in the picture's centre: %{customdata:.2f} × chance<extra></extra>",
        )
    )  # fmt: skip
    figure.add_trace(constant_line([0.0, 0.0], [-0.5, len(place) - 0.5], "chance: the lesion's share of the picture"))
    lowest = _placed(min(rows["ratio"].min(), 0.5)) if len(rows) else _placed(SMALLEST_RATIO)
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10) if _placed(tick) >= lowest - 0.01]
    figure.update_xaxes(
        title={"text": "energy in lesion ÷ lesion area (log scale)", "standoff": 6}, range=[lowest - 0.06, 1.06],
        tickvals=[_placed(tick) for tick in ticks], ticktext=[f"{tick:g}×" for tick in ticks],
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(place.values()), ticktext=list(groups.values()), range=[len(place) - 0.5, -0.5], ticksuffix=" ",
        showgrid=False,
    )  # fmt: skip
    return styled(figure, _FRAME + _ROW * len(place), ink)


def beside_figure(
    tables: Mapping[str, pd.DataFrame],
    title: str,
    *,
    span: tuple[float, float] = (0.0, 1.0),
    form: str = ".3f",
    reference: tuple[float, str] | None = None,
    ink: str | None = None,
) -> go.Figure:
    """The same figures of several things, such as a map and its baselines: a row per label, a sign per name, 95% intervals.

    Args:
        tables: per name a table ``label, value, low, high`` with the same labels in the same order; NaN is left out.
        title: what is measured, with its unit and range.
        span: ends of the axis.
        form: how a value is written, as Python's format takes it.
        reference: a line to hold all values against, and its name.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    labels = list(next(iter(tables.values()))["label"])
    step = 0.6 / max(len(tables), 1)
    figure = go.Figure()
    for index, (name, table) in enumerate(tables.items()):
        places = np.arange(len(labels), dtype=np.float64) + step * (index - (len(tables) - 1) / 2)
        figure.add_trace(_dots(table, places, index, name, form))
    if reference is not None:
        at, named = reference
        figure.add_trace(constant_line([at, at], [-0.5, len(labels) - 0.5], named))
    room = (span[1] - span[0]) * 0.03
    figure.update_xaxes(
        title={"text": title, "standoff": 6}, range=[span[0] - room, span[1] + room], nticks=6,
        tickformat=form.replace("%", "~%") if form.endswith("%") else None,
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(labels))), ticktext=labels, range=[len(labels) - 0.5, -0.5], ticksuffix=" ",
        showgrid=False,
    )  # fmt: skip
    return styled(figure, _FRAME + (_BASE + _STEP * len(tables)) * len(labels), ink)


def _bars(mine: NDArray[np.float64], low: float, name: str, group: str, colour: str) -> go.Bar:
    """A bar for each degree from the group's lower cut on: cuts may lie anywhere, and no bar lies across one."""
    start = low if np.isfinite(low) else 0.0
    steps, counts = np.unique(np.ceil(mine - start).astype(int), return_counts=True)
    if not mine.size:  # the key names empty groups too, which Plotly does only of traces with a place
        steps, counts = np.zeros(1, dtype=int), np.zeros(1, dtype=int)
    return go.Bar(
        x=start + steps - 0.5,
        y=counts,
        width=1,
        name=name,
        marker={"color": colour, "line": {"color": MUTED, "width": 0.5}},
        hovertemplate=f"ITA %{{x:.0f}}°: %{{y:,}} images<extra>{group}</extra>",
    )


def _steps(points: pd.DataFrame, ink: str | None) -> go.Scatter:
    colour = ink or MUTED
    return go.Scatter(
        x=points["ita"],
        y=points["value"],
        error_y=interval_bars(points["value"], points["low"], points["high"], colour, thickness=1, width=3),
        name="images in steps of ITA",
        mode="markers",
        marker={"size": 7, "symbol": "circle-open", "color": colour},
        customdata=points["n_images"],
        hovertemplate="ITA %{x:.0f}°, %{customdata:,} images: %{y:.1%}<extra></extra>",
    )


def _outcome(rows: pd.DataFrame, place: Mapping[str, int], right: bool) -> go.Scatter:
    """A dot per image; those called rightly lie in the upper half of their row."""
    name, colour, sign = _OUTCOMES[right]
    scattered = np.random.default_rng(0).uniform(-_SPREAD, _SPREAD, len(rows))  # the same picture every time
    middle = rows["group"].map(place).to_numpy(np.float64) + (-0.22 if right else 0.22)
    return go.Scatter(
        x=[_placed(ratio) for ratio in rows["ratio"]],
        y=middle + scattered,
        customdata=rows[["image_id", "ratio"]],
        name=f"{name}: {len(rows):,}",
        mode="markers",
        marker={"size": 6, "symbol": sign, "color": colour, "opacity": 0.5, "line": {"width": 0}},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 0.5}},
        hovertemplate=f"%{{customdata[0]}}, {name}: %{{customdata[1]:.2f}} × chance<extra></extra>",
    )


def _medians(rows: pd.DataFrame, place: Mapping[str, int], right: bool, ink: str | None) -> go.Scatter:
    name, colour, _ = _OUTCOMES[right]
    medians = rows.groupby("group")["ratio"].median()
    return go.Scatter(
        x=[_placed(ratio) for ratio in medians],
        y=[place[group] + (-0.22 if right else 0.22) for group in medians.index],
        mode="markers",
        marker={
            "symbol": "line-ns", "size": 26, "color": colour, "line": {"width": 4, "color": ink or colour},
        },
        name="median",
        legendgroup="median",
        showlegend=right,
        customdata=medians.to_numpy(),
        hovertemplate=f"Median of those {name}: %{{customdata:.2f}} × chance<extra></extra>",
    )  # fmt: skip


def _dots(table: pd.DataFrame, places: NDArray[np.float64], index: int, name: str, form: str) -> go.Scatter:
    colour: Any = SERIES[index % len(SERIES)]
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
        marker={"size": 9, "symbol": _SIGNS[index % len(_SIGNS)], "color": colour, "line": {"width": 2}},
    )


def _placed(ratio: float) -> float:
    """Where a ratio stands on the axis: its logarithm to base ten, within the axis's ends."""
    return float(np.log10(np.clip(ratio, SMALLEST_RATIO, LARGEST_RATIO)))


def _said(row: Mapping[str, Any]) -> str:
    if not np.isfinite(row["low"]):
        return f"{percent(row['value'])}"
    return f"{percent(row['value'])} ({percent(row['low'])} to {percent(row['high'])})"


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
                line=line_style(index),
                marker={"size": 7, "symbol": ("circle", "square", "diamond")[index % 3]},
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
    figure.update_yaxes(**share_axis(f"{measure}, 0 to 1"), tickformat=".0%")
    return styled(figure, 380, ink)


def _degrees(ita: float) -> str:
    return f"{ita:.0f}°".replace("-", "−")
