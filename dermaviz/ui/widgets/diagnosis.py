"""Widget: what the model says of a photo — one sentence, the malignant sum, the bars."""

from __future__ import annotations

import streamlit as st

from dermaviz.figures.palette import INK
from dermaviz.figures.probabilities import percent, probability_bars
from dermaviz.types import Prediction
from dermaviz.ui.answers import Answer, Photo
from dermaviz.ui.resources import Checkpoint
from dermaviz.ui.wording import class_names, diagnosis_sentence, malignant_sentence


def show_diagnosis(answer: Answer, checkpoint: Checkpoint) -> None:
    """The most probable class, the sum of the malignant ones, and all probabilities as bars."""
    st.markdown(f"#### {diagnosis_sentence(checkpoint.card, answer.prediction)}")
    st.markdown(malignant_sentence(checkpoint.card, answer.prediction))
    show_probabilities(answer.prediction, checkpoint)


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


def show_notes(photo: Photo, answer: Answer, checkpoint: Checkpoint) -> None:
    """What was done to the photo between the file and the model."""
    width, height = answer.size
    side = checkpoint.card.input_size
    done = f"{width} × {height} pixels; the model sees the central square at {side} × {side}."
    if photo.drawn and width == height == side:
        done = f"{width} × {height} pixels, as the model sees it."
    st.caption(" ".join((done, *answer.notes)))
