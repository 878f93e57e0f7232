"""The answer of a model to a photo, and the warning that stands in its place where the photo is out of distribution."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import streamlit as st

from dermaviz.app.case import Case
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.sessions import Stamps, shared, stamps
from dermaviz.app.text import escaped
from dermaviz.models.answer import Prediction
from dermaviz.plots.intervals import probability_bars
from dermaviz.plots.theme import INK, percent

if TYPE_CHECKING:
    from dermaviz.ood import Detector, DetectorFacts

_SHOWN_ANYWAY = "out-of-distribution photos shown anyway"


def show_answer(case: Case, verdict: str = "") -> None:
    """The most probable class in a sentence, with the ``verdict`` on it where there is one, as Markdown."""
    words = escaped(case.card.words[case.answer.diagnosis])
    sure = percent(case.answer.confidence)
    st.markdown(f"## The model says **{words}** with probability **{sure}**. {verdict}")


def show_diagnosis(case: Case) -> None:
    """The sum of the malignant classes, and the probabilities of all as bars."""
    answer, words = case.answer, {name: escaped(said) for name, said in case.card.words.items()}
    if math.isnan(answer.p_malignant):
        st.markdown("This model's card names no malignant classes, so there is no sum to give.")
    else:
        named = [words[name] for name in answer.classes if name in answer.malignant]
        if len(named) > 1:  # else it is that class's own bar
            listed = ", ".join(named)
            st.markdown(
                f"Malignant classes together: **{percent(answer.p_malignant)}** ({listed}).",
                help="The sum of their exact probabilities, rounded once.",
            )
    show_probabilities(answer, case.checkpoint)


def show_probabilities(prediction: Prediction, checkpoint: Checkpoint) -> None:
    """The probabilities of all classes as bars."""
    names = [checkpoint.card.words[name] for name in prediction.classes]
    probabilities = prediction.probabilities.tolist()
    malignant = [name in prediction.malignant for name in prediction.classes]
    figure = probability_bars(names, probabilities, malignant, ink=INK.get(st.context.theme.type or ""))
    said = ", ".join(f"{name} {percent(p)}" for name, p in zip(names, probabilities, strict=True))
    st.plotly_chart(
        figure, key=f"bars {checkpoint.name}", config={"displayModeBar": False}, alt=f"Probabilities: {said}."
    )


def show_notes(case: Case) -> None:
    """What was done to the photo between the file and the model."""
    (width, height), side = case.answer.size, case.card.input_size
    done = f"{width} × {height} pixels; the model sees the central square at {side} × {side}."
    if case.photo.drawn and width == height == side:
        done = f"{width} × {height} pixels, as the model sees it."
    st.caption(" ".join((done, *case.answer.notes)))


def let_through(case: Case) -> bool:
    """Whether to show the answer: not to an out-of-distribution photo, unless the user has asked for it.

    Drawn lesions always pass: they are labelled synthetic, and the detector was made for photos. So does everything where
    the checkpoint has no detector; one that cannot be used costs one sentence.
    """
    found: tuple[float, DetectorFacts] | None = None
    with sentence_for_errors():
        found = out_of_distribution(case)
    if found is None:
        return True
    distance, facts = found
    shown_anyway: set[tuple[str, ...]] = st.session_state.setdefault(_SHOWN_ANYWAY, set())
    if case.key in shown_anyway:
        st.caption(
            f"You chose to continue: this doesn't look like a dermatoscopic image ({distance:.2f}; limit {facts.limit:.2f})."
        )
        return True
    st.warning(
        f"**This doesn't look like a dermatoscopic image.** Its distance from the photos that the model learned from is "
        f"**{distance:.2f}**; theirs is about 1. Of real lesion photos, {1 - facts.refused_on_validation:.1%} stay within "
        f"{facts.limit:.2f}. The model knows only its own diagnoses and would name one of them whatever the "
        "picture shows. If this is a photo through a dermatoscope after all, go on.",
        icon=":material/image_search:",
    )
    alt = f"Model input of {case.photo.name}"
    st.image(case.answer.prepared, "What the model would judge", 160, output_format="PNG", alt=alt)
    key = f"go on {case.checkpoint.name}"
    st.button("Show the answer anyway", key=key, on_click=shown_anyway.add, args=(case.key,))
    return False


def out_of_distribution(case: Case) -> tuple[float, DetectorFacts] | None:
    """A photo's distance, with the detector's facts, where it is beyond the limit; else None."""
    if case.photo.drawn or case.answer.features is None:
        return None
    read = installed_detector(case.checkpoint)
    if read is None:
        return None
    detector, facts = read
    distance = float(detector.distance(case.answer.features)[0])
    return None if distance <= detector.limit else (distance, facts)


def installed_detector(checkpoint: Checkpoint) -> tuple[Detector, DetectorFacts] | None:
    """The out-of-distribution detector in a checkpoint's folder with its facts; None where there is none."""
    from dermaviz.ood import FACTS

    return _read(checkpoint, stamps([checkpoint.folder / FACTS]))


@shared(max_entries=8, show_spinner=False)
def _read(checkpoint: Checkpoint, seen: Stamps) -> tuple[Detector, DetectorFacts] | None:
    from dermaviz.ood import read_detector

    return read_detector(checkpoint.folder, checkpoint.card)
