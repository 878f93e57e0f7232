"""The Attention page: is the map on the lesion, can it be trusted, and what else changes the answer?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from dermaviz.app.attention.looking import finding_sentence, show_attention, show_looking
from dermaviz.app.attention.trust import show_faithfulness, show_shortcuts
from dermaviz.app.bar import among, choose_cohort, chosen_checkpoint
from dermaviz.app.checkpoints import audited
from dermaviz.app.frame import open_tab, sentence_for_errors, show_open_tab
from dermaviz.app.skin_tone.question import ToneAsk, choose_grouping
from dermaviz.glossary import meanings

TABS: Mapping[str, Callable[[ToneAsk], None]] = {
    "On the lesion": show_looking,
    "Scores": show_attention,
    "Trust": show_faithfulness,
    "Shortcuts": show_shortcuts,
}
GROUPED = ("On the lesion", "Scores")
"""Tabs with figures by group."""


def show() -> None:
    """The finding, then a tab for each question; only the open tab is computed."""
    opening = st.container()
    saying, asking = st.columns([10, 3], gap="large")
    with asking:
        checkpoint = chosen_checkpoint()
        whole = audited(checkpoint)
        by = choose_grouping(whole, unused=open_tab(TABS, "audit") not in GROUPED)
        images = choose_cohort(whole)
    if not len(images):
        return
    with opening, sentence_for_errors():
        said = finding_sentence(images)
        st.markdown(f"## {among()}{said}", help=meanings(said))
    with saying:
        show_open_tab(TABS, "audit", ToneAsk(images, by))
