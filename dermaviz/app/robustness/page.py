"""The Robustness page: one image attacked live, and the test set in tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import streamlit as st

from dermaviz.app.checkpoints import Checkpoint, installed_checkpoints
from dermaviz.app.evidence import audited, choose_data
from dermaviz.app.frame import choose_part, sentence_for_errors
from dermaviz.app.robustness.attacks import show_attacks, show_noise
from dermaviz.app.robustness.corruptions import show_corruptions
from dermaviz.app.robustness.defence import show_defence
from dermaviz.app.robustness.flips import show_hit_worst, show_smallest
from dermaviz.app.robustness.live_panels import (
    choose_attempt,
    choose_view,
    offer_file,
    outcome_of,
    show_attack,
    show_verdict,
)
from dermaviz.app.robustness.question import Ask, choose_grouping, choose_measure
from dermaviz.app.widgets.cohort import choose_cohort
from dermaviz.app.widgets.model_card import choose_checkpoint
from dermaviz.app.widgets.photo import ask_for_one

Checkpoints = dict[str, Checkpoint]


def show_photo(checkpoints: Checkpoints) -> None:
    """One photo under an attack and under noise of the same size, while sliders are moved."""
    one = ask_for_one(checkpoints, "Once there is a photo, it can be attacked here.")
    if one is None:
        return
    with one.doing, sentence_for_errors():
        verdict = st.container()
        asked = choose_attempt(one.case)
        with verdict:
            outcome = outcome_of(one.case, asked)
            show_verdict(one.case, outcome, asked)
        with one.pictures:
            view = choose_view()
            show_attack(one.case, asked, outcome, view)
            offer_file(one.case, outcome, asked)


def show_test_set(checkpoints: Checkpoints) -> None:
    """What attacks, noise and corruptions cost over the test set."""
    asking, saying = st.columns([4, 9], gap="large")
    with asking:
        checkpoint = choose_checkpoint(checkpoints)
        choose_data(checkpoint)
        other = _choose_other(checkpoint, checkpoints)
        whole = audited(checkpoint)
        measure = choose_measure(checkpoint.card)
        grouping = choose_grouping(whole)
        images = choose_cohort(whole)
    if len(images):
        with saying:
            show_cards(Ask(images, measure, grouping, other))


def _choose_other(checkpoint: Checkpoint, checkpoints: Checkpoints) -> Checkpoint | None:
    """Ask which checkpoint to hold it against, where there is another."""
    others = [name for name in checkpoints if name != checkpoint.name]
    if not others:
        return None
    return checkpoints[st.selectbox("Held against", others, key="against", bind="query-params")]


PARTS: Mapping[str, Callable[[Checkpoints], None]] = MappingProxyType(
    {"One photo, live": show_photo, "The test set": show_test_set}
)


def show() -> None:
    """The part of the page that is chosen."""
    choose_part(PARTS)(installed_checkpoints())


CARDS: Mapping[str, tuple[str, Callable[[Ask], None]]] = MappingProxyType(
    {
        "Attacks": ("How fast does an attack break it, and does noise of the same size?", show_attacks),
        "Defence": ("What does a defence cost, and what does it buy?", show_defence),
        "Noise": ("How much noise does it take?", show_noise),
        "Corruptions": ("Which everyday faults of a photo hurt it?", show_corruptions),
        "Smallest change": ("How small a change flips the answer?", show_smallest),
        "Hit worst": ("Which photos need the smallest change?", show_hit_worst),
    }
)


def show_cards(ask: Ask) -> None:
    """A tab for each question; only the open one is computed."""
    for (question, show), tab in zip(
        CARDS.values(), st.tabs(list(CARDS), key="test", bind="query-params"), strict=True
    ):
        if tab.open:
            with tab, sentence_for_errors():
                st.subheader(question, anchor=False)
                show(ask)
