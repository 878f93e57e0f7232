"""Data: what any data set is made of. Folders with one sub-folder a class, and tables of pictures and labels."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from dermaviz.data.files import Folder, is_date, is_picture, spellings
from dermaviz.data.records import Dataset, Record
from dermaviz.data.tables import (
    TABLE_SUFFIXES,
    Columns,
    Table,
    clean_labels,
    expect_columns,
    find_columns,
    from_one_hot,
    likely_columns,
    one_hot,
    parse_table,
    some,
    split_word,
    suggested,
    without_a_role,
)
from dermaviz.data.tone_labels import NAMED, tone_labels
from dermaviz.errors import DatasetError, ImageError
from dermaviz.images import read_image

ONE_HOT = "label"
"""The column that stands in place of those of a one-hot truth."""


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


def data_root(root: str | Path | None) -> Path:
    """The place of the data: ``root``, or ``$DERMAVIZ_DATA``.

    Raises:
        DatasetError: neither is given.
    """
    chosen = root or os.environ.get("DERMAVIZ_DATA")
    if not chosen:
        raise DatasetError(
            "expected the place of the data, found none. Give --data PATH or set DERMAVIZ_DATA; `dermaviz data download` "
            "says how to get the photos."
        )
    return Path(chosen)


def read_folders(root: str | Path | None = None, *, classes: Sequence[str] | None = None) -> Dataset:
    """Read a folder with one sub-folder per class: ``root/CLASS/…/picture.jpg`` (None: ``$DERMAVIZ_DATA``).

    Folders named after splits (``train/CLASS/…``) give each image its split; a single folder round the classes is passed
    through, and so are folders that look like dates (``2021-03``). The classes are in alphabetical order unless ``classes`` gives
    another; an image's id is its path below ``root`` without suffix. Neither lesions nor patients are known from folders.

    Raises:
        DatasetError: there is no such folder or no picture in a sub-folder, or an image id twice.
    """
    folder = data_root(root)
    if not folder.is_dir():
        raise DatasetError(f"expected a folder with one sub-folder per class, found none at {folder}. Check the path.")
    notes = ["Labels are the names of the sub-folders."]
    found, files = (
        Folder(folder),
        [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")],
    )
    base = _round_classes(folder, found.pictures)
    if base != folder:
        notes.append("Passed through the one folder that holds those of the classes.")
    rows: list[tuple[Path, str, str]] = []
    alone: list[str] = []
    dated: dict[str, None] = {}
    for path in found.pictures:
        inner = path.relative_to(base).parts[:-1] if path.is_relative_to(base) else ()
        split = split_word(inner[0]) if len(inner) > 1 else ""
        inner = inner[1:] if split else inner
        dated |= dict.fromkeys(filter(is_date, inner))
        inner = tuple(part for part in inner if not is_date(part))
        if inner:
            rows.append((path, inner[0], split))
        else:
            alone.append(path.relative_to(folder).as_posix())
    if not rows:
        but = f" but those that look like dates ({some(dated)}), which are no classes" if dated else ""
        raise DatasetError(
            f"{folder}: expected sub-folders named after the classes, with pictures in them, found "
            f"{sum(path.is_dir() for path in folder.iterdir())} sub-folders and no picture in any{but}. Sort the pictures into "
            "one folder per class, or add a CSV of image and label."
        )
    if dated:
        notes.append(f"Folders that look like dates are no classes: {some(dated)}.")
    if any(split for *_, split in rows):
        notes.append("Splits are those of the folders.")
    labels, said = clean_labels([label for _, label, _ in rows])
    records = []
    for (path, _, split), label in zip(rows, labels, strict=True):
        image_id = path.relative_to(folder).with_suffix("").as_posix()
        records.append(Record(image_id, path, label, image_id, {}, found.mask(path), "", split))
    others = sorted(path.relative_to(folder).as_posix() for path in files if not is_picture(path))
    unused = [name for name in others if Path(name).suffix.lower() in TABLE_SUFFIXES]
    if unused:
        notes.append(_not_used(folder, unused))
    made = _dataset(
        folder.resolve().name, records, [*notes, *said], classes,
        {"pictures outside the folders of the classes": alone, "files that are no pictures": others},
    )  # fmt: skip
    return replace(made, files=tuple(unused))


def likely_table(place: Path, told: Columns | None = None) -> Columns | None:
    """The columns of the first table at a place that, as ``told``, or else by their names in other languages or what they hold,
    are of pictures that are there and of labels; None where there is none."""
    told = told or Columns()
    there = Folder(place)
    for path in tables_in(place):
        with suppress(DatasetError):
            frame = parse_table(read_bytes(path), path.name).frame
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


def _not_used(folder: Path, tables: Sequence[str]) -> str:
    """That these tables were not used, the columns of the first, and the option that would have it used."""
    how = "`--columns image=…,label=…`"
    try:
        frame = parse_table(read_bytes(folder / tables[0]), tables[0]).frame
    except DatasetError:
        return f"Not used: {some(tables)}. If the labels are in a table, name its columns: {how}."
    return (
        f"Not used: {some(tables)}, with the columns {', '.join(map(str, frame))}. If the labels are there, name them: "
        f"{suggested(frame, Columns()) or how}."
    )


def _round_classes(folder: Path, pictures: Sequence[Path]) -> Path:
    """The folder below which the pictures part: a single folder round those of the classes is none of them."""
    while True:
        parts = {path.relative_to(folder).parts for path in pictures}
        first = {part[0] for part in parts if len(part) > 1}
        if len(first) != 1 or split_word(one := first.pop()) or min(map(len, parts)) < 3:
            return folder
        folder = folder / one


def read_table(
    root: str | Path | None = None,
    columns: Columns | None = None,
    form: Form | None = None,
    *,
    classes: Sequence[str] | None = None,
) -> Dataset:
    """Read tables with a column of images and one of labels, or with one-hot labels (``root``: a file, or their folder).

    Several tables are the splits that their names give (``train.csv``, ``test.csv``); one without labels that names the same
    images adds its columns. Images lie wherever below the folder, and are named with or without folders and suffix.
    Columns that are not named are found by their usual names. Each guess is a note; rows without a label or a picture, and
    pictures that no row names, are left out and said. Classes are in alphabetical order unless ``classes`` gives another, or
    in that of the one-hot columns. All other columns become metadata, the patient's as ``patient_id``.

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
    if marks and not classes:
        there = {record.label for record in records}
        classes = [one for one in marks if one in there]
        empty = [one for one in marks if one not in there]
        labels_said += [f"No image of {some(empty)}: not among the classes."] if empty else []
    made = _dataset(name, records, [*notes, *labels_said, *form.notes], classes, skipped)
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
            tables[path], found = prepared_table(
                parse_table(read_bytes(path), path.name), path.name, asked, form, path.parent
            )
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
        expect_columns(
            tables[first].frame if tables else pd.DataFrame(), first.name, asked, roles.get(first, Columns())
        )
    labelled = [path for path in labelled if len(path.parts) == len(labelled[0].parts)]
    frame, said_of_splits = _one_below_another({path: tables[path] for path in labelled}, place)
    image = roles[labelled[0]].image
    notes += [*said_of_splits, *(note for path in labelled for note in tables[path].notes)]
    for path in (path for path in tables if path not in labelled):
        joined = _with_columns_of(frame, image, tables[path].frame, roles[path].image)
        used = (
            "adds its columns"
            if joined is not None
            else "is not used: it names no images of this data set, or no labels"
        )
        notes.append(f"{path.name} {used}.")
        frame = frame if joined is None else joined
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
    parts = [
        table.frame.assign(**{_FOLDER: str(path.parent), _SPLIT: splits[path]}) for path, table in labelled.items()
    ]
    named = (f"{path.parent.name}/{path.name} ({splits[path]})" for path in labelled)
    said = [f"Splits are those of the tables: {', '.join(named)}."] if len(labelled) > 1 else []
    return pd.concat(parts, ignore_index=True).fillna(""), said


def _with_columns_of(frame: pd.DataFrame, image: str, other: pd.DataFrame, other_image: str) -> pd.DataFrame | None:
    """The table with what another says of the same images; None where less than half of either table is in the other."""
    if not other_image:
        return None
    keyed = (
        other.assign(**{_KEY: [spellings(name)[-1] for name in other[other_image]]})
        .drop_duplicates(_KEY)
        .set_index(_KEY)
    )
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
        "rows without a label": [],
        "rows whose picture is not there": [],
        "empty files": [],
    }
    several = Counter(frame[chosen.image])
    records, named = [], set[Path | None]()
    for row, label, split in zip(frame.to_dict("records"), labels, splits, strict=True):
        name, beside = row[chosen.image], Path(row[_FOLDER])
        path = folder.find(name, beside)
        named.add(path)
        reason = "rows without a label" if not label else "rows whose picture is not there" if path is None else ""
        if not reason and path is not None and path.stat().st_size == 0:
            reason = "empty files"
        if reason or path is None:
            skipped[reason].append(name or "an empty name")
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


def _dataset(
    name: str,
    records: Sequence[Record],
    notes: Sequence[str],
    classes: Sequence[str] | None,
    skipped: dict[str, list[str]],
) -> Dataset:
    said = [*notes, *_counted(records)]
    ordered = tuple(classes or sorted({record.label for record in records}))
    left_out = tuple((why, tuple(names)) for why, names in skipped.items() if names)
    return Dataset(name, ordered, tuple(records), tuple(said), left_out)


_MASKS, _TONE, _SPLITS = "Masks: ", "Skin tone in ", "Splits are given: "
"""How the notes begin that count images."""


def _counted(records: Sequence[Record]) -> list[str]:
    """The notes on these images that count some of them."""
    said = []
    if any(record.mask for record in records):
        said.append(
            f"{_MASKS}{sum(record.mask is not None for record in records):,} of {len(records):,} images have one."
        )
    facts = pd.DataFrame([dict(record.metadata) for record in records])
    if (tone := tone_labels(facts)) is not None:
        said.append(tone.said)
    for name in (str(column).removeprefix(NAMED) for column in facts if str(column).startswith(NAMED)):
        if tone is None or tone.column != name:
            said.append(
                f"{_TONE}{name!r} cannot be read: {some(facts[NAMED + name].unique())} are on no scale of tone."
            )
    given = Counter(record.split for record in records if record.split)
    if given:
        said.append(f"{_SPLITS}{', '.join(f'{split} {n:,}' for split, n in given.items())}.")
    return said


def recounted(dataset: Dataset) -> Dataset:
    """The data set with the counts in its notes as they are of the images that it holds now."""
    first = next((i for i, note in enumerate(dataset.notes) if note.startswith((_MASKS, _TONE, _SPLITS))), None)
    if first is None:
        return dataset
    rest = [note for note in dataset.notes[first:] if not note.startswith((_MASKS, _TONE, _SPLITS))]
    return replace(
        dataset,
        notes=(*dataset.notes[:first], *_counted(dataset.records), *rest),
    )


def without_refused(dataset: Dataset, suspects: Container[str]) -> Dataset:
    """The data set without those of the images ``suspects`` that are refused, be it by their headers or because they are damaged
    inside; these are counted and named.

    Raises:
        DatasetError: no picture is left.
    """
    refused = {}
    for record in dataset.records:
        if record.image_id in suspects:
            try:
                read_image(record.path)
            except ImageError as refusal:
                refused[record.image_id] = f"{record.path.name} ({str(refusal).removeprefix(f'{record.path.name}: ')})"
    if refused and len(refused) == len(dataset):
        first = next(iter(refused.values()))
        raise DatasetError(f"{dataset.name}: expected pictures that can be read, found none: {some([first])}")
    rest = dataset.take(record for record in dataset.records if record.image_id not in refused)
    left = (("pictures that are refused", tuple(refused.values())),) if refused else ()
    return recounted(replace(rest, skipped=(*dataset.skipped, *left)))


def read_bytes(path: Path) -> bytes:
    """The bytes of a table.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as failure:
        raise DatasetError(f"{path}: expected a table that can be read, found: {failure.strerror}.") from failure
