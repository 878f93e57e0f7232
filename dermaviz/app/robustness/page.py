"""The Robustness page: one image attacked live, and the test set in tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import streamlit as st

from dermaviz.app.bar import chosen_checkpoint
from dermaviz.app.checkpoints import Checkpoint, installed_checkpoints
from dermaviz.app.evidence import audited
from dermaviz.app.frame import choose_part, sentence_for_errors, show_open_tab
from dermaviz.app.robustness.attacks import finding_sentence, show_attacks
from dermaviz.app.robustness.cameras import show_cameras
from dermaviz.app.robustness.corruptions import CORRUPTION, show_corruptions
from dermaviz.app.robustness.flips import show_smallest
from dermaviz.app.robustness.live_panels import (
    choose_attempt,
    choose_view,
    offer_file,
    outcome_of,
    show_attack,
    show_maps,
    show_verdict,
)
from dermaviz.app.robustness.question import Ask, choose_grouping, choose_measure, choose_other
from dermaviz.app.widgets.cohort import among, choose_cohort
from dermaviz.app.widgets.photo import ask_for_one
from dermaviz.robustness.corruptions import CORRUPTIONS

Checkpoints = dict[str, Checkpoint]
TABS: Mapping[str, Callable[[Ask], None]] = MappingProxyType(
    {
        "Attacks": show_attacks,
        "Corruptions": show_corruptions,
        "Cameras": show_cameras,
        "Smallest change": show_smallest,
    }
)
MOVED = MappingProxyType({"Defence": "Attacks", "Noise": "Corruptions", "Hit worst": "Smallest change"})
"""Tabs that this page had and those that they became part of: links to them still lead there."""
GAUSSIAN = MappingProxyType({CORRUPTION: CORRUPTIONS["gaussian_noise"].label})
"""What a link to Noise chose."""


def show_photo(checkpoints: Checkpoints) -> None:
    """One image under an attack and under noise of the same size, while sliders are moved."""
    one = ask_for_one("Robustness")
    if one is None:
        return
    with one.doing, sentence_for_errors():
        shown = st.container()
        asked = choose_attempt(one.case)
        with shown:
            outcome = outcome_of(one.case, asked)
            show_verdict(one.case, outcome, asked)
            show_attack(one.case, asked, outcome)
        with one.pictures:
            maps = st.container()
            view = choose_view()
            with maps:
                show_maps(one.case, outcome, view)
            offer_file(one.case, outcome, asked)


def show_test_set(checkpoints: Checkpoints) -> None:
    """What attacks, noise and corruptions cost over the test set; only the open tab is computed."""
    opening = st.container()
    saying, asking = st.columns([9, 4], gap="large")
    with asking:
        checkpoint = chosen_checkpoint()
        other = choose_other(checkpoint, checkpoints)
        whole = audited(checkpoint)
        measure = choose_measure(whole.checkpoint.card)
        grouping = choose_grouping(whole)
        images = choose_cohort(whole)
    if not len(images):
        return
    with opening, sentence_for_errors():
        st.markdown(f"## {among()}{finding_sentence(images)}")
    with saying:
        show_open_tab(TABS, "test", Ask(images, measure, grouping, other))


PARTS: Mapping[str, Callable[[Checkpoints], None]] = MappingProxyType(
    {"One photo, live": show_photo, "The test set": show_test_set}
)


def show() -> None:
    """The part of the page that is chosen."""
    if (test := st.query_params.get("test")) in MOVED:
        kept = {key: st.query_params.get_all(key) for key in st.query_params}
        st.switch_page("pages/3_Robustness.py", query_params=dict(GAUSSIAN) | kept | {"test": MOVED[str(test)]})
    choose_part(PARTS)(installed_checkpoints())
