"""Data: pictures that lie inside one file, MedMNIST's arrays and Hugging Face's Parquet, written out once as files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from dermaviz.data.pack import pack_root
from dermaviz.data.tables import split_word
from dermaviz.errors import DatasetError
from dermaviz.images import MIN_SIDE
from dermaviz.io import csv_of

INDEX = "rows.csv"
"""The table of an unpacked file: ``image`` (a file beside it), ``label``, ``split`` and the other columns."""
_DERMAMNIST = (
    "actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma", "benign keratosis-like lesions",
    "dermatofibroma", "melanoma", "melanocytic nevi", "vascular lesions",
)  # fmt: skip
"""DermaMNIST's labels 0 to 6 in words, as the package ``medmnist`` has them."""
_SPLITS = {"train": "train", "val": "validation", "test": "test"}
_ENDINGS = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"RIFF": ".webp", b"BM": ".bmp"}


def unpacked(files: list[Path], rows: Callable[[list[Path], Path], Iterator[dict[str, Any]]]) -> Path:
    """The table of pictures that lie in ``files``, written out in $DERMAVIZ_CACHE at first use.

    Args:
        rows: writes the pictures into the folder that it is given and yields the table's rows.

    Raises:
        DatasetError: a file cannot be read, or the pictures cannot be written.
    """
    facts = [f"{path.resolve()} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    key = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]
    folder = pack_root() / "unpacked" / f"{files[0].stem}-{key}"
    if (folder / INDEX).is_file():
        return folder / INDEX
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(parents=True)
        (unfinished / INDEX).write_bytes(csv_of(pd.DataFrame(list(rows(files, unfinished)))))
        unfinished.replace(folder)
    except OSError as failure:
        raise DatasetError(
            f"{folder}: expected to write the pictures of {files[0].name} there, found: {failure.strerror or failure}. Make "
            "room, or set DERMAVIZ_CACHE to another disk."
        ) from failure
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder / INDEX


def medmnist_rows(files: list[Path], folder: Path) -> Iterator[dict[str, Any]]:
    """The rows of a MedMNIST file: ``{train,val,test}_images`` uint8 ``[N, S, S(, 3)]`` and ``…_labels`` ``[N, 1]``."""
    (path,) = files
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            for part, split in _SPLITS.items():
                if f"{part}_images" in arrays:
                    images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
                    if images.dtype != np.uint8 or len(images) != len(labels):
                        raise ValueError(
                            f"{part}_images of {images.dtype}, {len(images):,} with {len(labels):,} labels"
                        )
                    if min(images.shape[1:3]) < MIN_SIDE:
                        raise ValueError(f"pictures of {images.shape[2]} × {images.shape[1]}, below {MIN_SIDE} pixels")
                    for i, (pixels, label) in enumerate(zip(images, labels.reshape(len(labels), -1), strict=True)):
                        name = f"{part}_{i:06d}.png"
                        Image.fromarray(pixels).save(folder / name)
                        yield {"image": name, "label": _medmnist_label(path, label), "split": split}
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as failure:
        raise DatasetError(
            f"{path}: expected MedMNIST's arrays (train_images, train_labels …), found {failure}. Take its file of 64 or more "
            "pixels."
        ) from failure


def _medmnist_label(path: Path, label: np.ndarray) -> str:
    if len(label) != 1:
        raise ValueError(f"{len(label)} labels for each image")
    number = int(label[0])
    return _DERMAMNIST[number] if path.stem.lower().startswith("dermamnist") else str(number)


def holds_pictures(path: Path) -> bool:
    """Whether a Parquet file holds pictures as Hugging Face's ``datasets`` writes them: a column of ``{bytes, path}``."""
    return _picture_column(path) is not None


def parquet_rows(files: list[Path], folder: Path) -> Iterator[dict[str, Any]]:
    """The rows of Parquet files with pictures; numbers of classes become their names, files' names give the splits."""
    import pyarrow.parquet as pq

    for at, path in enumerate(files):
        column, names = _picture_column(path), _class_names(path)
        number = 0
        for batch in pq.ParquetFile(path).iter_batches(batch_size=256):
            for row in batch.to_pylist():
                picture = row.pop(str(column)) or {}
                content = picture.get("bytes") or b""
                ending = next((end for magic, end in _ENDINGS.items() if content.startswith(magic)), ".img")
                stem = Path(str(picture.get("path") or f"{path.stem}-{number:06d}")).stem
                name = f"{at:02d}-{number:06d}-{stem}{ending}" if len(files) > 1 else f"{number:06d}-{stem}{ending}"
                (folder / name).write_bytes(content)
                number += 1
                for key in names.keys() & row.keys():
                    row[key] = names[key][row[key]] if row[key] is not None and row[key] >= 0 else None
                yield {"image": name, **row, "split": split_word(path.stem)}


def _picture_column(path: Path) -> str | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as failure:
        raise DatasetError(
            f"{path}: expected a Parquet file, found {failure}. Take its file of 64, 128 or 224 pixels."
        ) from failure
    for field in schema:
        if pa.types.is_struct(field.type) and {"bytes", "path"} <= {
            field.type.field(i).name for i in range(field.type.num_fields)
        }:
            return str(field.name)
    return None


def _class_names(path: Path) -> dict[str, list[str]]:
    """The names of the classes of each column that Hugging Face's metadata call a ``ClassLabel``."""
    import pyarrow.parquet as pq

    content = (pq.read_schema(path).metadata or {}).get(b"huggingface", b"{}")
    features = json.loads(content).get("info", {}).get("features", {})
    return {name: one["names"] for name, one in features.items() if isinstance(one, dict) and "names" in one}
