"""Cases of a data set: a page of them as a table, and one of them with its photo, probabilities and attention maps."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.case import Photo, ask, uploaded_photo
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.text import FACETS, class_names, class_with_probability, escaped, group_label, value_words
from dermaviz.app.widgets.chart import offer_csv, show_picture
from dermaviz.app.widgets.diagnosis import show_probabilities
from dermaviz.app.widgets.panels import show_map
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS
from dermaviz.data.readers import find_photo
from dermaviz.data.records import HAM10000
from dermaviz.errors import DatasetError
from dermaviz.evidence.predictions import Audited
from dermaviz.metrics.confusion import AGE, Verdicts
from dermaviz.models.answer import Prediction
from dermaviz.plots.theme import percent

CASE, PAGE = "case", "page"
"""Keys of the widgets that hold the chosen case and the page of the table."""
PER_PAGE = 10
_PREDICTED, _ITS_PROBABILITY, _TRUE_PROBABILITY = "predicted", "its probability", "probability of the diagnosis"
_ARCHIVE = "https://api.isic-archive.com/api/v2/images/"
_NO_PHOTOS = (
    "No photo here: DERMAVIZ_DATA names no folder that holds it. Set it to a folder with HAM10000 and start the app again; "
    "`dermaviz data download FOLDER` gets the photos."
)


def case_table(audited: Audited, verdicts: Verdicts, rows: NDArray[np.intp]) -> pd.DataFrame:
    """The images of these rows, in this order: true and predicted class, metadata, and all probabilities."""
    card = audited.checkpoint.card
    facts, words = audited.table.iloc[rows], class_names(card)
    columns = {
        "image": facts["image_id"].to_numpy(),
        "diagnosis": [words[name] for name in facts["dx"]],
        _PREDICTED: [group_label(card, verdicts.groups[i]) for i in verdicts.called[rows]],
        _ITS_PROBABILITY: verdicts.confidence[rows],
        _TRUE_PROBABILITY: audited.probabilities[rows, audited.labels[rows]],
    }
    if AGE in facts:
        columns[AGE] = [age.removesuffix(".0") for age in facts[AGE]]
    columns |= {
        label.lower(): [value_words(value) for value in facts[name]] for name, label in FACETS.items() if name in facts
    }
    columns["lesion"] = facts["lesion_id"].to_numpy()
    return pd.DataFrame(columns | {f"p({name})": audited.probabilities[rows, i] for i, name in enumerate(words)})


def list_cases(audited: Audited, table: pd.DataFrame) -> str | None:
    """A page of these cases as a table, all of them as a file, and the id of the one chosen, if any.

    Args:
        table: of :func:`case_table`, at least one row; further columns are shown as they are.
    """
    above = st.container()
    n_pages = -(-len(table) // PER_PAGE)
    with st.container(horizontal=True, vertical_alignment="center"):
        at = st.pagination(n_pages, max_visible_pages=5, key=PAGE, bind="query-params") if n_pages > 1 else 1
        page = table.iloc[(at - 1) * PER_PAGE : at * PER_PAGE]
        st.caption(f"{(at - 1) * PER_PAGE + 1:,} to {(at - 1) * PER_PAGE + len(page):,} of {len(table):,}")
        offer_csv(table, "cases.csv", "All of them (CSV)")
    ids = tuple(page["image"])
    key = f"cases {hash(ids)}"  # another page of cases is another table, without a chosen row
    number = partial(st.column_config.NumberColumn, format="percent")
    columns: dict[str, Any] = {
        "image": st.column_config.LinkColumn(
            display_text=r"(ISIC_\d+)", pinned=True, help="Opens the ISIC archive's record."
        ),
        _PREDICTED: st.column_config.TextColumn(help="What the model predicts, at the threshold chosen."),
        _ITS_PROBABILITY: st.column_config.ProgressColumn(
            format="percent", min_value=0, max_value=1, help="Probability of what the model predicts."
        ),
        _TRUE_PROBABILITY: number(help="Probability that the model gives to the true diagnosis."),
        **{f"p({name})": number() for name in audited.classes},
    }
    above.dataframe(
        page.assign(image=page["image"].map(archive_link)), key=key, on_select=partial(_pick, key, ids),
        selection_mode="single-row", hide_index=True, column_config=columns,
        alt=f"{len(page)} of {len(table):,} images with their true and predicted class",
    )  # fmt: skip
    return st.selectbox(
        "Look at one of them", ids, index=None, key=CASE, bind="query-params", placeholder="Choose an image, or its row",
    )  # fmt: skip


def _pick(key: str, ids: tuple[str, ...]) -> None:
    chosen = st.session_state[key].selection.rows
    st.session_state[CASE] = ids[chosen[0]] if chosen else None


def archive_link(image_id: str) -> str:
    """The ISIC archive's record of one of its images; other ids stay as they are."""
    return f"{_ARCHIVE}{image_id}/" if image_id.startswith("ISIC_") else image_id


def show_case(audited: Audited, image_id: str) -> None:
    """An image's probabilities and metadata; its photo where the data set is present, and maps when they are asked for."""
    row = int(audited.table.index[audited.table["image_id"] == image_id][0])
    checkpoint, facts = audited.checkpoint, audited.table.loc[row]
    card, probabilities = checkpoint.card, audited.probabilities[row].astype(np.float32)
    prediction = Prediction(audited.classes, probabilities, frozenset(card.malignant))
    true_index = audited.classes.index(facts["dx"])
    saying, showing = st.columns([7, 6], gap="large")
    with saying:
        words, p = class_names(card), percent(prediction.confidence)
        true, predicted = escaped(words[facts["dx"]]), escaped(words[prediction.diagnosis])
        if prediction.index == true_index:
            st.markdown(f"It is **{true}**, and the model says so with probability **{p}**.")
        else:
            given = percent(float(probabilities[true_index]))
            said = f"the model says **{predicted}** with probability **{p}**, and gives {given} to {true}"
            st.markdown(f"It is **{true}**; {said}.")
        show_probabilities(prediction, checkpoint)
    with showing:
        photo = _find(checkpoint, image_id)
        if photo is not None:
            show_picture(photo.read().pixels, f"{image_id}, as it is in the data set", f"Photo {image_id}")
        st.caption(_metadata(facts))
    if photo is not None and st.toggle(
        "Show where the model looked", key="maps", bind="query-params",
        help="Loads the model the first time: some seconds.",
    ):  # fmt: skip
        _show_maps(photo, checkpoint, true_index)


def _metadata(facts: pd.Series) -> str:
    image_id = facts["image_id"]
    link = archive_link(image_id)
    parts = [
        f"{image_id} [in the ISIC archive]({link})" if link != image_id else escaped(image_id),
        f"lesion {escaped(facts['lesion_id'])}",
    ]
    if AGE in facts:
        parts.append(f"age {facts[AGE].removesuffix('.0') or 'unknown'}")
    parts += [f"{label.lower()} {escaped(value_words(facts[name]))}" for name, label in FACETS.items() if name in facts]
    return " · ".join(parts)


def _find(checkpoint: Checkpoint, image_id: str) -> Photo | None:
    """The photo of an image; None, with one line on how to get it, where it is not at hand."""
    try:
        if checkpoint.card.data.get("dataset") == HAM10000.name:
            path = find_photo(None, image_id)
            return uploaded_photo(path.name, path.read_bytes())
    except DatasetError:
        pass
    st.info(_NO_PHOTOS, icon=":material/hide_image:")
    return None


def _show_maps(photo: Photo, checkpoint: Checkpoint, true_index: int) -> None:
    """The model's input, and the attention maps of the predicted and of the true class, each named."""
    with st.spinner("The model looks at the photo …"):
        case = ask(photo, checkpoint)
    predicted = case.answer.index
    wanted = {predicted: "the predicted class"}
    if true_index != predicted:
        wanted[true_index] = "the true class"
    first, *others = st.columns(3)
    with first:
        show_picture(case.answer.prepared, "Model input: what the model saw", f"Model input of {photo.name}")
    for column, (index, why) in zip(others, wanted.items(), strict=False):
        with column:
            named = class_with_probability(case.card, case.answer, index)
            title, alt = f"Attention map for {why}: {named}", f"Attention map for {named} laid over the model input"
            show_map(case.answer.prepared, case.attention(index), title, alt)
    st.caption(
        f"{escaped(checkpoint.name)} · {METHODS[DEFAULT_METHOD].label} · layer {checkpoint.card.attention_layer} · a map shows "
        "what raised the score of its class, not why; the Classify page has other methods."
    )
