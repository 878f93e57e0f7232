"""One photo on other skin: shifted along melanin, along a control of equal size, and, if it was drawn, drawn anew; remembered.

Keys are hashes of the photo and of all that decides the model's answers. Shifts are made on what the model sees of a photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dermaviz.app.cache import Memory
from dermaviz.app.case import Case, drawn_photo
from dermaviz.app.checkpoints import TURN, classifier
from dermaviz.app.skin_tone.own_images import Lesion
from dermaviz.attention.methods import DEFAULT_METHOD, AttentionMap
from dermaviz.fairness.counterfactual import AXES, Axis, LesionChoice, counterfactual
from dermaviz.images import RGB
from dermaviz.models.answer import Prediction
from dermaviz.synthetic import Parameters
from dermaviz.synthetic.optics import ITA_RANGE

if TYPE_CHECKING:
    from dermaviz.models.classifier import Classifier


REDRAWN = "redrawn"
"""Beside the axes of a shift: the same lesion drawn at the ITA asked for, which is the truth that a shift is to meet."""
STEP = 10
"""Degrees between the points of a curve."""


@dataclass(frozen=True)
class Shift:
    """From which ITA to which, in degrees, and what becomes of the lesion."""

    from_ita: float
    to_ita: float
    lesion: LesionChoice


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture, uint8 ``[S, S, 3]``, what the model says of it, and its maps for the original's answer and for its own, by
    class index. ``clipped`` is the share of pixels, in [0, 1], that a shift had to cut at white."""

    pixels: RGB
    prediction: Prediction
    maps: Mapping[int, AttentionMap]
    clipped: float = 0.0


@dataclass(frozen=True, eq=False)
class OtherSkin:
    """The photo as it is, and what became of it, by axis of the shift; ``redrawn`` as well where it was drawn."""

    original: Seen
    shifted: Mapping[str, Seen]


def other_skin(case: Case, lesion: Lesion, shift: Shift) -> OtherSkin:
    """The photo with its skin at another ITA, beside the control and, if it was drawn, the truth; remembered.

    Raises:
        FairnessError: the shift starts or ends nowhere.
        AttentionError: the model gives no map.
        CheckpointError: the checkpoint cannot be loaded.
    """
    key = (case.key, shift)
    return _memory().recall(key, lambda: _other_skin(case, lesion, shift))


def curve(case: Case, lesion: Lesion, shift: Shift) -> pd.DataFrame:
    """What the model says over the whole range of tones: ``axis, ita, p_malignant, diagnosis, p_answer``; remembered.

    ``axis`` is a name in ``fairness.counterfactual.AXES``, or ``redrawn`` for a drawn lesion. Each has a point at the ITA from
    which the shift starts, where it is the photo as it is. ``p_answer`` is the probability of what the model says of the photo
    as it is; ``p_malignant`` is NaN where no class counts as malignant.

    Raises:
        FairnessError: the shift starts nowhere.
        CheckpointError: the checkpoint cannot be loaded.
    """
    start = replace(shift, to_ita=shift.from_ita)  # the curve is the same wherever the slider stands
    key = (case.key, start)
    return _curves().recall(key, lambda: _curve(case, lesion, start))


@st.cache_resource(show_spinner=False)
def _memory() -> Memory[OtherSkin]:
    return Memory(64)


@st.cache_resource(show_spinner=False)
def _curves() -> Memory[pd.DataFrame]:
    return Memory(64)


def _other_skin(case: Case, lesion: Lesion, shift: Shift) -> OtherSkin:
    model = classifier(case.checkpoint)
    with TURN:
        made = {
            axis: counterfactual(case.answer.prepared, lesion.mask, shift.to_ita, shift.from_ita, shift.lesion, axis)
            for axis in AXES
        }
        pictures: dict[str, RGB] = {axis: one.pixels for axis, one in made.items()}
        if case.photo.parameters is not None:
            pictures[REDRAWN] = _redrawn(case.photo.parameters, model, shift.to_ita)
        first, *others = _seen(model, [case.answer.prepared, *pictures.values()])
    clipped: dict[str, float] = {axis: one.clipped for axis, one in made.items()}
    shifted = {axis: replace(seen, clipped=clipped.get(axis, 0.0)) for axis, seen in zip(pictures, others, strict=True)}
    return OtherSkin(first, MappingProxyType(shifted))


def _curve(case: Case, lesion: Lesion, start: Shift) -> pd.DataFrame:
    model, (low, high) = classifier(case.checkpoint), ITA_RANGE
    tones = sorted({*range(int(low), int(high) + 1, STEP), min(max(start.from_ita, low), high)})
    places: list[tuple[str, float]] = [(axis, tone) for axis in AXES for tone in tones]
    with TURN:
        pictures = [_shifted(case.answer.prepared, lesion, start, tone, axis) for axis in AXES for tone in tones]
        if case.photo.parameters is not None:
            places += [(REDRAWN, tone) for tone in tones]
            pictures += [_redrawn(case.photo.parameters, model, tone) for tone in tones]
        said = [
            Prediction(model.classes, row, model.malignant) for row in model.probabilities(model.to_tensor(pictures))
        ]
    return pd.DataFrame(
        {
            "axis": [axis for axis, _ in places],
            "ita": [float(tone) for _, tone in places],
            "p_malignant": [one.p_malignant for one in said],
            "diagnosis": [one.diagnosis for one in said],
            "p_answer": [float(one.probabilities[case.answer.index]) for one in said],
        }
    )


def _shifted(prepared: RGB, lesion: Lesion, start: Shift, tone: float, axis: Axis) -> RGB:
    return counterfactual(prepared, lesion.mask, tone, start.from_ita, start.lesion, axis).pixels


def _redrawn(parameters: Parameters, model: Classifier, tone: float) -> RGB:
    """The same drawing at another ITA, as the model sees it."""
    return model.prepare(drawn_photo("", replace(parameters, ita=float(tone))).read().pixels)


def _seen(model: Classifier, pictures: Sequence[RGB]) -> list[Seen]:
    """What the model says of each picture, with the maps of the first one's answer and of its own."""
    from dermaviz.attention.maps import attention_maps

    images = model.to_tensor(pictures)
    said = [Prediction(model.classes, row, model.malignant) for row in model.probabilities(images)]
    seen = []
    for i, (pixels, prediction) in enumerate(zip(pictures, said, strict=True)):
        classes = list(dict.fromkeys((said[0].index, prediction.index)))
        maps = attention_maps(model, images[i : i + 1], classes, DEFAULT_METHOD)
        seen.append(Seen(pixels, prediction, MappingProxyType(dict(zip(classes, maps, strict=True)))))
    return seen
