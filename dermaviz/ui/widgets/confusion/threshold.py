"""Widget: the answer to the question asked, in one sentence, and the curves on which a threshold is one point."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dermaviz.evaluation.confusion import Verdicts, most_frequent_mistake
from dermaviz.evaluation.thresholds import OperatingPoint
from dermaviz.figures.curves import precision_recall_figure, roc_figure
from dermaviz.ui.confusion.view import View
from dermaviz.ui.confusion.wording import area_sentence, classes_sentence, complement, threshold_sentence
from dermaviz.ui.evidence import Audited
from dermaviz.ui.measured import areas, point_at, share_right, threshold_curves
from dermaviz.ui.widgets.chart import ink, show_chart


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
    (roc, recall), (area, precise) = threshold_curves(audited, view), areas(audited, view)
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
