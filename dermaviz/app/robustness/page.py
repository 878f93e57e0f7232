"""The Robustness page: one image attacked live, and the test set in tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from dermaviz.app.bar import among, choose_cohort, chosen_checkpoint
from dermaviz.app.checkpoints import audited
from dermaviz.app.frame import choose_part, open_tab, sentence_for_errors, show_open_tab
from dermaviz.app.robustness.attacks import finding_sentence, show_attacks, show_smallest
from dermaviz.app.robustness.corruptions import CORRUPTION, show_cameras, show_corruptions
from dermaviz.app.robustness.live_panels import show_photo
from dermaviz.app.robustness.question import Ask, choose_grouping, choose_measure, choose_other
from dermaviz.robustness.corruptions import CORRUPTIONS

TABS: Mapping[str, Callable[[Ask], None]] = {
    "Attacks": show_attacks,
    "Corruptions": show_corruptions,
    "Cameras": show_cameras,
    "Smallest change": show_smallest,
}
MOVED = {"Defence": "Attacks", "Noise": "Corruptions", "Hit worst": "Smallest change"}
"""Tabs that this page had and those that they became part of: links to them still lead there."""
ABOUT_FLIPS = "On this tab, a sensitivity lists the images of that diagnosis; any other measure lists all."
GAUSSIAN = {CORRUPTION: CORRUPTIONS["gaussian_noise"].label}
"""What a link to Noise chose."""


def show_test_set() -> None:
    """What attacks, noise and corruptions cost over the test set; only the open tab is computed."""
    opening = st.container()
    saying, asking = st.columns([9, 4], gap="large")
    with asking:
        checkpoint = chosen_checkpoint()
        tab = open_tab(TABS, "test")
        unused = tab == "Cameras"  # it counts changed answers and nothing else
        other = choose_other(checkpoint, disabled=unused)
        whole = audited(checkpoint)
        about = ABOUT_FLIPS if tab == "Smallest change" else None
        measure = choose_measure(whole.checkpoint.card, disabled=unused, help=about)
        grouping = choose_grouping(whole, disabled=unused)
        images = choose_cohort(whole)
    if not len(images):
        return
    with opening, sentence_for_errors():
        st.markdown(f"## {among()}{finding_sentence(images)}")
    with saying:
        show_open_tab(TABS, "test", Ask(images, measure, grouping, other))


PARTS: Mapping[str, Callable[[], None]] = {"One photo, live": show_photo, "The test set": show_test_set}


def show() -> None:
    """The part of the page that is chosen."""
    if (test := st.query_params.get("test")) in MOVED:
        kept = {key: st.query_params.get_all(key) for key in st.query_params}
        st.switch_page("pages/3_Robustness.py", query_params=GAUSSIAN | kept | {"test": MOVED[str(test)]})
    choose_part(PARTS)()
