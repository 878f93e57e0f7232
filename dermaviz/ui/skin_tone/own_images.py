"""Photos of the user's own, asked about one after the other: what the model says, where it looked, and how dark the skin is.

Keys are hashes of the photo and of all that decides the model's answers. What is kept of a photo is some 10 kB of numbers and
its lesion's outline, never the photo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.datasets.masks import mask_as_seen
from dermaviz.datasets.segmentation import find_lesion
from dermaviz.errors import AttentionError, EvidenceError, ImageError
from dermaviz.explain.localisation import Localisation, localise
from dermaviz.explain.methods import DEFAULT_METHOD
from dermaviz.fairness.skin_tone import Tone, measure_tone, tone_groups
from dermaviz.fairness.small_audit import judged
from dermaviz.types import AttentionMap, Prediction
from dermaviz.ui.answers import Photo, ask, attention
from dermaviz.ui.drawn import true_mask
from dermaviz.ui.memory import Memory
from dermaviz.ui.resources import TURN, Checkpoint
from dermaviz.ui.widgets.gate import beyond_gate

MOST_PHOTOS = 200


@dataclass(frozen=True)
class Labelled:
    """A photo with what its owner says of it: ``label`` as ``fairness.label_sheet`` has it, the others "" where not said."""

    photo: Photo
    label: str
    tone: str = ""
    lesion_id: str = ""
    group: str = ""


@dataclass(frozen=True, eq=False)
class Lesion:
    """A lesion and the skin round it: ``mask`` bool ``[S, S]`` in the model's input, ``source`` "true" or "predicted"."""

    mask: NDArray[np.bool_]
    source: str
    tone: Tone


@dataclass(frozen=True, eq=False)
class Examined:
    """What was found of a photo.

    ``distance`` is the gate's, where that doesn't take the picture for a dermatoscopic one; else None. ``attention`` is the map
    of the predicted class and ``looked`` how it lies to the lesion; both None where the model gives no map.
    """

    prediction: Prediction
    distance: float | None
    lesion: Lesion
    attention: AttentionMap | None
    looked: Localisation | None


@dataclass(frozen=True, eq=False)
class Found:
    """All photos of an audit: those examined, in order, and, by name, why the others could not be."""

    labelled: tuple[Labelled, ...]
    examined: tuple[Examined, ...]
    failed: dict[str, str]


def examine_all(photos: Sequence[Labelled], checkpoint: Checkpoint, tell: Callable[[int], None]) -> Found:
    """Every photo examined, what is remembered at once. A photo that is refused at the door costs the others nothing.

    Args:
        tell: is called with the number of photos so far before each that is not remembered, in the session's thread: it may
            show progress, and the user's stop arrives there.

    Raises:
        CheckpointError: the checkpoint cannot be loaded.
    """
    kept, examined, failed = [], [], {}
    for i, labelled in enumerate(photos):
        try:
            examined.append(examine(labelled.photo, checkpoint, partial(tell, i)))
        except ImageError as refusal:
            failed[labelled.photo.name] = str(refusal)
        else:
            kept.append(labelled)
    return Found(tuple(kept), tuple(examined), failed)


def examine(photo: Photo, checkpoint: Checkpoint, tell: Callable[[], None]) -> Examined:
    """What the model says of a photo, and where it looked; remembered. Where it is not yet, ``tell`` is called first.

    Raises:
        ImageError: the photo is refused.
        CheckpointError: the checkpoint cannot be loaded.
    """
    key = (photo.key, str(checkpoint.folder), checkpoint.card.answers_sha256)
    return _memory().recall(key, lambda: _examine(photo, checkpoint, tell))


def lesion_of(photo: Photo, checkpoint: Checkpoint) -> Lesion:
    """The lesion of a photo and the tone of the skin round it; remembered. Of a drawn photo the lesion is the true one.

    Raises:
        ImageError: the photo is refused.
    """
    key = (photo.key, checkpoint.card.input_size)
    return _lesions().recall(key, lambda: _lesion(photo, checkpoint))


def photo_table(found: Found, checkpoint: Checkpoint) -> pd.DataFrame:
    """The photos examined as a table, with what follows for each (see :func:`dermaviz.fairness.small_audit.judged`).

    ``p_predicted`` and ``p_malignant`` are probabilities, ``ita`` in degrees (NaN where ``tone_excluded`` says why), ``mask``
    the source of the lesion's outline, and ``distance`` the gate's (NaN where it lets the picture through).
    """
    pairs = zip(found.labelled, found.examined, strict=True)
    rows = pd.DataFrame([_row(labelled, seen) for labelled, seen in pairs], columns=list(_COLUMNS))
    return judged(rows.assign(tone_group=tone_groups(rows["ita"].to_numpy(float))), checkpoint.card.malignant)


_COLUMNS = (
    "image", "label", "predicted", "p_predicted", "p_malignant", "energy", "lesion_area", "mask", "ita", "tone_excluded",
    "tone_flags", "tone", "lesion_id", "group", "distance",
)  # fmt: skip


def _row(labelled: Labelled, seen: Examined) -> tuple[object, ...]:
    tone = seen.lesion.tone
    return (
        labelled.photo.name,
        labelled.label,
        seen.prediction.diagnosis,
        seen.prediction.confidence,
        seen.prediction.p_malignant,
        np.nan if seen.looked is None else seen.looked.energy,
        float(seen.lesion.mask.mean()),
        seen.lesion.source,
        tone.ita,
        tone.excluded,
        "; ".join(tone.flags),
        labelled.tone,
        labelled.lesion_id,
        labelled.group,
        np.nan if seen.distance is None else seen.distance,
    )


@st.cache_resource(show_spinner=False)
def _memory() -> Memory[Examined]:
    return Memory(10 * MOST_PHOTOS)


@st.cache_resource(show_spinner=False)
def _lesions() -> Memory[Lesion]:
    return Memory(10 * MOST_PHOTOS)


def _examine(photo: Photo, checkpoint: Checkpoint, tell: Callable[[], None]) -> Examined:
    tell()
    answer = ask(photo, checkpoint)
    lesion = lesion_of(photo, checkpoint)
    try:
        beyond = beyond_gate(photo, answer, checkpoint)
    except EvidenceError:  # said once for all photos, where they are shown
        beyond = None
    try:
        attended = attention(photo, answer, checkpoint, None, DEFAULT_METHOD)
    except AttentionError:
        return Examined(answer.prediction, beyond and beyond[0], lesion, None, None)
    return Examined(answer.prediction, beyond and beyond[0], lesion, attended, localise(attended, lesion.mask))


def _lesion(photo: Photo, checkpoint: Checkpoint) -> Lesion:
    answer = ask(photo, checkpoint)
    known = true_mask(photo, answer)
    if known is not None:
        return Lesion(known, "true", measure_tone(answer.prepared, known))
    with TURN:
        pixels = photo.read().pixels
        mask = find_lesion(pixels)
        return Lesion(mask_as_seen(mask, checkpoint.card.input_size), "predicted", measure_tone(pixels, mask))
