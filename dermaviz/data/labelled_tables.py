"""Data: tables of pictures and labels, one or several, as a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from dermaviz.data.folders import Folder, data_root, dataset_of, is_picture, spellings
from dermaviz.data.labels import NAMED
from dermaviz.data.records import Dataset, Record
from dermaviz.data.tables import (
    TABLE_SUFFIXES,
    Columns,
    Table,
    clean_labels,
    expect_columns,
    find_columns,
    likely_columns,
    open_table,
    some,
    split_word,
    without_a_role,
)
from dermaviz.errors import DatasetError

ONE_HOT = "label"
"""The column that stands in place of those of a one-hot truth."""
_YES = frozenset({"1", "1.0", "x", "true"})
_NO = frozenset({"", "0", "0.0", "false"})


@dataclass(frozen=True)
class Form:
    """How a published table differs from any other.

    ``columns`` are those whose names are not the usual ones; of the columns ``ask`` the user must say which holds the labels;
    ``prepare`` changes the table, given the folder that it lies in; of the columns ``marks`` each row has one marked, its
    label; ``notes`` are said of every such data set.
    """

    name: str = ""
    columns: Columns = field(default_factory=Columns)
    ask: tuple[str, ...] = ()
    prepare: Callable[[pd.DataFrame, Path], pd.DataFrame] = lambda frame, _: frame
    marks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def likely_table(place: Path, told: Columns | None = None) -> Columns | None:
    """The columns of the first table at a place that, as ``told``, or else by their names in other languages or what they hold,
    are of pictures that are there and of labels; None where there is none."""
    told = told or Columns()
    there = Folder(place)
    for path in tables_in(place):
        with suppress(DatasetError):
            frame = open_table(path).frame
            usual = find_columns(frame, told, Columns())
            found = replace(usual, **(likely_columns(frame, usual) | told.named))
            if not (found.image and found.label):
                continue
            if found.image not in frame:
                return found  # a column that was told and is not there: the reader says so
            names = frame[found.image].head(_LOOKED_AT)
            if 2 * sum(there.find(name, path.parent) is not None for name in names) >= len(names):
                return found
    return None


_LOOKED_AT = 100
"""Rows of a table whose pictures are looked for, to tell whether it is about these."""


def read_table(
    root: str | Path | None = None,
    columns: Columns | None = None,
    form: Form | None = None,
) -> Dataset:
    """Read tables with a column of images and one of labels, or with one-hot labels (``root``: a file, or their folder).

    Several tables are the splits that their names give (``train.csv``, ``test.csv``); one without labels that names the same
    images adds its columns. Images lie wherever below the folder, and are named with or without folders and suffix.
    Columns that are not named are found by their usual names. Each guess is a note; rows without a label or a picture, and
    pictures that no row names, are left out and said. Classes are in alphabetical order, or in that of the one-hot columns. All
    other columns become metadata, the patient's as ``patient_id``.

    Raises:
        DatasetError: no table, or several that nothing tells apart; no column of images or labels; no picture at all.
    """
    place, asked, form = data_root(root), columns or Columns(), form or Form()
    frame, chosen, notes, marks, files = _joined(place, asked, form)
    root_folder = place if place.is_dir() else place.parent
    name = form.name or (root_folder.resolve().name if place.is_dir() else place.stem)
    records, labels_said, skipped = _records(frame, chosen, Folder(root_folder), bool(asked.tone))
    if not records:
        raise DatasetError(
            f"{name}: expected pictures below {root_folder}, found none of the {len(frame):,} that the table names "
            f"({some(frame[chosen.image])}). Paths are taken relative to the table's folder, or to any folder below the root."
        )
    there = {record.label for record in records}
    if empty := [one for one in marks if one not in there]:
        labels_said.append(f"No image of {some(empty)}: not among the classes.")
    classes = [one for one in marks if one in there]
    made = dataset_of(name, records, [*notes, *labels_said, *form.notes], skipped, classes)
    return replace(made, files=files)


_FOLDER, _SPLIT, _KEY = ":folder", ":split", ":key"
"""Columns of our own: where the row's table lies, the split that its name gives, and the image as other tables name it."""


def prepared_table(table: Table, name: str, asked: Columns, form: Form, beside: Path) -> tuple[Table, tuple[str, ...]]:
    """A table as its form prepares it, one-hot labels as one column; and the columns that these were.

    Raises:
        DatasetError: it has several columns of labels, and the user must say which.
    """
    if form.ask and not asked.label:
        listed = ", ".join(f"{one} ({table.frame[one].nunique():,} classes)" for one in form.ask if one in table.frame)
        raise DatasetError(
            f"{form.name}: expected to be told which column holds the labels, found {listed}. "
            f"Say which: --columns label={form.ask[-1]}."
        )
    frame, notes = form.prepare(table.frame, beside), table.notes
    if asked.label or find_columns(frame, asked, form.columns).label:
        return Table(frame, notes), ()
    marks = one_hot(frame[[name for name in form.marks if name in frame]] if form.marks else frame)
    if marks:
        frame = from_one_hot(frame, marks, ONE_HOT)
        notes = (*notes, f"{name}: labels from the columns {', '.join(marks)}, one mark in each row.")
    return Table(frame, notes), marks


def one_hot(frame: pd.DataFrame) -> tuple[str, ...]:
    """The columns that together hold one mark (1, x) in every row, if the table has such: a label as challenges give it."""
    marks = {
        str(column): frame[column].str.lower().isin(_YES)
        for column in frame
        if column and set(frame[column].str.lower()) <= _YES | _NO
    }
    whole = len(marks) > 1 and bool((pd.DataFrame(marks).sum(axis=1) == 1).all())
    return tuple(marks) if whole else ()


def from_one_hot(frame: pd.DataFrame, classes: Sequence[str], label: str) -> pd.DataFrame:
    """The table with one column ``label`` in place of those of the classes."""
    marks = frame[list(classes)].apply(lambda column: column.str.lower().isin(_YES))
    return frame.drop(columns=list(classes)).assign(**{label: marks.idxmax(axis=1)})


def tables_in(place: Path) -> list[Path]:
    """The file itself, or the tables of a folder and of its sub-folders."""
    if place.is_file():
        return [place]
    found = sorted([*place.glob("*"), *place.glob("*/*")], key=lambda path: (len(path.parts), path))
    return [path for path in found if path.suffix.lower() in TABLE_SUFFIXES and path.name[0] != "." and path.is_file()]


def _joined(
    place: Path, asked: Columns, form: Form
) -> tuple[pd.DataFrame, Columns, list[str], tuple[str, ...], tuple[str, ...]]:
    """All rows with labels, the columns of other tables added; the columns' roles, what was guessed, one-hot classes, and what
    names files in that."""
    paths = tables_in(place)
    if not paths:
        raise DatasetError(f"expected a table ({', '.join(TABLE_SUFFIXES)}) at {place}, found none. Name the file.")
    tables: dict[Path, Table] = {}
    marks: tuple[str, ...] = ()
    notes: list[str] = []
    files = [name for path in paths for name in (path.name, f"{path.parent.name}/{path.name}")]
    for path in paths:
        try:
            tables[path], found = prepared_table(open_table(path), path.name, asked, form, path.parent)
        except DatasetError as refusal:
            if len(paths) == 1:
                raise
            notes.append(f"Not used: {refusal}")
            files.append(str(refusal))  # it may show a row
        else:
            marks = marks or found
    roles = {path: find_columns(table.frame, asked, form.columns) for path, table in tables.items()}
    labelled = [path for path, role in roles.items() if role.image and role.label]
    if not labelled:
        first = max(tables, key=lambda path: (bool(roles[path].image), len(tables[path].frame)), default=paths[0])
        frame = tables[first].frame if tables else pd.DataFrame()
        expect_columns(frame, first.name, asked, roles.get(first, Columns()))
    labelled = [path for path in labelled if len(path.parts) == len(labelled[0].parts)]
    frame, said_of_splits = _one_below_another({path: tables[path] for path in labelled}, place)
    image = roles[labelled[0]].image
    notes += [*said_of_splits, *(note for path in labelled for note in tables[path].notes)]
    for path in (path for path in tables if path not in labelled):
        joined = _with_columns_of(frame, image, tables[path].frame, roles[path].image)
        if joined is None:
            notes.append(f"{path.name} is not used: it names no images of this data set, or no labels.")
        else:
            notes.append(f"{path.name} adds its columns.")
            frame = joined
    chosen = find_columns(frame, asked, form.columns)
    said = expect_columns(frame, labelled[0].name, asked, chosen)
    notes += without_a_role(frame, asked, chosen)
    return frame, chosen, [said, *notes], marks, tuple(files)


def _one_below_another(labelled: Mapping[Path, Table], place: Path) -> tuple[pd.DataFrame, list[str]]:
    """The rows of all tables with labels, with the folder and the split of each; and that the tables are splits, if several."""
    splits = {path: split_word(path.stem) or split_word(path.parent.name) for path in labelled}
    splits = splits if len(labelled) > 1 else dict.fromkeys(labelled, "")
    if len(labelled) > 1 and (not all(splits.values()) or len(set(splits.values())) < len(splits)):
        raise DatasetError(
            f"{place}: expected one table with labels, or one for each split (train.csv, test.csv), found "
            f"{some(path.name for path in labelled)}. Name the file."
        )
    own = {path: {_FOLDER: str(path.parent), _SPLIT: splits[path]} for path in labelled}
    parts = [table.frame.assign(**own[path]) for path, table in labelled.items()]
    named = (f"{path.parent.name}/{path.name} ({splits[path]})" for path in labelled)
    said = [f"Splits are those of the tables: {', '.join(named)}."] if len(labelled) > 1 else []
    return pd.concat(parts, ignore_index=True).fillna(""), said


def _with_columns_of(frame: pd.DataFrame, image: str, other: pd.DataFrame, other_image: str) -> pd.DataFrame | None:
    """The table with what another says of the same images; None where less than half of either table is in the other."""
    if not other_image:
        return None
    keyed = other.assign(**{_KEY: [spellings(name)[-1] for name in other[other_image]]})
    keyed = keyed.drop_duplicates(_KEY).set_index(_KEY)
    keys = pd.Index([spellings(name)[-1] for name in frame[image]])
    if max(keys.isin(keyed.index).mean(), keyed.index.isin(keys).mean()) < 0.5:
        return None
    added = keyed.reindex(keys).fillna("").set_index(frame.index)
    both = [column for column in added if column in frame]
    return frame.assign(
        **{column: frame[column].where(frame[column] != "", added[column]) for column in both},
        **{str(column): added[column] for column in added if column not in both},
    )


def _records(
    frame: pd.DataFrame, chosen: Columns, folder: Folder, named_tone: bool
) -> tuple[list[Record], list[str], dict[str, list[str]]]:
    """The records of the rows that have a picture and a label, what was guessed of them, and the names of what was left out.

    With ``named_tone`` the column of tone is one that the user named: it comes before those of usual names.
    """
    labels, notes = clean_labels(frame[chosen.label].tolist())
    splits = _splits(frame, chosen, notes)
    used = {*(column for role, column in chosen.named.items() if role != "tone" or named_tone), _FOLDER, _SPLIT, ""}
    renamed = {"sex": chosen.sex, "age": chosen.age, f"{NAMED}{chosen.tone}": chosen.tone if named_tone else ""}
    skipped: dict[str, list[str]] = {
        why: [] for why in ("rows without a label", "rows whose picture is not there", "empty files")
    }
    several = Counter(frame[chosen.image])
    records, named = [], set[Path | None]()
    for row, label, split in zip(frame.to_dict("records"), labels, splits, strict=True):
        name, beside = row[chosen.image], Path(row[_FOLDER])
        path = folder.find(name, beside)
        named.add(path)
        if not label or path is None or path.stat().st_size == 0:
            why = "empty files" if path else "rows whose picture is not there"
            skipped[why if label else "rows without a label"].append(name or "an empty name")
            continue
        image_id = _image_id(name, path, folder.root, several[name] > 1)
        metadata = {str(key): value for key, value in row.items() if key not in used}
        metadata |= {key: row[column] for key, column in renamed.items() if column}
        patient = row[chosen.patient] if chosen.patient else ""
        if chosen.patient:
            metadata["patient_id"] = patient
        mask = folder.find(row[chosen.mask], beside) if chosen.mask else folder.mask(path)
        lesion = row[chosen.lesion] if chosen.lesion else ""
        records.append(Record(image_id, path, label, lesion or image_id, metadata, mask, patient, split))
    left = [path.relative_to(folder.root).as_posix() for path in folder.pictures if path not in named]
    return records, notes, {**skipped, "pictures that no row names": left}


def _image_id(name: str, path: Path, root: Path, repeated: bool) -> str:
    """The image as the table names it, without suffix; its path below the root where that is no name of its own."""
    if (repeated or Path(name).is_absolute()) and path.is_relative_to(root):
        return path.relative_to(root).with_suffix("").as_posix()
    return (Path(name).with_suffix("") if is_picture(Path(name)) else Path(name)).as_posix()


def _splits(frame: pd.DataFrame, chosen: Columns, notes: list[str]) -> list[str]:
    """The split of each row, by its column, else by the name of its table; "" where neither says one."""
    if not chosen.split:
        return frame[_SPLIT].tolist()
    splits = frame[chosen.split].map(split_word)
    strange = sorted(set(frame[chosen.split][splits == ""]) - {""})
    if strange:
        notes.append(f"Column {chosen.split!r} holds {some(map(repr, strange))}, which name no split: not used as one.")
    return splits.tolist() if not strange else [""] * len(frame)
