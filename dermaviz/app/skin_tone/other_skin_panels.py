"""Skin tone, one image on other skin: the slider, the pictures with their maps, and the curve over the range of tones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd
import streamlit as st

from dermaviz.app.case import Case
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.robustness.live_text import drift_sentence, said
from dermaviz.app.skin_tone.other_skin import REDRAWN, OtherSkin, Seen, Shift, curve, other_skin
from dermaviz.app.skin_tone.own_images import Lesion, degrees, lesion_of
from dermaviz.app.text import class_names, class_with_probability
from dermaviz.app.widgets.chart import ink, show_chart, show_picture, show_table
from dermaviz.app.widgets.drawing import tone_colours
from dermaviz.app.widgets.panels import show_map
from dermaviz.app.widgets.photo import ask_for_one
from dermaviz.attention.localisation import drift
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS
from dermaviz.fairness.counterfactual import LESION_CHOICES, LesionChoice
from dermaviz.fairness.skin_tone import FLAGS, Tone
from dermaviz.fairness.tone_groups import CUTS, tone_groups
from dermaviz.models.answer import Prediction
from dermaviz.models.card import Card
from dermaviz.plots.theme import percent, signed
from dermaviz.plots.tone import counterfactual_figure
from dermaviz.synthetic.optics import ITA_RANGE

AXIS_NAMES: Mapping[str, str] = MappingProxyType(
    {"melanin": "other skin", "control": "control of equal size, no tone", REDRAWN: "drawn anew: the truth"}
)
LESION_NAMES: Mapping[LesionChoice, str] = MappingProxyType({"fixed": "kept as it is", "re-pigmented": "re-pigmented"})
ABOUT_LESION = (
    "**Kept as it is**: only the skin round the lesion changes, so the contrast between them does too. **Re-pigmented**: "
    "melanin lies over the whole photo like a filter, as it does in skin, so the lesion darkens and lightens with it."
)
ABOUT_CONTROL = (
    "The control changes the colour by as much (ΔE), towards green for darker and towards red for lighter, which ITA knows "
    "nothing of. If it moves the answer as far, the model is sensitive to colour, not to tone."
)
CANNOT_SAY = (
    "A shifted photo is a thought experiment: melanin alone is changed, and lesions on other skin differ in more than their "
    "ground. One photo says nothing of a group; the test set's part of this page has the same over many photos."
)
_NEAR_NOTHING = 0.005


def measure_name(card: Card) -> str:
    """What curves and sentences measure: p(malignant), or where no class counts as malignant, how sure the answer is."""
    return "p(malignant)" if card.malignant else "probability of the answer"


def score(prediction: Prediction, first: Prediction) -> float:
    """p(malignant), or the probability of the original's answer where no class counts as malignant, in [0, 1]."""
    return (
        float(prediction.probabilities[first.index]) if math.isnan(prediction.p_malignant) else prediction.p_malignant
    )


def tone_words(ita: float) -> str:
    """An ITA with its group: ``ITA −20° (brown)``."""
    return f"ITA {degrees(ita)} ({tone_groups([ita])[0]})"


def measured_sentence(tone: Tone, source: str) -> str:
    """The skin's measured tone with what may be doubtful about it, as Markdown; or why there is none."""
    if math.isnan(tone.ita):
        return f"The skin's tone could not be measured: {tone.excluded}. Say where the shift starts."
    words = f"Measured round the {source} lesion: **{tone_words(tone.ita)}**, by the dominant colour {degrees(tone.ita_clusters)}"
    words += f", after colour constancy {degrees(tone.ita_constancy)}."
    doubts = [f"{flag}: {FLAGS[flag]}" for flag in tone.flags]
    if doubts:
        words += f" Doubtful, since {'; '.join(doubts)}."
    low, high = ITA_RANGE
    if not low <= tone.ita <= high:
        end = high if tone.ita > high else low
        words += f" No skin of the model is like that, so the shift starts from {degrees(end)}."
    return words


def outcome_sentence(card: Card, found: OtherSkin, shift: Shift) -> str:
    """What other skin did to the answer, as Markdown."""
    clean, tone, name = found.original.prediction, found.shifted["melanin"].prediction, measure_name(card)
    if shift.to_ita == shift.from_ita:
        return f"Without a shift nothing is changed: **{said(card, clean)}**, {name} {percent(score(clean, clean))}."
    start, end = (score(prediction, clean) for prediction in (clean, tone))
    turned = f"turns from {said(card, clean)} to **{said(card, tone)}**"
    stays = f"stays {class_names(card)[clean.diagnosis]}"
    return (
        f"From {tone_words(shift.from_ita)} to {tone_words(shift.to_ita)}, the lesion {LESION_NAMES[shift.lesion]}: {name} goes "
        f"from **{percent(start)}** to **{percent(end)}** ({_points(end - start)}), and the answer "
        f"{stays if tone.index == clean.index else turned}."
    )


def beside_sentence(card: Card, found: OtherSkin) -> str:
    """What a change of equal size that is no tone did, and the truth where it is known, as Markdown."""
    clean, control = found.original.prediction, found.shifted["control"].prediction
    after = score(control, clean)
    words = f"A change of the same size that is no tone: {said(card, control)}, {measure_name(card)} {percent(after)} "
    words += f"({_points(after - score(clean, clean))})."
    if REDRAWN in found.shifted:
        truth = found.shifted[REDRAWN].prediction
        words += f" The same lesion drawn at that tone: {said(card, truth)}, {measure_name(card)} {percent(score(truth, clean))}."
    return words


def curve_sentence(table: pd.DataFrame, measure: str) -> str:
    """Between which values a photo's probability moves over the whole range of tones, and over the control's.

    Args:
        table: ``axis, ita, value, diagnosis``.
        measure: what ``value`` is, in words.
    """
    tone, control = (table[table["axis"] == axis] for axis in ("melanin", "control"))
    words = f"From {degrees(tone['ita'].min())} to {degrees(tone['ita'].max())}, {measure} moves {_between(tone)} with the tone, "
    words += f"and {_between(control)} with the control."
    answers = tone.sort_values("ita")["diagnosis"].nunique()
    words += (
        " The answer stays the same throughout." if answers == 1 else f" On the way the model gives {answers} answers."
    )
    moved, beside = (float(part["value"].max() - part["value"].min()) for part in (tone, control))
    if max(moved, beside) < _NEAR_NOTHING:
        return words
    if beside >= moved:
        return f"{words} The control moves it as far or further: what shows here is sensitivity to colour, not to tone."
    return words


def clipped_sentence(found: OtherSkin) -> str:
    """How much of a shifted photo had to be cut at white; "" where next to nothing was."""
    worst = max(seen.clipped for seen in found.shifted.values())
    if worst < 0.01:
        return ""
    return f"In {percent(worst)} of the pixels a shifted colour would be brighter than white and is cut there."


def _between(rows: pd.DataFrame) -> str:
    return f"between {percent(rows['value'].min())} and {percent(rows['value'].max())}"


def _points(change: float) -> str:
    points = signed(100 * change)
    return f"{points} point{'' if points in ('+1', '−1') else 's'}"


TO_ITA = "to_ita"
FIRST_ITA = -20
UNKNOWN_START = 45
_MARK = "position:absolute;border-radius:0.15rem;"


def choose_shift(tone: Tone) -> Shift:
    """Ask for the tone to shift to and for what becomes of the lesion; where no tone was measured, also for the start."""
    low, high = (int(end) for end in ITA_RANGE)
    if math.isnan(tone.ita):
        start = float(
            st.number_input("ITA of the skin as it is", low, high, UNKNOWN_START, key="from_ita", bind="query-params")
        )
    else:
        start = min(max(tone.ita, float(low)), float(high))
    to_ita = st.slider(
        "Skin tone to shift to (ITA)", low, high, FIRST_ITA, format="%d°", key=TO_ITA, bind="query-params",
        help="Individual typology angle. The ticks under the slider are the cuts between the groups.",
    )  # fmt: skip
    _show_tones(start, to_ita)
    left, right = st.columns([5, 4], vertical_alignment="bottom")
    lesion = left.segmented_control(
        "The lesion is", LESION_CHOICES, default=LESION_CHOICES[0], required=True, format_func=LESION_NAMES.__getitem__,
        key="lesion", bind="query-params", help=ABOUT_LESION,
    )  # fmt: skip
    at_start = right.toggle(
        "No shift",
        key="no_shift",
        bind="query-params",
        help="Shifts to the tone that the skin has: nothing may change then.",
    )
    return Shift(start, start if at_start else float(to_ita), lesion)


def _show_tones(start: float, chosen: float) -> None:
    """The model's skin from dark to light, ticks at the cuts, a mark at the photo's own tone and one at the chosen one."""
    ticks = "".join(
        f'<div style="{_MARK}left:{_place(cut):.1f}%;top:0;width:1px;height:1.25rem;background:currentColor"></div>'
        for cut in CUTS
    )
    labels = "".join(
        f'<span style="position:absolute;left:{_place(cut):.1f}%;transform:translateX(-50%)">{degrees(cut)}</span>'
        for cut in CUTS
    )
    said = f"from {tone_groups([start])[0]} ({degrees(start)}) to {tone_groups([chosen])[0]} ({degrees(chosen)})"
    st.html(
        f'<div role="img" aria-label="Skin {said}" style="position:relative;height:0.9rem;border-radius:0.45rem;'
        f'background:linear-gradient(90deg,{",".join(tone_colours())})">{ticks}'
        f'<div style="{_MARK}left:{_place(start):.1f}%;top:-0.2rem;width:0.9rem;height:0.9rem;margin-left:-0.45rem;'
        'margin-top:0.2rem;border-radius:50%;border:2px solid #fff;box-shadow:0 0 0 1.5px #1A2B30"></div>'
        f'<div style="{_MARK}left:{_place(chosen):.1f}%;top:-0.2rem;width:0.3rem;height:1.3rem;margin-left:-0.15rem;'
        'background:#fff;box-shadow:0 0 0 1.5px #1A2B30"></div></div>'
        f'<div style="position:relative;height:1.2rem;font-size:0.75rem;margin-top:0.4rem;opacity:0.8">{labels}</div>'
        f'<div style="font-size:0.85rem"><strong>{said[0].upper()}{said[1:]}</strong>; the ring is the photo as it is.</div>'
    )


def _place(ita: float) -> float:
    """Where an ITA lies on the strip, in percent of its width."""
    low, high = ITA_RANGE
    return 100 * (min(max(ita, low), high) - low) / (high - low)


_PICTURES = "counterfactual-pictures"
_PHONE_LOOK = f"""<style>
@media (max-width: 640px) {{
  .st-key-{_PICTURES} [data-testid="stColumn"] {{ min-width: 0; flex: 1 1 calc(50% - 0.5rem); }}
}}
</style>"""
"""On a phone, two pictures beside each other."""


def show_other_skin(checkpoints: dict[str, Checkpoint]) -> None:
    """One photo with its skin at another tone, while the slider is moved."""
    one = ask_for_one(checkpoints, "Once there is a photo, its skin can be shifted here.")
    if one is None:
        return
    case = one.case
    with one.doing, sentence_for_errors():
        verdict = st.container()
        lesion = lesion_of(case)
        shift = choose_shift(lesion.tone)
        st.caption(measured_sentence(lesion.tone, lesion.source))
        if not lesion.mask.any():
            st.caption("No lesion was found in this photo, so all of it is taken for skin.")
        with st.spinner("The skin is shifted …"):
            found = other_skin(case, lesion, shift)
        verdict.markdown(f"#### {outcome_sentence(case.card, found, shift)}", help=ABOUT_CONTROL)
        if shift.to_ita != shift.from_ita:
            verdict.markdown(beside_sentence(case.card, found))
        with one.pictures, sentence_for_errors():
            _show_pictures(case, lesion, found, shift)
            _show_curve(case, lesion, shift)


def _show_pictures(case: Case, lesion: Lesion, found: OtherSkin, shift: Shift) -> None:
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
                _show_seen(case, lesion, found.original, seen, title, index)
    st.caption(
        f"{case.checkpoint.name} · {METHODS[DEFAULT_METHOD].label} · layer {case.card.attention_layer} · lesion outline "
        f"{lesion.source}. {clipped_sentence(found)}"
    )


def _show_seen(case: Case, lesion: Lesion, original: Seen, seen: Seen, title: str, class_index: int) -> None:
    """One picture, what the model says of it, and its map of a class beside the original's."""
    card, clean = case.card, original.prediction
    show_picture(seen.pixels, title, f"{title}: {case.photo.name}")
    sign = "" if seen.prediction.index == clean.index else ":material/swap_horiz: "
    st.markdown(
        f"{sign}**{said(card, seen.prediction)}**  \n{measure_name(card)} {percent(score(seen.prediction, clean))}"
    )
    named = class_with_probability(card, seen.prediction, class_index)
    alt = f"Attention map for {named}: {title}"
    show_map(seen.pixels, seen.maps[class_index], f"Map for {named}", alt, mask=lesion.mask)
    if seen is not original:
        moved = drift(original.maps[clean.index], seen.maps[clean.index], lesion.mask)
        energies = (moved.energy_before, moved.energy_after)
        st.caption(drift_sentence(card, clean, moved.rank_correlation, energies, "original"))


def _show_curve(case: Case, lesion: Lesion, shift: Shift) -> None:
    """The answer over the whole range of tones, beside the control."""
    st.subheader("Over the whole range of tones", anchor=False)
    card, measure = case.card, measure_name(case.card)
    with st.spinner("The skin is shifted over the whole range, a few seconds …"):
        table = curve(case, lesion, shift)
    words = class_names(card)
    value = table["p_malignant"] if card.malignant else table["p_answer"]
    drawn = table.assign(value=value, said=[f"says {words[name]}" for name in table["diagnosis"]])
    names = {axis: name for axis, name in AXIS_NAMES.items() if (table["axis"] == axis).any()}
    marks = {"as it is": shift.from_ita} | ({"chosen": shift.to_ita} if shift.to_ita != shift.from_ita else {})
    figure = counterfactual_figure(drawn, names, measure, cuts=CUTS, marks=marks, ink=ink())
    show_chart(figure, "counterfactual", curve_sentence(drawn, measure))
    show_table(_file(table), f"{case.photo.name}-other-skin", "counterfactual")
    st.caption(CANNOT_SAY)


def _file(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(axis=table["axis"].map(AXIS_NAMES))
