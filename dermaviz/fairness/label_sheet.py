"""Labels for somebody's own images: a table as people keep them, matched to the images by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dermaviz.data.files import Named
from dermaviz.data.general import prepared_table
from dermaviz.data.readers import form_of
from dermaviz.data.tables import Columns, expect_columns, find_columns, parse_table, plain, some
from dermaviz.diagnoses import matched
from dermaviz.errors import DatasetError
from dermaviz.io import csv_text

MALIGNANT, BENIGN = "malignant", "benign"
"""Labels where the diagnosis is not known."""
COLUMNS = ("image", "label", "tone", "lesion_id", "group")


@dataclass(frozen=True, eq=False)
class LabelSheet:
    """Labels matched to photos.

    ``rows`` has a row per photo that has a label, in the sheet's order: ``photo`` (its place in the list of names), ``image``
    (its name), ``label`` (a class, or ``malignant`` or ``benign``), and ``tone``, ``lesion_id`` and ``group`` as they were
    given, "" where they were not. ``without_photo`` are names in the sheet that no photo bears, ``without_label`` are
    photos that no row names, and ``notes`` say what was guessed, a sentence each.
    """

    rows: pd.DataFrame
    without_photo: tuple[str, ...]
    without_label: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_label_sheet(
    content: bytes,
    names: Sequence[str],
    classes: Mapping[str, str],
    malignant: Iterable[str],
    columns: Columns | None = None,
    sheet: str = "labels.csv",
) -> LabelSheet:
    """Read a table of labels as data sets are read, and match its rows to photos.

    Delimiter, encoding, published forms and the usual names of columns are found as by
    :func:`~dermaviz.data.general.read_table`; a column ``group`` is kept as well. A diagnosis may be a class, its name in words
    or a part of that between slashes, another spelling in the table of diagnoses, or ``malignant`` or ``benign``.

    Args:
        content: bytes of the file ``sheet``.
        names: of the photos, with their folders if they came in one.
        classes: class to its name in words.
        malignant: the classes that count as malignant; where there are none, those two words are no labels.
        columns: which column holds what, where the names are not the usual ones.

    Raises:
        DatasetError: the file is no such table, a label is unknown or missing, a photo is named twice, a name fits several
            photos, or no name fits any.
    """
    asked, read = columns or Columns(), parse_table(content, sheet)
    form = form_of(read.frame)
    table, _ = prepared_table(read, sheet, asked, form, Path())
    frame = table.frame
    found = find_columns(frame, asked, form.columns)
    said = expect_columns(frame, sheet, asked, found)
    group = next((str(column) for column in frame if plain(column) == "group"), "")
    roles = (found.image, found.label, found.tone, found.lesion, group)
    rows = pd.DataFrame({wanted: frame[name] if name else "" for wanted, name in zip(COLUMNS, roles, strict=True)})
    rows = _with_photos(rows[rows["image"] != ""], names, found.image)
    kept = rows.dropna(subset=["photo"]).astype({"photo": int})
    labels, renamed = _labels(kept, classes, bool(set(malignant)))
    kept = kept.assign(image=[names[i] for i in kept["photo"]], label=labels)[["photo", *COLUMNS]]
    labelled = set(kept["photo"])
    return LabelSheet(
        kept.reset_index(drop=True),
        tuple(rows["image"][rows["photo"].isna()]),
        tuple(name for i, name in enumerate(names) if i not in labelled),
        (said, *table.notes, *form.notes, *renamed),
    )


def _with_photos(rows: pd.DataFrame, names: Sequence[str], column: str) -> pd.DataFrame:
    """The rows with the index of the photo that each names, missing where it is not here; ``column`` is that of the names."""
    photos = Named(names)
    rows = rows.assign(photo=[photos.place(name) for name in rows["image"]])
    there = rows["photo"].dropna()
    if there.empty:
        raise DatasetError(
            f"expected rows that name the photos ({some(names)}), found none that does; the first names are "
            f"{some(rows['image']) or 'empty'}. Write the photos' file names into the column {column!r}."
        )
    twice = [names[int(i)] for i, n in Counter(there).items() if n > 1]
    if twice:
        raise DatasetError(
            f"expected one row for each photo, found several for {len(twice)} ({some(twice)}). Keep one of them."
        )
    return rows


def template(names: Sequence[str]) -> bytes:
    """A CSV to fill in, with a row for each photo, or an example where there are none yet."""
    rows = [(name, "", "", "", "") for name in names or ("mole-1.jpg",)]
    return csv_text([("image", "diagnosis", "tone", "lesion_id", "group"), *rows], "\r\n").encode()


def _labels(kept: pd.DataFrame, classes: Mapping[str, str], malignant: bool) -> tuple[list[str], list[str]]:
    """The label of each row as the classes, or ``malignant`` and ``benign``, spell it; and which were taken for another's."""
    synonyms = {part: name for name, words in reversed(list(classes.items())) for part in (words, *words.split("/"))}
    empty = kept["image"][kept["label"] == ""].tolist()
    if empty:
        raise DatasetError(
            f"expected a diagnosis in every row, found none for {len(empty)} of {len(kept)} photos ({some(empty)}). "
            "Fill them in, or remove their rows."
        )
    given = sorted(set(kept["label"]))
    known = matched(given, [*classes, *((MALIGNANT, BENIGN) if malignant else ())], synonyms)
    unknown = [label for label in given if label not in known]
    if unknown:
        words = [name if name == spelt else f"{spelt} ({name})" for name, spelt in classes.items()]
        either = f", or {MALIGNANT} or {BENIGN}" if malignant else ""
        raise DatasetError(
            f"expected diagnoses among {', '.join(words)}{either}; found {some(map(repr, unknown))}. "
            "Correct the spelling, or remove rows of diagnoses that the model does not know."
        )
    other = [f"{label} as {known[label]}" for label in given if known[label] != label]
    return [known[label] for label in kept["label"]], [
        f"Labels read as the model's: {', '.join(other)}."
    ] if other else []
