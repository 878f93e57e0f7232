"""Figures: a matrix with a word in each cell, whose cells and headers can be clicked, drawn for a phone's width and up.

Plotly sends no click of a heatmap to Streamlit, so invisible square markers lie on top. The browser gives a click to the
nearest of them, wherever in the cell it was, and so the markers need not know how large a cell is on the screen."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dermaviz.plots.theme import (
    MALIGNANT_SIGN,
    MUTED,
    Scale,
    colour_at,
    diverging_scale,
    percent,
    sequential_scale,
    signed,
    words_on,
)

Chosen = tuple[int, int]
"""Row and column of a cell; ``(i, -1)`` is the whole row ``i``, ``(-1, j)`` the whole column ``j``."""

_PHONE_WIDTH = 310
"""Pixels that a phone leaves for headers and cells together."""
_CHARACTER_WIDTH, _LINE_HEIGHT = 6.6, 15
_HEADER_LETTERS = 11
"""A longer header is broken between words."""
_LEVEL_LETTERS = 5
"""A column's header with a longer word stands upright, since a phone's cell is some 40 pixels wide."""
_EDGE = 0.5
_HOVER_LETTERS = 34


@dataclass(frozen=True)
class Cells:
    """What stands in the cells: all ``[R][C]``.

    ``colours`` are places on ``scale`` between ``low`` and ``high``; a NaN leaves the cell without colour. ``words`` are
    shown (the first line large, a second small), ``said`` appears under the pointer. ``ticks`` are places and words on
    the colour bar, by default Plotly's.
    """

    colours: NDArray[np.float64]
    words: Sequence[Sequence[str]]
    said: Sequence[Sequence[str]]
    scale: Scale
    low: float
    high: float
    title: str
    ticks: tuple[tuple[float, str], ...] = ()
    tick_format: str = ""


@dataclass(frozen=True)
class Headers:
    """The headers of the rows or of the columns: names, the small line under each, what appears under the pointer.

    ``marked`` says which names get the sign of malignant classes; ``title`` says what the axis is.
    """

    names: Sequence[str]
    notes: Sequence[str]
    said: Sequence[str]
    marked: Sequence[bool]
    title: str

    def lines(self, index: int, letters: int) -> list[str]:
        """A header's lines, without its note."""
        return textwrap.wrap(self.names[index], letters, break_long_words=False) or [""]

    def text(self, index: int, gap: str = " ") -> str:
        """A header in Plotly's markup, with ``gap`` between the sign and the name."""
        sign = f"{MALIGNANT_SIGN}{gap}" if self.marked[index] else ""
        name = "<br>".join(self.lines(index, _HEADER_LETTERS))
        return f'{sign}{name}<br><span style="font-size:10px">{self.notes[index]}</span>'

    @property
    def room(self) -> float:
        """Pixels that the longest line takes."""
        lines = [
            len(line) + 2 * self.marked[i] for i in range(len(self.names)) for line in self.lines(i, _HEADER_LETTERS)
        ]
        notes = [math.ceil(0.85 * len(note)) for note in self.notes]
        return 10 + _CHARACTER_WIDTH * max([*lines, *notes])

    @property
    def upright(self) -> bool:
        """Whether a column's header has to stand upright to fit a phone's cell."""
        words = [word for name in self.names for word in name.split()]
        return len(self.names) > 2 and max(map(len, words), default=0) > _LEVEL_LETTERS


def matrix_figure(
    cells: Cells, rows: Headers, columns: Headers, *, selected: Chosen | None = None, ink: str | None = None
) -> go.Figure:
    """The matrix: a heatmap, words, clickable markers with ``customdata`` (a ``Chosen`` as two integers), an outline.

    The last trace carries the clicks; use it with ``st.plotly_chart(on_select=…, selection_mode="points")``.
    """
    n_rows, n_columns = cells.colours.shape
    row_height = min(max(330 / n_rows, 46), 96)
    width = max(1.0, n_columns * rows.room / max(_PHONE_WIDTH - rows.room, 1))
    lines = [1 + columns.marked[j] + len(columns.lines(j, _HEADER_LETTERS)) for j in range(n_columns)]
    height = max(1.0, (columns.room if columns.upright else _LINE_HEIGHT * max(lines) + 8) / row_height)
    figure = go.Figure([_heatmap(cells, ink), _click_markers(cells, rows, columns, (width, height))])
    figure.update_layout(
        annotations=[*_words(cells, ink), *_headers(rows, columns, ink), *_key(rows, columns, width, height, ink)],
        shapes=_outline(selected, (n_rows, n_columns), (width, height)),
        height=row_height * (n_rows + height) + 108,
        margin={"l": 22, "r": 2, "t": 30, "b": 78, "autoexpand": False},
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="closest",
        hoverdistance=-1,
        hoverlabel={"align": "left"},
        clickmode="event+select",
        dragmode=False,
        showlegend=False,
    )
    bare = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": "", "fixedrange": True}
    font = {"color": ink, "size": 13}
    figure.update_xaxes(
        **bare,
        range=[-_EDGE - width, n_columns - _EDGE],
        side="top",
        title={"text": columns.title, "font": font, "standoff": 4},
    )
    figure.update_yaxes(
        **bare, range=[n_rows - _EDGE, -_EDGE - height], title={"text": rows.title, "font": font, "standoff": 4}
    )
    return figure


def _heatmap(cells: Cells, ink: str | None) -> go.Heatmap:
    ticks: dict[str, Any] = {"tickformat": cells.tick_format, "nticks": 6}
    if cells.ticks:
        ticks = {"tickvals": [place for place, _ in cells.ticks], "ticktext": [word for _, word in cells.ticks]}
    bar = {
        "orientation": "h",
        "x": 0.5,
        "y": 0,
        "yanchor": "top",
        "ypad": 12,
        "len": 0.94,
        "thickness": 10,
        "outlinewidth": 0,
        "title": {"text": cells.title, "side": "bottom", "font": {"color": ink, "size": 12}},
        "tickfont": {"color": ink, "size": 11},
        **ticks,
    }
    return go.Heatmap(
        z=cells.colours,
        zmin=cells.low,
        zmax=cells.high,
        colorscale=[list(stop) for stop in cells.scale],
        colorbar=bar,
        xgap=2,
        ygap=2,
        hoverinfo="skip",
        hoverongaps=False,
    )


def _click_markers(cells: Cells, rows: Headers, columns: Headers, header: tuple[float, float]) -> go.Scatter:
    """Invisible, but not hidden: a trace without a hovertemplate, or with opacity 0, gets no click."""
    points = [
        *((i, j, i, j, cells.said[i][j]) for i, j in np.ndindex(*cells.colours.shape)),
        *((i, place, i, -1, rows.said[i]) for i in range(len(rows.names)) for place in _places(header[0])),
        *((place, j, -1, j, columns.said[j]) for j in range(len(columns.names)) for place in _places(header[1])),
    ]
    still = {"marker": {"opacity": 0.01}}  # or Plotly dims every point but the clicked one
    return go.Scatter(
        x=[point[1] for point in points],
        y=[point[0] for point in points],
        customdata=[[point[2], point[3]] for point in points],
        hovertext=["<br>".join(textwrap.wrap(point[4], _HOVER_LETTERS)) for point in points],
        hovertemplate="%{hovertext}<extra></extra>",
        mode="markers",
        marker={"symbol": "square", "size": 20, "opacity": 0.01, "color": MUTED},
        selected=still,
        unselected=still,
        showlegend=False,
    )


def _places(size: float) -> Iterator[float]:
    """Where a header of ``size`` cells has its markers: the first mirrors cell 0 at the border, so each click falls right."""
    yield -1.0
    yield from (-1.0 - step for step in np.arange(1, size - _EDGE))


def _words(cells: Cells, ink: str | None) -> Iterator[dict[str, Any]]:
    for i, j in np.ndindex(*cells.colours.shape):
        first, _, second = cells.words[i][j].partition("\n")
        if not first:
            continue
        small = f'<br><span style="font-size:10px">{second}</span>' if second else ""
        place = (float(cells.colours[i, j]) - cells.low) / ((cells.high - cells.low) or 1)
        colour = ink or MUTED if math.isnan(place) else words_on(colour_at(cells.scale, place))
        yield {
            "x": j,
            "y": i,
            "text": first + small,
            "showarrow": False,
            "font": {"color": colour, "size": 12},
        }


def _headers(rows: Headers, columns: Headers, ink: str | None) -> Iterator[dict[str, Any]]:
    same = {"showarrow": False, "font": {"color": ink, "size": 12}}
    for i in range(len(rows.names)):
        yield same | {"x": -_EDGE, "y": i, "text": rows.text(i), "xanchor": "right", "align": "right"}
    turned = {"textangle": -90, "align": "left"} if columns.upright else {}
    for j in range(len(columns.names)):
        yield (
            same
            | turned
            | {"x": j, "y": -_EDGE, "text": columns.text(j, " " if columns.upright else "<br>"), "yanchor": "bottom"}
        )


def _key(rows: Headers, columns: Headers, width: float, height: float, ink: str | None) -> Iterator[dict[str, Any]]:
    """What the sign before a name means, in the empty corner."""
    if any(rows.marked) or any(columns.marked):
        yield {
            "x": -_EDGE - width,
            "y": -_EDGE - height,
            "text": f"{MALIGNANT_SIGN} malignant",
            "xanchor": "left",
            "yanchor": "top",
            "showarrow": False,
            "font": {"color": ink, "size": 11},
        }


def _outline(selected: Chosen | None, shape: tuple[int, int], header: tuple[float, float]) -> list[dict[str, Any]]:
    """Black within white: seen on every colour of the scales and on both themes."""
    if selected is None:
        return []
    (row, column), (n_rows, n_columns), (width, height) = selected, shape, header
    place = {
        "x0": -_EDGE - width if column < 0 else column - _EDGE,
        "x1": (n_columns if column < 0 else column + 1) - _EDGE,
        "y0": -_EDGE - height if row < 0 else row - _EDGE,
        "y1": (n_rows if row < 0 else row + 1) - _EDGE,
    }
    lines = ({"color": "#FFFFFF", "width": 5}, {"color": "#000000", "width": 2})
    return [{"type": "rect", "line": line, **place} for line in lines]


Counts = NDArray[np.int64]
Shown = Literal["counts", "true", "predicted", "all"]
SCALE_TITLES = {
    "counts": "images",
    "true": "share of the true class",
    "predicted": "share of the predicted class",
    "all": "share of all images",
}
_TRUE, _PREDICTED = "true class", "predicted class, and images called so"


def confusion_figure(
    matrix: Counts,
    rows: Sequence[str],
    columns: Sequence[str],
    shown: Shown = "true",
    hide_diagonal: bool = False,
    log_colour: bool = False,
    selected: Chosen | None = None,
    ink: str | None = None,
    *,
    malignant: Collection[str] = (),
    names: Mapping[str, str] | None = None,
) -> go.Figure:
    """The confusion matrix: colour and large figure say what is ``shown``, the small figure the number of images.

    Args:
        matrix: number of images ``[R, C]``, by true class (row) and predicted class (column).
        rows: short names of the true classes, for the headers.
        columns: short names of the predicted classes.
        shown: ``counts``, or shares of the ``true`` class (rows sum to 100%), of the ``predicted`` class or of ``all``.
        hide_diagonal: leave the right answers blank (of a square matrix, whose two axes have one order), and colour the
            others by themselves.
        log_colour: colour by the logarithm, so that rare mistakes are seen; zeros stay without colour.
        selected: cell, row or column that is outlined.
        ink: colour of the words, of the page's theme; by default Plotly's.
        malignant: names that are marked as malignant.
        names: what a short name is called in sentences; by default the same.

    Returns:
        A figure whose last trace can be clicked: ``customdata`` is ``[row, column]``, ``[row, -1]`` or ``[-1, column]``.
    """
    counts = np.asarray(matrix, dtype=np.int64).reshape(len(rows), len(columns))
    hidden = _diagonal(len(rows), len(columns)) & hide_diagonal
    values = np.where(hidden, np.nan, shares(counts, shown))
    colours, low, high, ticks = _log_colours(values, shown) if log_colour else _colours(values, shown, hide_diagonal)
    cells = Cells(
        colours=colours,
        words=[
            ["" if hidden[i, j] else _cell_words(values[i, j], counts[i, j], shown) for j in range(len(columns))]
            for i in range(len(rows))
        ],
        said=[
            [cell_sentence(counts, rows, columns, (i, j), shown, names) for j in range(len(columns))]
            for i in range(len(rows))
        ],
        scale=sequential_scale(ink),
        low=low,
        high=high,
        title=SCALE_TITLES[shown] + (", logarithmic" if log_colour else ""),
        ticks=ticks,
        tick_format=",d" if shown == "counts" else ".0%",
    )
    return matrix_figure(
        cells,
        _count_headers(counts, rows, columns, 0, malignant, names),
        _count_headers(counts, rows, columns, 1, malignant, names),
        selected=selected,
        ink=ink,
    )


def difference_figure(
    first: Counts,
    second: Counts,
    rows: Sequence[str],
    columns: Sequence[str],
    shown: Shown = "true",
    hide_diagonal: bool = False,
    selected: Chosen | None = None,
    ink: str | None = None,
    *,
    malignant: Collection[str] = (),
    names: Mapping[str, str] | None = None,
    models: tuple[str, str] = ("A", "B"),
) -> go.Figure:
    """The second matrix less the first, of the same images: orange cells gained images, blue ones lost some.

    Shares are differences in percentage points; signs are written out. ``models`` names the two in sentences. The other
    arguments are those of ``confusion_figure``, and so are the clicks.
    """
    shape = len(rows), len(columns)
    before, after = (np.asarray(m, dtype=np.int64).reshape(shape) for m in (first, second))
    hidden = _diagonal(len(rows), len(columns)) & hide_diagonal
    factor = 1 if shown == "counts" else 100
    values = np.where(hidden, np.nan, (shares(after, shown) - shares(before, shown)) * factor)
    reach = float(np.nanmax(np.abs(values), initial=0)) or 1.0
    unit = "images" if shown == "counts" else f"percentage points of {SCALE_TITLES[shown].removeprefix('share of ')}"
    cells = Cells(
        colours=values,
        words=[
            [
                "" if hidden[i, j] else _signed_words(values[i, j], int((after - before)[i, j]), shown)
                for j in range(shape[1])
            ]
            for i in range(shape[0])
        ],
        said=[
            [
                f"{models[0]}: {cell_sentence(before, rows, columns, (i, j), shown, names)} "
                f"{models[1]}: {after[i, j]:,} ({signed(int((after - before)[i, j]))})."
                for j in range(shape[1])
            ]
            for i in range(shape[0])
        ],
        scale=diverging_scale(ink),
        low=-reach,
        high=reach,
        title=f"{models[1]} − {models[0]}, {unit}",
        tick_format="+,d" if shown == "counts" else "+.3~g",
    )
    return matrix_figure(
        cells,
        _count_headers(before, rows, columns, 0, malignant, names),
        _difference_columns(before, after, rows, columns, malignant, names, models),
        selected=selected,
        ink=ink,
    )


def shares(counts: Counts, shown: Shown) -> NDArray[np.float64]:
    """The matrix ``[R, C]`` as it is shown: counts, or shares in [0, 1]; NaN where there is nothing to take a share of."""
    whole = {
        "counts": np.ones((1, 1)),
        "true": counts.sum(axis=1, keepdims=True),
        "predicted": counts.sum(axis=0, keepdims=True),
        "all": counts.sum(keepdims=True),
    }[shown]
    return np.divide(counts, whole, out=np.full(counts.shape, np.nan), where=whole > 0)


def cell_sentence(
    counts: Counts,
    rows: Sequence[str],
    columns: Sequence[str],
    cell: Chosen,
    shown: Shown = "true",
    names: Mapping[str, str] | None = None,
) -> str:
    """A cell in words: "31 of 223 melanoma images are called nevus (13.9%)."; the share is the one that is ``shown``."""
    row, column = cell
    true, called = (_name(label, names) for label in (rows[row], columns[column]))
    n, verb = int(counts[row, column]), "is" if counts[row, column] == 1 else "are"
    if shown == "predicted":
        whole, what = int(counts[:, column].sum()), f"images called {called} {verb} {true}"
    elif shown == "all":
        whole, what = int(counts.sum()), f"images {verb} {true} called {called}"
    else:
        whole, what = int(counts[row].sum()), f"{true} images {verb} called {called}"
    return f"{n:,} of {whole:,} {what}{f' ({n / whole:.1%})' if whole else ''}."


def header_sentence(
    counts: Counts,
    rows: Sequence[str],
    columns: Sequence[str],
    header: Chosen,
    names: Mapping[str, str] | None = None,
) -> str:
    """A whole row ``(i, -1)`` or column ``(-1, j)`` in words: how many images, and how many of them rightly called."""
    row, column = header
    own, line = (rows[row], counts[row]) if column < 0 else (columns[column], counts[:, column])
    n, called = int(line.sum()), _name(own, names)
    verb = "is" if n == 1 else "are"
    said = f"{n:,} {'image' if n == 1 else 'images'} {verb} {called if column < 0 else f'called {called}'}"
    if len(rows) != len(columns) or not n:
        return f"{said}."
    right = int(line[max(header)])
    return f"{said}; {right:,} of them {'is' if right == 1 else 'are'} {'called so' if column < 0 else 'so'} ({right / n:.1%})."


def _cell_words(value: float, count: int, shown: Shown) -> str:
    if shown == "counts":
        return f"{count:,}"
    return "–" if np.isnan(value) else f"{percent(float(value))}\n{count:,}"


def _signed_words(value: float, change: int, shown: Shown) -> str:
    if shown == "counts":
        return signed(change)
    return "–" if np.isnan(value) else f"{signed(value, 1)}\n{signed(change)}"


def _diagonal(n_rows: int, n_columns: int) -> NDArray[np.bool_]:
    """Where the right answers stand; nowhere in a matrix that is not square."""
    return np.eye(n_rows, n_columns, dtype=bool) & (n_rows == n_columns)


Ticks = tuple[tuple[float, str], ...]


def _colours(
    values: NDArray[np.float64], shown: Shown, hide_diagonal: bool
) -> tuple[NDArray[np.float64], float, float, Ticks]:
    """From nothing to everything where shares of a class are shown whole, else to the largest cell."""
    largest = float(np.nanmax(values, initial=0)) or 1.0
    if shown in ("true", "predicted") and not hide_diagonal:
        return values, 0.0, 1.0, tuple((place, f"{place:.0%}") for place in (0.0, 0.25, 0.5, 0.75, 1.0))
    return values, 0.0, largest, ()


def _log_colours(values: NDArray[np.float64], shown: Shown) -> tuple[NDArray[np.float64], float, float, Ticks]:
    """Powers of ten of the values, the span of those above 0 rounded outwards to whole powers."""
    above = np.where(values > 0, values, np.nan)
    logs = np.log10(above)
    if np.isnan(logs).all():
        return logs, 0.0, 1.0, ()
    low, high = int(np.floor(np.nanmin(logs))), int(np.ceil(np.nanmax(logs)))
    high = max(high, low + 1)
    words = (f"{10**power:,}" if shown == "counts" else f"{100 * 10.0**power:g}%" for power in range(low, high + 1))
    return logs, float(low), float(high), tuple(zip(map(float, range(low, high + 1)), words, strict=True))


def _count_headers(
    counts: Counts,
    rows: Sequence[str],
    columns: Sequence[str],
    axis: int,
    malignant: Collection[str],
    names: Mapping[str, str] | None,
) -> Headers:
    """The headers of the rows (``axis`` 0) or columns (1), each with its number of images."""
    labels = columns if axis else rows
    places: list[Chosen] = [(-1, k) if axis else (k, -1) for k in range(len(labels))]
    return Headers(
        names=labels,
        notes=[f"{n:,}" if axis else f"n = {n:,}" for n in counts.sum(axis=1 - axis)],
        said=[header_sentence(counts, rows, columns, place, names) for place in places],
        marked=[label in malignant for label in labels],
        title=_PREDICTED if axis else _TRUE,
    )


def _difference_columns(
    before: Counts,
    after: Counts,
    rows: Sequence[str],
    columns: Sequence[str],
    malignant: Collection[str],
    names: Mapping[str, str] | None,
    models: tuple[str, str],
) -> Headers:
    """Columns whose numbers of images differ between the two models."""
    pairs = list(zip(before.sum(axis=0).tolist(), after.sum(axis=0).tolist(), strict=True))
    return Headers(
        names=columns,
        notes=[signed(b - a) for a, b in pairs],
        said=[
            f"{_name(label, names)} is what {models[0]} calls {a:,} images, and {models[1]} {b:,}."
            for label, (a, b) in zip(columns, pairs, strict=True)
        ],
        marked=[label in malignant for label in columns],
        title=_PREDICTED,
    )


def _name(label: str, names: Mapping[str, str] | None) -> str:
    return (names or {}).get(label, label)
