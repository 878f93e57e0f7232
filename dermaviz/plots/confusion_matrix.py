"""The confusion matrix, and the difference of two, as counts or shares, each cell said in words and clickable; and its cases."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from dermaviz.plots.matrix import Cells, Chosen, Headers, matrix_figure
from dermaviz.plots.theme import (
    BENIGN,
    MALIGNANT,
    chart,
    constant_line,
    diverging_scale,
    percent,
    sequential_scale,
    share_axis,
    signed,
    styled,
)

Counts = NDArray[np.int64]
Shown = Literal["counts", "true", "predicted", "all"]
SCALE_TITLES = {
    "counts": "images",
    "true": "share of the true class",
    "predicted": "share of the predicted class",
    "all": "share of all images",
}
_TRUE, _PREDICTED = "true class", "predicted class, with the number of images"


@chart
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
        malignant: names that are marked as malignant.
        names: what a short name is called in sentences; by default the same.

    Returns:
        A figure whose last trace can be clicked: ``customdata`` is ``[row, column]``, ``[row, -1]`` or ``[-1, column]``.
    """
    counts = np.asarray(matrix, dtype=np.int64).reshape(len(rows), len(columns))
    hidden = _diagonal(*counts.shape) & hide_diagonal
    values = np.where(hidden, np.nan, shares(counts, shown))
    colours, low, high, ticks = _log_colours(values, shown) if log_colour else _colours(values, shown, hide_diagonal)
    cells = Cells(
        colours=colours,
        words=_grid(counts.shape, lambda i, j: "" if hidden[i, j] else _cell_words(values[i, j], counts[i, j], shown)),
        said=_grid(counts.shape, lambda i, j: cell_sentence(counts, rows, columns, (i, j), shown, names)),
        scale=sequential_scale(ink),
        low=low,
        high=high,
        title=SCALE_TITLES[shown] + (", logarithmic" if log_colour else ""),
        ticks=ticks,
        tick_format=",d" if shown == "counts" else ".0%",
    )
    headers = (_count_headers(counts, rows, columns, axis, malignant, names) for axis in (0, 1))
    return matrix_figure(cells, *headers, selected=selected, ink=ink)


@chart
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
    same_images: bool = True,
) -> go.Figure:
    """The second matrix less the first: orange cells gained images, blue ones lost some.

    Shares are differences in percentage points; signs are written out. ``models`` names the two in sentences. Where they are
    not of the ``same_images``, both counts stand under a share, and not their difference. The other arguments are those of
    ``confusion_figure``, and so are the clicks.
    """
    shape = len(rows), len(columns)
    before, after = (np.asarray(matrix, dtype=np.int64).reshape(shape) for matrix in (first, second))
    gained = after - before
    changes = _grid(shape, lambda i, j: _change(before[i, j], after[i, j], same_images))
    hidden = _diagonal(*shape) & hide_diagonal
    factor = 1 if shown == "counts" else 100
    values = np.where(hidden, np.nan, (shares(after, shown) - shares(before, shown)) * factor)
    reach = float(np.nanmax(np.abs(values), initial=0)) or 1.0
    unit = "images" if shown == "counts" else f"percentage points of {SCALE_TITLES[shown].removeprefix('share of ')}"

    def said(i: int, j: int) -> str:
        sentence = cell_sentence(before, rows, columns, (i, j), shown, names)
        return f"{models[0]}: {sentence} {models[1]}: {after[i, j]:,}{f' ({signed(int(gained[i, j]))})' if same_images else ''}."

    cells = Cells(
        colours=values,
        words=_grid(shape, lambda i, j: "" if hidden[i, j] else _signed_words(values[i, j], changes[i][j], shown)),
        said=_grid(shape, said),
        scale=diverging_scale(ink),
        low=-reach,
        high=reach,
        title=f"{models[1]} − {models[0]}, {unit}",
        tick_format="+,d" if shown == "counts" else "+.3~g",
    )
    calls = [
        f"{(names or {}).get(label, label)} is predicted by {models[0]} for {a:,} images, by {models[1]} for {b:,}."
        for label, a, b in zip(columns, before.sum(axis=0), after.sum(axis=0), strict=True)
    ]
    top, side = (_count_headers(before, rows, columns, axis, malignant, names) for axis in (1, 0))
    sums = zip(before.sum(axis=0), after.sum(axis=0), strict=True)
    top = replace(top, notes=[_change(a, b, same_images) for a, b in sums], said=calls)
    return matrix_figure(cells, side, top, selected=selected, ink=ink)


@chart
def cases_figure(
    table: pd.DataFrame, of_truth: str, of_answer: str, *, chosen: str | None = None, ink: str | None = None
) -> go.Figure:
    """A dot for each image by two probabilities: right answers lie on the diagonal, confident mistakes at the upper left.

    Args:
        table: ``image``, ``diagnosis``, ``predicted``, and the columns ``of_truth`` (probability of the true diagnosis, in
            [0, 1]) and ``of_answer`` (that of what is predicted).
        chosen: the image that is marked.

    Returns:
        A figure whose dots can be clicked: ``customdata`` is ``[image, diagnosis, predicted]``.
    """
    size, opacity, width = (
        (8, 0.6, 0)
        if chosen is None
        else (np.where(table["image"] == chosen, on, off) for on, off in ((16, 8), (1, 0.6), (3, 0)))
    )
    figure = go.Figure(constant_line([0, 1], [0, 1], "right answers"))
    figure.add_scatter(
        x=table[of_truth],
        y=table[of_answer],
        mode="markers",
        customdata=table[["image", "diagnosis", "predicted"]],
        marker={
            "size": size, "opacity": opacity, "color": BENIGN, "line": {"width": width, "color": ink or MALIGNANT},
        },
        unselected={"marker": {"opacity": 0.6}},
        hovertemplate="%{customdata[0]}: %{customdata[1]}, predicted %{customdata[2]}<br>%{x:.0%}, %{y:.0%}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(**share_axis("probability of the true diagnosis"), tickformat=".0%")
    figure.update_yaxes(**share_axis("probability of what is predicted"), tickformat=".0%")
    return styled(figure, 340, ink, legend=False)


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
    """A cell in words: "31 of 223 melanoma images are predicted as nevus (13.9%)."; the share is the one that is ``shown``."""
    row, column = cell
    true, called = ((names or {}).get(label, label) for label in (rows[row], columns[column]))
    n, verb = int(counts[row, column]), "is" if counts[row, column] == 1 else "are"
    if shown == "predicted":
        whole, what = int(counts[:, column].sum()), f"images predicted as {called} {verb} {true}"
    elif shown == "all":
        whole, what = int(counts.sum()), f"images {verb} {true} predicted as {called}"
    else:
        whole, what = int(counts[row].sum()), f"{true} images {verb} predicted as {called}"
    return f"{n:,} of {whole:,} {what}{f' ({n / whole:.1%})' if whole else ''}."


def header_sentence(
    counts: Counts, rows: Sequence[str], columns: Sequence[str], header: Chosen, names: Mapping[str, str] | None = None
) -> str:
    """A whole row ``(i, -1)`` or column ``(-1, j)`` in words: how many images, and how many of them correct."""
    row, column = header
    own, line = (rows[row], counts[row]) if column < 0 else (columns[column], counts[:, column])
    n, called = int(line.sum()), (names or {}).get(own, own)
    verb = "is" if n == 1 else "are"
    said = f"{n:,} {'image' if n == 1 else 'images'} {verb} {called if column < 0 else f'predicted as {called}'}"
    if len(rows) != len(columns) or not n:
        return f"{said}."
    right = int(line[max(header)])
    so = "predicted so" if column < 0 else "so"
    return f"{said}; {right:,} of them {'is' if right == 1 else 'are'} {so} ({right / n:.1%})."


def _cell_words(value: float, count: int, shown: Shown) -> str:
    if shown == "counts":
        return f"{count:,}"
    return "–" if np.isnan(value) else f"{percent(float(value))}\n{count:,}"


def _change(before: int, after: int, same_images: bool) -> str:
    return signed(int(after - before)) if same_images else f"{before:,} → {after:,}"


def _signed_words(value: float, change: str, shown: Shown) -> str:
    if shown == "counts":
        return change
    return "–" if np.isnan(value) else f"{signed(value, 1)}\n{change}"


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


def _grid(shape: tuple[int, ...], cell: Callable[[int, int], str]) -> list[list[str]]:
    return [[cell(i, j) for j in range(shape[1])] for i in range(shape[0])]
