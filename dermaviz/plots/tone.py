"""Charts of skin tone and attention: how tone is spread, what changes along it, and whether right answers look at the lesion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from dermaviz.plots.intervals import row_label
from dermaviz.plots.theme import (
    BENIGN,
    INK,
    MALIGNANT,
    MUTED,
    add_cuts,
    add_note,
    axis,
    band,
    chart,
    constant_line,
    degrees,
    interval_bars,
    line_trace,
    percent,
    row_axis,
    share_axis,
    share_with_interval,
    styled,
)

_HEIGHT = 400
_ITA = "ITA, degrees (higher is lighter)"
_TONES = "cividis"
_LIGHTEST, _DARKEST = 0.88, 0.1
_ROW, _FRAME = 68, 132
_SPREAD = 0.16
"""Half the width of the strip over which a row's dots are scattered."""
SMALLEST_RATIO, LARGEST_RATIO = 0.1, 10.0
"""Ends of the axis of energy ÷ lesion area; what lies outside is drawn at them."""
DOTS = 0.8
"""Opacity of the dots: with less, those of the dark theme would have a contrast below 4.5."""
_OUTCOMES = {True: ("right answers", BENIGN, "circle"), False: ("wrong answers", MALIGNANT, "x")}


@chart
def distribution_figure(
    ita: NDArray[np.float64], cuts: Sequence[float], groups: Sequence[str], *, ink: str | None = None
) -> go.Figure:
    """How many images have which ITA, in the colours of their groups, with a line at each cut.

    Args:
        ita: degrees, ``[N]``; NaN is left out.
        cuts: the lower ends of all groups but the last, degrees, from high to low.
        groups: names of the groups from light to dark, one more than cuts.
    """
    known = ita[np.isfinite(ita)]
    borders = [np.inf, *cuts, -np.inf]
    colours = sample_colorscale(_TONES, np.linspace(_LIGHTEST, _DARKEST, len(groups)).tolist())
    figure = go.Figure()
    for name, colour, high, low in zip(groups, colours, borders, borders[1:], strict=False):
        mine = known[(known > low) & (known <= high)]
        figure.add_trace(_bars(mine, low, f"{name}: {len(mine):,}", name, colour))
    if ink == INK["dark"]:  # the darkest groups have few bars, which would not be seen
        figure.update_traces(
            marker_line={"color": ink, "width": 0.75}, selector=lambda bars: bars.name.startswith(tuple(groups[-2:]))
        )
    add_cuts(figure, cuts, ink or MUTED)
    lowest, highest = (known.min(), known.max()) if known.size else (0.0, 0.0)
    ends = [min(lowest, min(cuts, default=0)) - 3, max(highest, max(cuts, default=0)) + 3]
    figure.update_xaxes(**axis(_ITA, range=ends))
    figure.update_yaxes(**axis("images per degree", 14, rangemode="tozero", nticks=5))
    figure.update_layout(barmode="overlay", bargap=0)
    return styled(figure, _HEIGHT, ink)


@chart
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
    """
    figure = go.Figure()
    for index, (name, table) in enumerate(lines.items()):
        known = table.dropna(subset=["value"]).sort_values("ita")
        shaded = known.dropna(subset=["low", "high"])
        figure.add_trace(band(shaded["ita"], shaded["low"], shaded["high"], index))
        words = f"ITA %{{x:.0f}}°: %{{hovertext}}<extra>{name}</extra>"
        said = [share_with_interval(row) for row in known.to_dict("records")]
        shown = name if len(known) else f"{name}: too few to say"
        figure.add_trace(line_trace(known["ita"], known["value"], shown, index, hovertext=said, hovertemplate=words))
    if points is not None and len(points):
        figure.add_trace(_steps(points, ink))
    add_cuts(figure, cuts)
    figure.update_xaxes(**axis(_ITA))
    figure.update_yaxes(**axis(title, 14, tickformat=".1~%", range=list(span) if span else None, nticks=6))
    return styled(figure, _HEIGHT, ink)


@chart
def looking_figure(
    images: pd.DataFrame,
    groups: Mapping[str, str],
    centre: Mapping[str, float],
    *,
    counts: Mapping[str, int] | None = None,
    ink: str | None = None,
) -> go.Figure:
    """Right or wrong against looking: a dot per image, a row per group, and the line on which a map knows nothing of the lesion.

    Args:
        images: ``image_id, group, right`` (bool), ``ratio`` (energy in lesion ÷ lesion area; 1 is a uniform map's); where it has
            ``drawn`` (bool), only these have a dot: counts and medians are of all.
        groups: group to its label, in the order of the rows, the first on top.
        centre: group to the median ratio of a centred Gaussian's map; NaN is left out.
        counts: group to its number of images, written under its label.

    Returns:
        A figure whose dots can be clicked: ``customdata`` is ``[image_id]``.
    """
    place = {name: row for row, name in enumerate(groups)}
    rows = images[images["group"].isin(place) & images["ratio"].notna()]
    figure = go.Figure([_outcome(rows[rows["right"] == right], place, right) for right in (True, False)])
    for right in (True, False):
        figure.add_trace(_medians(rows[rows["right"] == right], place, right, ink))
    known = {name: ratio for name, ratio in centre.items() if name in place and np.isfinite(ratio)}
    figure.add_scatter(
        x=[_placed(ratio) for ratio in known.values()],
        y=[place[name] for name in known],
        mode="markers",
        name="a centre spot, median",
        marker={"symbol": "diamond-open", "size": 12, "color": ink or MUTED, "line": {"width": 2}},
        customdata=list(known.values()),
        hovertemplate="A centre spot (Gaussian): %{customdata:.2f} × chance<extra></extra>",
    )
    figure.add_trace(constant_line([0.0, 0.0], [-0.5, len(place) - 0.5], "chance: the lesion's share of the picture"))
    lowest = _placed(min(rows["ratio"].min(), 0.5)) if len(rows) else _placed(SMALLEST_RATIO)
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10) if _placed(tick) >= lowest - 0.01]
    at, words = [_placed(tick) for tick in ticks], [f"{tick:g}×" for tick in ticks]
    title = "energy in lesion ÷ lesion area (log scale)"
    figure.update_xaxes(**axis(title, range=[lowest - 0.06, 1.06], tickvals=at, ticktext=words))
    labels = [row_label(label, **{"n =": (counts or {}).get(name)}) for name, label in groups.items()]
    figure.update_yaxes(**row_axis(labels))
    return styled(figure, _FRAME + _ROW * len(place), ink)


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
        marker={"color": colour, "line": {"width": 0}},
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
    """A dot per image; right answers lie in the upper half of their row."""
    name, colour, sign = _OUTCOMES[right]
    n, rows = len(rows), rows[rows["drawn"]] if "drawn" in rows else rows
    scattered = np.random.default_rng(0).uniform(-_SPREAD, _SPREAD, len(rows))  # the same picture every time
    middle = rows["group"].map(place).to_numpy(np.float64) + (-0.22 if right else 0.22)
    return go.Scatter(
        x=_placed(rows["ratio"].to_numpy()),
        y=middle + scattered,
        customdata=rows[["image_id", "ratio"]].round(4),
        name=f"{name}: {n:,}",
        mode="markers",
        marker={"size": 6, "symbol": sign, "color": colour, "opacity": DOTS, "line": {"width": 0}},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": DOTS}},
        hovertemplate=f"%{{customdata[0]}}, one of the {name}: %{{customdata[1]:.2f}} × chance<extra></extra>",
    )


def _medians(rows: pd.DataFrame, place: Mapping[str, int], right: bool, ink: str | None) -> go.Scatter:
    name, colour, _ = _OUTCOMES[right]
    medians = rows.groupby("group")["ratio"].median()
    return go.Scatter(
        x=_placed(medians.to_numpy()),
        y=[place[group] + (-0.22 if right else 0.22) for group in medians.index],
        mode="markers",
        marker={"symbol": "line-ns", "size": 26, "color": colour, "line": {"width": 4, "color": ink or colour}},
        name="median",
        legendgroup="median",
        showlegend=right,
        customdata=medians.to_numpy(),
        hovertemplate=f"Median of {name}: %{{customdata:.2f}} × chance<extra></extra>",
    )


def _placed(ratio: Any) -> Any:
    """Where ratios stand on the axis: their logarithms to base ten, within the axis's ends."""
    return np.log10(np.clip(ratio, SMALLEST_RATIO, LARGEST_RATIO))


@chart
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
    """
    figure = go.Figure()
    for index, (direction, name) in enumerate(names.items()):
        rows = table[table["axis"] == direction].sort_values("ita")
        said = [
            f"ITA {degrees(ita)}: {measure} {percent(value)}<br>{words}"
            for ita, value, words in zip(rows["ita"], rows["value"], rows["said"], strict=True)
        ]
        more = {"marker": {"size": 7, "symbol": ("circle", "square", "diamond")[index % 3]}, "hovertext": said}
        words = f"%{{hovertext}}<extra>{name}</extra>"
        trace = line_trace(rows["ita"], rows["value"], name, index, mode="lines+markers", hovertemplate=words, **more)
        figure.add_trace(trace)
    add_cuts(figure, cuts)
    for place, (name, at) in enumerate((marks or {}).items()):
        figure.add_vline(x=at, line={"color": ink or MUTED, "width": 1.5})
        side = {"yanchor": "bottom", "xanchor": "right" if at > 20 else "left", "xshift": 2}
        add_note(figure, name, ink, x=at, y=1 + 0.05 * place, yref="y domain", **side)
    first, last = float(table["ita"].min()), float(table["ita"].max())
    title = "ITA in degrees: dark on the left, very light on the right"
    figure.update_xaxes(**axis(title, range=[first - 2, last + 2], dtick=20, tick0=0))
    figure.update_yaxes(**share_axis(f"{measure}, 0% to 100%"), tickformat=".0%")
    styled(figure, 380, ink)
    return figure.update_layout(margin_t=figure.layout.margin.t + 16 * len(marks or {}))  # the key is above the marks
