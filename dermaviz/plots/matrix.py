"""A matrix with a word in each cell, whose cells and headers can be clicked, drawn for a phone's width and up.

Plotly sends no click of a heatmap to Streamlit, so invisible square markers lie on top. The browser gives a click to the
nearest of them, wherever in the cell it was, so the markers need not know how large a cell is on the screen.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dermaviz.plots.theme import MALIGNANT_SIGN, MUTED, Scale, colour_at, words_on

Chosen = tuple[int, int]
"""Row and column of a cell; ``(i, -1)`` is the whole row ``i``, ``(-1, j)`` the whole column ``j``."""
_PHONE_WIDTH = 310
"""Pixels that a phone leaves for headers and cells together."""
_CHARACTER_WIDTH, _LINE_HEIGHT = 6.6, 15
_HEADER_LETTERS = 11
"""A longer header is broken between words."""
_LEVEL_LETTERS, _BROKEN_LETTERS = 5, 7
"""A column's header with a longer word than a phone's cell has room for stands upright, or, where that is room for the second
number of letters, is broken within the word."""
_EDGE = 0.5
_HOVER_LETTERS = 34


@dataclass(frozen=True)
class Cells:
    """What stands in the cells: all ``[R][C]``.

    ``colours`` are positions on ``scale`` between ``low`` and ``high``; a NaN leaves the cell without colour. ``words`` are
    shown (the first line large, a second small), ``said`` appears under the pointer. ``ticks`` are positions and words on
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

    ``marked`` says which names get the sign of malignant classes; ``title`` says what the axis is. Words of more than ``most``
    letters are broken, 0: none.
    """

    names: Sequence[str]
    notes: Sequence[str]
    said: Sequence[str]
    marked: Sequence[bool]
    title: str
    most: int = 0

    def lines(self, index: int) -> list[str]:
        """A header's lines, without its note."""
        name, width = self.names[index], min(self.most or _HEADER_LETTERS, _HEADER_LETTERS)
        if self.most:
            name = " ".join(_broken(word, self.most) for word in name.split())
        return textwrap.wrap(name, width, break_long_words=False, break_on_hyphens=not self.most) or [""]

    def text(self, index: int, gap: str = " ") -> str:
        """A header in Plotly's markup, with ``gap`` between the sign and the name."""
        sign = f"{MALIGNANT_SIGN}{gap}" if self.marked[index] else ""
        return f'{sign}{"<br>".join(self.lines(index))}<br><span style="font-size:10px">{self.notes[index]}</span>'

    @property
    def room(self) -> float:
        """Pixels that the longest line takes."""
        lines = [len(line) + 2 * self.marked[i] for i in range(len(self.names)) for line in self.lines(i)]
        return 10 + _CHARACTER_WIDTH * max([*lines, *(math.ceil(0.85 * len(note)) for note in self.notes)])

    @property
    def upright(self) -> bool:
        """Whether a column's header has to stand upright to fit a phone's cell."""
        words = [word for name in self.names for word in name.split()]
        return len(self.names) > 2 and not self.most and max(map(len, words), default=0) > _LEVEL_LETTERS


def _broken(word: str, most: int) -> str:
    """A word in even parts of ``most`` letters or fewer, a hyphen after all but the last."""
    if len(word) <= most:
        return word
    size = math.ceil(len(word) / math.ceil(len(word) / (most - 1)))
    return "- ".join(word[at : at + size] for at in range(0, len(word), size))


def matrix_figure(
    cells: Cells, rows: Headers, columns: Headers, *, selected: Chosen | None = None, ink: str | None = None
) -> go.Figure:
    """The matrix: a heatmap, words, clickable markers with ``customdata`` (a ``Chosen`` as two integers), an outline.

    The last trace carries the clicks; use it with ``st.plotly_chart(on_select=…, selection_mode="points")``.
    """
    n_rows, n_columns = cells.colours.shape
    room = int((_PHONE_WIDTH - rows.room) / max(n_columns, 1) / _CHARACTER_WIDTH)
    columns = replace(columns, most=room if room >= _BROKEN_LETTERS else 0)
    most = max((len(rows.lines(i)) for i in range(n_rows)), default=1)
    row_height = min(max(330 / n_rows, 46, _LINE_HEIGHT * (most + 1) + 8), 96)
    width = max(1.0, n_columns * rows.room / max(_PHONE_WIDTH - rows.room, 1))
    lines = [1 + columns.marked[j] + len(columns.lines(j)) for j in range(n_columns)]
    height = max(1.0, (columns.room if columns.upright else _LINE_HEIGHT * max(lines) + 8) / row_height)
    left, top = -_EDGE - width, -_EDGE - height
    figure = go.Figure([_heatmap(cells, ink), _click_markers(cells, rows, columns, (width, height))])
    key = {"x": left, "y": top, "text": f"{MALIGNANT_SIGN} malignant", "xanchor": "left", "yanchor": "top"}
    key |= {"showarrow": False, "font": {"color": ink, "size": 11}}  # in the empty corner
    marked = any(rows.marked) or any(columns.marked)
    figure.update_layout(
        annotations=[*_words(cells, ink), *_headers(rows, columns, ink), *([key] if marked else [])],
        shapes=_outline(selected, (n_rows, n_columns), (left, top)),
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
    title = {"font": {"color": ink, "size": 13}, "standoff": 4}
    figure.update_xaxes(**bare, range=[left, n_columns - _EDGE], side="top", title=title | {"text": columns.title})
    figure.update_yaxes(**bare, range=[n_rows - _EDGE, top], title=title | {"text": rows.title})
    return figure


def _heatmap(cells: Cells, ink: str | None) -> go.Heatmap:
    ticks: dict[str, Any] = {"tickformat": cells.tick_format, "nticks": 6}
    if cells.ticks:
        ticks = {"tickvals": [place for place, _ in cells.ticks], "ticktext": [word for _, word in cells.ticks]}
    bar = {"orientation": "h", "x": 0.5, "y": 0, "yanchor": "top", "ypad": 12, "len": 0.94, "thickness": 10}
    words = {
        "title": {"text": cells.title, "side": "bottom", "font": {"color": ink, "size": 12}},
        "tickfont": {"color": ink, "size": 11},
    }
    return go.Heatmap(
        z=cells.colours,
        zmin=cells.low,
        zmax=cells.high,
        colorscale=[list(stop) for stop in cells.scale],
        colorbar={**bar, "outlinewidth": 0, **words, **ticks},
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
    unchanged = {"marker": {"opacity": 0.01}}  # or Plotly dims every point but the clicked one
    return go.Scatter(
        x=[point[1] for point in points],
        y=[point[0] for point in points],
        customdata=[[point[2], point[3]] for point in points],
        hovertext=["<br>".join(textwrap.wrap(point[4], _HOVER_LETTERS)) for point in points],
        hovertemplate="%{hovertext}<extra></extra>",
        mode="markers",
        marker={"symbol": "square", "size": 20, "opacity": 0.01, "color": MUTED},
        selected=unchanged,
        unselected=unchanged,
        showlegend=False,
    )


def _places(size: float) -> Iterator[float]:
    """Where a header of ``size`` cells has its markers: the first mirrors cell 0 at the border, so each click falls right."""
    yield -1.0
    yield from (-1.0 - step for step in np.arange(1, size - _EDGE))


def _words(cells: Cells, ink: str | None) -> Iterator[dict[str, Any]]:
    for i, j in np.ndindex(*cells.colours.shape):
        first, _, second = cells.words[i][j].partition("\n")
        if first:
            small = f'<br><span style="font-size:10px">{second}</span>' if second else ""
            place = (float(cells.colours[i, j]) - cells.low) / ((cells.high - cells.low) or 1)
            colour = ink or MUTED if math.isnan(place) else words_on(colour_at(cells.scale, place))
            yield {"x": j, "y": i, "text": first + small, "showarrow": False, "font": {"color": colour, "size": 12}}


def _headers(rows: Headers, columns: Headers, ink: str | None) -> Iterator[dict[str, Any]]:
    same = {"showarrow": False, "font": {"color": ink, "size": 12}}
    for i in range(len(rows.names)):
        yield same | {"x": -_EDGE, "y": i, "text": rows.text(i), "xanchor": "right", "align": "right"}
    gap, turned = (" ", {"textangle": -90, "align": "left"}) if columns.upright else ("<br>", {})
    for j in range(len(columns.names)):
        yield same | turned | {"x": j, "y": -_EDGE, "text": columns.text(j, gap), "yanchor": "bottom"}


def _outline(selected: Chosen | None, shape: tuple[int, int], corner: tuple[float, float]) -> list[dict[str, Any]]:
    """Black within white: seen on every colour of the scales and on both themes."""
    if selected is None:
        return []
    (row, column), (n_rows, n_columns), (left, top) = selected, shape, corner
    place = {
        "x0": left if column < 0 else column - _EDGE,
        "x1": (n_columns if column < 0 else column + 1) - _EDGE,
        "y0": top if row < 0 else row - _EDGE,
        "y1": (n_rows if row < 0 else row + 1) - _EDGE,
    }
    lines = ({"color": "#FFFFFF", "width": 5}, {"color": "#000000", "width": 2})
    return [{"type": "rect", "line": line, **place} for line in lines]
