"""Widget: which photos to audit, and their labels — several files or a folder with a CSV, or nine drawn lesions to try it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import streamlit as st

from dermaviz.datasets.synthetic import Parameters
from dermaviz.errors import DatasetError
from dermaviz.fairness.label_sheet import read_label_sheet, template
from dermaviz.ui.answers import uploaded_photo
from dermaviz.ui.drawn import drawn_photo
from dermaviz.ui.resources import Checkpoint
from dermaviz.ui.skin_tone.own_images import MOST_PHOTOS, Labelled
from dermaviz.ui.skin_tone.own_images_wording import degrees
from dermaviz.ui.widgets.photo import EXTENSIONS
from dermaviz.ui.wording import class_names

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_CSV = ".csv"
_SHEET_HELP = (
    "A row for each photo, with the columns **image** (the file's name) and **diagnosis** (such as mel, melanoma, malignant "
    "or benign), and, if known, **tone**, **lesion_id** and **group**."
)
DRAWN = tuple(
    Labelled(drawn_photo(f"{dx}, ITA {degrees(ita)}", Parameters(dx=dx, ita=ita, seed=70 + 10 * i + j)), dx)
    for i, ita in enumerate((50, 15, -35))
    for j, dx in enumerate(("mel", "nv", "bkl"))
)
"""Nine drawn lesions, three diagnoses on three tones of skin: to see what an audit looks like, not what a model is worth."""


@dataclass(frozen=True)
class Chosen:
    """Photos to audit with their labels; ``without_photo`` and ``without_label`` as in ``fairness.label_sheet``, ``twice`` photos
    whose file is also there under another name."""

    labelled: tuple[Labelled, ...]
    without_photo: tuple[str, ...] = ()
    without_label: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()


def choose_images(checkpoint: Checkpoint) -> Chosen | None:
    """Ask for photos and their labels; None until both are there.

    Raises:
        DatasetError: there are too many photos, or the CSV and the photos do not fit.
    """
    source = st.segmented_control(
        "Photos from", tuple(_SOURCES), default="Photos", required=True, key="own", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return _SOURCES[source](checkpoint)


def matched(photos: list[UploadedFile], sheet: UploadedFile, checkpoint: Checkpoint) -> Chosen:
    """Photos with the labels that a CSV gives them; of photos that are one and the same file, the first.

    Raises:
        DatasetError: there are too many photos, or the CSV and the photos do not fit.
    """
    if len(photos) > MOST_PHOTOS:
        raise DatasetError(
            f"expected at most {MOST_PHOTOS} photos, found {len(photos):,}. Take a part of them, or audit a whole data set "
            "with `dermaviz audit`."
        )
    card = checkpoint.card
    names = [photo.name for photo in photos]
    found = read_label_sheet(sheet.getvalue(), names, class_names(card), card.malignant)
    labelled: dict[str, Labelled] = {}
    twice = []
    for row in found.rows.to_dict("records"):
        photo = uploaded_photo(row["image"], photos[row["photo"]].getvalue())
        if photo.key in labelled:
            twice.append(f"{photo.name} ({labelled[photo.key].photo.name})")
        else:
            labelled[photo.key] = Labelled(photo, row["label"], row["tone"], row["lesion_id"], row["group"])
    return Chosen(tuple(labelled.values()), found.without_photo, found.without_label, tuple(twice))


def _upload(checkpoint: Checkpoint, several: Literal[True, "directory"]) -> Chosen | None:
    files: list[UploadedFile] = st.file_uploader(
        "A folder of photos" if several == "directory" else "Photos of lesions", [*EXTENSIONS, _CSV[1:]],
        accept_multiple_files=several, key=f"own files {several}",
        help=f"JPEG, PNG or WebP, at most {MOST_PHOTOS}; their CSV may lie among them. They stay in memory and are never saved.",
    )  # fmt: skip
    sheets = [file for file in files if file.name.lower().endswith(_CSV)]
    photos = [file for file in files if file not in sheets]
    single = None if sheets else st.file_uploader("Their labels, a CSV", _CSV[1:], key="own labels", help=_SHEET_HELP)
    st.download_button(
        "Template to fill in (CSV)", template([photo.name for photo in photos]), "labels.csv", "text/csv", key="own template",
        on_click="ignore", icon=":material/download:",
    )  # fmt: skip
    if len(sheets) > 1:
        raise DatasetError(f"expected one CSV of labels, found {len(sheets)}. Remove all but one.")
    sheet = sheets[0] if sheets else single
    if not photos or sheet is None:
        missing = "photos" if sheet else "CSV that says what each of them shows" if photos else "photos and their CSV"
        st.caption(f"Waiting for the {missing}. {_SHEET_HELP}")
        return None
    return matched(photos, sheet, checkpoint)


def _drawn(_: Checkpoint) -> Chosen:
    st.caption(
        "Synthetic lesions (schematic): three forms on three tones of skin. To see what "
        "the audit shows; what a model is worth, only photos say."
    )
    return Chosen(DRAWN)


_SOURCES: Mapping[str, Callable[[Checkpoint], Chosen | None]] = MappingProxyType(
    {
        "Photos": lambda checkpoint: _upload(checkpoint, True),
        "A folder": lambda checkpoint: _upload(checkpoint, "directory"),
        "Nine drawn": _drawn,
    }
)
"""Where the photos come from, as the link says it."""
