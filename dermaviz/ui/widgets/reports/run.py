"""Widget: one run of a report's row — how it learned, what it mistakes for what, its ROC curve, its figures by class."""

from __future__ import annotations

import streamlit as st

from dermaviz.figures.confusion import confusion_figure
from dermaviz.figures.curves import roc_figure
from dermaviz.figures.learning import learning_figure
from dermaviz.reproduction.results import Result
from dermaviz.ui.confusion.cards_wording import training_sentence
from dermaviz.ui.confusion.wording import area_sentence, matrix_sentence
from dermaviz.ui.reports.reruns import Rerun, figure_table, finished, opened
from dermaviz.ui.reports.reruns_wording import (
    data_sentence,
    making_sentence,
    right_sentence,
    run_label,
    spoilt_sentences,
)
from dermaviz.ui.widgets.chart import ink, show_chart
from dermaviz.ui.widgets.confusion.by_class import show_by_class
from dermaviz.ui.widgets.table import show_table

_BY_CLASS = {
    "f1": "F1",
    "sensitivity": "Sensitivity (recall)",
    "precision": "Precision",
    "specificity": "Specificity",
    "roc_auc": "ROC AUC against the rest",
}
_SHARES = "% of the true class"


def show_run(folder: str) -> None:
    """Choose a run of a report, by its folder's name, and see what it learned."""
    found = finished(folder)
    if not found:
        st.info(f"No run is finished yet: `dermaviz reproduce {folder} --data FOLDER`.", icon=":material/info:")
        return
    asking, saying = st.columns([4, 9], gap="large")
    with asking:
        rows = sorted(found, key=lambda row: -len(found[row][0].claims))  # what most claims rest on first
        row = st.selectbox("Row", rows, key=f"row_{folder}", bind="query-params")
        result = _choose_seed(found[row])
        _show_facts(result)
    run = opened(result)
    with saying:
        _show_answer(run)
    _show_charts(run)


def _choose_seed(results: tuple[Result, ...]) -> Result:
    """One of a row's runs."""
    if len(results) == 1:
        return results[0]
    labels = [run_label(result) for result in results]
    chosen = st.segmented_control(
        "Seed of training", labels, default=labels[0], required=True, key=f"seed_{results[0].row}", bind="query-params"
    )
    return results[labels.index(chosen)]


def _show_facts(result: Result) -> None:
    """What it is, what it was made with and of."""
    st.markdown(result.about)
    st.caption(f"{data_sentence(result)} {making_sentence(result)}")
    with st.expander("All settings"):
        st.json(result.settings)


def _show_answer(run: Rerun) -> None:
    """How much it gets right, also on spoilt photos, and what differs from the report."""
    st.markdown(f"#### {right_sentence(run)}")
    for said in spoilt_sentences(run.result):
        st.markdown(said)
    if run.result.deviations:
        st.markdown("What differs from the report:")
        st.markdown("\n".join(f"- {line}" for line in run.result.deviations))


def _show_charts(run: Rerun) -> None:
    """The charts that the reports show of a run, each with its sentence, and all figures behind them."""
    result = run.result
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("How did it learn?", anchor=False)
        _show_learning(run)
    with right:
        st.subheader("What does it mistake for what?", anchor=False)
        _show_confusion(run)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("How well does it rank?", anchor=False)
        _show_roc(run)
    with right:
        st.subheader("How good is it for each class?", anchor=False)
        _show_classes(run)
    name = f"{result.report}-{result.row}-{result.budget}-seed{result.seed}"
    show_table(figure_table(result), name, "run", "All its figures")
    if not run.curve.empty:
        show_table(run.curve, f"{name}-curve", "run curve", "Its learning curve")


def _show_learning(run: Rerun) -> None:
    if run.curve.empty:
        st.markdown("It learns at once, not in epochs, so there is no curve.")
        return
    validated = sum(run.result.data.get("images", {}).get("validation", {}).values())
    by = str(run.result.settings.get("recipe", {}).get("select_by", "balanced_accuracy"))
    kept = run.result.kept_epoch
    said = training_sentence(run.curve, kept, validated or None, by)
    show_chart(learning_figure(run.curve, kept, ink=ink()), "run learning", said)


def _show_confusion(run: Rerun) -> None:
    verdicts, names = run.verdicts, run.names
    figure = confusion_figure(
        verdicts.counts,
        verdicts.groups,
        verdicts.groups,
        "true",
        ink=ink(),
        malignant=run.result.malignant,
        names=names,
    )
    st.plotly_chart(
        figure, key="run matrix", config={"displayModeBar": False}, alt=matrix_sentence(verdicts, names, _SHARES)
    )


def _show_roc(run: Rerun) -> None:
    offered = tuple(run.sought)
    sought = offered[0]
    if len(offered) > 1:
        sought = st.selectbox(
            "Curve of", offered, format_func=lambda name: run.names.get(name, name), key="roc_of", bind="query-params"
        )
    said = area_sentence(f"Area under the ROC curve of {run.names.get(sought, sought)}", run.area(sought))
    show_chart(roc_figure({sought: run.roc(sought)}, ink=ink()), "run roc", said)


def _show_classes(run: Rerun) -> None:
    table = figure_table(run.result)
    metric = st.selectbox("Figure", _BY_CLASS, format_func=_BY_CLASS.__getitem__, key="by_class", bind="query-params")
    rows = table[(table["metric"] == metric) & (table["class"] != "")]
    show_by_class(rows, _BY_CLASS[metric], run.names, run.commonest)
