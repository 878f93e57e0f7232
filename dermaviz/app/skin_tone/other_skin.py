"""Skin tone, one image on other skin: shifted along melanin and along a control of equal size; drawn anew if it was drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from dermaviz.app.case import Case, drawn_photo
from dermaviz.app.checkpoints import classifier
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.link import choose_button
from dermaviz.app.sessions import TURN, give_way, shared
from dermaviz.app.skin_tone.own_images import Lesion, lesion_of
from dermaviz.app.text import class_with_probability
from dermaviz.app.widgets.chart import ink, show_answer, show_table
from dermaviz.app.widgets.drawing import show_tones
from dermaviz.app.widgets.panels import drift_sentence, picture_row, show_answers, show_map
from dermaviz.app.widgets.photo import ask_for_one
from dermaviz.attention.localisation import drift
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS, AttentionMap
from dermaviz.fairness.counterfactual import AXES, LESION_CHOICES, LesionChoice, counterfactual
from dermaviz.fairness.skin_tone import FLAGS, Tone
from dermaviz.fairness.tone_groups import CUTS, tone_groups
from dermaviz.images import RGB
from dermaviz.models.answer import Prediction
from dermaviz.models.card import Card
from dermaviz.plots.theme import degrees, percent, signed
from dermaviz.plots.tone import counterfactual_figure
from dermaviz.synthetic.optics import ITA_RANGE

REDRAWN = "redrawn"
"""Beside the axes of a shift: the same lesion drawn at the ITA asked for, which is the truth that a shift should meet."""
STEP = 10
"""Degrees between the points of a curve."""
AXIS_NAMES: Mapping[str, str] = {
    "melanin": "other skin",
    "control": "control of equal size, no tone",
    REDRAWN: "drawn again: the truth",
}
LESION_NAMES: Mapping[LesionChoice, str] = {"fixed": "kept as it is", "re-pigmented": "re-pigmented"}
ABOUT_LESION = (
    "**Kept as it is**: only the skin round the lesion changes. **Re-pigmented**: melanin lies over the whole photo like a "
    "filter, so the lesion darkens and lightens with it."
)
ABOUT_CONTROL = (
    "The control changes the colour by as much (ΔE), towards green for darker and red for lighter, which ITA does not measure. "
    "If it changes the answer as much, the model is sensitive to colour, not to tone."
)
CANNOT_SAY = (
    "A shifted photo is a thought experiment: only melanin is changed, and lesions on other skin differ in more than that. One "
    "photo says nothing about a group; the test set on this page has many."
)
OWN = "each picture's own answer"
TO_ITA, FIRST_ITA, UNKNOWN_START = "to_ita", -20, 45
_NEAR_NOTHING = 0.005


@dataclass(frozen=True)
class Shift:
    """From which ITA to which, in degrees, and what becomes of the lesion."""

    from_ita: float
    to_ita: float
    lesion: LesionChoice


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture, uint8 ``[S, S, 3]``, what the model says of it, and its maps for the original's answer and for its own, by
    class index. ``clipped`` is the share of pixels, in [0, 1], that a shift had to cut at white."""

    pixels: RGB
    prediction: Prediction
    maps: Mapping[int, AttentionMap]
    clipped: float = 0.0


@dataclass(frozen=True, eq=False)
class OtherSkin:
    """The photo as it is, and what became of it, by axis of the shift; ``redrawn`` as well where it was drawn."""

    original: Picture
    shifted: Mapping[str, Picture]


@shared(max_entries=64, show_spinner=False)
def other_skin(case: Case, shift: Shift) -> OtherSkin:
    """The photo with its skin at another ITA, beside the control and, if it was drawn, the truth."""
    from dermaviz.attention.maps import attention_maps

    model, mask, original = classifier(case.checkpoint), lesion_of(case).mask, case.answer.prepared
    with TURN:
        made = {axis: counterfactual(original, mask, shift.to_ita, shift.from_ita, shift.lesion, axis) for axis in AXES}
        pixels: dict[str, RGB] = {"original": original} | {axis: one.pixels for axis, one in made.items()}
        if case.photo.parameters is not None:
            pixels[REDRAWN] = _redrawn(case, shift.to_ita)
        images = model.to_tensor(list(pixels.values()))
        answers = [Prediction(model.classes, row, model.malignant) for row in model.probabilities(images)]
        pictures = {}
        for i, (axis, answer) in enumerate(zip(pixels, answers, strict=True)):
            classes = list(dict.fromkeys((answers[0].index, answer.index)))
            maps = dict(zip(classes, attention_maps(model, images[i : i + 1], classes, DEFAULT_METHOD), strict=True))
            clipped = made[axis].clipped if axis in made else 0.0
            pictures[axis] = Picture(pixels[axis], answer, maps, clipped)
    return OtherSkin(pictures.pop("original"), pictures)


@shared(max_entries=64, show_spinner=False)
def curve(case: Case, from_ita: float, lesion: LesionChoice) -> pd.DataFrame:
    """What the model says over the whole range of tones: ``axis, ita, p_malignant, diagnosis, p_answer``.

    ``axis`` is a name in ``fairness.counterfactual.AXES``, or ``redrawn`` for a drawn lesion. Each has a point at the ITA from
    which the shift starts, where it is the photo as it is. ``p_answer`` is the probability of what the model says of the photo
    as it is; ``p_malignant`` is NaN where no class counts as malignant.
    """
    model, mask, (low, high) = classifier(case.checkpoint), lesion_of(case).mask, ITA_RANGE
    tones = sorted({*range(int(low), int(high) + 1, STEP), min(max(from_ita, low), high)})
    with TURN:
        pictures: list[tuple[str, float, RGB]] = [
            (axis, tone, counterfactual(case.answer.prepared, mask, tone, from_ita, lesion, axis).pixels)
            for axis in AXES
            for tone in tones
        ]
        if case.photo.parameters is not None:
            pictures += [(REDRAWN, tone, _redrawn(case, tone)) for tone in tones]
        probabilities = model.probabilities(model.to_tensor([pixels for *_, pixels in pictures]))
    rows = []
    for (axis, tone, _), row in zip(pictures, probabilities, strict=True):
        answer = Prediction(model.classes, row, model.malignant)
        p_answer = float(row[case.answer.index])
        rows.append((axis, float(tone), answer.p_malignant, answer.diagnosis, p_answer))
    return pd.DataFrame(rows, columns=["axis", "ita", "p_malignant", "diagnosis", "p_answer"])


def _redrawn(case: Case, tone: float) -> RGB:
    """The same drawing at another ITA, as the model sees it."""
    assert case.photo.parameters is not None
    give_way()
    drawing = drawn_photo("", replace(case.photo.parameters, ita=float(tone)))
    return classifier(case.checkpoint).prepare(drawing.read().pixels)


def measure_name(card: Card) -> str:
    """What curves and sentences measure: how probable malignancy is, or, where no class counts as malignant, the answer."""
    return f"probability of {'malignancy' if card.malignant else 'the answer'}"


def score(prediction: Prediction, first: Prediction) -> float:
    """p(malignant), or the probability of the original's answer where no class counts as malignant, in [0, 1]."""
    p = prediction.p_malignant
    return float(prediction.probabilities[first.index]) if math.isnan(p) else p


def tone_words(ita: float) -> str:
    """An ITA with its group: ``ITA −20° (brown)``."""
    return f"ITA {degrees(ita)} ({tone_groups([ita])[0]})"


def measured_sentence(tone: Tone, source: str) -> str:
    """The skin's measured tone with what may be doubtful about it, as Markdown; or why there is none."""
    if math.isnan(tone.ita):
        return f"The skin's tone could not be measured: {tone.excluded}. Say where the shift starts."
    doubts = "; ".join(f"{flag}: {FLAGS[flag]}" for flag in tone.flags)
    end = min(max(tone.ita, ITA_RANGE[0]), ITA_RANGE[1])
    beyond = f" The skin model ends there, so the shift starts from {degrees(end)}." if end != tone.ita else ""
    return (
        f"Round the {source} lesion: **{tone_words(tone.ita)}**; by dominant colour {degrees(tone.ita_clusters)}, after colour "
        f"constancy {degrees(tone.ita_constancy)}.{f' Doubtful: {doubts}.' if doubts else ''}{beyond}"
    )


def outcome_sentence(card: Card, found: OtherSkin, shift: Shift) -> str:
    """What other skin did to the answer, as Markdown."""
    clean, tone = found.original.prediction, found.shifted["melanin"].prediction
    first, start, end = class_with_probability(card, clean), score(clean, clean), score(tone, clean)
    if shift.to_ita == shift.from_ita:
        return f"Without a shift nothing is changed: **{first}**, {measure_name(card)} {percent(start)}."
    turned = f"turns into **{class_with_probability(card, tone)}**" if tone.index != clean.index else "stays"
    return (
        f"On {tone_words(shift.to_ita)}, the answer **{first}** {turned}; the {measure_name(card)} goes from {percent(start)} to "
        f"**{percent(end)}**."
    )


def beside_sentence(card: Card, found: OtherSkin) -> str:
    """What a change of equal size that is no tone did, and the truth where it is known, as Markdown."""
    clean, control = found.original.prediction, found.shifted["control"].prediction
    change = score(control, clean) - score(clean, clean)
    moved = f"the {measure_name(card)} changes by {signed(100 * change)} points"
    words = f"Control of the same size: {class_with_probability(card, control)}; {moved}."
    if REDRAWN not in found.shifted:
        return words
    truth = found.shifted[REDRAWN].prediction
    given = percent(score(truth, clean))
    return f"{words} Drawn at that tone: {class_with_probability(card, truth)}, {measure_name(card)} {given}."


def curve_sentence(table: pd.DataFrame, measure: str) -> tuple[str, str]:
    """Between which values a probability moves over the whole range of tones, and over the control's; and with which answers.

    ``table`` has ``axis, ita, value, diagnosis``; ``measure`` is what ``value`` is, in words.
    """
    tone, control = (table[table["axis"] == axis] for axis in ("melanin", "control"))
    ends = [(float(part["value"].min()), float(part["value"].max())) for part in (tone, control)]
    moves, beside = (f"between {percent(low)} and {percent(high)}" for low, high in ends)
    by_tone, by_control = (high - low for low, high in ends)
    colour = "" if by_control < max(by_tone, _NEAR_NOTHING) else " **That is sensitivity to colour, not to tone.**"
    answers = tone.sort_values("ita")["diagnosis"].nunique()
    return (
        f"Over all tones the {measure} moves {moves}; with the control, {beside}.{colour}",
        f"From {degrees(tone['ita'].min())} to {degrees(tone['ita'].max())}: {answers} answer{'' if answers == 1 else 's'}. "
        f"{CANNOT_SAY}",
    )


def choose_shift(tone: Tone) -> Shift:
    """Ask for the tone to shift to and for what becomes of the lesion; where no tone was measured, also for the start."""
    low, high = (int(end) for end in ITA_RANGE)
    start = min(max(tone.ita, float(low)), float(high))
    if math.isnan(tone.ita):
        start = float(
            st.number_input("ITA of the skin as it is", low, high, UNKNOWN_START, key="from_ita", bind="query-params")
        )
    to_ita = st.slider(
        "Skin tone to shift to (ITA)", low, high, FIRST_ITA, format="%d°", key=TO_ITA, bind="query-params",
        help="The ticks under the slider are the borders of the tone groups.",
    )  # fmt: skip
    show_tones(to_ita, start, CUTS)
    left, right = st.columns([5, 4], vertical_alignment="bottom")
    lesion = left.segmented_control(
        "The lesion is", LESION_CHOICES, default=LESION_CHOICES[0], required=True, format_func=LESION_NAMES.__getitem__,
        key="lesion", bind="query-params", help=ABOUT_LESION,
    )  # fmt: skip
    at_start = right.toggle("No shift", key="no_shift", bind="query-params", help="Nothing may change then.")
    return Shift(start, start if at_start else float(to_ita), lesion)


def show_other_skin() -> None:
    """One photo with its skin at another tone, while the slider is moved."""
    one = ask_for_one("Skin tone")
    if one is None:
        return
    case = one.case
    with one.doing, sentence_for_errors():
        shown, lesion = st.container(), lesion_of(case)
        shift = choose_shift(lesion.tone)
        st.caption(measured_sentence(lesion.tone, lesion.source))
        if not lesion.mask.any():
            st.caption("No lesion was found in this photo, so all of it counts as skin.")
        with st.spinner("The skin is shifted …"):
            found = other_skin(case, shift)
        with shown:
            st.markdown(f"## {outcome_sentence(case.card, found, shift)}", help=ABOUT_CONTROL)
            panels = _show_pictures(case, found, shift)
        with one.pictures, sentence_for_errors():
            _show_maps(case, lesion, panels)
            _show_curve(case, shift)


def _show_pictures(case: Case, found: OtherSkin, shift: Shift) -> dict[str, Picture]:
    """The pictures in a row, each with its answer; their titles."""
    at = degrees(shift.to_ita)
    titles = {"melanin": f"Other skin, {at}", "control": "Control", REDRAWN: f"Drawn at {at}"}
    panels = {f"Original, {degrees(shift.from_ita)}": found.original}
    panels |= {titles[axis]: picture for axis, picture in found.shifted.items()}
    shown = [(title, f"{title}: {case.photo.name}", one.pixels, one.prediction) for title, one in panels.items()]
    show_answers(case.card, "counterfactual-pictures", shown)
    worst = max(picture.clipped for picture in found.shifted.values())
    cut = f" In {percent(worst)} of the pixels a colour is cut at white." if worst >= 0.01 else ""
    beside = beside_sentence(case.card, found) if shift.to_ita != shift.from_ita else ""
    st.caption(f"{beside}{cut}")
    return panels


def _show_maps(case: Case, lesion: Lesion, panels: Mapping[str, Picture]) -> None:
    """The map of each picture, and how far it moved from the original's."""
    card = case.card
    with picture_row("counterfactual-maps"):
        places = st.columns(len(panels))
    about = "Only maps of one class can be compared."
    own = choose_button("Attention maps of", ("the original's answer", OWN), "skin_maps_of", help=about)
    original = next(iter(panels.values()))
    clean = original.prediction
    for place, (title, picture) in zip(places, panels.items(), strict=True):
        index = picture.prediction.index if own == OWN else clean.index
        named = class_with_probability(card, picture.prediction, index)
        with place:
            show_map(
                picture.pixels, picture.maps[index], f"{title}: map for {named}", f"Attention map for {named}: {title}",
                mask=lesion.mask,
            )  # fmt: skip
            if picture is original:
                words = (
                    f"{METHODS[DEFAULT_METHOD].label} · layer {card.attention_layer} · lesion outline {lesion.source}"
                )
                st.caption(words)
                continue
            moved = drift(original.maps[clean.index], picture.maps[clean.index], lesion.mask)
            st.caption(drift_sentence(card, clean, moved, "original"))


def _show_curve(case: Case, shift: Shift) -> None:
    """The answer over the whole range of tones, beside the control."""
    st.subheader("Over the whole range of tones", anchor=False)
    measure, words = measure_name(case.card), case.card.words
    with st.spinner("The skin is shifted over the whole range, a few seconds …"):
        table = curve(case, shift.from_ita, shift.lesion)
    value = table["p_malignant"] if case.card.malignant else table["p_answer"]
    drawn = table.assign(value=value, said=[f"says {words[name]}" for name in table["diagnosis"]])
    names = {axis: name for axis, name in AXIS_NAMES.items() if (table["axis"] == axis).any()}
    marks = {"as it is": shift.from_ita} | ({"chosen": shift.to_ita} if shift.to_ita != shift.from_ita else {})
    figure = counterfactual_figure(drawn, names, measure, cuts=CUTS, marks=marks, ink=ink())
    show_answer(curve_sentence(drawn, measure), figure, "counterfactual")
    show_table(table.assign(axis=table["axis"].map(AXIS_NAMES)), f"{case.photo.name}-other-skin", "counterfactual")
