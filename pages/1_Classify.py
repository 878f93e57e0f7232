"""Classify: a photo → diagnosis → attention map."""

from __future__ import annotations

import streamlit as st

from dermaviz.ui.answers import ask
from dermaviz.ui.frame import page, sentence_for_errors
from dermaviz.ui.navigation import CLASSIFY
from dermaviz.ui.resources import installed_checkpoints
from dermaviz.ui.widgets.diagnosis import show_diagnosis, show_notes
from dermaviz.ui.widgets.panels import show_panels, show_side_by_side
from dermaviz.ui.widgets.photo import choose_photo
from dermaviz.ui.widgets.settings import choose_checkpoint, choose_look

with page(CLASSIFY):
    checkpoints = installed_checkpoints()
    asking, saying = st.columns([5, 8], gap="large")
    with asking:
        photo = choose_photo()
        checkpoint = choose_checkpoint(checkpoints)
    if photo is None:
        saying.info("Once there is a photo, the diagnosis appears here and the attention map below.")
    else:
        with saying:
            answer = ask(photo, checkpoint)
            show_diagnosis(answer, checkpoint)
        with asking:
            show_notes(photo, answer, checkpoint)

        st.header("Where did it look?", anchor=False)
        look = choose_look(checkpoint, checkpoints)
        with sentence_for_errors():
            show_panels(photo, answer, checkpoint, look)
        if look.beside:
            st.header("Methods side by side", anchor=False)
            with sentence_for_errors():
                show_side_by_side(photo, answer, checkpoint, look)
        if look.other:
            st.header(f"The same photo through {look.other.name}", anchor=False)
            with sentence_for_errors():
                second = ask(photo, look.other)
                show_diagnosis(second, look.other)
                show_panels(photo, second, look.other, look)
