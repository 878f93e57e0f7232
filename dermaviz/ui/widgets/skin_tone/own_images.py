"""Widget: an audit of a few photos of one's own — chosen, examined under the eyes of the user, counted with exact intervals."""

from __future__ import annotations

import hashlib

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dermaviz.fairness.small_audit import counts
from dermaviz.ui.frame import sentence_for_errors
from dermaviz.ui.resources import Checkpoint
from dermaviz.ui.skin_tone.own_images import Found, examine_all, photo_table
from dermaviz.ui.skin_tone.own_images_wording import ABOUT_LOOKING, cannot_say, left_out_sentences, summary_sentence
from dermaviz.ui.widgets.gate import installed_gate
from dermaviz.ui.widgets.settings import choose_checkpoint
from dermaviz.ui.widgets.skin_tone.own_images_gallery import show_gallery
from dermaviz.ui.widgets.skin_tone.own_images_results import file_table, show_counts, show_groups
from dermaviz.ui.widgets.skin_tone.own_images_upload import Chosen, choose_images
from dermaviz.ui.widgets.table import show_table

AT_ONCE = 12
"""Photos that are examined without a further word; more take a while, and say so first."""
SECONDS_PER_PHOTO = 0.5
_WANTED = "audits of own images asked for"
_INTRODUCTION = (
    "A class report tried its model on nine photos of darker skin. It was right on eight, and its attention lay in a corner. "
    "Try yours: how often is it right, how sure can so few photos make you, and does it look at the lesion?"
)


def show_own_images(checkpoints: dict[str, Checkpoint]) -> None:
    """Photos of the user's own with their labels: counts, intervals, and each photo's attention."""
    st.markdown(_INTRODUCTION)
    asking, saying = st.columns([5, 8], gap="large")
    below = st.container()
    chosen = None
    with asking:
        checkpoint = choose_checkpoint(checkpoints)
        with sentence_for_errors():
            chosen = choose_images(checkpoint)
    if chosen is None:
        saying.info("Once there are photos and labels, the counts appear here and each photo's attention map below.")
        return
    with saying, sentence_for_errors():
        found = _examined(chosen, checkpoint)
        if found is not None:
            _show(found, chosen, checkpoint, below)


def _examined(chosen: Chosen, checkpoint: Checkpoint) -> Found | None:
    """All photos examined, with a bar and a way to stop; None while many of them wait for the user's word."""
    n = len(chosen.labelled)
    names = " ".join([checkpoint.card.answers_sha256, *(labelled.photo.key for labelled in chosen.labelled)])
    this = hashlib.sha256(names.encode()).hexdigest()
    wanted: dict[str, bool] = st.session_state.setdefault(_WANTED, {})
    if not wanted.get(this, n <= AT_ONCE):
        st.info(
            f"{n} photos: about {n * SECONDS_PER_PHOTO:.0f} seconds on two free cores. Those already examined are remembered.",
            icon=":material/hourglass:",
        )
        st.button(f"Examine {n} photos", key="own start", type="primary", on_click=wanted.update, args=({this: True},))
        return None
    place = st.empty()
    bar: DeltaGenerator | None = None

    def tell(done: int) -> None:
        nonlocal bar
        if bar is None:
            with place.container():
                bar = st.progress(0.0)
                st.button(
                    "Stop", key="own stop", on_click=wanted.update, args=({this: False},), icon=":material/stop_circle:"
                )
        bar.progress(done / n, f"The model looks at photo {done + 1} of {n} …")

    found = examine_all(chosen.labelled, checkpoint, tell)
    place.empty()
    return found


def _show(found: Found, chosen: Chosen, checkpoint: Checkpoint, below: DeltaGenerator) -> None:
    """The counts here, and ``below`` them the groups, what cannot be said, and photo by photo."""
    with sentence_for_errors():
        installed_gate(checkpoint)  # one sentence where it cannot be used
    verdict = st.container()
    kept = _counted(found, chosen, checkpoint)
    if kept.empty:
        verdict.info("No photo is left to count.")
        return
    whole = counts(kept)
    verdict.markdown(f"#### {summary_sentence(kept, whole)}", help=ABOUT_LOOKING)
    show_counts(whole, "own counts")
    with below:
        left, right = st.columns(2, gap="large")
        with left:
            difference = show_groups(kept)
        with right:
            st.subheader("What so few photos cannot say", anchor=False)
            st.markdown("\n".join(f"- {line}" for line in cannot_say(checkpoint.card, kept, whole, difference)))
        show_gallery(found, kept, checkpoint)
        show_table(file_table(kept), f"{checkpoint.name}-own-images", "own images")


def _counted(found: Found, chosen: Chosen, checkpoint: Checkpoint) -> pd.DataFrame:
    """The photos that count, with a sentence for each reason for which others do not; the gate's verdict can be overruled."""
    table = photo_table(found, checkpoint)
    refused = table["distance"].notna()
    names = table.loc[refused, "image"].tolist()
    if names and st.toggle(
        f"Count what does not look dermatoscopic as well ({len(names)})", key="own_refused", bind="query-params",
        help="The gate was made for photos through a dermatoscope: it takes drawings and other photos for strangers.",
    ):  # fmt: skip
        names, refused = [], refused & False
    for sentence in left_out_sentences(found, names, chosen.without_photo, chosen.without_label, chosen.twice):
        st.warning(sentence, icon=":material/image_search:")
    return table[~refused]
