"""The confusion matrix with its sentence, the choice of a cell and its cases, and the curves behind a threshold."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.confusion.metrics import areas, point_at, threshold_curves
from dermaviz.app.confusion.view import BENIGN, MALIGNANT, OTHERS, SHOWN, Form, View, group_words
from dermaviz.app.evidence import share_right
from dermaviz.app.text import escaped, group_label, images
from dermaviz.app.widgets.cases import PAGE, case_table, list_cases
from dermaviz.app.widgets.chart import ink, show_chart
from dermaviz.evidence.predictions import Audited
from dermaviz.metrics.confusion import ORDERS, Mistake, Verdicts, most_frequent_mistake
from dermaviz.metrics.ranking import OperatingPoint
from dermaviz.models.card import Card
from dermaviz.plots.confusion_matrix import confusion_figure
from dermaviz.plots.curves import precision_recall_figure, roc_figure
from dermaviz.plots.theme import percent

ANY = "any"
TRUE, PREDICTED = "true", "called"
"""Keys of the widgets that hold the chosen cell."""

Cell = tuple[str | None, str | None]
"""The chosen true and predicted group; None for any."""


def choose_cell(card: Card, verdicts: Verdicts) -> Cell:
    """Ask for a true and a predicted group by select boxes, which a click in the matrix sets as well."""
    st.caption("Click a cell of the matrix, or the name of a row or column, or choose here: both do the same.")
    chosen = [
        column.selectbox(
            label, (ANY, *verdicts.groups), format_func=lambda name: name if name == ANY else group_label(card, name),
            key=key, bind="query-params", on_change=_to_first_page,
        )
        for column, label, key in zip(
            st.columns(2), ("True class", "Predicted class"), (TRUE, PREDICTED), strict=True
        )
    ]  # fmt: skip
    true, predicted = (None if name == ANY else name for name in chosen)
    return true, predicted


def show_answer(audited: Audited, view: View, verdicts: Verdicts) -> None:
    """What the matrix says, in one or two sentences."""
    card = audited.checkpoint.card
    if view.positive:
        st.markdown(f"#### {_threshold_sentence(escaped(group_words(card, view.groups[0])), point_at(audited, view))}")
        return
    right, mistake = int(verdicts.right.sum()), most_frequent_mistake(verdicts)
    said = f"**{right:,} of {images(len(audited))}** are classified correctly: {share_right(audited).text(percent)}."
    if mistake is None:
        st.markdown(f"#### {said} There is no mistake among them.")
    else:
        st.markdown(
            f"#### {said} {mistake_sentence(mistake, {name: escaped(group_words(card, name)) for name in view.groups})}"
        )


def mistake_sentence(mistake: Mistake, names: Mapping[str, str]) -> str:
    """The most frequent mistake, as Markdown; ``names`` are the groups in words."""
    n = f"**{mistake.count:,} of {mistake.of:,}**"
    return f"Its most frequent mistake: {n} images of {names[mistake.true]} are classified as {names[mistake.called]}."


def _threshold_sentence(wanted: str, point: OperatingPoint) -> str:
    """What is missed and what is alarmed on at a threshold, as Markdown."""
    positives, negatives = point.tp + point.fn, point.fp + point.tn
    alarms = (
        f"raises a false alarm on **{point.fp:,} of {negatives:,}** others: {(1 - point.specificity).text(percent)}"
    )
    if not positives:
        return f"There are no images of {wanted} here, so none can be missed. At this threshold it {alarms}."
    missed = f"misses **{point.fn:,} of {positives:,}** images of {wanted}: {(1 - point.sensitivity).text(percent)}"
    if not negatives:
        return f"At this threshold it {missed}. There are no other images here to alarm on."
    return f"At this threshold it {missed}; and it {alarms}."


def show_matrix(card: Card, verdicts: Verdicts, form: Form, cell: Cell) -> None:
    """The matrix in the order and form asked for, the chosen cell, row or column marked."""
    names = {group: group_words(card, group) for group in verdicts.groups}
    order = group_order(card, verdicts, form)
    groups = tuple(verdicts.groups[i] for i in order)
    true, predicted = (-1 if name is None else groups.index(name) for name in cell)
    figure = confusion_figure(
        verdicts.counts[order][:, order], groups, groups, form.shown, form.hide_diagonal, form.log_colour,
        None if (true, predicted) == (-1, -1) else (true, predicted), ink(), malignant={MALIGNANT, *card.malignant},
        names=names,
    )  # fmt: skip
    st.plotly_chart(
        figure, key="matrix", on_select=partial(_pick, groups), selection_mode="points",
        config={"displayModeBar": False}, alt=matrix_sentence(verdicts, names, SHOWN[form.shown]),
    )  # fmt: skip


def matrix_sentence(verdicts: Verdicts, names: Mapping[str, str], shown: str) -> str:
    """The matrix for those who cannot see it: what is ``shown``, and each row's counts."""
    rows = (
        f"{names[true]}: "
        + ", ".join(f"{n:,} predicted {group}" for group, n in zip(verdicts.groups, row, strict=True) if n)
        for true, row in zip(verdicts.groups, verdicts.counts.tolist(), strict=True)
    )
    return f"Confusion matrix, {shown}. Counts by true class: {'; '.join(rows)}."


def group_order(card: Card, verdicts: Verdicts, form: Form) -> NDArray[np.intp]:
    """The order in which groups stand, as indices; yes before no."""
    if len(verdicts.groups) == 2:
        return np.arange(2)
    return ORDERS[form.sort](verdicts.counts, [group_words(card, group) for group in verdicts.groups])


def _pick(groups: tuple[str, ...]) -> None:
    """Take the clicked cell, row or column over into the select boxes. A click on what is chosen already changes nothing."""
    points = st.session_state["matrix"].selection.points
    if points:
        for key, index in zip((TRUE, PREDICTED), points[0]["customdata"][:2], strict=True):
            st.session_state[key] = groups[int(index)] if int(index) >= 0 else ANY
        _to_first_page()


def _to_first_page() -> None:
    st.session_state[PAGE] = 1


def show_cases(audited: Audited, verdicts: Verdicts, cell: Cell) -> str | None:
    """How many images are in a cell, and the table of them; the id of the one chosen, if any."""
    card, rows, (true, predicted) = audited.checkpoint.card, verdicts.cell(*cell), cell
    n, wrong = len(rows), int((~verdicts.take(rows).right).sum())
    which = f" of {escaped(group_words(card, true))}" if true else ""
    if predicted:
        short = {MALIGNANT: "malignant", BENIGN: "benign", OTHERS: "something else"}
        which += f" classified as {short.get(predicted) or escaped(group_words(card, predicted))}"
    if not n:
        st.markdown(f"There are no images{which} here.")
        return None
    if wrong == n:
        how = "a mistake" if n == 1 else "all mistakes, most confident first"
    elif not wrong:
        how = "classified correctly" if n == 1 else "all classified correctly, most confident first"
    else:
        mistakes = f"**{wrong:,}** mistake{'' if wrong == 1 else 's'}, most confident first"
        how = f"{mistakes}, then {n - wrong:,} classified correctly"
    st.markdown(f"**{images(n)}**{which}: {how}.")
    return list_cases(audited, case_table(audited, verdicts, rows))


def show_curves(audited: Audited, view: View) -> None:
    """The ROC and the precision–recall curve with the threshold's point on both; nothing where there is no threshold."""
    if not view.positive:
        return
    point = point_at(audited, view)
    positives = point.tp + point.fn
    if not positives or positives == len(audited):
        st.caption("All images here are on one side, so there is no curve to draw.")
        return
    (roc, recall), (area, precision) = threshold_curves(audited, view), areas(audited, view.positive)
    name = view.groups[0]
    rates = {
        "sensitivity": point.sensitivity, "recall": point.sensitivity, "false_positive_rate": 1 - point.specificity,
        "precision": point.precision,
    }  # fmt: skip
    row: dict[str, str | float] = {"name": name, "threshold": point.threshold}
    for of, rate in rates.items():
        row |= {of: rate.value, f"{of}_low": rate.low, f"{of}_high": rate.high}
    marks = pd.DataFrame([row])
    left, right = st.columns(2)
    with left:
        show_chart(roc_figure({name: roc}, marks, ink=ink()), "roc", f"Area under the ROC curve: {area.text()}.")
    with right:
        figure = precision_recall_figure({name: recall}, positives / len(audited), marks, ink=ink())
        show_chart(figure, "recall", f"Average precision: {precision.text()}.")
