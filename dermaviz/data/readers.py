"""Data: the readers. HAM10000 in its published form, folders with one sub-folder a class, and CSVs; one row each in READERS."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from dermaviz.data.records import HAM10000, Dataset, Record
from dermaviz.data.split import Manifest, apply_split, named_manifest
from dermaviz.errors import DatasetError

METADATA = "HAM10000_metadata.csv"
MASK_ENDING = "_segmentation"
"""What stands in the name of a mask's file between the image's id and ``.png``."""
COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".mpo")
IMAGE_COLUMNS = ("image", "image_path", "path", "file", "filename", "image_id")
LABEL_COLUMNS = ("label", "dx", "diagnosis", "class")
LESION_COLUMNS = ("lesion_id",)
_SPLIT_NAMES = frozenset({"train", "training", "val", "valid", "validation", "test"})
_log = logging.getLogger(__name__)


def find_ham10000(root: str | Path | None = None) -> Path:
    """The HAM10000 folder at or below ``root``, or below ``$DERMAVIZ_DATA`` where ``root`` is None.

    Raises:
        DatasetError: no folder there holds ``HAM10000_metadata.csv``.
    """
    start = _data_root(root)
    for folder in (start, start / "ham10000", start / "HAM10000"):
        if (folder / METADATA).is_file():
            return folder
    raise DatasetError(
        f"expected {METADATA} in {start} or in {start / 'ham10000'}, found neither. "
        "Point --data (or DERMAVIZ_DATA) at the folder; `dermaviz data download` says how to get it."
    )


def read_ham10000(root: str | Path | None = None) -> Dataset:
    """Read the records of HAM10000 (or of a data set in the same form) in order of ``image_id``.

    The seven labels are the classes of :data:`~dermaviz.data.records.HAM10000`. Metadata keeps ``dx_type``, ``age``,
    ``sex``, ``localization`` and any further column as text; what is unknown is an empty string. An image's mask is
    ``masks/IMAGE_ID_segmentation.png`` (0 skin, 255 lesion); there may be none.

    Raises:
        DatasetError: the metadata lacks a column, or an image that it lists is not there.
    """
    folder = find_ham10000(root)
    table = _read_csv(folder / METADATA)
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise DatasetError(
            f"{folder / METADATA}: expected columns {', '.join(COLUMNS)}, found no {', '.join(missing)}. "
            "Use the file as published (doi:10.7910/DVN/DBW86T)."
        )
    present, masks = _images_in(folder / "images"), _images_in(folder / "masks")
    absent = [image_id for image_id in sorted(table["image_id"]) if image_id not in present]
    if absent:
        raise DatasetError(
            f"{folder / 'images'}: expected {len(table)} images, found no file for {len(absent)} of them "
            f"({', '.join(absent[:3])}). `dermaviz data download` fetches what is missing."
        )
    records = []
    for row in table.sort_values("image_id").to_dict("records"):
        metadata = {str(name): row[name] for name in row if name not in ("lesion_id", "image_id", "dx")}
        image_id, mask = row["image_id"], masks.get(f"{row['image_id']}{MASK_ENDING}")
        records.append(Record(image_id, present[image_id], row["dx"], row["lesion_id"], metadata, mask))
    return Dataset(HAM10000.name, tuple(HAM10000.classes), tuple(records))


def find_photo(root: str | Path | None, image_id: str) -> Path:
    """The photo of an image, without reading the whole data set.

    Raises:
        DatasetError: there is no data set, or no such photo in it.
    """
    paths = [find_ham10000(root) / "images" / f"{image_id}{suffix}" for suffix in SUFFIXES]
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        raise DatasetError(
            f"expected a photo at {paths[0]}, found none. `dermaviz data download` fetches what is missing."
        )
    return found


def read_folders(root: str | Path | None = None, *, classes: Sequence[str] | None = None) -> Dataset:
    """Read a folder with one sub-folder per class: ``root/CLASS/…/picture.jpg`` (None: ``$DERMAVIZ_DATA``).

    The classes are the sub-folders that hold a JPEG, PNG or WebP file, in alphabetical order unless ``classes`` gives
    another; an image's id is its path below ``root`` without suffix. Lesions are not known from folders: each image
    counts as its own, which is logged as a warning.

    Raises:
        DatasetError: there is no such folder or no picture in it, fewer than two classes, or an image id twice.
    """
    folder = _data_root(root)
    if not folder.is_dir():
        raise DatasetError(f"expected a folder with one sub-folder per class, found none at {folder}. Check the path.")
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = {path.name: files for path in below if (files := sorted(filter(_is_image, path.rglob("*"))))}
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
    records = []
    for label, paths in found.items():
        for path in paths:
            image_id = path.relative_to(folder).with_suffix("").as_posix()
            records.append(Record(image_id, path, label, image_id))
    return Dataset(folder.resolve().name, tuple(classes or found), tuple(records))


def read_table(
    root: str | Path | None = None,
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
    path = _table_path(_data_root(root))
    table = _read_csv(path)
    image_column = _column(path, table, "image paths", image, IMAGE_COLUMNS)
    label_column = _column(path, table, "labels", label, LABEL_COLUMNS)
    has_lesions = lesion is not None or any(name in table.columns for name in LESION_COLUMNS)
    lesion_column = _column(path, table, "lesions", lesion, LESION_COLUMNS) if has_lesions else None
    if lesion_column is None:
        _warn_without_lesions(path)
    rows = table.to_dict("records")
    files = _find_images(path, [row[image_column] for row in rows])
    unlabelled = [str(line) for line, row in enumerate(rows, start=2) if not row[label_column]]
    if unlabelled:
        raise DatasetError(
            f"{path}: expected a label in every row, found none in {len(unlabelled)} "
            f"(lines {', '.join(unlabelled[:3])}). Fill them in or remove the rows."
        )
    used = {image_column, label_column, lesion_column}
    records = []
    for row, file in zip(rows, files, strict=True):
        listed = Path(row[image_column])
        image_id = (listed.with_suffix("") if listed.suffix.lower() in SUFFIXES else listed).as_posix()
        of_lesion = row[lesion_column] if lesion_column else ""
        metadata = {str(name): value for name, value in row.items() if name not in used}
        records.append(Record(image_id, file, row[label_column], of_lesion or image_id, metadata))
    return Dataset(path.stem, tuple(classes or sorted({record.label for record in records})), tuple(records))


def _data_root(root: str | Path | None) -> Path:
    chosen = root or os.environ.get("DERMAVIZ_DATA")
    if not chosen:
        raise DatasetError(
            "expected the place of the data, found none. Give --data PATH or set DERMAVIZ_DATA; `dermaviz data download` "
            "says how to get the photos."
        )
    return Path(chosen)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _images_in(folder: Path) -> dict[str, Path]:
    """The images in a folder by their names without suffix; none where there is no folder."""
    return {path.stem: path for path in filter(_is_image, folder.iterdir())} if folder.is_dir() else {}


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


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, OSError) as failure:  # pandas' parser errors and bad UTF-8 are ValueErrors
        raise DatasetError(
            f"{path}: expected a CSV in UTF-8, found one that cannot be read ({failure}). Save it again as UTF-8."
        ) from failure
    if table.empty:
        raise DatasetError(f"{path}: expected a row per image, found none. Check that this is the right file.")
    return table


def _column(path: Path, table: pd.DataFrame, holds: str, name: str | None, usual: Sequence[str]) -> str:
    wanted = [name] if name is not None else usual
    found = next((column for column in wanted if column in table.columns), None)
    if found is None:
        raise DatasetError(
            f"{path}: expected a column of {holds} named {' or '.join(wanted)}, found the columns "
            f"{', '.join(map(str, table.columns))}. Rename the column, or say which one it is."
        )
    return found


def _find_images(path: Path, listed: Sequence[str]) -> list[Path]:
    """The file of each image that a CSV lists, looked for beside it and in ``images``, with and without a suffix."""
    found: dict[str, Path] = {}
    for name in listed:
        places = (place / f"{name}{end}" for place in (path.parent, path.parent / "images") for end in ("", *SUFFIXES))
        file = next((place for place in places if place.is_file()), None)
        if file is not None:
            found[name] = file
    absent = [name or "an empty path" for name in listed if name not in found]
    if absent:
        raise DatasetError(
            f"{path}: expected every listed image below {path.parent}, found no file for {len(absent)} "
            f"({', '.join(absent[:3])}). Paths are taken relative to the CSV's folder, or to images in it."
        )
    return [found[name] for name in listed]


READERS: Mapping[str, Callable[[str | Path | None], Dataset]] = MappingProxyType(
    {"ham10000": read_ham10000, "folder": read_folders, "csv": read_table}
)


def read_dataset(name: str, root: str | Path | None) -> Dataset:
    """Read a data set with the reader of this name, from ``root`` (None: ``$DERMAVIZ_DATA``).

    Raises:
        DatasetError: there is no such reader, or the data are not as it expects them.
    """
    if name not in READERS:
        raise DatasetError(f"expected a data set among {', '.join(READERS)}, found {name!r}.")
    return READERS[name](root)


def read_splits(
    name: str, manifest: str, root: str | Path | None, *, leaky: bool = False
) -> tuple[dict[str, Dataset], Manifest]:
    """A data set's records by split. ``manifest`` is a committed manifest's name, or the path of one's own.

    Raises:
        DatasetError: as :func:`read_dataset`, and where the manifest does not fit or, unless ``leaky``, a lesion crosses.
    """
    chosen = named_manifest(manifest)
    return apply_split(read_dataset(name, root), chosen, leaky=leaky), chosen
