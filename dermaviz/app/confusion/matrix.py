"""The confusion matrix with its sentence, the choice of a cell and its cases, and the curves behind a threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.bar import among
from dermaviz.app.checkpoints import no_better, worth
from dermaviz.app.confusion.view import BENIGN, MALIGNANT, OTHERS, SHOWN, Form, View, group_words
from dermaviz.app.link import choose
from dermaviz.app.sessions import remembered, shared
from dermaviz.app.text import escaped, group_label, images, listed
from dermaviz.app.widgets.cases import case_table, show_cases, to_first_page
from dermaviz.app.widgets.chart import draw_chart, ink, show_chart
from dermaviz.diagnoses import DIAGNOSES, diagnosis
from dermaviz.evidence.predictions import BALANCED, Audited
from dermaviz.metrics.bootstrap import DRAWS, Bootstrap, Estimate, estimate
from dermaviz.metrics.confusion import ORDERS, Mistake, Verdicts, most_frequent_mistakes, most_missed
from dermaviz.metrics.ranking import (
    OperatingPoint,
    average_precision,
    of_group,
    operating_point,
    precision_recall_points,
    roc_auc,
    roc_points,
)
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
    st.subheader(
        "Which images are behind a count?", anchor=False, help="Click a cell, a row or a column, or choose here."
    )
    words = {ANY: ANY} | {name: group_label(card, name) for name in verdicts.groups}
    true, predicted = (
        choose(label, words, key, column, on_change=to_first_page)
        for column, label, key in zip(st.columns(2), ("True class", "Predicted class"), (TRUE, PREDICTED), strict=True)
    )
    return None if true == ANY else true, None if predicted == ANY else predicted


def show_answer(audited: Audited, view: View, verdicts: Verdicts) -> str:
    """What the matrix says, in one or two sentences, which it gives back; intervals where the pointer rests."""
    card = audited.checkpoint.card
    if view.positive:
        said, intervals = threshold_sentence(escaped(group_words(card, view.groups[0])), point_at(audited, view))
    else:
        beside, mistakes = worth(audited), most_frequent_mistakes(verdicts, most_dangerous(card))
        n = images(len(audited)).replace(" ", " balanced " if audited.balanced else " ")
        said = f"**{beside.n_right:,} of {n}** are classified correctly ({percent(beside.right.value)})."
        said = escaped(no_better(audited)) or said
        intervals = (
            f"Classified correctly: {beside.right.text('{:.1%}'.format)}. Balanced accuracy: {beside.balanced.text()}; every "
            f"constant answer gets {beside.chance:.3f}. Classified as: the most probable class, even below 50%."
            f"{f' {BALANCED}' if audited.balanced else ''}"
        )
        if mistakes:
            names = {name: escaped(group_words(card, name)) for name in view.groups}
            said += f" {mistake_sentence(mistakes, names)}"
            missed = most_missed(verdicts, card.malignant)
            if missed is not None and missed not in mistakes:
                n = f"**{missed.count:,} of {missed.of:,}**"
                said += f" Malignancy most often missed: {n} images of {names[missed.true]}, as {names[missed.called]}."
    st.markdown(f"## {among()}{said}", help=intervals)
    return said


def most_dangerous(card: Card) -> list[str]:
    """The malignant classes, melanoma first: of mistakes that are as frequent, missing one of these is said first."""
    return sorted(card.malignant, key=lambda name: diagnosis(name) is not DIAGNOSES["mel"])


def mistake_sentence(mistakes: Sequence[Mistake], names: Mapping[str, str]) -> str:
    """The most frequent mistake and those that are as frequent, as Markdown; ``names`` are the groups in words."""
    first, *others = mistakes
    n = f"**{first.count:,} of {first.of:,}**"
    said = f"Most frequent mistake: {n} images of {names[first.true]} are classified as {names[first.called]}"
    as_often = [
        f"{one.count:,} of {one.of:,} of {names[one.true]}"
        + ("" if one.called == first.called else f" as {names[one.called]}")
        for one in others
    ]
    return f"{said}; as often {listed(as_often, 2)}." if others else f"{said}."


def threshold_sentence(wanted: str, point: OperatingPoint) -> tuple[str, str]:
    """What is missed and what raises a false alarm at a threshold, as Markdown; and the intervals of both shares."""
    positives, negatives, parts, intervals = point.tp + point.fn, point.fp + point.tn, [], []
    for n, of, what, name, rate in (
        (point.fn, positives, f"images of {wanted} are missed", "Missed", 1 - point.sensitivity),
        (point.fp, negatives, "others raise a false alarm", "False alarms", 1 - point.specificity),
    ):
        if of:
            parts.append(f"**{n:,} of {of:,}** {what} ({percent(rate.value)})")
            intervals.append(f"{name}: {rate.text('{:.1%}'.format)}.")
    missing = "" if positives else f"There are no images of {wanted} here. "
    return f"{missing}{'; '.join(parts)}.", " ".join(intervals)


def show_matrix(card: Card, verdicts: Verdicts, form: Form, cell: Cell, said: str) -> None:
    """The matrix in the order and form asked for, the chosen cell, row or column marked; ``said`` is what it shows."""
    names = {group: group_words(card, group) for group in verdicts.groups}
    order = group_order(card, verdicts, form)
    groups = tuple(verdicts.groups[i] for i in order)
    true, predicted = (-1 if name is None else groups.index(name) for name in cell)
    figure = confusion_figure(
        verdicts.counts[order][:, order], groups, groups, form.shown, form.hide_diagonal, form.log_colour,
        None if (true, predicted) == (-1, -1) else (true, predicted), ink(), malignant={MALIGNANT, *card.malignant},
        names=names,
    )  # fmt: skip
    alt = matrix_sentence(verdicts, names, SHOWN[form.shown])
    draw_chart(figure, "matrix", said, alt, on_select=partial(_pick, groups), selection_mode="points")


def matrix_sentence(verdicts: Verdicts, names: Mapping[str, str], shown: str) -> str:
    """The matrix for those who cannot see it: what is ``shown``, and each row's counts."""
    rows = (
        f"{names[true]}: "
        + ", ".join(f"{n:,} predicted {names[group]}" for group, n in zip(verdicts.groups, row, strict=True) if n)
        for true, row in zip(verdicts.groups, verdicts.counts.tolist(), strict=True)
    )
    return f"Confusion matrix, {shown}. Counts by true class: {'; '.join(rows)}."


def group_order(card: Card, verdicts: Verdicts, form: Form) -> NDArray[np.intp]:
    """The order in which groups stand, as indices; yes before no."""
    if len(verdicts.groups) == 2:
        return np.arange(2)
    if form.sort == "frequency":
        return np.array([verdicts.groups.index(name) for name in form.classes])
    return ORDERS[form.sort](verdicts.counts, [group_words(card, group) for group in verdicts.groups])


def _pick(groups: tuple[str, ...]) -> None:
    """Take the clicked cell, row or column over into the select boxes. A click on what is chosen already changes nothing."""
    points = st.session_state["matrix"].selection.points
    if points:
        for key, index in zip((TRUE, PREDICTED), points[0]["customdata"][:2], strict=True):
            st.session_state[key] = groups[int(index)] if int(index) >= 0 else ANY
        to_first_page()


def show_cell(audited: Audited, verdicts: Verdicts, cell: Cell) -> None:
    """How many images are in a cell, and these to step through."""
    card, rows, (true, predicted) = audited.checkpoint.card, verdicts.cell(*cell), cell
    n, wrong = len(rows), int((~verdicts.take(rows).right).sum())
    which = f" of {escaped(group_words(card, true))}" if true else ""
    if predicted:
        short = {MALIGNANT: "malignant", BENIGN: "benign", OTHERS: "something else"}
        which += f" predicted as {short.get(predicted) or escaped(group_words(card, predicted))}"
    if not n:
        st.markdown(f"There are no images{which} here.")
        return
    how = f"{wrong:,} mistakes, most confident first; then {n - wrong:,} right"
    if wrong in (0, n):
        how = f"all {'mistakes' if wrong else 'right'}, most confident first"
    st.markdown(f"**{images(n)}**{which}: {how}.")
    show_cases(audited, case_table(audited, verdicts, rows))


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


MOST_POINTS = 5_000
"""Points of a curve that are sent to the browser."""


@remembered(max_entries=512, show_spinner=False)
def point_at(audited: Audited, view: View) -> OperatingPoint:
    """What the threshold of a view does to these images."""
    return operating_point(*view.sides(audited), view.threshold, _draws(audited))


@shared(max_entries=4, show_spinner=False)
def _draws(audited: Audited) -> Bootstrap:
    """Resamplings of the clusters for every position of a slider: 16 MB for 2,000 images."""
    drawn = Bootstrap.over(audited.clusters, DRAWS)
    if isinstance(drawn.weights, np.ndarray):
        drawn.weights.flags.writeable = False
    return drawn


@remembered(max_entries=64, show_spinner=False)
def threshold_curves(audited: Audited, view: View) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The points of the ROC and of the precision–recall curve of a view's score; of very many, ``MOST_POINTS`` of each."""
    sides = view.sides(audited)
    curves = roc_points(*sides), precision_recall_points(*sides)
    roc, recall = (t.iloc[np.unique(np.linspace(0, len(t) - 1, min(len(t), MOST_POINTS)).astype(int))] for t in curves)
    return roc, recall


@remembered(max_entries=64, show_spinner=False)
def areas(audited: Audited, positive: tuple[str, ...]) -> tuple[Estimate, Estimate]:
    """The area under the ROC curve and the average precision of the sum of these classes' probabilities."""
    indices = [audited.classes.index(name) for name in positive]
    metrics = {"roc": of_group(roc_auc, indices), "precision": of_group(average_precision, indices)}
    found = estimate(metrics, audited.labels, audited.probabilities, audited.clusters)
    return found["roc"], found["precision"]
