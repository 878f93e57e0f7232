"""The Confusion page: which diagnoses the model mistakes for which, and the photos behind every count."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from dermaviz.app.bar import choose_cohort, chosen_checkpoint
from dermaviz.app.checkpoints import Checkpoint, audited
from dermaviz.app.confusion.confidence import show_abstaining, show_calibration, show_sets
from dermaviz.app.confusion.matrix import choose_cell, show_answer, show_cell, show_curves, show_matrix
from dermaviz.app.confusion.metrics import show_comparison, show_metrics, show_sets_compared, show_training
from dermaviz.app.confusion.view import choose_form, choose_question, choose_second
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.widgets.chart import offer_report
from dermaviz.evidence.predictions import Audited
from dermaviz.evidence.store import DataSplit

TABS: Mapping[str, Callable[[Audited], None]] = {
    "Metrics": show_metrics,
    "Calibration": show_calibration,
    "Abstaining": show_abstaining,
    "Prediction sets": show_sets,
    "Training": show_training,
}
"""Further questions to the same answers: a row and a function make a tab."""
COMPARISON, SETS = "Two checkpoints", "Two data sets"


def show() -> None:
    """The finding and the matrix, the cases of the chosen cell, and a tab for each further question; only the open one runs."""
    saying, asking = st.columns([9, 4], gap="large")
    with asking:
        checkpoint = chosen_checkpoint()
        second = choose_second(checkpoint)
        whole = audited(checkpoint)
        view = choose_question(whole.checkpoint.card)
        form = choose_form(whole)
        images = choose_cohort(whole)
    if not len(images):
        return
    verdicts, chosen = view.verdicts(images), st.container()
    with chosen:
        cell = choose_cell(whole.checkpoint.card, verdicts)
    with saying, sentence_for_errors():
        said = show_answer(images, view, verdicts)
        show_matrix(whole.checkpoint.card, verdicts, form, cell, said)
        show_curves(images, view)
    with chosen, sentence_for_errors():
        show_cell(images, verdicts, cell)
    st.header("More about these answers", anchor=False)
    names = [*([SETS if isinstance(second, DataSplit) else COMPARISON] if second else []), *TABS]
    for name, tab in zip(names, st.tabs(names, key="card", bind="query-params"), strict=True):
        if tab.open:
            with tab, sentence_for_errors():
                if isinstance(second, DataSplit) and name == SETS:
                    show_sets_compared(images, audited(checkpoint, second), view, form)
                elif isinstance(second, Checkpoint) and name == COMPARISON:
                    show_comparison(images, second, view, form)
                else:
                    TABS[name](images)
    offer_report(checkpoint)
