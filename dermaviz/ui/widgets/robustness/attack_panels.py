"""Widget: original · difference · attacked, and beside it noise of the same size: pictures, answers, maps, and the file."""

from __future__ import annotations

import io
from functools import partial

import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from dermaviz.datasets.synthetic import CAPTION
from dermaviz.explain.drift import drift
from dermaviz.explain.methods import DEFAULT_METHOD, METHODS
from dermaviz.explain.overlay import overlay
from dermaviz.figures.robustness import epsilon_in_words
from dermaviz.types import RGB
from dermaviz.ui.answers import Answer, Photo
from dermaviz.ui.drawn import true_mask
from dermaviz.ui.resources import Checkpoint
from dermaviz.ui.robustness.attack_wording import (
    ABOUT_NOISE,
    ATTACKS,
    GREY,
    drift_sentence,
    file_sentence,
    goal_sentence,
    magnified,
    outcome_sentence,
    rounded,
    said,
)
from dermaviz.ui.robustness.live_attack import Attempt, Changed, Outcome, Seen, attempt
from dermaviz.ui.widgets.panels import show_picture
from dermaviz.ui.widgets.robustness.attack_settings import View, set_epsilon, take_fgsm
from dermaviz.ui.wording import STATUS_SENTENCES, class_with_probability

PICTURES, MAPS = "attack-pictures", "attack-maps"
_PHONE_LOOK = f"""<style>
@media (max-width: 640px) {{
  :is(.st-key-{PICTURES}, .st-key-{MAPS}) [data-testid="stColumn"] {{ min-width: 0; flex: 1 1 calc(50% - 0.5rem); }}
  :is(.st-key-{PICTURES}, .st-key-{MAPS}) [data-testid="stColumn"]:first-child {{ flex: 1 1 100%; }}
}}
</style>"""
"""On a phone: the original over the whole width, then each difference beside what comes of it."""
_OPACITY, _COLOURS = 0.5, "viridis"


def tried(photo: Photo, answer: Answer, checkpoint: Checkpoint, asked: Attempt) -> Outcome:
    """The outcome of an attempt; what takes long says so before it starts, shows how far it is, and can be stopped."""
    words, place = ATTACKS[asked.attack], st.empty()
    bar: DeltaGenerator | None = None

    def tell(passes: int) -> None:
        nonlocal bar
        if not words.passes:
            return
        if bar is None:
            with place.container():
                bar = st.progress(0.0, words.wait)
                st.button("Stop, and take FGSM", key="stop", on_click=take_fgsm, icon=":material/stop_circle:")
        bar.progress(min(passes / words.passes, 1.0), words.wait)

    outcome = attempt(photo, answer, checkpoint, asked, tell)
    place.empty()
    return outcome


def show_verdict(checkpoint: Checkpoint, outcome: Outcome, asked: Attempt) -> None:
    """What the attack did to the answer, and what equal-size noise did, in one or two sentences."""
    st.markdown(f"#### {outcome_sentence(checkpoint.card, outcome, asked)}", help=ABOUT_NOISE)
    arrived = goal_sentence(checkpoint.card, outcome, asked.target)
    if arrived:
        st.markdown(arrived)


def show_attack(
    photo: Photo, answer: Answer, checkpoint: Checkpoint, asked: Attempt, outcome: Outcome, view: View
) -> None:
    """Five pictures in a row, under them the maps of those that are photos."""
    st.html(_PHONE_LOOK)
    card, name = checkpoint.card, ATTACKS[asked.attack].name
    clean, size = outcome.clean.prediction.index, epsilon_in_words(asked.epsilon)
    with st.container(key=PICTURES):
        original, minus, attacked, noise, noised = st.columns(5)
    with original:
        shown = CAPTION if photo.drawn else "what the model sees"
        show_picture(answer.prepared, f"Original: {shown}", f"Model input of {photo.name}")
        st.markdown(f"**{said(card, outcome.clean.prediction)}**")
    with minus:
        _show_difference(outcome.attacked, view.times, f"{name}'s change")
    with attacked:
        show_picture(outcome.filed.pixels, f"Attacked: {name}, ε = {size}", f"Photo attacked by {name} at ε = {size}")
        _show_answer(checkpoint, outcome.attacked, clean)
    with noise:
        _show_difference(outcome.noised, view.times, "Noise, the same size")
    with noised:
        noisy = rounded(answer.prepared, outcome.noised)
        show_picture(noisy, f"With noise, ε = {size}", f"Photo with random noise at ε = {size}")
        _show_answer(checkpoint, outcome.noised, clean)
    _show_maps(photo, answer, checkpoint, outcome, view)


def offer_file(photo: Photo, checkpoint: Checkpoint, outcome: Outcome, asked: Attempt) -> None:
    """The attacked picture as a PNG, and what rounding to whole grey levels left of the attack."""
    st.subheader("Take it home: does the attack survive in a file?", anchor=False)
    st.markdown(file_sentence(checkpoint.card, outcome.filed, outcome, asked))
    with st.container(horizontal=True):
        st.download_button(
            "Attacked picture (PNG)", partial(png, outcome.filed.pixels), _file_name(photo, checkpoint, asked),
            "image/png", key="attacked file", on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        if asked.epsilon and not outcome.filed.grey_levels:
            st.button("Attack at 1/255", on_click=set_epsilon, args=(GREY,), key="one level")


def png(pixels: RGB) -> bytes:
    """Pixels, exactly as they are, as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _show_difference(changed: Changed, times: int, what: str) -> None:
    pixels, cut = magnified(changed, times)
    show_picture(
        pixels, f"{what} ×{times}", f"{what}, {times} times as large, centred on grey: brighter is more, darker is less"
    )
    st.caption("Too large to show whole: cut at black and white." if cut else "Grey is no change.")


def _show_answer(checkpoint: Checkpoint, changed: Changed, clean: int) -> None:
    sign = "" if changed.prediction.index == clean else ":material/swap_horiz: "
    st.markdown(f"{sign}**{said(checkpoint.card, changed.prediction)}**")


def _show_maps(photo: Photo, answer: Answer, checkpoint: Checkpoint, outcome: Outcome, view: View) -> None:
    """The maps of the three photos, and between them how far the clean answer's map moved."""
    clean = outcome.clean.prediction
    mask = true_mask(photo, answer)
    with st.container(key=MAPS):
        places = st.columns(5)
    pictures = {
        0: ("original", outcome.clean, answer.prepared),
        2: ("attacked photo", outcome.attacked, outcome.filed.pixels),
        4: ("photo with noise", outcome.noised, rounded(answer.prepared, outcome.noised)),
    }
    for place, (what, seen, pixels) in pictures.items():
        with places[place]:
            _show_map(checkpoint, seen, pixels, seen.prediction.index if view.own else clean.index, what)
    for place in (1, 3):
        moved = drift(outcome.clean.maps[clean.index], pictures[place + 1][1].maps[clean.index], mask)
        energies = (moved.energy_before, moved.energy_after)
        with places[place]:
            st.caption(drift_sentence(checkpoint.card, clean, moved.rank_correlation, energies))
    st.caption(
        f"{checkpoint.name} · {METHODS[DEFAULT_METHOD].label} · layer {checkpoint.card.attention_layer} · a map shows what "
        "raised the score of its class, not why."
    )


def _show_map(checkpoint: Checkpoint, seen: Seen, pixels: RGB, class_index: int, what: str) -> None:
    attended = seen.maps[class_index]
    named = class_with_probability(checkpoint.card, seen.prediction, class_index)
    if attended.status == "ok":
        mixed = overlay(pixels, attended, _OPACITY, _COLOURS)
        show_picture(mixed, f"Map for {named}", f"Attention map of the {what} for {named}")
    else:
        st.info(f"**Map for {named}.** {STATUS_SENTENCES[attended.status]}", icon=":material/visibility_off:")


def _file_name(photo: Photo, checkpoint: Checkpoint, asked: Attempt) -> str:
    stem = "".join(c if c.isalnum() and c.isascii() else "_" for c in photo.name.rsplit(".", 1)[0][:60])
    return f"{stem}-{checkpoint.name}-{asked.attack.replace(' ', '_')}-{asked.epsilon / GREY:.3g}_of_255.png"
