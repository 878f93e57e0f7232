"""Widget: the three parts of the skin-tone page — the test set, one photo on other skin, and photos of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import streamlit as st

from dermaviz.app.evidence import audited
from dermaviz.app.measured import share_right
from dermaviz.app.resources import Checkpoint
from dermaviz.app.skin_tone.figures import RIGHT, looking, trend, trend_verdict
from dermaviz.app.skin_tone.groups import cannot_say, finding_sentence, show_cards
from dermaviz.app.skin_tone.view import ToneAsk, choose_grouping, choose_tone, choose_wanted, ita_of, tones, wanted
from dermaviz.app.widgets.cases import choose_cohort
from dermaviz.app.widgets.panels import choose_checkpoint
from dermaviz.errors import EvidenceError
from dermaviz.fairness.tone_groups import ESTIMATORS, agreement, tone_groups

Checkpoints = dict[str, Checkpoint]


def show_test_set(checkpoints: Checkpoints) -> None:
    """The finding and its limits, then every question asked of the test set by group."""
    opening = st.container()
    asking, saying = st.columns([4, 9], gap="large")
    with asking:
        checkpoint = choose_checkpoint(checkpoints)
        whole = audited(checkpoint)
        by = choose_grouping(whole)
        estimator, cuts = choose_tone()
        positive, threshold = choose_wanted(checkpoint.card)
        images = choose_cohort(whole)
    if not len(images):
        return
    ask = ToneAsk(images, by, estimator, cuts, positive, threshold)
    with opening:
        _show_finding(ask)
    with saying:
        show_cards(ask)


def _show_finding(ask: ToneAsk) -> None:
    """One computed answer to the page's two questions, and what it leaves open."""
    found = slope = None
    verdict, missing = ("", ""), []
    try:
        slope, verdict = trend(ask, RIGHT), trend_verdict(ask, RIGHT)
    except EvidenceError as error:
        missing.append(str(error))
    try:
        found = looking(ask.images)
    except EvidenceError as error:
        missing.append(str(error))
    st.markdown(f"#### {finding_sentence(share_right(ask.images), len(ask.images), slope, verdict, found)}")
    for sentence in missing:
        st.info(sentence, icon=":material/info:")
    if slope is not None:
        with st.expander("What this audit cannot say", expanded=True, icon=":material/help:"):
            table, other = tones(ask.images), "ita" if ask.estimator == "ita_constancy" else "ita_constancy"
            agreed = agreement(table, [ask.estimator, other], ask.cuts).iloc[0]
            groups = tone_groups(ita_of(ask), ask.cuts)
            said = cannot_say(table, groups, wanted(ask), ESTIMATORS[other], agreed)
            st.markdown("\n".join(f"- {sentence}" for sentence in said))


def show_one_photo(checkpoints: Checkpoints) -> None:
    """One photo with its skin at another ITA, live."""
    # it brings OpenCV, which the test set does without
    from dermaviz.app.skin_tone.other_skin_panels import show_other_skin

    show_other_skin(checkpoints)


def show_own_photos(checkpoints: Checkpoints) -> None:
    """The same audit of a few photos of one's own."""
    from dermaviz.app.skin_tone.own_images_results import show_own_images

    show_own_images(checkpoints)


PARTS: Mapping[str, Callable[[Checkpoints], None]] = MappingProxyType(
    {"The test set": show_test_set, "One photo, other skin": show_one_photo, "Your own images": show_own_photos}
)


def choose_part() -> Callable[[Checkpoints], None]:
    """Ask which part to show."""
    part = st.segmented_control(
        "Part of the page", tuple(PARTS), default="The test set", required=True, key="part", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return PARTS[part]
