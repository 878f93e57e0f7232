"""Datasets: readers for one's own pictures, a folder per class or a CSV with image path and label."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from dermaviz.datasets.records import Dataset, Record
from dermaviz.errors import DatasetError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".mpo")
IMAGE_COLUMNS = ("image", "image_path", "path", "file", "filename", "image_id")
LABEL_COLUMNS = ("label", "dx", "diagnosis", "class")
LESION_COLUMNS = ("lesion_id",)
_SPLIT_NAMES = frozenset({"train", "training", "val", "valid", "validation", "test"})
_log = logging.getLogger(__name__)


def read_folders(root: Path | None = None, *, classes: Sequence[str] | None = None) -> Dataset:
    """Read a folder with one sub-folder per class: ``root/CLASS/…/picture.jpg`` (None: ``$DERMAVIZ_DATA``).

    The classes are the sub-folders that hold a JPEG, PNG or WebP file, in alphabetical order unless ``classes`` gives
    another; an image's id is its path below ``root`` without suffix. Lesions are not known from folders: each image
    counts as its own, which is logged as a warning.

    Raises:
        DatasetError: there is no such folder or no picture in it, fewer than two classes, or an image id twice.
    """
    folder = _place(root)
    if not folder.is_dir():
        raise DatasetError(f"expected a folder with one sub-folder per class, found none at {folder}. Check the path.")
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = {path.name: pictures for path in below if (pictures := _pictures(path))}
    if not found:
        raise DatasetError(
            f"{folder}: expected sub-folders named after the classes, with JPEG, PNG or WebP files in them, found "
            f"{len(below)} sub-folders and no picture in any. Sort the pictures into one folder per class."
        )
    if {name.lower() for name in found} <= _SPLIT_NAMES:
        raise DatasetError(
            f"{folder}: expected sub-folders named after classes, found the names of splits ({', '.join(found)}). "
            f"Point at one of them, for instance {folder / next(iter(found))}."
        )
    _warn_without_lesions(folder)
    records = [
        Record(image_id, path, label, image_id)
        for label, paths in found.items()
        for path in paths
        for image_id in [path.relative_to(folder).with_suffix("").as_posix()]
    ]
    return Dataset(folder.resolve().name, tuple(classes or found), tuple(records))


def read_table(
    root: Path | None = None,
    *,
    image: str | None = None,
    label: str | None = None,
    lesion: str | None = None,
    classes: Sequence[str] | None = None,
) -> Dataset:
    """Read a CSV with a column of image paths and one of labels (a file, or a folder that holds a single CSV).

    ``image``, ``label`` and ``lesion`` name the columns; None takes the first of :data:`IMAGE_COLUMNS`,
    :data:`LABEL_COLUMNS` and :data:`LESION_COLUMNS` that is there. Paths are relative to the CSV's folder or to
    ``images`` in it, with or without suffix; without suffix they are the image ids. Without a column of lesions each
    image counts as its own lesion, which is logged as a warning. Classes are in alphabetical order unless ``classes``
    gives another. All other columns become metadata.

    Raises:
        DatasetError: no CSV, a column, label or image file is missing, fewer than two classes, or an image id twice.
    """
    path = _table_path(_place(root))
    table = _load_table(path)
    image_column = _column(path, table, "image paths", image, IMAGE_COLUMNS)
    label_column = _column(path, table, "labels", label, LABEL_COLUMNS)
    has_lesions = lesion is not None or any(name in table.columns for name in LESION_COLUMNS)
    lesion_column = _column(path, table, "lesions", lesion, LESION_COLUMNS) if has_lesions else None
    if lesion_column is None:
        _warn_without_lesions(path)
    rows = table.to_dict("records")
    files = _find_images(path, [row[image_column] for row in rows])
    _check_labels(path, [row[label_column] for row in rows])
    used = {image_column, label_column, lesion_column}
    records = []
    for row, file in zip(rows, files, strict=True):
        image_id = _without_suffix(row[image_column])
        of_lesion = row[lesion_column] if lesion_column else ""
        metadata = {str(name): value for name, value in row.items() if name not in used}
        records.append(Record(image_id, file, row[label_column], of_lesion or image_id, metadata))
    return Dataset(path.stem, tuple(classes or sorted({record.label for record in records})), tuple(records))


def _place(root: Path | None) -> Path:
    chosen = root or os.environ.get("DERMAVIZ_DATA")
    if not chosen:
        raise DatasetError("expected the place of the data, found none. Give --data PATH or set DERMAVIZ_DATA.")
    return Path(chosen)


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))


def _warn_without_lesions(place: Path) -> None:
    _log.warning(
        "%s names no lesions: each image counts as its own lesion. If a lesion was photographed twice, its photos may "
        "fall on both sides of a split; give a CSV with a lesion_id column to keep them together.",
        place,
    )


def _table_path(place: Path) -> Path:
    if place.is_file():
        return place
    tables = sorted(place.glob("*.csv")) if place.is_dir() else []
    if len(tables) != 1:
        names = ", ".join(table.name for table in tables[:5]) or "none"
        raise DatasetError(
            f"expected a CSV file, or a folder with a single one, at {place}; found {names}. Name the file."
        )
    return tables[0]


def _load_table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, OSError) as failure:  # pandas' parser errors and bad UTF-8 are ValueErrors
        raise DatasetError(f"{path}: expected a CSV in UTF-8, found one that cannot be read ({failure}).") from failure
    if table.empty:
        raise DatasetError(f"{path}: expected a row per image, found none. Check that this is the right file.")
    return table


def _column(path: Path, table: pd.DataFrame, holds: str, name: str | None, usual: Sequence[str]) -> str:
    wanted = [name] if name is not None else usual
    for column in wanted:
        if column in table.columns:
            return column
    raise DatasetError(
        f"{path}: expected a column of {holds} named {' or '.join(wanted)}, found the columns "
        f"{', '.join(map(str, table.columns))}. Rename the column, or say which one it is."
    )


def _find_images(path: Path, listed: Sequence[str]) -> list[Path]:
    found = [_locate(path.parent, name) for name in listed]
    absent = [name or "an empty path" for name, file in zip(listed, found, strict=True) if file is None]
    if absent:
        raise DatasetError(
            f"{path}: expected every listed image below {path.parent}, found no file for {len(absent)} "
            f"({', '.join(absent[:3])}). Paths are taken relative to the CSV's folder, or to images in it."
        )
    return [file for file in found if file is not None]


def _locate(folder: Path, listed: str) -> Path | None:
    places = (place / f"{listed}{suffix}" for place in (folder, folder / "images") for suffix in ("", *SUFFIXES))
    return next((path for path in places if path.is_file()), None)


def _without_suffix(listed: str) -> str:
    path = Path(listed)
    return path.with_suffix("").as_posix() if path.suffix.lower() in SUFFIXES else path.as_posix()


def _check_labels(path: Path, labels: Sequence[str]) -> None:
    unlabelled = [str(line) for line, label in enumerate(labels, start=2) if not label]
    if unlabelled:
        raise DatasetError(
            f"{path}: expected a label in every row, found none in {len(unlabelled)} "
            f"(lines {', '.join(unlabelled[:3])}). Fill them in or remove the rows."
        )
