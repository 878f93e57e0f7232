"""Reproduction: the images of a run. All rows with photos packed at the same size share one pack of the whole data set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dermaviz.datasets.catalogue import read_dataset
from dermaviz.datasets.pack import Pack, open_or_build_pack
from dermaviz.datasets.records import Dataset
from dermaviz.datasets.selection import select
from dermaviz.datasets.split import apply_split, named_manifest
from dermaviz.training.recipe import DataRecipe


@dataclass(frozen=True)
class Photos:
    """The selected records by split, the pack that holds their photos, and the hash of which they are."""

    splits: Mapping[str, Dataset]
    pack: Pack
    sha256: str

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the order of a learner's outputs."""
        return self.splits["test"].classes

    def counts(self) -> dict[str, dict[str, int]]:
        """Images of each class by split."""
        return {split: dataset.counts() for split, dataset in self.splits.items()}


def read_photos(data: DataRecipe, root: Path | None) -> Photos:
    """The images of a recipe. Read once for all rows of a sitting; packed once for all times.

    Raises:
        DatasetError: the data are absent or not as expected, or hold no such selection.
    """
    splits = selected(data, root)
    return Photos(splits, _pack(data.dataset, root, *data.pack), sha256_of(splits))


def selected(data: DataRecipe, root: Path | None) -> Mapping[str, Dataset]:
    """The selected records by split.

    Raises:
        DatasetError: as :func:`read_photos`.
    """
    whole = _whole(data.dataset, root)
    return select(apply_split(whole, named_manifest(data.manifest), leaky=data.leaky), data)


def sha256_of(splits: Mapping[str, Dataset]) -> str:
    """The hash of the records of all splits and of the classes."""
    lines = [f"{split} {dataset.sha256}" for split, dataset in splits.items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@lru_cache(maxsize=1)
def _whole(name: str, root: Path | None) -> Dataset:
    return read_dataset(name, root)


@lru_cache(maxsize=2)
def _pack(name: str, root: Path | None, height: int, width: int) -> Pack:
    return open_or_build_pack(_whole(name, root), height, width)
