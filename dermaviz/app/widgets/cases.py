"""Cases of a data set: thumbnails to choose from, or dots where there are no photos; one of them, and the next."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from dermaviz.app.case import Photo, ask, step_through, uploaded_photo
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.link import asked, choose, link_to
from dermaviz.app.text import FACETS, class_with_probability, escaped, group_label, shows_ham10000, value_words
from dermaviz.app.widgets.chart import ink, offer_csv, show_picture, size_words, square_address
from dermaviz.app.widgets.diagnosis import show_probabilities
from dermaviz.app.widgets.panels import show_map
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS
from dermaviz.data.photographs import find_photographs, photographs
from dermaviz.evidence.predictions import Audited, internal
from dermaviz.evidence.store import FOLDER
from dermaviz.metrics.confusion import AGE, Verdicts
from dermaviz.models.answer import Prediction
from dermaviz.plots.confusion_matrix import cases_figure
from dermaviz.plots.theme import as_given, percent

CASE, PAGE, PART = "case", "page", "cases"
"""Keys of the widgets that hold the chosen case, the page of thumbnails, and which of very many cases are shown."""
PER_PAGE, SIDE, MOST, MOST_DOTS = 24, 112, 2_500, 1_000
"""A thousand dots take a browser 0.1 s to draw, and the page waits."""
_GRID, _DOTS = "case grid", "case dots"
_PREDICTED, _ITS_PROBABILITY, _TRUE_PROBABILITY = "predicted", "its probability", "probability of the diagnosis"
_ARCHIVE = "https://api.isic-archive.com/api/v2/images/"
_NO_PHOTOS = (
    "No photos here, so each image is a dot. Set DERMAVIZ_DATA to the folder of {name} and start the app again, or audit it on "
    "this machine.{download}"
)
_DOWNLOAD = " `dermaviz data download FOLDER` gets the photos."
_GRID_LOOK = """<style>
.st-key-grid-of-cases, .st-key-grid-of-cases > div { width: 100% !important; }
.st-key-grid-of-cases [role="radiogroup"] { display: grid; grid-template-columns: repeat(12, 1fr); gap: 0.3rem; width: 100%; }
.st-key-grid-of-cases button { padding: 0; border-width: 2px; border-radius: 0.4rem; height: auto; aspect-ratio: 1; }
.st-key-grid-of-cases button { overflow: hidden; }
.st-key-grid-of-cases button[aria-checked="true"] { outline: 3px solid; outline-offset: 1px; }
.st-key-grid-of-cases button * { width: 100%; max-height: none !important; margin: 0; padding: 0; border-radius: 0; }
@media (max-width: 640px) { .st-key-grid-of-cases [role="radiogroup"] { grid-template-columns: repeat(6, 1fr); } }
</style>"""
"""The pills as small square pictures."""


def case_table(audited: Audited, verdicts: Verdicts, rows: NDArray[np.intp]) -> pd.DataFrame:
    """The images of these rows, in this order: true and predicted class, metadata, and all probabilities."""
    card = audited.checkpoint.card
    facts, words = audited.table.iloc[rows], card.words
    columns = {
        "image": facts["image_id"].to_numpy(),
        "diagnosis": _written(facts["dx"], words.__getitem__),
        _PREDICTED: np.array([group_label(card, group) for group in verdicts.groups], dtype=object)[
            verdicts.called[rows]
        ],
        _ITS_PROBABILITY: verdicts.confidence[rows],
        _TRUE_PROBABILITY: audited.probabilities[rows, audited.labels[rows]],
    }
    if AGE in facts:
        columns[AGE] = _written(facts[AGE], lambda age: age.removesuffix(".0"))
    columns |= {label.lower(): _written(facts[name], value_words) for name, label in FACETS.items() if name in facts}
    lesions = facts["lesion_id"].where(facts["lesion_id"] != facts["image_id"], "")
    if (audited.table["lesion_id"] != audited.table["image_id"]).any():  # else none is known
        columns["lesion"] = lesions.to_numpy()
    return pd.DataFrame(columns | {f"p({name})": audited.probabilities[rows, i] for i, name in enumerate(words)})


def _written(column: pd.Series, words: Callable[[str], str]) -> NDArray[Any]:
    """A column in words, each of its values put into words once."""
    code, values = pd.factorize(column)
    return np.array([*map(words, values), ""], dtype=object)[code]


def _part(table: pd.DataFrame) -> pd.DataFrame:
    """Of more cases than a browser takes, ``MOST`` of them: which ones is asked; at first those with the case of the link."""
    if len(table) <= MOST:
        return table
    starts = range(0, len(table), MOST)
    if PART not in st.session_state and PART not in st.query_params:
        there = np.flatnonzero(table["image"] == st.session_state.get(CASE))
        st.session_state[PART] = str(int(there[0]) // MOST * MOST if len(there) else 0)
    words = {str(at): f"{at + 1:,} to {min(at + MOST, len(table)):,} of {len(table):,}" for at in starts}
    first = int(choose("Which of them", words, PART, width=260))
    return table.iloc[first : first + MOST]


def show_cases(audited: Audited, table: pd.DataFrame) -> None:
    """These cases as thumbnails, or as dots where there are no photos; the one chosen, with the way to its neighbours.

    Args:
        table: of :func:`case_table`, at least one row; further columns are shown as they are.
    """
    whole, table = table, _part(table)
    ids = tuple(table["image"])
    if st.session_state.get(CASE) not in (None, *ids):
        st.session_state[CASE] = None  # of another cell
    marked = st.session_state.get(CASE) or asked(CASE)  # the list that reads the link comes further down
    if photo_paths(audited, ids[:1]):
        _show_grid(audited, table, marked)
    else:
        download = _DOWNLOAD if shows_ham10000(audited) else ""
        name = escaped((audited.of or internal(audited.checkpoint.card)).data_set)
        dots = some_dots(table, table["image"] == marked)
        drawn = f" {len(dots):,} of {len(table):,} dots are drawn, at random." if len(dots) < len(table) else ""
        st.caption(_NO_PHOTOS.format(name=name, download=download) + drawn)
        st.plotly_chart(
            cases_figure(dots, _TRUE_PROBABILITY, _ITS_PROBABILITY, chosen=marked or None, ink=ink()), key=_DOTS,
            on_select=_take_dot, selection_mode="points", config={"displayModeBar": False},
            alt=f"{len(table):,} images by the probability of their diagnosis and of what is predicted",
        )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Image",
            ids,
            index=None,
            key=CASE,
            bind="query-params",
            placeholder="Choose one above, or by its id",
            width=260,
        )
        at = ids.index(chosen) if chosen else -1
        for step, label in ((-1, "Previous"), (1, "Next")):
            icon = f":material/arrow_{'back' if step < 0 else 'forward'}:"
            there = ids[at + step] if 0 <= at + step < len(ids) else None
            st.button(
                f"{label} image", key=label, icon=icon, disabled=there is None, on_click=_take, args=(there, at + step)
            )
        offer_csv(whole, "cases.csv", "All of them (CSV)")
        st.caption(f"{at + 1:,} of {len(ids):,}" if chosen else f"{len(ids):,} images")
    if chosen:
        step_through(ids)
        show_case(audited, chosen)
    with st.expander("The same as a table", icon=":material/table:"):
        probabilities = [_ITS_PROBABILITY, _TRUE_PROBABILITY, *(name for name in table if name.startswith("p("))]
        columns: dict[str, Any] = dict.fromkeys(probabilities, st.column_config.NumberColumn(format="percent"))
        links = [archive_link(image_id) for image_id in ids[:100]]
        columns["image"] = (
            st.column_config.LinkColumn(display_text=r"(ISIC_\d+)", pinned=True)
            if all(links)
            else st.column_config.TextColumn(pinned=True)
        )
        st.dataframe(
            table.head(100).assign(image=links if all(links) else ids[:100]), hide_index=True,
            column_config=columns, alt=f"The first {min(100, len(ids))} of {len(ids):,} images",
        )  # fmt: skip


def some_dots(table: pd.DataFrame, kept: pd.Series | None = None) -> pd.DataFrame:
    """Of many images those that a chart has dots of, in their order: ``MOST_DOTS`` drawn at random, and the rows ``kept``."""
    if len(table) <= MOST_DOTS:
        return table
    drawn = np.random.default_rng(0).permutation(len(table)) < MOST_DOTS
    return table[drawn if kept is None else drawn | kept.to_numpy()]


def _show_grid(audited: Audited, table: pd.DataFrame, chosen: str) -> None:
    """A page of thumbnails to choose from; above them which page it is."""
    n_pages = -(-len(table) // PER_PAGE)
    page = st.pagination(n_pages, max_visible_pages=5, key=PAGE, bind="query-params") if n_pages > 1 else 1
    rows = table.iloc[(page - 1) * PER_PAGE : page * PER_PAGE]
    shown = tuple(rows["image"])
    paths = photo_paths(audited, shown)
    said = [f"{row['diagnosis']}, predicted {row[_PREDICTED]}: {row['image']}" for row in rows.to_dict("records")]
    pictures = [
        f"![{escaped(words)}]({thumbnail(paths[name])})" if name in paths else escaped(name)
        for name, words in zip(shown, said, strict=True)
    ]
    st.session_state[_GRID] = chosen if chosen in shown else None
    st.html(_GRID_LOOK)
    with st.container(key="grid-of-cases"):
        st.pills(
            "Images", shown, key=_GRID, label_visibility="collapsed", wrap=True, on_change=_take_thumbnail,
            format_func=dict(zip(shown, pictures, strict=True)).__getitem__,
        )  # fmt: skip


@st.cache_data(max_entries=4096, show_spinner=False)
def thumbnail(path: Path) -> str:
    """A photo's central square, small, as a data address."""
    with Image.open(path) as photo:
        photo.draft("RGB", (2 * SIDE, 2 * SIDE))
        return square_address(photo, SIDE)


def _take(image_id: str | None, at: int) -> None:
    st.session_state[CASE] = image_id
    st.session_state[PAGE] = at // PER_PAGE + 1


def _take_thumbnail() -> None:
    st.session_state[CASE] = st.session_state[_GRID]


def _take_dot() -> None:
    points = st.session_state[_DOTS].selection.points
    if points:
        st.session_state[CASE] = as_given(points[0]["customdata"][0])


def to_first_page() -> None:
    """Show the first page of thumbnails again, since others are asked for."""
    st.session_state[PAGE] = 1


def archive_link(image_id: str) -> str:
    """The ISIC archive's record of one of its images; "" for other ids, which are no addresses."""
    return f"{_ARCHIVE}{image_id}/" if re.fullmatch(r"ISIC_\d+", image_id) else ""


def photo_paths(audited: Audited, ids: tuple[str, ...]) -> dict[str, Path]:
    """Where the photos of these images lie; empty where the data set is not at hand."""
    checkpoint, of = audited.checkpoint, audited.of or internal(audited.checkpoint.card)
    folder = checkpoint.folder / FOLDER / of.data_set
    return find_photographs(folder, of.data_set, ids, audited.table["image_id"], _photographs)


_photographs = st.cache_data(max_entries=16, ttl=600, show_spinner="Looking for the photos …")(photographs)


def show_case(audited: Audited, image_id: str) -> None:
    """An image's probabilities and metadata; its photo where the data set is present, and maps when they are asked for."""
    row = int(audited.table.index[audited.table["image_id"] == image_id][0])
    checkpoint, facts = audited.checkpoint, audited.table.loc[row]
    card, probabilities = checkpoint.card, audited.probabilities[row].astype(np.float32)
    prediction = Prediction(audited.classes, probabilities, frozenset(card.malignant))
    true_index = audited.classes.index(facts["dx"])
    showing, saying = st.columns([6, 7], gap="large")
    path = photo_paths(audited, (image_id,)).get(image_id)
    photo = None if path is None else uploaded_photo(path.name, path.read_bytes())
    with showing:
        if photo is not None:
            show_picture(photo.read().pixels, f"{image_id}, as it is in the data set", f"Photo {image_id}")
        st.caption(_metadata(facts))
    with saying:
        words, p = card.words, percent(prediction.confidence)
        true, predicted = escaped(words[facts["dx"]]), escaped(words[prediction.diagnosis])
        given = percent(float(probabilities[true_index]))
        wrong = prediction.index != true_index
        said = f"Predicted **{predicted}** ({p}); {true} gets {given}." if wrong else f"Predicted correctly ({p})."
        st.markdown(f"It is **{true}**. {said}")
        show_probabilities(prediction, checkpoint)
    if photo is not None:
        link_to("Classify", "Open in Classify", image=image_id, checkpoint=checkpoint.name)
    if photo is not None and st.toggle("Show where the model looked", key="maps", bind="query-params"):
        _show_maps(photo, checkpoint, true_index)


def _metadata(facts: pd.Series) -> str:
    image_id = facts["image_id"]
    link = archive_link(image_id)
    parts = [f"{image_id} [in the ISIC archive]({link})" if link else escaped(image_id)]
    if facts["lesion_id"] != image_id:
        parts.append(f"lesion {escaped(facts['lesion_id'])}")
    if AGE in facts:
        parts.append(f"age {escaped(facts[AGE].removesuffix('.0')) or 'unknown'}")
    parts += [f"{label.lower()} {escaped(value_words(facts[name]))}" for name, label in FACETS.items() if name in facts]
    return " · ".join(parts)


def _show_maps(photo: Photo, checkpoint: Checkpoint, true_index: int) -> None:
    """The model's input, and the attention maps of the predicted and of the true class, each named."""
    with st.spinner("The model looks at the photo …"):
        case = ask(photo, checkpoint)
    wanted = {case.answer.index: "the predicted class"} | (
        {true_index: "the true class"} if true_index != case.answer.index else {}
    )
    first, *others = st.columns(3)
    with first:
        show_picture(
            case.answer.prepared,
            f"Model input: what the model saw {size_words(case.answer.prepared)}",
            f"Model input of {photo.name}",
        )
    for column, (index, why) in zip(others, wanted.items(), strict=False):
        with column:
            named = class_with_probability(case.card, case.answer, index)
            title, alt = f"Attention map for {why}: {named}", f"Attention map for {named} laid over the model input"
            show_map(case.answer.prepared, case.attention(index), title, alt)
    st.caption(
        f"{escaped(checkpoint.name)} · {METHODS[DEFAULT_METHOD].label} · layer {checkpoint.card.attention_layer} · a map shows "
        "what raised the score of its class, not why."
    )
