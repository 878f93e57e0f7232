"""Widget: the gate — says that a picture doesn't look like a dermatoscopic image, and lets the user go on anyway."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dermaviz.ui.answers import Answer, Photo
from dermaviz.ui.frame import sentence_for_errors
from dermaviz.ui.resources import Checkpoint

if TYPE_CHECKING:
    from dermaviz.evaluation.gate import Gate
    from dermaviz.evaluation.gate_file import GateFacts

GONE_ON = "pictures shown although the gate refused them"


def let_through(photo: Photo, answer: Answer, checkpoint: Checkpoint) -> bool:
    """Whether to show what the model says: not of a picture beyond the gate's limit, unless the user has asked for it.

    Drawn lesions are not asked: they are labelled synthetic, and the gate was made for photos. A checkpoint without a
    gate lets everything through; a gate that cannot be used costs one sentence.
    """
    beyond: tuple[float, GateFacts] | None = None
    with sentence_for_errors():
        beyond = beyond_gate(photo, answer, checkpoint)
    if beyond is None:
        return True
    distance, facts = beyond
    gone_on: set[tuple[str, str]] = st.session_state.setdefault(GONE_ON, set())
    this = (photo.key, checkpoint.card.weights_sha256)
    if this in gone_on:
        st.caption(
            f"At your word: this doesn't look like a dermatoscopic image ({distance:.2f}; limit {facts.limit:.2f})."
        )
        return True
    st.warning(notice(distance, facts), icon=":material/image_search:")
    st.image(
        answer.prepared, "What the model would judge", 160, output_format="PNG", alt=f"Model input of {photo.name}"
    )
    st.button("Show the answer anyway", key=f"go on {checkpoint.name}", on_click=gone_on.add, args=(this,))
    return False


def beyond_gate(photo: Photo, answer: Answer, checkpoint: Checkpoint) -> tuple[float, GateFacts] | None:
    """A photo's distance, with the gate's facts, where it is beyond the limit; None where it is let through.

    Raises:
        EvidenceError: the gate is damaged, or was fitted on other weights.
    """
    if photo.drawn or answer.features is None:
        return None
    read = installed_gate(checkpoint)
    if read is None:
        return None
    gate, facts = read
    distance = float(gate.distance(answer.features)[0])
    return None if distance <= gate.limit else (distance, facts)


def notice(distance: float, facts: GateFacts) -> str:
    """What the page says of a picture beyond the limit: the score, and what it means."""
    return (
        f"**This doesn't look like a dermatoscopic image.** Its distance from the photos that the model learned from is "
        f"**{distance:.2f}**; theirs is about 1, and {1 - facts.refused_on_validation:.1%} of real lesion photos stay "
        f"within {facts.limit:.2f}. The model knows only its own diagnoses and would name one of them whatever the "
        "picture shows. If this is a photo through a dermatoscope after all, go on."
    )


def installed_gate(checkpoint: Checkpoint) -> tuple[Gate, GateFacts] | None:
    """The gate in a checkpoint's folder with its facts; None where there is none.

    Raises:
        EvidenceError: it is damaged, or was fitted on other weights.
    """
    from dermaviz.evaluation.gate_file import FACTS

    facts = checkpoint.folder / FACTS
    written = facts.stat().st_mtime_ns if facts.is_file() else 0
    return _read(str(checkpoint.folder), checkpoint.card.weights_sha256, written, checkpoint)


@st.cache_resource(max_entries=8, show_spinner=False)
def _read(folder: str, weights_sha256: str, written: int, _checkpoint: Checkpoint) -> tuple[Gate, GateFacts] | None:
    from dermaviz.evaluation.gate_file import read_gate

    return read_gate(Path(folder), _checkpoint.card)
