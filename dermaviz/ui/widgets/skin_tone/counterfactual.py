"""Widget: one photo on other skin — as it is, shifted, a control, and for drawn lesions the truth — and over the whole range."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dermaviz.explain.drift import drift
from dermaviz.explain.methods import DEFAULT_METHOD, METHODS
from dermaviz.explain.outline import outlined
from dermaviz.explain.overlay import overlay
from dermaviz.fairness.skin_tone import CUTS
from dermaviz.figures.counterfactual import counterfactual_figure
from dermaviz.figures.probabilities import percent
from dermaviz.ui.answers import Answer, Photo
from dermaviz.ui.frame import sentence_for_errors
from dermaviz.ui.resources import Checkpoint
from dermaviz.ui.robustness.attack_wording import drift_sentence, said
from dermaviz.ui.skin_tone.counterfactual import REDRAWN, OtherSkin, Seen, Shift, curve, other_skin
from dermaviz.ui.skin_tone.counterfactual_wording import (
    ABOUT_CONTROL,
    AXIS_NAMES,
    CANNOT_SAY,
    beside_sentence,
    clipped_sentence,
    curve_sentence,
    measure_name,
    measured_sentence,
    outcome_sentence,
    score,
)
from dermaviz.ui.skin_tone.own_images import Lesion, lesion_of
from dermaviz.ui.skin_tone.own_images_wording import degrees
from dermaviz.ui.widgets.chart import ink, show_chart
from dermaviz.ui.widgets.one_photo import ask_for_one
from dermaviz.ui.widgets.picture import show_picture
from dermaviz.ui.widgets.skin_tone.counterfactual_settings import choose_shift
from dermaviz.ui.widgets.table import show_table
from dermaviz.ui.wording import STATUS_SENTENCES, class_names, class_with_probability

_PICTURES = "counterfactual-pictures"
_PHONE_LOOK = f"""<style>
@media (max-width: 640px) {{
  .st-key-{_PICTURES} [data-testid="stColumn"] {{ min-width: 0; flex: 1 1 calc(50% - 0.5rem); }}
}}
</style>"""
"""On a phone, two pictures beside each other."""
_OPACITY, _COLOURS = 0.5, "viridis"


def show_other_skin(checkpoints: dict[str, Checkpoint]) -> None:
    """One photo with its skin at another tone, while the slider is moved."""
    one = ask_for_one(checkpoints, "Once there is a photo, its skin can be shifted here.")
    if one is None:
        return
    photo, checkpoint, answer = one.photo, one.checkpoint, one.answer
    with one.doing, sentence_for_errors():
        verdict = st.container()
        lesion = lesion_of(photo, checkpoint)
        shift = choose_shift(lesion.tone)
        st.caption(measured_sentence(lesion.tone, lesion.source))
        if not lesion.mask.any():
            st.caption("No lesion was found in this photo, so all of it is taken for skin.")
        with st.spinner("The skin is shifted …"):
            found = other_skin(photo, answer, checkpoint, lesion, shift)
        verdict.markdown(f"#### {outcome_sentence(checkpoint.card, found, shift)}", help=ABOUT_CONTROL)
        if shift.to_ita != shift.from_ita:
            verdict.markdown(beside_sentence(checkpoint.card, found))
        with one.pictures, sentence_for_errors():
            _show_pictures(photo, checkpoint, lesion, found, shift)
            _show_curve(photo, answer, checkpoint, lesion, shift)


def _show_pictures(photo: Photo, checkpoint: Checkpoint, lesion: Lesion, found: OtherSkin, shift: Shift) -> None:
    """The pictures in a row, each with its answer, its map and how far that moved."""
    st.html(_PHONE_LOOK)
    own = st.segmented_control(
        "Attention maps of", ("the original's answer", "each picture's own answer"), default="the original's answer",
        required=True, key="skin_maps_of", bind="query-params",
        help="Maps of one class can be compared: how far they moved is measured on them.",
    )  # fmt: skip
    at = degrees(shift.to_ita)
    titles = {
        "melanin": f"Other skin, ITA {at}",
        "control": "Control, as large",
        REDRAWN: f"Drawn at ITA {at}: the truth",
    }
    panels = [(f"Original, ITA {degrees(shift.from_ita)}", found.original)] + [
        (titles[axis], seen) for axis, seen in found.shifted.items()
    ]
    with st.container(key=_PICTURES):
        for place, (title, seen) in zip(st.columns(len(panels)), panels, strict=True):
            with place:
                index = seen.prediction.index if own == "each picture's own answer" else found.original.prediction.index
                _show_seen(photo, checkpoint, lesion, found.original, seen, title, index)
    st.caption(
        f"{checkpoint.name} · {METHODS[DEFAULT_METHOD].label} · layer {checkpoint.card.attention_layer} · lesion outline "
        f"{lesion.source}. {clipped_sentence(found)}"
    )


def _show_seen(
    photo: Photo, checkpoint: Checkpoint, lesion: Lesion, original: Seen, seen: Seen, title: str, class_index: int
) -> None:
    """One picture, what the model says of it, and its map of a class beside the original's."""
    card, clean = checkpoint.card, original.prediction
    show_picture(seen.pixels, title, f"{title}: {photo.name}")
    sign = "" if seen.prediction.index == clean.index else ":material/swap_horiz: "
    st.markdown(
        f"{sign}**{said(card, seen.prediction)}**  \n{measure_name(card)} {percent(score(seen.prediction, clean))}"
    )
    attended = seen.maps[class_index]
    named = class_with_probability(card, seen.prediction, class_index)
    if attended.status == "ok":
        mixed = outlined(overlay(seen.pixels, attended, _OPACITY, _COLOURS), lesion.mask)
        show_picture(mixed, f"Map for {named}", f"Attention map for {named}: {title}")
    else:
        st.info(f"**Map for {named}.** {STATUS_SENTENCES[attended.status]}", icon=":material/visibility_off:")
    if seen is not original:
        moved = drift(original.maps[clean.index], seen.maps[clean.index], lesion.mask)
        energies = (moved.energy_before, moved.energy_after)
        st.caption(drift_sentence(card, clean, moved.rank_correlation, energies, "original"))


def _show_curve(photo: Photo, answer: Answer, checkpoint: Checkpoint, lesion: Lesion, shift: Shift) -> None:
    """The answer over the whole range of tones, beside the control."""
    st.subheader("Over the whole range of tones", anchor=False)
    card, measure = checkpoint.card, measure_name(checkpoint.card)
    with st.spinner("The skin is shifted over the whole range, a few seconds …"):
        table = curve(photo, answer, checkpoint, lesion, shift)
    words = class_names(card)
    value = table["p_malignant"] if card.malignant else table["p_answer"]
    drawn = table.assign(value=value, said=[f"says {words[name]}" for name in table["diagnosis"]])
    names = {axis: name for axis, name in AXIS_NAMES.items() if (table["axis"] == axis).any()}
    marks = {"as it is": shift.from_ita} | ({"chosen": shift.to_ita} if shift.to_ita != shift.from_ita else {})
    figure = counterfactual_figure(drawn, names, measure, cuts=CUTS, marks=marks, ink=ink())
    show_chart(figure, "counterfactual", curve_sentence(drawn, measure))
    show_table(_file(table), f"{photo.name}-other-skin", "counterfactual")
    st.caption(CANNOT_SAY)


def _file(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(axis=table["axis"].map(AXIS_NAMES))
