"""Widget: one image of the data set — what it is, what the model says, and, where its photo is at hand, where it looked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.datasets.ham10000 import find_photo
from dermaviz.datasets.specs import HAM10000
from dermaviz.errors import DatasetError
from dermaviz.evaluation.cohorts import AGE
from dermaviz.explain.methods import DEFAULT_METHOD, METHODS
from dermaviz.explain.overlay import overlay
from dermaviz.types import Prediction
from dermaviz.ui.answers import Answer, Photo, ask, attention, uploaded_photo
from dermaviz.ui.confusion.wording import NO_PHOTOS, case_sentence
from dermaviz.ui.evidence import Audited
from dermaviz.ui.groupings import FACETS, value_words
from dermaviz.ui.resources import Checkpoint
from dermaviz.ui.widgets.cases import archive_link
from dermaviz.ui.widgets.diagnosis import show_probabilities
from dermaviz.ui.widgets.picture import show_picture
from dermaviz.ui.wording import STATUS_SENTENCES, class_with_probability

_OPACITY, _COLOURS = 0.5, "viridis"


def show_case(audited: Audited, image_id: str) -> None:
    """An image's probabilities and metadata; its photo where the data set is present, and maps when they are asked for."""
    row = int(audited.table.index[audited.table["image_id"] == image_id][0])
    checkpoint, facts = audited.checkpoint, audited.table.loc[row]
    said = Prediction(
        audited.classes, audited.probabilities[row].astype(np.float32), frozenset(checkpoint.card.malignant)
    )
    saying, showing = st.columns([7, 6], gap="large")
    with saying:
        st.markdown(case_sentence(checkpoint.card, facts["dx"], said))
        show_probabilities(said, checkpoint)
    with showing:
        photo = _find(checkpoint, image_id)
        if photo is not None:
            show_picture(photo.read().pixels, f"{image_id}, as it is in the data set", f"Photo {image_id}")
        st.caption(_known(facts))
    if photo is not None and st.toggle(
        "Show where the model looked",
        key="maps",
        bind="query-params",
        help="Loads the model the first time: some seconds.",
    ):
        _show_maps(photo, checkpoint, audited.classes.index(facts["dx"]))


def _known(facts: pd.Series) -> str:
    image_id = facts["image_id"]
    link = archive_link(image_id)
    parts = [
        f"{image_id} [in the ISIC archive]({link})" if link != image_id else image_id,
        f"lesion {facts['lesion_id']}",
    ]
    if AGE in facts:
        parts.append(f"age {facts[AGE].removesuffix('.0') or 'unknown'}")
    parts += [f"{label.lower()} {value_words(facts[name])}" for name, label in FACETS.items() if name in facts]
    return " · ".join(parts)


def _find(checkpoint: Checkpoint, image_id: str) -> Photo | None:
    """The photo of an image; None, with one line on how to get it, where it is not at hand."""
    try:
        if checkpoint.card.data.get("dataset") == HAM10000.name:
            path = find_photo(None, image_id)
            return uploaded_photo(path.name, path.read_bytes())
    except DatasetError:
        pass
    st.info(NO_PHOTOS, icon=":material/hide_image:")
    return None


def _show_maps(photo: Photo, checkpoint: Checkpoint, true_index: int) -> None:
    """The model's input, and the attention maps of what it is called and of what it is, each named."""
    with st.spinner("The model looks at the photo …"):
        answer = ask(photo, checkpoint)
    called = answer.prediction.index
    wanted = {called: "what it is called"} | ({true_index: "what it is"} if true_index != called else {})
    first, *others = st.columns(3)
    with first:
        show_picture(answer.prepared, "Model input: what the model saw", f"Model input of {photo.name}")
    for column, (index, why) in zip(others, wanted.items(), strict=False):
        with column:
            _show_map(photo, answer, checkpoint, index, why)
    st.caption(
        f"{checkpoint.name} · {METHODS[DEFAULT_METHOD].label} · layer {checkpoint.card.attention_layer} · a map shows what "
        "raised the score of its class, not why; the Classify page has other methods."
    )


def _show_map(photo: Photo, answer: Answer, checkpoint: Checkpoint, index: int, why: str) -> None:
    attended = attention(photo, answer, checkpoint, index, DEFAULT_METHOD)
    named = class_with_probability(checkpoint.card, answer.prediction, index)
    if attended.status == "ok":
        mixed = overlay(answer.prepared, attended, _OPACITY, _COLOURS)
        show_picture(mixed, f"Attention map for {why}: {named}", f"Attention map for {named} laid over the model input")
    else:
        st.info(
            f"**Attention map for {why}: {named}.** {STATUS_SENTENCES[attended.status]}",
            icon=":material/visibility_off:",
        )
