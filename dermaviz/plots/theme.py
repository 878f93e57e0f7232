"""How every chart looks: palette for light and dark, axes, interval bars and bands; and how numbers are written."""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, ParamSpec

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb, sample_colorscale, unlabel_rgb

from dermaviz.colour import decode_srgb

BENIGN = "#0072B2"
MALIGNANT = "#D55E00"
MALIGNANT_PATTERN = "/"
MALIGNANT_SIGN = f'<span style="color:{MALIGNANT}">▨</span>'
"""Stands before the name of a malignant class where there is no bar to hatch."""
MUTED = "#7A8B90"
"""Grid lines and axes: readable on the light and on the dark theme."""
INK = {"light": "#1A2B30", "dark": "#E4EDEE"}
"""Colour of words on the two themes of ``.streamlit/config.toml``: contrast above 7."""
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#A6761D")
ON_DARK = {"#0072B2": "#56B4E9", "#D55E00": "#F08A3C", "#A6761D": "#C8953A", "white": "#0F191C"}
"""What stands for a colour on the dark ground: contrast with it above 4.5, as the others have; and that ground for white rims."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""Of several models or settings: each has a colour and a dash of its own."""

_MARKUP = re.compile(r"<(?=/?[a-z])|&(?=#?\w+;)|%(?=\{)", re.IGNORECASE)
_JOINER = "\u2060"


def plain(words: str) -> str:
    """Words from outside as a chart shows them as they are.

    Plotly takes tags, entities and ``%{…}`` in every text for its own; an invisible word joiner parts what would make one.
    """
    return _MARKUP.sub(rf"\g<0>{_JOINER}", words) if _may_hold_markup(words) else words


def _may_hold_markup(words: str) -> bool:
    return "<" in words or "&" in words or "%" in words


def as_given(words: str) -> str:
    """The words of which :func:`plain` made these, for what a click on a chart gives back."""
    return re.sub(rf"(?<=[<&%]){_JOINER}", "", words)


Drawing = ParamSpec("Drawing")
_PAINTED = (
    "line.color", "fillcolor", "error_x.color", "error_y.color", "marker.color", "marker.line.color", "marker.pattern.bgcolor",
    "marker.pattern.fgcolor",
)  # fmt: skip
_IN_A_CHART: ContextVar[bool] = ContextVar("in a chart", default=False)


def chart(draw: Callable[Drawing, go.Figure]) -> Callable[Drawing, go.Figure]:
    """Make a function a chart: every text that it is given, also in tables, lists and keys, is drawn by :func:`plain`.

    Markup is therefore only what charts write themselves. A chart that a chart is made of takes what it is given. With light
    words, ``ink``, its colours are those of :data:`ON_DARK`.
    """

    @functools.wraps(draw)
    def drawn(*given: Drawing.args, **named: Drawing.kwargs) -> go.Figure:
        if _IN_A_CHART.get():
            return draw(*given, **named)
        token = _IN_A_CHART.set(True)
        try:
            figure = draw(*map(_plain_within, given), **{name: _plain_within(value) for name, value in named.items()})
            return _on_dark(figure) if _theme(str(named.get("ink") or INK["light"])) == "dark" else figure
        finally:
            _IN_A_CHART.reset(token)

    return drawn


def _on_dark(figure: go.Figure) -> go.Figure:
    shades = {_shade(colour): _shade(lighter) for colour, lighter in ON_DARK.items() if colour in SERIES}
    for trace in figure.data:
        for place in _PAINTED:
            if place in trace and isinstance(trace[place], str):
                trace[place] = (ON_DARK | shades).get(trace[place], trace[place])
    if figure.layout.title.text:
        for colour, lighter in ON_DARK.items():
            figure.layout.title.text = figure.layout.title.text.replace(f"color:{colour}", f"color:{lighter}")
    return figure


def _shade(colour: str) -> str:
    red, green, blue = hex_to_rgb(colour)
    return f"rgba({red}, {green}, {blue}, {_SHADE})"


def _plain_within(given: Any) -> Any:
    """The same with every text in it plain; column names stay."""
    if isinstance(given, str):
        return plain(given)
    if isinstance(given, pd.DataFrame):
        return pd.DataFrame({name: _plain_within(column) for name, column in given.items()}, given.index)
    if isinstance(given, pd.Series):
        return given if given.dtype.kind in "biufcmM" or _all_plain(given) else given.astype(object).map(_plain_within)
    if isinstance(given, np.ndarray):
        return given if given.dtype.kind in "biufcmM" else np.array([_plain_within(one) for one in given.tolist()])
    if isinstance(given, Mapping):
        return {_plain_within(key): _plain_within(value) for key, value in given.items()}
    if isinstance(given, set | frozenset):
        return {_plain_within(one) for one in given}
    if isinstance(given, Collection) and not isinstance(given, bytes):
        return tuple(_plain_within(one) for one in given)
    return given


def _all_plain(given: pd.Series) -> bool:
    """Whether a column holds only texts without a sign of markup; all are looked through in one go."""
    texts = given.tolist()
    return all(type(one) is str for one in texts) and not _may_hold_markup("".join(texts))


Scale = tuple[tuple[float, str], ...]
_SEQUENTIAL = {
    "light": ((0.0, "#EAF1F6"), (0.5, "#5A9BC8"), (1.0, "#06315C")),
    "dark": ((0.0, "#1B2C33"), (0.5, "#2F7FB5"), (1.0, "#D6ECFB")),
}
_DIVERGING = {
    "light": ((0.0, "#00507D"), (0.25, "#5FA3CC"), (0.5, "#F3F5F5"), (0.75, "#EB9A5E"), (1.0, "#A34700")),
    "dark": ((0.0, "#8CCBF2"), (0.25, "#2A78A8"), (0.5, "#1D292D"), (0.75, "#B5581A"), (1.0, "#FFC08F")),
}


def sequential_scale(ink: str | None) -> Scale:
    """One blue, from the page's own shade to its opposite, for words of the colour ``ink``: more is further from the page."""
    return _SEQUENTIAL[_theme(ink)]


def diverging_scale(ink: str | None) -> Scale:
    """Blue for less, orange for more, the page's own shade between, for words of the colour ``ink``."""
    return _DIVERGING[_theme(ink)]


def colour_at(scale: Scale, share: float) -> tuple[float, float, float]:
    """Red, green and blue in [0, 255] at ``share`` in [0, 1] of a scale, as the browser mixes them."""
    red, green, blue = unlabel_rgb(sample_colorscale([list(stop) for stop in scale], [min(max(share, 0.0), 1.0)])[0])
    return red, green, blue


def words_on(colour: Sequence[float]) -> str:
    """Black or white, whichever reads better on a colour (red, green, blue in [0, 255]): contrast is at least 4.5 (WCAG 2)."""
    luminance = _luminance(colour)
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#FFFFFF"


def _theme(ink: str | None) -> str:
    """Light words stand on a dark page."""
    return "dark" if ink is not None and _luminance(hex_to_rgb(ink)) > 0.5 else "light"


def _luminance(colour: Sequence[float]) -> float:
    """Relative luminance in [0, 1] of red, green and blue in [0, 255] (WCAG 2.2)."""
    return float(decode_srgb(np.array(colour) / 255) @ (0.2126, 0.7152, 0.0722))


_WORDS, _SMALL = 13, 12
_TITLE_LETTERS = 39
"""Of a horizontal axis on a phone: a longer title is broken."""
_UNBROKEN = ("0 to 1", "1 − ", "p ≥ ")
_SHADE = 0.13


def styled(figure: go.Figure, height: int, ink: str | None, *, legend: bool = True) -> go.Figure:
    """Give a chart its height in pixels, its words their colour, and its key a place above it; returns the same figure."""
    lines = {
        "fixedrange": True, "gridcolor": MUTED, "griddash": "dot", "gridwidth": 0.5, "zeroline": False, "automargin": True,
        "title": {"font": {"color": ink, "size": _WORDS}}, "tickfont": {"color": ink, "size": _SMALL},
    }  # fmt: skip
    look = {
        "height": height, "margin": {"l": 8, "r": 8, "t": 56 if legend else 12, "b": 8}, "dragmode": False,
        "hovermode": "closest", "showlegend": legend, "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {
            "orientation": "h", "x": 0, "xref": "container", "y": 1, "yref": "container", "xanchor": "left",
            "yanchor": "top", "traceorder": "normal", "font": {"color": ink, "size": _SMALL},
        },
    }  # fmt: skip
    # All in one: Plotly's own updates, a property at a time, take seven times as long as this, and as long as all the rest.
    layout = figure.layout.to_plotly_json()
    layout.pop("template", None)  # the new layout gets the same
    axes = {name for name in layout if name.startswith(("xaxis", "yaxis"))} | {"xaxis", "yaxis"}
    figure.layout = _overruled(layout, look | dict.fromkeys(sorted(axes), lines))
    for along in figure.select_xaxes():
        if len(along.title.text or "") > _TITLE_LETTERS:
            along.title.text = "<br>".join(_even_lines(along.title.text))
    return figure


def _even_lines(title: str) -> list[str]:
    """As few lines as a phone has room for, all of much the same length; a range such as ``0 to 1`` stays on one."""
    for whole in _UNBROKEN:
        title = title.replace(whole, whole.replace(" ", "\N{NO-BREAK SPACE}"))
    fewest = textwrap.wrap(title, _TITLE_LETTERS)
    widths = range(len(title) // len(fewest), _TITLE_LETTERS)
    shorter = (textwrap.wrap(title, width, break_long_words=False) for width in widths)
    return next((lines for lines in shorter if len(lines) == len(fewest)), fewest)


def _overruled(given: Mapping[str, Any], by: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings with others in their place, but for what these leave open."""
    inner = {name: _overruled(given.get(name) or {}, one) for name, one in by.items() if isinstance(one, Mapping)}
    return {**given, **by, **inner}


def axis(title: str, standoff: int = 16, **more: Any) -> dict[str, Any]:
    """An axis with its title, ``standoff`` pixels away from it."""
    return {"title": {"text": title, "standoff": standoff}, **more}


def share_axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis from 0 to 1, with a little room for marks that lie on its ends."""
    return axis(title, range=[-0.02, 1.02], tick0=0, dtick=0.25) | more


def span_axis(title: str, span: tuple[float, float], **more: Any) -> dict[str, Any]:
    """An axis between two ends, with a little room for marks that lie on them."""
    room = (span[1] - span[0]) * 0.03
    return axis(title, range=[span[0] - room, span[1] + room], nticks=6) | more


def row_axis(labels: Sequence[str]) -> dict[str, Any]:
    """A vertical axis of rows with these labels, the first on top."""
    ticks = {"tickvals": list(range(len(labels))), "ticktext": list(labels), "ticksuffix": " "}
    return ticks | {"range": [len(labels) - 0.5, -0.5], "showgrid": False}


def add_note(figure: go.Figure, text: str, ink: str | None, **place: Any) -> None:
    """Words in a chart, without an arrow."""
    figure.add_annotation(text=text, showarrow=False, font={"color": ink, "size": _SMALL}, **place)


def add_cuts(figure: go.Figure, cuts: Iterable[float], colour: str = MUTED) -> None:
    """A thin vertical line at each border between groups."""
    for cut in cuts:
        figure.add_vline(x=cut, line={"color": colour, "width": 1, "dash": "dot"})


def colour_of(index: int) -> str:
    """The colour of the n-th model or setting."""
    return SERIES[index % len(SERIES)]


def line_style(index: int) -> dict[str, Any]:
    """The line of the n-th model or setting: a colour and a dash of its own."""
    return {"color": colour_of(index), "dash": DASHES[index % len(DASHES)], "width": 2.5}


def line_trace(x: Any, y: Any, name: str, index: int, *, mode: str = "lines", **more: Any) -> go.Scatter:
    """The line of the n-th model or setting; ``more`` is Plotly's, its ``line`` on top of the usual style."""
    return go.Scatter(x=x, y=y, name=name, mode=mode, line=line_style(index) | more.pop("line", {}), **more)


def interval_bars(
    value: pd.Series, low: pd.Series, high: pd.Series, colour: str, *, thickness: float = 2.5, width: float = 0
) -> dict[str, Any]:
    """The intervals of dots as their error bars; thickness and the width of the ends are in pixels."""
    bars = {"type": "data", "array": high - value, "arrayminus": value - low, "color": colour}
    return bars | {"thickness": thickness, "width": width}


def constant_line(x: list[float], y: list[float], name: str) -> go.Scatter:
    """A line to hold a curve against, such as chance."""
    return go.Scatter(
        x=x, y=y, name=name, mode="lines", line={"color": MUTED, "dash": "dash", "width": 2}, hoverinfo="skip"
    )


def band(x: Iterable[float], low: Iterable[float], high: Iterable[float], index: int) -> go.Scatter:
    """The n-th line's interval as a shade in its colour with an edge, so that several that overlap are told apart."""
    places, lower = list(x), list(low)
    return go.Scatter(
        x=[*places, *reversed(places)],
        y=[*high, *reversed(lower)],
        fill="toself",
        fillcolor=_shade(colour_of(index)),
        mode="lines",
        line={"width": 0.75, "color": colour_of(index)},
        showlegend=False,
        hoverinfo="skip",
    )


def percent(probability: float) -> str:
    """A probability in [0, 1] in words short enough for a bar: ``<1%``, ``37%``, ``>99%``; never a false 0% or 100%."""
    if 0 < probability < 0.01:
        return "<1%"
    if 0.99 < probability < 1:
        return ">99%"
    return f"{probability:.0%}"


def share_with_interval(row: Mapping[str, Any] | pd.Series, without: str = "") -> str:
    """A share in a row with its interval: ``37% (30% to 44%)``; one that has none is followed by ``without``."""
    if np.isnan(row["low"]):
        return percent(row["value"]) + without
    exact = ", exact" * bool(row.get("exact", False))
    return f"{percent(row['value'])} ({percent(row['low'])} to {percent(row['high'])}{exact})"


def points(change: float) -> str:
    """A change of a share in [−1, 1], in percentage points with its sign: ``+3.7``."""
    return signed(100 * change, 1)


def signed(number: float, digits: int = 0) -> str:
    """A difference with its sign written out: ``+3``, ``−0.4``; what rounds to nothing is ``0``."""
    rounded = round(float(number), digits)
    return f"{rounded:+,.{digits}f}".replace("-", "−") if rounded else "0"


def degrees(angle: float) -> str:
    """Whole degrees: ``−20°``."""
    return f"{round(angle):d}°".replace("-", "−")
