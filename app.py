"""Home page: the question each page answers, the model in use, its headline numbers. `streamlit run app.py`."""

from __future__ import annotations

import streamlit as st

from dermaviz.app.frame import HOME, PAGES, page
from dermaviz.app.resources import installed_checkpoints
from dermaviz.app.widgets.model_card import show_model
from dermaviz.app.widgets.panels import choose_checkpoint

with page(HOME):
    st.markdown(HOME.about)
    for entry in PAGES[1:]:
        with st.container(border=True):
            st.subheader(entry.question, anchor=False)
            st.markdown(entry.about)
            st.page_link(entry.file, label=f"Open {entry.title}", icon=entry.icon)
    st.header("How good is the model in use?", anchor=False)
    checkpoint = choose_checkpoint(installed_checkpoints())
    show_model(checkpoint.name, checkpoint.card)
