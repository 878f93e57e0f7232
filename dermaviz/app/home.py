"""The Home page: the question that each page answers, the model in use, and its headline figures."""

from __future__ import annotations

import streamlit as st

from dermaviz.app.checkpoints import installed_checkpoints
from dermaviz.app.pages import PAGES
from dermaviz.app.widgets.model_card import choose_checkpoint, show_model


def show() -> None:
    """A card for each page, then the model's card."""
    home, *others = PAGES
    st.markdown(home.about)
    for page in others:
        with st.container(border=True):
            st.subheader(page.question, anchor=False)
            st.markdown(page.about)
            st.page_link(page.file, label=f"Open {page.title}", icon=page.icon)
    st.header("How good is the model in use?", anchor=False)
    checkpoint = choose_checkpoint(installed_checkpoints())
    show_model(checkpoint.name, checkpoint.card)
