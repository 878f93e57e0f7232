"""Widget: the confusion matrix — click a cell or a name, or choose by keyboard; both set the same two select boxes."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dermaviz.evaluation.confusion import ORDERS, Verdicts
from dermaviz.figures.confusion import confusion_figure
from dermaviz.models.card import Card
from dermaviz.ui.confusion.view import MALIGNANT, group_label, group_words
from dermaviz.ui.confusion.wording import matrix_sentence
from dermaviz.ui.widgets.chart import ink
from dermaviz.ui.widgets.confusion.settings import SHOWN, Form

ANY = "any"
TRUE, CALLED, PAGE = "true", "called", "page"
"""Keys of the widgets that hold the chosen cell and the page of its cases."""

Cell = tuple[str | None, str | None]
"""The chosen true and called group; None for any."""


def choose_cell(card: Card, verdicts: Verdicts) -> Cell:
    """Ask for a true and a called group by select boxes, which a click in the matrix sets as well."""
    st.caption("Click a cell of the matrix, or the name of a row or column, or choose here: both do the same.")
    chosen = [
        column.selectbox(
            label, (ANY, *verdicts.groups), format_func=lambda name: name if name == ANY else group_label(card, name),
            key=key, bind="query-params", on_change=_to_first_page,
        )
        for column, label, key in zip(st.columns(2), ("It is", "It is called"), (TRUE, CALLED), strict=True)
    ]  # fmt: skip
    true, called = (None if name == ANY else name for name in chosen)
    return true, called


def show_matrix(card: Card, verdicts: Verdicts, form: Form, cell: Cell) -> None:
    """The matrix in the order and form asked for, the chosen cell, row or column marked."""
    names = {group: group_words(card, group) for group in verdicts.groups}
    order = group_order(card, verdicts, form)
    groups = tuple(verdicts.groups[i] for i in order)
    true, called = (-1 if name is None else groups.index(name) for name in cell)
    figure = confusion_figure(
        verdicts.counts[order][:, order],
        groups,
        groups,
        form.shown,
        form.hide_diagonal,
        form.log_colour,
        None if (true, called) == (-1, -1) else (true, called),
        ink(),
        malignant={MALIGNANT, *card.malignant},
        names=names,
    )
    st.plotly_chart(
        figure, key="matrix", on_select=partial(_pick, groups), selection_mode="points",
        config={"displayModeBar": False}, alt=matrix_sentence(verdicts, names, SHOWN[form.shown]),
    )  # fmt: skip


def group_order(card: Card, verdicts: Verdicts, form: Form) -> NDArray[np.intp]:
    """The order in which groups stand, as indices; yes before no."""
    if len(verdicts.groups) == 2:
        return np.arange(2)
    return ORDERS[form.sort](verdicts.counts, [group_words(card, group) for group in verdicts.groups])


def _pick(groups: tuple[str, ...]) -> None:
    """Take the clicked cell, row or column over into the select boxes. A click on what is chosen already changes nothing."""
    points = st.session_state["matrix"].selection.points
    if points:
        for key, index in zip((TRUE, CALLED), points[0]["customdata"][:2], strict=True):
            st.session_state[key] = groups[int(index)] if int(index) >= 0 else ANY
        _to_first_page()


def _to_first_page() -> None:
    st.session_state[PAGE] = 1
