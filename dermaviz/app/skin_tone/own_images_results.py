"""Skin tone, your own images: upload with labels, counts with exact intervals, and image by image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dermaviz.app.bar import chosen_checkpoint
from dermaviz.app.case import ask, drawn_photo, uploaded_photo
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.frame import sentence_for_errors, stoppable
from dermaviz.app.link import choose, choose_button
from dermaviz.app.skin_tone.own_images import (
    ABOUT_LOOKING,
    ABOUT_TONE,
    MOST_PHOTOS,
    PREDICTED_OUTLINES,
    TRUE_OUTLINES,
    Examined,
    Found,
    Labelled,
    cannot_say,
    counts_sentence,
    examine_all,
    left_out_sentences,
    photo_sentences,
    photo_table,
    summary_sentence,
)
from dermaviz.app.text import class_with_probability, escaped
from dermaviz.app.widgets.chart import ink, show_chart, show_picture, show_table
from dermaviz.app.widgets.diagnosis import installed_detector
from dermaviz.app.widgets.panels import show_map
from dermaviz.attention.localisation import outlined
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS
from dermaviz.data.tables import TABLE_SUFFIXES, parse_columns
from dermaviz.errors import DatasetError
from dermaviz.evidence.images import TRAINED_ON
from dermaviz.fairness.looking import Difference, counts, counts_by, largest_difference, read_label_sheet, template
from dermaviz.fairness.tone_groups import GROUPS
from dermaviz.images import FORMATS_IN_WORDS, SUFFIXES
from dermaviz.plots.intervals import estimates_figure
from dermaviz.plots.theme import degrees
from dermaviz.synthetic import Parameters

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


_TABLES = [suffix[1:] for suffix in TABLE_SUFFIXES]
_SHEET_HELP = (
    "A CSV, TSV, Excel, Parquet or JSON lines file with a row for each photo. Its columns are **image** (the file's name) and "
    "**diagnosis** (such as mel, melanoma, malignant or benign). **tone**, **lesion_id** and **group** are used if known. "
    "Tables of ISIC, PAD-UFES-20, DDI, Fitzpatrick17k, Derm7pt and PH2 are read as they are."
)
DRAWN = tuple(
    Labelled(drawn_photo(f"{dx}, ITA {degrees(ita)}", Parameters(dx=dx, ita=ita, seed=70 + 10 * i + j)), dx)
    for i, ita in enumerate((50, 15, -35))
    for j, dx in enumerate(("mel", "nv", "bkl"))
)
"""Nine drawn lesions, three diagnoses on three tones of skin: to see what an audit looks like, not what a model is worth."""


@dataclass(frozen=True)
class Chosen:
    """Photos to audit with their labels; ``without_photo`` and ``without_label`` as in ``fairness.looking``, ``twice`` photos
    whose file is also there under another name; ``notes`` say what was guessed of the table of labels."""

    labelled: tuple[Labelled, ...]
    without_photo: tuple[str, ...] = ()
    without_label: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def choose_images(checkpoint: Checkpoint) -> Chosen | None:
    """Ask for photos and their labels; None until both are there."""
    offered = ("Photos", "A folder", "Nine drawn")
    source = choose_button("Photos from", offered, "own", label_visibility="collapsed")
    if source != "Nine drawn":
        return _upload(checkpoint, "directory" if source == "A folder" else True)
    st.caption(
        "Synthetic lesions (schematic): three forms on three tones of skin. To see what "
        "the audit shows; what a model is worth, only photos say."
    )
    return Chosen(DRAWN)


def matched(photos: list[UploadedFile], sheet: UploadedFile, checkpoint: Checkpoint, columns: str = "") -> Chosen:
    """Photos with the labels that a table gives them; of photos that are one and the same file, the first.

    Args:
        columns: which column holds what, as in ``label=verdict,tone=shade``, where the names are not the usual ones.

    Raises:
        DatasetError: there are too many photos, or the table and the photos do not fit.
    """
    if len(photos) > MOST_PHOTOS:
        raise DatasetError(
            f"expected at most {MOST_PHOTOS} photos, found {len(photos):,}. Take a part of them, or audit a whole data set "
            "with `dermaviz audit`."
        )
    card = checkpoint.card
    names = [photo.name for photo in photos]
    found = read_label_sheet(sheet.getvalue(), names, card.words, card.malignant, parse_columns(columns), sheet.name)
    labelled: dict[str, Labelled] = {}
    twice = []
    for row in found.rows.to_dict("records"):
        photo = uploaded_photo(row["image"], photos[row["photo"]].getvalue())
        if photo.key in labelled:
            twice.append(f"{photo.name} ({labelled[photo.key].photo.name})")
        else:
            labelled[photo.key] = Labelled(photo, row["label"], row["tone"], row["lesion_id"], row["group"])
    return Chosen(tuple(labelled.values()), found.without_photo, found.without_label, tuple(twice), found.notes)


def _upload(checkpoint: Checkpoint, several: Literal[True, "directory"]) -> Chosen | None:
    files: list[UploadedFile] = st.file_uploader(
        "A folder of photos" if several == "directory" else "Photos of lesions", [*SUFFIXES, *_TABLES],
        accept_multiple_files=several, key=f"own files {several}",
        help=f"{FORMATS_IN_WORDS}, at most {MOST_PHOTOS}; their table may lie among them. They are never saved.",
    )  # fmt: skip
    sheets = [file for file in files if file.name.lower().endswith(TABLE_SUFFIXES)]
    photos = [file for file in files if file not in sheets]
    single = None if sheets else st.file_uploader("Their labels, a table", _TABLES, key="own labels", help=_SHEET_HELP)
    st.download_button(
        "Template to fill in (CSV)", template([photo.name for photo in photos]), "labels.csv", "text/csv", key="own template",
        on_click="ignore", icon=":material/download:",
    )  # fmt: skip
    if len(sheets) > 1:
        raise DatasetError(f"expected one table of labels, found {len(sheets)}. Remove all but one.")
    sheet = sheets[0] if sheets else single
    if not photos or sheet is None:
        missing = (
            "photos" if sheet else "table that says what each of them shows" if photos else "photos and their table"
        )
        st.caption(f"Waiting for the {missing}. {_SHEET_HELP}")
        return None
    columns = st.text_input(
        "Columns",
        key="own columns",
        placeholder="label=verdict,tone=shade",
        help="Only where they have other names than usual.",
    )
    return matched(photos, sheet, checkpoint, columns)


_GROUPINGS = {
    "tone_group": "estimated skin tone",
    "tone": "tone label given",
    "group": "group given",
    "kind": "malignant or benign",
}
_FILE = (
    "image", "label", "predicted", "right", "p_predicted", "p_malignant", "looked", "flagged", "energy", "lesion_area", "mask",
    "ita", "tone_group", "tone_excluded", "tone_flags", "tone", "group", "lesion_id", "distance",
)  # fmt: skip


def show_counts(table: pd.DataFrame, key: str) -> None:
    """Counts as dots with exact intervals, and the same in words."""
    figure = estimates_figure(table, title="share of these photos, 0 to 1", ink=ink())
    show_chart(figure, key, counts_sentence(table))


def show_groups(photos: pd.DataFrame) -> Difference | None:
    """How many were right in each group, and the two largest groups beside each other, where there are two."""
    st.subheader("For whom is it right?", anchor=False)
    offered = {column: words for column, words in _GROUPINGS.items() if (photos[column] != "").any()}
    column = choose("Groups", offered, "own_groups", help=ABOUT_TONE)
    table = counts_by(photos, column, GROUPS)
    show_counts(table, f"own {column}")
    return largest_difference(table)


PER_ROW, ROWS = 3, 3
_GALLERY = "own-gallery"
_PHONE_LOOK = f"""<style>
@media (max-width: 640px) {{
  .st-key-{_GALLERY} [data-testid="stColumn"] [data-testid="stColumn"] {{ min-width: 0; flex: 1 1 calc(50% - 0.5rem); }}
}}
</style>"""
"""On a phone, a photo and its map stay side by side."""
_WHICH = {
    "all": lambda photos: photos,
    "wrong": lambda photos: photos[~photos["right"]],
    "right, but not looking at the lesion": lambda photos: photos[photos["flagged"]],
}


def show_gallery(found: Found, photos: pd.DataFrame, checkpoint: Checkpoint) -> None:
    """A page of the photos of a table, whose index is their place among those found."""
    st.subheader("Photo by photo", anchor=False)
    words = {name: f"{name[0].upper()}{name[1:]} ({len(pick(photos))})" for name, pick in _WHICH.items()}
    which = choose_button("Which photos", words, "own_which", label_visibility="collapsed")
    shown = _WHICH[which](photos)
    outlines = TRUE_OUTLINES if (photos["mask"] == "true").all() else PREDICTED_OUTLINES
    if shown.empty:
        st.info(f"No photo is {which}." if which != "all" else "There are no photos.")
        return
    each = PER_ROW * ROWS
    if len(shown) > each:
        at = st.pagination(-(-len(shown) // each), max_visible_pages=5, key="own_page")
        shown = shown.iloc[(at - 1) * each : at * each]
    st.html(_PHONE_LOOK)
    with st.container(key=_GALLERY):
        for first in range(0, len(shown), PER_ROW):
            for place, (index, row) in zip(
                st.columns(PER_ROW), shown.iloc[first : first + PER_ROW].iterrows(), strict=False
            ):
                with place.container(border=True, height="stretch"):
                    _show_photo(found.labelled[index], found.examined[index], row, checkpoint)
    st.caption(
        f"{checkpoint.name} · {METHODS[DEFAULT_METHOD].label} of the predicted class · layer {checkpoint.card.attention_layer}. "
        f"{outlines}"
    )


def _show_photo(labelled: Labelled, found: Examined, row: pd.Series, checkpoint: Checkpoint) -> None:
    """What the model saw with the lesion's outline, its map, and what was found, a line each."""
    photo, attended = labelled.photo, found.attention
    pixels = ask(photo, checkpoint).answer.prepared
    named = class_with_probability(checkpoint.card, found.prediction)
    left, right = st.columns(2)
    with left:
        caption = f"{'drawn, ' if photo.drawn else ''}{found.lesion.source} outline"
        show_picture(
            outlined(pixels, found.lesion.mask), caption, f"{photo.name} as the model sees it, the lesion outlined"
        )
    with right:
        if attended is None:
            st.info("This model gives no attention map.")
        else:
            alt = f"Attention map of {photo.name} for {named}"
            show_map(pixels, attended, f"Map for {named}", alt, mask=found.lesion.mask)
    st.markdown("  \n".join([f"**{escaped(photo.name)}**", *photo_sentences(checkpoint.card, labelled, found, row)]))


AT_ONCE = 12
"""Photos that are examined without a further word; more take a while, and say so first."""
SECONDS_PER_PHOTO = 0.5
_WANTED = "audits of own images asked for"
_INTRODUCTION = (
    "A class report tried its model on nine photos of darker skin. It was right on eight, and its attention lay in a corner. "
    "Try yours: how often is it right, how sure can so few photos make you, and does it look at the lesion?"
)


def show_own_images() -> None:
    """Photos of the user's own with their labels: counts, intervals, and each photo's attention."""
    st.markdown(_INTRODUCTION)
    asking, saying = st.columns([5, 8], gap="large")
    below = st.container()
    chosen = None
    with asking:
        checkpoint = chosen_checkpoint()
        with sentence_for_errors():
            chosen = choose_images(checkpoint)
    if chosen is None:
        saying.info("Once there are photos and labels, the counts appear here and each photo's attention map below.")
        return
    with saying, sentence_for_errors():
        found = _examined(chosen, checkpoint)
        if found is not None:
            _show(found, chosen, checkpoint, below)


def _examined(chosen: Chosen, checkpoint: Checkpoint) -> Found | None:
    """All photos examined, with a bar and a way to stop; None while many of them wait for the user's word."""
    n = len(chosen.labelled)
    names = " ".join([checkpoint.card.answers_sha256, *(labelled.photo.key for labelled in chosen.labelled)])
    this = hashlib.sha256(names.encode()).hexdigest()
    wanted: dict[str, bool] = st.session_state.setdefault(_WANTED, {})
    if not wanted.get(this, n <= AT_ONCE):
        st.info(
            f"{n} photos: about {n * SECONDS_PER_PHOTO:.0f} seconds on two free cores. Those already examined are remembered.",
            icon=":material/hourglass:",
        )
        st.button(f"Examine {n} photos", key="own start", type="primary", on_click=wanted.update, args=({this: True},))
        return None
    with stoppable("Stop", "own stop", wanted.update, {this: False}) as tell:
        return examine_all(
            chosen.labelled, checkpoint, lambda done: tell(done / n, f"The model looks at photo {done + 1} of {n} …")
        )


def _show(found: Found, chosen: Chosen, checkpoint: Checkpoint, below: DeltaGenerator) -> None:
    """The counts here, and ``below`` them the groups, what cannot be said, and photo by photo."""
    with sentence_for_errors():
        installed_detector(checkpoint)  # one sentence where it cannot be used
    verdict = st.container()
    kept = _counted(found, chosen, checkpoint)
    if kept.empty:
        verdict.info("No photo is left to count.")
        return
    whole = counts(kept)
    verdict.markdown(f"## {summary_sentence(kept, whole)}", help=ABOUT_LOOKING)
    show_counts(whole, "own counts")
    with below:
        left, right = st.columns(2, gap="large")
        with left:
            difference = show_groups(kept)
        with right:
            st.subheader("What so few photos cannot say", anchor=False)
            st.markdown("\n".join(f"- {line}" for line in cannot_say(checkpoint.card, kept, whole, difference)))
        show_gallery(found, kept, checkpoint)
        show_table(kept[list(_FILE)], f"{checkpoint.name}-own-images", "own images")


def _counted(found: Found, chosen: Chosen, checkpoint: Checkpoint) -> pd.DataFrame:
    """The photos that count, with a sentence for each reason for which others do not; that verdict can be overruled."""
    table = photo_table(found, checkpoint)
    refused = table["distance"].notna()
    names = table.loc[refused, "image"].tolist()
    if names and st.toggle(
        f"Count what does not look dermatoscopic as well ({len(names)})", key="own_refused", bind="query-params",
        help="The out-of-distribution check was made for dermatoscopic photos: drawings and other photos are strange to it.",
    ):  # fmt: skip
        names, refused = [], refused & False
    if chosen.notes:
        st.caption("How the table was read: " + escaped(" ".join(chosen.notes)))
    for sentence in left_out_sentences(found, names, chosen.without_photo, chosen.without_label, chosen.twice):
        st.warning(sentence, icon=":material/image_search:")
    trained = [
        labelled.photo.name
        for labelled, one in zip(found.labelled, found.examined, strict=True)
        if any(TRAINED_ON in sentence for sentence in one.prediction.notices)
    ]
    if trained:
        st.warning(
            f"The model was trained on {len(trained)} of these photos ({escaped(', '.join(trained[:3]))}"
            f"{' …' if len(trained) > 3 else ''}): figures on them are too good. Leave them out.",
            icon=":material/school:",
        )
    return table[~refused]
