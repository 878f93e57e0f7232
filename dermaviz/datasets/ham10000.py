"""Datasets: reader for a local folder of HAM10000 (``images/``, ``HAM10000_metadata.csv``, and ``masks/`` if present)."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from dermaviz.datasets.records import Dataset, Record
from dermaviz.datasets.specs import HAM10000
from dermaviz.errors import DatasetError

METADATA = "HAM10000_metadata.csv"
PHOTOS = (".jpg", ".jpeg", ".png", ".webp")
MASK_ENDING = "_segmentation"
"""What stands in the name of a mask's file between the image's id and ``.png``."""
COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")


def find_ham10000(root: Path | None = None) -> Path:
    """The HAM10000 folder at or below ``root``, or below ``$DERMAVIZ_DATA`` where ``root`` is None.

    Raises:
        DatasetError: no folder there holds ``HAM10000_metadata.csv``.
    """
    start = root or (Path(os.environ["DERMAVIZ_DATA"]) if os.environ.get("DERMAVIZ_DATA") else None)
    if start is None:
        raise DatasetError(
            "expected a data root, found none: give --data FOLDER or set DERMAVIZ_DATA. "
            "`dermaviz data download` says how to get the photos."
        )
    for folder in (start, start / "ham10000", start / "HAM10000"):
        if (folder / METADATA).is_file():
            return folder
    raise DatasetError(
        f"expected {METADATA} in {start} or in {start / 'ham10000'}, found neither. "
        "Point --data (or DERMAVIZ_DATA) at the folder; `dermaviz data download` says how to get it."
    )


def read_ham10000(root: Path | None = None) -> Dataset:
    """Read the records of HAM10000 (or of a data set in the same form) in order of ``image_id``.

    The seven labels are the classes of :data:`~dermaviz.datasets.specs.HAM10000`. Metadata keeps ``dx_type``, ``age``,
    ``sex``, ``localization`` and any further column as text; what is unknown is an empty string. An image's mask is
    ``masks/IMAGE_ID_segmentation.png`` (0 skin, 255 lesion); there may be none.

    Raises:
        DatasetError: the metadata lacks a column, or an image that it lists is not there.
    """
    folder = find_ham10000(root)
    try:
        table = pd.read_csv(folder / METADATA, dtype=str, keep_default_na=False)
    except ValueError as error:  # pandas' own parsing errors and wrong encodings are all of this kind
        raise DatasetError(
            f"{folder / METADATA}: expected a CSV table, found none: {error}. Use the published file."
        ) from error
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise DatasetError(
            f"{folder / METADATA}: expected columns {', '.join(COLUMNS)}, found no {', '.join(missing)}. "
            "Use the file as published (doi:10.7910/DVN/DBW86T)."
        )
    table = table.sort_values("image_id")
    present, masks = _pictures(folder / "images"), _pictures(folder / "masks")
    absent = [image_id for image_id in table["image_id"] if image_id not in present]
    if absent:
        raise DatasetError(
            f"{folder / 'images'}: expected {len(table)} images, found no file for {len(absent)} of them "
            f"({', '.join(absent[:3])}). `dermaviz data download` fetches what is missing."
        )
    kept = [column for column in table.columns if column not in ("lesion_id", "image_id", "dx")]
    records = (
        Record(
            row["image_id"],
            present[row["image_id"]],
            row["dx"],
            row["lesion_id"],
            {k: row[k] for k in kept},
            masks.get(f"{row['image_id']}{MASK_ENDING}"),
        )
        for row in table.to_dict("records")
    )
    return Dataset(HAM10000.name, tuple(HAM10000.classes), tuple(records))


def _pictures(folder: Path) -> dict[str, Path]:
    """The pictures in a folder by their names without suffix; none where there is no folder."""
    files = folder.iterdir() if folder.is_dir() else ()
    return {path.stem: path for path in files if path.suffix.lower() in PHOTOS}


def find_photo(root: Path | None, image_id: str) -> Path:
    """The photo of an image, without reading the whole data set.

    Raises:
        DatasetError: there is no data set, or no such photo in it.
    """
    folder = find_ham10000(root) / "images"
    paths = [folder / f"{image_id}{ending}" for ending in PHOTOS]
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        raise DatasetError(
            f"expected a photo at {paths[0]}, found none. `dermaviz data download` fetches what is missing."
        )
    return found
