"""Data: what is made once and kept in $DERMAVIZ_CACHE, whole or not at all.

Decoded images packed into one memory-mapped uint8 array, so that an epoch never waits for a decoder; and pictures that lie
inside one file, MedMNIST's arrays and Hugging Face's Parquet, written out as files.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from dermaviz.data.records import Dataset, Record
from dermaviz.data.tables import split_word
from dermaviz.errors import DatasetError, ImageError
from dermaviz.images import MIN_SIDE, cover, read_image
from dermaviz.io import atomic_write, csv_of, file_sha256, read_json
from dermaviz.schema import build, validated

ARRAY = "images.npy"
MANIFEST = "manifest.json"
_ABANDONED_SECONDS = 3600

INDEX = "rows.csv"
"""The table of an unpacked file: ``image`` (a file beside it), ``label``, ``split`` and the other columns."""
_DERMAMNIST = (
    "actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma", "benign keratosis-like lesions",
    "dermatofibroma", "melanoma", "melanocytic nevi", "vascular lesions",
)  # fmt: skip
"""DermaMNIST's labels 0 to 6 in words, as the package ``medmnist`` has them."""
_ENDINGS = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"RIFF": ".webp", b"BM": ".bmp"}


@dataclass(frozen=True)
class Pack:
    """Images of a data set: ``images`` is uint8 ``[N, H, W, 3]``, memory-mapped; row i shows ``image_ids[i]``."""

    images: NDArray[np.uint8]
    image_ids: tuple[str, ...]
    sha256: str

    def rows(self, dataset: Dataset) -> NDArray[np.int64]:
        """The row of each record of ``dataset``, in its order.

        Raises:
            DatasetError: an image is not in the pack.
        """
        position = {image_id: i for i, image_id in enumerate(self.image_ids)}
        absent = [record.image_id for record in dataset.records if record.image_id not in position]
        if absent:
            raise DatasetError(
                f"expected every image of {dataset.name} in the pack, found {len(absent)} that are not "
                f"({', '.join(absent[:3])}). Pack the data set that holds them."
            )
        return np.array([position[record.image_id] for record in dataset.records], dtype=np.int64)


@validated(DatasetError, "manifest")
class _Facts:
    """What a pack's manifest says."""

    shape: tuple[int, int, int, int]
    sha256: str
    image_ids: tuple[str, ...]


def pack_root() -> Path:
    """Where packs are kept: ``$DERMAVIZ_CACHE``, else ``~/.cache/dermaviz``."""
    return Path(os.environ.get("DERMAVIZ_CACHE") or Path.home() / ".cache" / "dermaviz")


def pack_folder(dataset: Dataset, height: int, width: int, root: Path | None = None) -> Path:
    """The folder of this data set's pack; its name holds a hash of the image ids, the file sizes and the shape."""
    lines = [f"{height}x{width}", *(f"{r.image_id} {r.path.stat().st_size}" for r in dataset.records)]
    key = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
    return (root or pack_root()) / f"{dataset.name}-{height}x{width}-{key}"


def open_or_build_pack(
    dataset: Dataset, height: int, width: int, *, root: Path | None = None, workers: int | None = None
) -> Pack:
    """The data set's images, each scaled to cover ``height`` × ``width`` and cropped centrally; built when absent.

    The pack is built in parallel under a temporary name and renamed once complete: an interrupted build is never taken
    for a whole one, and is started again. What a killed build left behind is removed once it is an hour old.

    Raises:
        DatasetError: an image is refused (named, with the reason), or the pack does not have the hash it was built with.
    """
    folder = pack_folder(dataset, height, width, root)
    for unfinished in folder.parent.glob(f"{folder.name}.*.tmp"):
        array = unfinished / ARRAY
        if array.is_file() and time.time() - array.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(unfinished, ignore_errors=True)
    if not folder.is_dir():
        _build(dataset, height, width, folder, workers)
    try:
        facts = build(_Facts, read_json(folder / MANIFEST, "a pack's manifest", error=DatasetError))
        found = file_sha256(folder / ARRAY)
    except (OSError, DatasetError) as error:
        raise DatasetError(
            f"{folder}: expected a pack ({ARRAY} and {MANIFEST}), found it incomplete or damaged ({error}). "
            "Delete the folder, it is rebuilt at the next use."
        ) from error
    if found != facts.sha256:
        raise DatasetError(
            f"{folder / ARRAY}: expected sha256 {facts.sha256[:12]}…, found {found[:12]}…. "
            "The packed images were changed or damaged: delete the folder, it is rebuilt at the next use."
        )
    return Pack(np.load(folder / ARRAY, mmap_mode="r"), facts.image_ids, found)


def _build(dataset: Dataset, height: int, width: int, folder: Path, workers: int | None) -> None:
    shape = (len(dataset), height, width, 3)
    with _made_whole(folder) as unfinished:
        images = _new_array(unfinished / ARRAY, shape)

        def fill(numbered: tuple[int, Record]) -> None:
            row, record = numbered
            try:
                pixels = read_image(record.path).pixels
            except ImageError as refusal:
                raise DatasetError(f"{record.path}: cannot be packed. {refusal}") from refusal
            images[row] = cover(pixels, height, width)

        with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
            filled = pool.map(fill, enumerate(dataset.records))
            list(tqdm(filled, total=len(dataset), desc=f"packing {dataset.name}", unit=" images"))
        images.flush()
        image_ids = [record.image_id for record in dataset.records]
        facts = {"shape": shape, "sha256": file_sha256(unfinished / ARRAY), "image_ids": image_ids}
        atomic_write(unfinished / MANIFEST, json.dumps(facts), error=DatasetError)


@contextmanager
def _made_whole(folder: Path) -> Iterator[Path]:
    """A folder to fill under a temporary name, renamed to ``folder`` once it is complete; removed where it is not."""
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        try:
            unfinished.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process finished the same one meanwhile
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _new_array(path: Path, shape: tuple[int, ...]) -> np.memmap[Any, np.dtype[np.uint8]]:
    """A memory-mapped array whose bytes the disk really has: a page that it lacks would end the process by SIGBUS.

    Raises:
        DatasetError: the disk is too full.
    """
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    try:
        if hasattr(os, "posix_fallocate"):
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as failure:
        raise DatasetError(
            f"{path.parent}: expected {images.nbytes / 1e9:.2f} GB for the packed images, found: {failure.strerror}. Make room, "
            "or set DERMAVIZ_CACHE to another disk."
        ) from failure
    return images


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
    try:
        with _made_whole(folder) as unfinished:
            (unfinished / INDEX).write_bytes(csv_of(pd.DataFrame(list(rows(files, unfinished)))))
    except OSError as failure:
        raise DatasetError(
            f"{folder}: expected to write the pictures of {files[0].name} there, found: {failure.strerror or failure}. Make "
            "room, or set DERMAVIZ_CACHE to another disk."
        ) from failure
    return folder / INDEX


def medmnist_rows(files: list[Path], folder: Path) -> Iterator[dict[str, Any]]:
    """The rows of a MedMNIST file: ``{train,val,test}_images`` uint8 ``[N, S, S(, 3)]`` and ``…_labels`` ``[N, 1]``."""
    (path,) = files
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            for part in ("train", "val", "test"):
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
                        yield {"image": name, "label": _medmnist_label(path, label), "split": split_word(part)}
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


def parquet_rows(files: list[Path], folder: Path) -> Iterator[dict[str, Any]]:
    """The rows of Parquet files with pictures; numbers of classes become their names, files' names give the splits."""
    import pyarrow.parquet as pq

    for at, path in enumerate(files):
        column, names = picture_column(path), _class_names(path)
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


def picture_column(path: Path) -> str | None:
    """The column of a Parquet file with pictures as Hugging Face's ``datasets`` writes them, ``{bytes, path}``; None of none."""
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
