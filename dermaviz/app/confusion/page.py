"""The Confusion page: which diagnoses the model mistakes for which, and the photos behind every count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import streamlit as st

from dermaviz.app.checkpoints import installed_checkpoints
from dermaviz.app.confusion.comparison import show_comparison
from dermaviz.app.confusion.confidence import show_abstaining, show_calibration, show_sets
from dermaviz.app.confusion.matrix import choose_cell, show_answer, show_cases, show_curves, show_matrix
from dermaviz.app.confusion.summary import show_metrics, show_training
from dermaviz.app.confusion.view import choose_form, choose_question, choose_second
from dermaviz.app.evidence import audited, choose_data
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.widgets.cases import show_case
from dermaviz.app.widgets.cohort import choose_cohort
from dermaviz.app.widgets.model_card import choose_checkpoint
from dermaviz.evidence.predictions import Audited

TABS: Mapping[str, tuple[str, Callable[[Audited], None]]] = MappingProxyType(
    {
        "Metrics": ("How good is it, by every usual measure?", show_metrics),
        "Calibration": ("Is it right as often as it says?", show_calibration),
        "Abstaining": ("How often would it be wrong if it answered only when it is sure?", show_abstaining),
        "Prediction sets": ("How many diagnoses must it name to have the true one among them?", show_sets),
        "Training": ("How did it learn?", show_training),
    }
)
"""Further questions to the same answers: a row and a function make a tab."""
COMPARISON = "Two checkpoints"


def show() -> None:
    """The matrix with its sentence and curves, the cases of the chosen cell, and a tab for each further question."""
    checkpoints = installed_checkpoints()
    asking, saying = st.columns([4, 9], gap="large")
    with asking:
        checkpoint = choose_checkpoint(checkpoints)
        choose_data(checkpoint)
        second = choose_second(checkpoint, checkpoints)
        whole = audited(checkpoint)
        view = choose_question(checkpoint.card)
        images = choose_cohort(whole)
        form = choose_form()
    if not len(images):
        return
    verdicts = view.verdicts(images)
    st.header("Which photos are behind a count?", anchor=False)
    cell = choose_cell(checkpoint.card, verdicts)
    with saying, sentence_for_errors():
        show_answer(images, view, verdicts)
        show_matrix(checkpoint.card, verdicts, form, cell)
        show_curves(images, view)
    with sentence_for_errors():
        chosen = show_cases(images, verdicts, cell)
        if chosen:
            show_case(images, chosen)
    st.header("What else do these answers tell?", anchor=False)
    names = [*([COMPARISON] if second else []), *TABS]
    for name, tab in zip(names, st.tabs(names, key="card", bind="query-params"), strict=True):
        if not tab.open:  # only the open one is computed
            continue
        with tab, sentence_for_errors():
            if name == COMPARISON and second:
                show_comparison(images, second, view, form)
            else:
                question, show_tab = TABS[name]
                st.subheader(question, anchor=False)
                show_tab(images)
