"""What the counterfactual says in words: what other skin did to the answer, beside a change of the same size that is no tone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from dermaviz.datasets.synthetic.optics import ITA_RANGE
from dermaviz.fairness.counterfactual import LesionChoice
from dermaviz.fairness.skin_tone import FLAGS, Tone, tone_groups
from dermaviz.figures.confusion import signed
from dermaviz.figures.probabilities import percent
from dermaviz.models.card import Card
from dermaviz.types import Prediction
from dermaviz.ui.robustness.attack_wording import said
from dermaviz.ui.skin_tone.counterfactual import REDRAWN, OtherSkin, Shift
from dermaviz.ui.skin_tone.own_images_wording import degrees
from dermaviz.ui.wording import class_names

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
