"""TODO docstring dermaviz.app.confusion.matrix"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.confusion.metrics import areas, differences, point_at, threshold_curves
from dermaviz.app.confusion.text import (
    ALL_IMAGES,
    area_sentence,
    class_sentence,
    classes_sentence,
    complement,
    difference_sentence,
    matrix_sentence,
    mcnemar_sentence,
    threshold_sentence,
)
from dermaviz.app.confusion.view import MALIGNANT, SHOWN, Form, View, group_label, group_words
from dermaviz.app.evidence import Audited, audited, same_images, share_right
from dermaviz.app.widgets.chart import ink, show_chart, with_interval
from dermaviz.metrics.confusion import ORDERS, Verdicts, most_frequent_mistake
from dermaviz.metrics.ranking import OperatingPoint
from dermaviz.models.card import Card
from dermaviz.plots.confusion import confusion_figure, difference_figure
from dermaviz.plots.curves import precision_recall_figure, roc_figure
from dermaviz.plots.estimates import estimates_figure

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


def show_by_class(rows: pd.DataFrame, label: str, names: Mapping[str, str], commonest: str) -> None:
    """A dot for each class.

    Args:
        rows: the rows of one metric, one for each class, as ``evaluation.summary.measure`` makes them.
        label: the metric in words.
        names: each class in words.
        commonest: the class of the constant answer.
    """
    chart = pd.DataFrame(
        {
            "label": rows["class"].map(dict(names)),
            "n": rows["n_positives"].astype(int),
            **{name: rows[name].astype(float) for name in ("value", "low", "high", "constant")},
        }
    ).reset_index(drop=True)
    figure = estimates_figure(chart, title=f"{label}, 0 to 1", constant_name=f"always “{commonest}”", ink=ink())
    show_chart(figure, "metrics by class", class_sentence(names, label, rows))


def show_answer(audited: Audited, view: View, verdicts: Verdicts) -> None:
    """What the matrix says, in one sentence."""
    card = audited.checkpoint.card
    if view.positive:
        said = threshold_sentence(card, view, point_at(audited, view))
    else:
        said = classes_sentence(card, verdicts, share_right(audited), most_frequent_mistake(verdicts))
    st.markdown(f"#### {said}")


def show_curves(audited: Audited, view: View) -> None:
    """The ROC and the precision–recall curve with the threshold's point on both; nothing where there is no threshold."""
    if not view.positive:
        return
    point = point_at(audited, view)
    if not point.tp + point.fn or not point.fp + point.tn:
        st.caption("All images here are on one side, so there is no curve to draw.")
        return
    (roc, recall), (area, precise) = threshold_curves(audited, view), areas(audited, view.positive)
    name = view.groups[0]
    marks = _marks(name, point)
    left, right = st.columns(2)
    with left:
        show_chart(roc_figure({name: roc}, marks, ink=ink()), "roc", area_sentence("Area under the ROC curve", area))
    with right:
        prevalence = (point.tp + point.fn) / len(audited)
        figure = precision_recall_figure({name: recall}, prevalence, marks, ink=ink())
        show_chart(figure, "recall", area_sentence("Average precision", precise))


def _marks(name: str, point: OperatingPoint) -> pd.DataFrame:
    """The point with the ends of its intervals, as figures take it."""
    rates = {
        "sensitivity": point.sensitivity,
        "recall": point.sensitivity,
        "false_positive_rate": complement(point.specificity),
        "precision": point.precision,
    }
    row: dict[str, str | float] = {"name": name, "threshold": point.threshold}
    for of, rate in rates.items():
        row |= {of: rate.value, f"{of}_low": rate.low, f"{of}_high": rate.high}
    return pd.DataFrame([row])


def show_comparison(images: Audited, other: Checkpoint, view: View, form: Form) -> None:
    """How the second checkpoint differs from the first on the same images, asked the same question."""
    from dermaviz.metrics.comparison import mcnemar, who_fixed_what

    first, second = same_images(images, audited(other))
    before, after = view.verdicts(first), view.verdicts(second)
    names = (first.checkpoint.name, second.checkpoint.name)
    st.subheader(f"What does {names[1]} get right that {names[0]} gets wrong, and the reverse?", anchor=False)
    table = differences(first, second)
    test = mcnemar(before.right, after.right)
    st.markdown(mcnemar_sentence(names, test, first))
    card = first.checkpoint.card
    words = {group: group_words(card, group) for group in view.groups}
    order = group_order(card, before, form)
    groups = [view.groups[i] for i in order]
    figure = difference_figure(
        before.counts[order][:, order], after.counts[order][:, order], groups, groups, form.shown, form.hide_diagonal,
        ink=ink(), malignant={MALIGNANT, *card.malignant}, names=words, models=names,
    )  # fmt: skip
    show_chart(figure, "difference", difference_sentence(names, table.iloc[0]))
    shares = np.eye(len(view.groups))
    fixed = who_fixed_what(before.true, shares[before.called], shares[after.called], view.groups)
    fixed["class"] = [words.get(name, ALL_IMAGES) for name in fixed["class"]]
    st.table(
        fixed.rename(
            columns={
                "class": "true class",
                "both_right": "both right",
                "only_first_right": f"only {names[0]}",
                "only_second_right": f"only {names[1]}",
                "both_wrong": "neither",
                "n_images": "images",
            }
        ),
        border="horizontal", hide_index=True,
    )  # fmt: skip
    st.table(_figures(table, names), border="horizontal", hide_index=True)
    st.caption("95% intervals by resampling whole lesions; both checkpoints are measured on the same resamplings.")


def _figures(table: pd.DataFrame, names: tuple[str, str]) -> pd.DataFrame:
    """The figures of both and their difference, each with its interval, as text."""
    shown = {"figure": table["label"]}
    for column, name in (("first", names[0]), ("second", names[1]), ("difference", "difference")):
        rows = zip(table[column], table[f"{column}_low"], table[f"{column}_high"], strict=True)
        shown[name] = [with_interval(*row, change=column == "difference") for row in rows]
    return pd.DataFrame(shown)
