"""Labels for somebody's own images: a CSV as spreadsheets write it, matched to the images by name."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from dermaviz.data.readers import IMAGE_COLUMNS, LABEL_COLUMNS, LESION_COLUMNS, SUFFIXES
from dermaviz.errors import DatasetError
from dermaviz.io import csv_text, from_csv_cell

MALIGNANT, BENIGN = "malignant", "benign"
"""Labels where the diagnosis is not known."""
COLUMNS = ("image", "label", "tone", "lesion_id", "group")
_NAMES: Mapping[str, Sequence[str]] = {
    "image": (*IMAGE_COLUMNS, "image_name", "file_name", "photo"),
    "label": LABEL_COLUMNS,
    "tone": ("tone", "skin_tone", "tone_group"),
    "lesion_id": LESION_COLUMNS,
    "group": ("group",),
}
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_LISTED = 5


@dataclass(frozen=True, eq=False)
class LabelSheet:
    """Labels matched to photos.

    ``rows`` has a row per photo that has a label, in the sheet's order: ``photo`` (its place in the list of names), ``image``
    (its name), ``label`` (a class, or ``malignant`` or ``benign``), and ``tone``, ``lesion_id`` and ``group`` as they were
    given, "" where they were not. ``without_photo`` are names in the sheet that no photo bears, ``without_label`` are
    photos that no row names.
    """

    rows: pd.DataFrame
    without_photo: tuple[str, ...]
    without_label: tuple[str, ...]


def read_label_sheet(
    content: bytes, names: Sequence[str], classes: Mapping[str, str], malignant: Iterable[str]
) -> LabelSheet:
    """Read a CSV of labels and match its rows to photos.

    Columns are separated by commas, semicolons or tabs and found by their usual names, whatever their case: one of image
    names, one of diagnoses, and, if there are any, of tone labels, lesion ids and groups. An image name fits a photo's with
    or without folder and ending. A diagnosis may be a class, its name in words or a part of that between slashes, or
    ``malignant`` or ``benign``.

    Args:
        content: bytes of the file.
        names: of the photos, with their folders if they came in one.
        classes: class to its name in words.
        malignant: the classes that count as malignant; where there are none, those two words are no labels.

    Raises:
        DatasetError: the file is no such CSV, a label is unknown or missing, a photo is named twice, a name fits several
            photos, or no name fits any.
    """
    table = _table(content)
    found = {wanted: _column(table, wanted) for wanted in COLUMNS}
    for needed in ("image", "label"):
        if found[needed] is None:
            raise DatasetError(
                f"expected a column named {' or '.join(_NAMES[needed][:4])}, found the columns "
                f"{', '.join(map(str, table.columns))}. Rename a column, or start from the template."
            )
    sheet = pd.DataFrame({wanted: table[name] if name is not None else "" for wanted, name in found.items()})
    sheet = sheet[sheet["image"] != ""]
    places = _places(sheet["image"], names)
    kept = sheet.assign(photo=places).dropna(subset=["photo"]).astype({"photo": int})
    if kept.empty:
        raise DatasetError(
            f"expected rows that name the photos ({_some(names)}), found none that does; the first names are "
            f"{_some(sheet['image']) or 'empty'}. Write the photos' file names into the column {found['image']!r}."
        )
    twice = [names[i] for i, n in Counter(kept["photo"]).items() if n > 1]
    if twice:
        raise DatasetError(
            f"expected one row for each photo, found several for {len(twice)} ({_some(twice)}). Keep one of them."
        )
    labels = _labels(kept, classes, bool(set(malignant)))
    rows = kept.assign(image=[names[i] for i in kept["photo"]], label=labels)[["photo", *COLUMNS]]
    labelled = set(kept["photo"])
    return LabelSheet(
        rows.reset_index(drop=True),
        tuple(sheet["image"][[place is None for place in places]]),
        tuple(name for i, name in enumerate(names) if i not in labelled),
    )


def template(names: Sequence[str]) -> bytes:
    """A CSV to fill in, with a row for each photo, or an example where there are none yet."""
    rows = [(name, "", "", "", "") for name in names or ("mole-1.jpg",)]
    return csv_text([("image", "diagnosis", "tone", "lesion_id", "group"), *rows], "\r\n").encode()


def _table(content: bytes) -> pd.DataFrame:
    if not content.strip():
        raise DatasetError("expected a CSV with a row for each photo, found an empty file. Start from the template.")
    if content.startswith(b"PK"):
        raise DatasetError("expected a CSV, found a spreadsheet's own format. Save it as CSV (UTF-8) and try again.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        raise DatasetError(
            f"expected a CSV in UTF-8, found another encoding at byte {failure.start:,}. Save it as CSV (UTF-8)."
        ) from failure
    header = text.lstrip().splitlines()[0]
    separator = max(_SEPARATORS, key=header.count)
    if not header.count(separator):
        raise DatasetError(
            f"expected columns separated by {', '.join(_SEPARATORS.values())}, found the one column {header[:60]!r}. "
            "Save the table as CSV with commas, or start from the template."
        )
    try:
        reader = csv.reader(io.StringIO(text.lstrip()), delimiter=separator)
        lines = [[from_csv_cell(cell.strip()) for cell in line] for line in reader]
    except csv.Error as failure:
        raise DatasetError(f"expected a CSV, found one that cannot be read ({failure}). Save it anew.") from failure
    columns, *rows = [line for line in lines if any(line)]
    if not rows:
        raise DatasetError("expected a row for each photo below the names of the columns, found none. Fill them in.")
    width = len(columns)
    table = pd.DataFrame([[*row, *[""] * width][:width] for row in rows], columns=columns, dtype=str)
    return table.loc[:, ~table.columns.duplicated()]


def _column(table: pd.DataFrame, wanted: str) -> str | None:
    """The first column that bears one of the usual names of what is wanted; spaces count as underscores."""
    bears = {str(name).lower().replace(" ", "_"): str(name) for name in reversed(table.columns)}
    return next((bears[name] for name in _NAMES[wanted] if name in bears), None)


def _places(listed: Iterable[str], names: Sequence[str]) -> list[int | None]:
    """For each name in the sheet, the index of the image that it means; None where it means none."""
    bearers: defaultdict[str, list[int]] = defaultdict(list)
    for i, name in enumerate(names):
        for spelling in _spellings(name):
            bearers[spelling].append(i)
    places: list[int | None] = []
    for name in listed:
        meant = next((bearers[spelling] for spelling in _spellings(name) if spelling in bearers), [])
        if len(meant) > 1:
            raise DatasetError(
                f"expected {name!r} to name one photo, found {len(meant)}: {_some(names[i] for i in meant)}. Rename the "
                "files, or write their folders and endings into the CSV as well."
            )
        places.append(meant[0] if meant else None)
    return places


def _spellings(name: str) -> list[str]:
    """How a file may be called, from the most exact: with its folders, without them, and both without its ending."""
    path = PurePosixPath(name.lower().replace("\\", "/"))
    whole = [path, PurePosixPath(path.name)]
    stems = [one.with_suffix("") for one in whole if one.suffix in SUFFIXES]
    return list(dict.fromkeys(map(str, [*whole, *stems])))


def _labels(kept: pd.DataFrame, classes: Mapping[str, str], malignant: bool) -> list[str]:
    """The label of each row as the classes, or ``malignant`` and ``benign``, spell it."""
    known = {name.lower(): name for name in classes}
    for name, spelt in classes.items():
        for spelling in (spelt, *spelt.split("/")):
            known.setdefault(" ".join(spelling.lower().split()), name)
    if malignant:
        known = {MALIGNANT: MALIGNANT, BENIGN: BENIGN} | known
    said = [" ".join(label.lower().split()) for label in kept["label"]]
    empty = [image for image, label in zip(kept["image"], said, strict=True) if not label]
    if empty:
        raise DatasetError(
            f"expected a diagnosis in every row, found none for {len(empty)} of {len(said)} photos ({_some(empty)}). "
            "Fill them in, or remove their rows."
        )
    unknown = sorted({given for given, label in zip(kept["label"], said, strict=True) if label not in known})
    if unknown:
        words = [name if name == spelt else f"{spelt} ({name})" for name, spelt in classes.items()]
        either = f", or {MALIGNANT} or {BENIGN}" if malignant else ""
        raise DatasetError(
            f"expected diagnoses among {', '.join(words)}{either}; found {_some(map(repr, unknown))}. "
            "Correct the spelling, or remove rows of diagnoses that the model does not know."
        )
    return [known[label] for label in said]


def _some(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    listed = list(names)
    more = len(listed) - _LISTED
    return ", ".join(listed[:_LISTED]) + (f" and {more} more" if more > 0 else "")
