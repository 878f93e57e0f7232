"""The Confusion page: which diagnoses the model mistakes for which, and the photos behind every count."""

from __future__ import annotations

import streamlit as st

from dermaviz.app.checkpoints import installed_checkpoints
from dermaviz.app.confusion.cards import show_cards
from dermaviz.app.confusion.matrix import choose_cell, show_answer, show_curves, show_matrix
from dermaviz.app.confusion.view import choose_form, choose_question, choose_second
from dermaviz.app.evidence import audited
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.widgets.cases import choose_cohort, show_case, show_cases
from dermaviz.app.widgets.panels import choose_checkpoint


def show() -> None:
    """The matrix with its sentence and curves, the cases of the chosen cell, and a tab for each further question."""
    checkpoints = installed_checkpoints()
    asking, saying = st.columns([4, 9], gap="large")
    with asking:
        checkpoint = choose_checkpoint(checkpoints)
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
    show_cards(images, view, form, second)
