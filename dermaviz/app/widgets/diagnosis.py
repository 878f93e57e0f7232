"""TODO docstring dermaviz.app.widgets.diagnosis"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dermaviz.app.case import Case
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.text import class_names, diagnosis_sentence, malignant_sentence
from dermaviz.models.answer import Prediction
from dermaviz.plots.intervals import probability_bars
from dermaviz.plots.theme import INK, percent

if TYPE_CHECKING:
    from dermaviz.ood.detector import Gate, GateFacts


def show_diagnosis(case: Case) -> None:
    """The most probable class, the sum of the malignant ones, and all probabilities as bars."""
    st.markdown(f"#### {diagnosis_sentence(case.card, case.prediction)}")
    st.markdown(malignant_sentence(case.card, case.prediction))
    show_probabilities(case.prediction, case.checkpoint)


def show_probabilities(prediction: Prediction, checkpoint: Checkpoint) -> None:
    """The probabilities of all classes as bars."""
    names = [class_names(checkpoint.card)[name] for name in prediction.classes]
    probabilities = prediction.probabilities.tolist()
    malignant = [name in prediction.malignant for name in prediction.classes]
    figure = probability_bars(names, probabilities, malignant, ink=INK.get(st.context.theme.type or ""))
    said = ", ".join(f"{name} {percent(p)}" for name, p in zip(names, probabilities, strict=True))
    st.plotly_chart(
        figure, key=f"bars {checkpoint.name}", config={"displayModeBar": False}, alt=f"Probabilities: {said}."
    )


def show_notes(case: Case) -> None:
    """What was done to the photo between the file and the model."""
    width, height = case.answer.size
    side = case.card.input_size
    done = f"{width} × {height} pixels; the model sees the central square at {side} × {side}."
    if case.photo.drawn and width == height == side:
        done = f"{width} × {height} pixels, as the model sees it."
    st.caption(" ".join((done, *case.answer.notes)))


GONE_ON = "pictures shown although the gate refused them"


def let_through(case: Case) -> bool:
    """Whether to show what the model says: not of a picture beyond the gate's limit, unless the user has asked for it.

    Drawn lesions are not asked: they are labelled synthetic, and the gate was made for photos. A checkpoint without a
    gate lets everything through; a gate that cannot be used costs one sentence.
    """
    beyond: tuple[float, GateFacts] | None = None
    with sentence_for_errors():
        beyond = beyond_gate(case)
    if beyond is None:
        return True
    distance, facts = beyond
    gone_on: set[tuple[str, ...]] = st.session_state.setdefault(GONE_ON, set())
    this = case.key
    if this in gone_on:
        st.caption(
            f"At your word: this doesn't look like a dermatoscopic image ({distance:.2f}; limit {facts.limit:.2f})."
        )
        return True
    st.warning(notice(distance, facts), icon=":material/image_search:")
    st.image(
        case.prepared, "What the model would judge", 160, output_format="PNG", alt=f"Model input of {case.photo.name}"
    )
    st.button("Show the answer anyway", key=f"go on {case.checkpoint.name}", on_click=gone_on.add, args=(this,))
    return False


def beyond_gate(case: Case) -> tuple[float, GateFacts] | None:
    """A photo's distance, with the gate's facts, where it is beyond the limit; None where it is let through.

    Raises:
        EvidenceError: the gate is damaged, or was fitted on other weights.
    """
    if case.photo.drawn or case.answer.features is None:
        return None
    read = installed_gate(case.checkpoint)
    if read is None:
        return None
    gate, facts = read
    distance = float(gate.distance(case.answer.features)[0])
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
    from dermaviz.ood.detector import FACTS

    facts = checkpoint.folder / FACTS
    written = facts.stat().st_mtime_ns if facts.is_file() else 0
    return _read(str(checkpoint.folder), checkpoint.card.weights_sha256, written, checkpoint)


@st.cache_resource(max_entries=8, show_spinner=False)
def _read(folder: str, weights_sha256: str, written: int, _checkpoint: Checkpoint) -> tuple[Gate, GateFacts] | None:
    from dermaviz.ood.detector import read_gate

    return read_gate(Path(folder), _checkpoint.card)
