"""Data: decoded images packed into one memory-mapped uint8 array, so that an epoch never waits for a decoder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dermaviz.data.records import Dataset, Record
from dermaviz.errors import DatasetError, ImageError
from dermaviz.images import cover, read_image
from dermaviz.io import atomic_write, file_sha256, read_json
from dermaviz.schema import build, validated

ARRAY = "images.npy"
MANIFEST = "manifest.json"
_ABANDONED_SECONDS = 3600


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
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    shape = (len(dataset), height, width, 3)
    images = _new_array(unfinished / ARRAY, shape)

    def fill(numbered: tuple[int, Record]) -> None:
        row, record = numbered
        try:
            pixels = read_image(record.path).pixels
        except ImageError as refusal:
            raise DatasetError(f"{record.path}: cannot be packed. {refusal}") from refusal
        images[row] = cover(pixels, height, width)

    try:
        with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
            filled = pool.map(fill, enumerate(dataset.records))
            list(tqdm(filled, total=len(dataset), desc=f"packing {dataset.name}", unit=" images"))
        images.flush()
        image_ids = [record.image_id for record in dataset.records]
        facts = {"shape": shape, "sha256": file_sha256(unfinished / ARRAY), "image_ids": image_ids}
        atomic_write(unfinished / MANIFEST, json.dumps(facts), error=DatasetError)
        try:
            unfinished.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process finished the same pack meanwhile
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
        shutil.rmtree(path.parent, ignore_errors=True)
        raise DatasetError(
            f"{path.parent}: expected {images.nbytes / 1e9:.2f} GB for the packed images, found: {failure.strerror}. Make room, "
            "or set DERMAVIZ_CACHE to another disk."
        ) from failure
    return images
