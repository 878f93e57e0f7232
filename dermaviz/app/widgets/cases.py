"""TODO docstring dermaviz.app.widgets.cases"""

from __future__ import annotations

import math
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.case import Case, Photo, ask, uploaded_photo
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.confusion.matrix import PAGE, Cell
from dermaviz.app.confusion.text import NO_PHOTOS, case_sentence, cell_sentence
from dermaviz.app.confusion.view import group_label
from dermaviz.app.evidence import TONE_GROUP, Audited, tone_note
from dermaviz.app.text import (
    FACETS,
    STATUS_SENTENCES,
    class_names,
    class_with_probability,
    cohort_sentence,
    in_order,
    value_words,
)
from dermaviz.app.widgets.chart import show_picture
from dermaviz.app.widgets.diagnosis import show_probabilities
from dermaviz.data.readers import find_photo
from dermaviz.data.records import HAM10000
from dermaviz.errors import DatasetError
from dermaviz.explain.methods import DEFAULT_METHOD, METHODS
from dermaviz.explain.overlay import overlay
from dermaviz.metrics.confusion import AGE, Cohort, Verdicts, ages, in_cohort, values_of
from dermaviz.models.answer import Prediction

_FACET_HELP = MappingProxyType(
    {
        TONE_GROUP: "Estimated from the pixels of the skin round the lesion; such estimates agree with people on about half of "
        "the photos. HAM10000 shows almost no brown and no dark skin: it supports no claim about them.",
    }
)
_YEARS = 5


def choose_cohort(audited: Audited) -> Audited:
    """Ask which images to count, by the metadata that their data set has, and say how many remain."""
    with st.expander("Cohort: count only some photos", icon=":material/filter_alt:"):
        span = _choose_ages(audited) if AGE in audited.table else None
        chosen = {}
        for name, label in FACETS.items():
            if name in audited.table:
                values = st.multiselect(
                    label, in_order(values_of(audited.table, name), name), format_func=value_words, key=name, bind="query-params",
                    placeholder="all", help=_FACET_HELP.get(name),
                )  # fmt: skip
                chosen[name] = tuple(values)
        if not chosen and AGE not in audited.table:
            st.caption("These photos come without metadata to choose by.")
        if (note := tone_note(audited.checkpoint)) is not None:
            st.caption(f"Tone groups are left out. {note}")
    images = audited.take(in_cohort(audited.table, Cohort(chosen, span)))
    (st.caption if len(images) else st.warning)(cohort_sentence(images, audited))
    return images


def _choose_ages(audited: Audited) -> tuple[float, float] | None:
    known = ages(audited.table).dropna()
    if known.empty or known.min() == known.max():
        return None
    lowest, highest = (
        int(_YEARS * f(edge / _YEARS)) for f, edge in ((math.floor, known.min()), (math.ceil, known.max()))
    )
    unknown = len(audited) - len(known)
    low, high = st.slider(
        "Age in years", lowest, highest, (lowest, highest), _YEARS, key="age", bind="query-params",
        help=f"Both ends included. {unknown:,} photos are of unknown age; a narrower range leaves them out.",
    )  # fmt: skip
    return None if (low, high) == (lowest, highest) else (low, high)


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
        case = ask(photo, checkpoint)
    called = case.prediction.index
    wanted = {called: "what it is called"} | ({true_index: "what it is"} if true_index != called else {})
    first, *others = st.columns(3)
    with first:
        show_picture(case.prepared, "Model input: what the model saw", f"Model input of {photo.name}")
    for column, (index, why) in zip(others, wanted.items(), strict=False):
        with column:
            _show_map(case, index, why)
    st.caption(
        f"{checkpoint.name} · {METHODS[DEFAULT_METHOD].label} · layer {checkpoint.card.attention_layer} · a map shows what "
        "raised the score of its class, not why; the Classify page has other methods."
    )


def _show_map(case: Case, index: int, why: str) -> None:
    attended = case.attention(index)
    named = class_with_probability(case.card, case.prediction, index)
    if attended.status == "ok":
        mixed = overlay(case.prepared, attended, _OPACITY, _COLOURS)
        show_picture(mixed, f"Attention map for {why}: {named}", f"Attention map for {named} laid over the model input")
    else:
        st.info(
            f"**Attention map for {why}: {named}.** {STATUS_SENTENCES[attended.status]}",
            icon=":material/visibility_off:",
        )


PER_PAGE = 10
CASE = "case"
_CALLED, _SAID, _TRUTH = "called", "probability of that", "of the diagnosis"
_ARCHIVE = "https://api.isic-archive.com/api/v2/images/"


def show_cases(audited: Audited, verdicts: Verdicts, cell: Cell) -> str | None:
    """The sentence on the images of a cell, and :func:`list_cases` of them."""
    rows = verdicts.cell(*cell)
    st.markdown(cell_sentence(audited.checkpoint.card, verdicts, *cell))
    return list_cases(audited, case_table(audited, verdicts, rows)) if len(rows) else None


def list_cases(audited: Audited, table: pd.DataFrame) -> str | None:
    """A page of these cases as a table, all of them as a file, and the id of the one chosen, if any.

    Args:
        table: of :func:`case_table`, at least one row; further columns are shown as they are.
    """
    above = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        at = _choose_page(-(-len(table) // PER_PAGE))
        page = table.iloc[(at - 1) * PER_PAGE : at * PER_PAGE]
        st.caption(f"{(at - 1) * PER_PAGE + 1:,} to {(at - 1) * PER_PAGE + len(page):,} of {len(table):,}")
        st.download_button(
            "All of them (CSV)",
            partial(_csv, table),
            "cases.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
    ids = tuple(page["image"])
    key = f"cases {hash(ids)}"  # another page of cases is another table, without a chosen row
    above.dataframe(
        page.assign(image=page["image"].map(archive_link)), key=key, on_select=partial(_pick, key, ids),
        selection_mode="single-row", hide_index=True, column_config=_columns(audited),
        alt=f"{len(page)} of {len(table):,} images with what each is and is called",
    )  # fmt: skip
    return st.selectbox(
        "Look at one of them", ids, index=None, key=CASE, bind="query-params", placeholder="Choose an image, or its row",
    )  # fmt: skip


def _choose_page(n_pages: int) -> int:
    return st.pagination(n_pages, max_visible_pages=5, key=PAGE, bind="query-params") if n_pages > 1 else 1


def case_table(audited: Audited, verdicts: Verdicts, rows: NDArray[np.intp]) -> pd.DataFrame:
    """The images of these rows, in this order: what each is and is called, how sure, its metadata, all probabilities."""
    facts, words = audited.table.iloc[rows], class_names(audited.checkpoint.card)
    columns = {
        "image": facts["image_id"].to_numpy(),
        "diagnosis": [words[name] for name in facts["dx"]],
        _CALLED: [group_label(audited.checkpoint.card, verdicts.groups[i]) for i in verdicts.called[rows]],
        _SAID: verdicts.confidence[rows],
        _TRUTH: audited.probabilities[rows, audited.labels[rows]],
    }
    if AGE in facts:
        columns[AGE] = [age.removesuffix(".0") for age in facts[AGE]]
    columns |= {
        label.lower(): [value_words(value) for value in facts[name]] for name, label in FACETS.items() if name in facts
    }
    columns["lesion"] = facts["lesion_id"].to_numpy()
    return pd.DataFrame(columns | {f"p({name})": audited.probabilities[rows, i] for i, name in enumerate(words)})


def archive_link(image_id: str) -> str:
    """Where the ISIC archive tells of one of its images; other ids stay as they are."""
    return f"{_ARCHIVE}{image_id}/" if image_id.startswith("ISIC_") else image_id


def _columns(audited: Audited) -> dict[str, Any]:
    number = partial(st.column_config.NumberColumn, format="percent")
    return {
        "image": st.column_config.LinkColumn(
            display_text=r"(ISIC_\d+)", pinned=True, help="Opens the ISIC archive's record."
        ),
        _CALLED: st.column_config.TextColumn(help="What the model calls it, at the threshold chosen."),
        _SAID: st.column_config.ProgressColumn(
            format="percent", min_value=0, max_value=1, help="Probability of what it is called."
        ),
        _TRUTH: number(help="Probability that the model gave the true diagnosis."),
        **{f"p({name})": number() for name in audited.classes},
    }


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()


def _pick(key: str, ids: tuple[str, ...]) -> None:
    chosen = st.session_state[key].selection.rows
    st.session_state[CASE] = ids[chosen[0]] if chosen else None
