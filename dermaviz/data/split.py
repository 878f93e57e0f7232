"""Data: train / validation / test splits, grouped by lesion, kept in a committed manifest; and the leaky other kind."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from dermaviz.data.records import Dataset
from dermaviz.errors import DatasetError
from dermaviz.io import atomic_write, csv_text, from_csv_cell

Split = Literal["train", "validation", "test"]
MANIFESTS = Path(__file__).parent / "manifests"
SHARES = MappingProxyType({"train": 0.7, "validation": 0.1, "test": 0.2})
SPLITS: tuple[Split, ...] = get_args(Split)


@dataclass(frozen=True)
class Manifest:
    """Which split each image belongs to. ``sha256`` is that of the manifest file's bytes."""

    assignment: MappingProxyType[str, str]
    sha256: str


def split_by_lesion(dataset: Dataset, seed: int = 0) -> dict[str, str]:
    """Assign each image to train (70%), validation (10%) or test (20%), all images of a lesion together.

    Stratified: within each class the lesions are shuffled and dealt so that each split's share of images is as near its
    target as whole lesions allow. A lesion whose images carry several labels is dealt with its first image's class.
    """
    lesions: dict[str, list[str]] = defaultdict(list)
    label: dict[str, str] = {}
    for record in dataset.records:
        lesions[record.lesion_id].append(record.image_id)
        label.setdefault(record.lesion_id, record.label)
    assignment: dict[str, str] = {}
    for class_index, name in enumerate(dataset.classes):
        mine = sorted(lesion for lesion in lesions if label[lesion] == name)
        order = np.random.default_rng([seed, class_index]).permutation(len(mine))
        total = sum(len(lesions[lesion]) for lesion in mine)
        dealt = dict.fromkeys(SHARES, 0)
        for i in order:
            images = lesions[mine[i]]
            target = max(SHARES, key=lambda split: SHARES[split] * total - dealt[split])
            dealt[target] += len(images)
            assignment.update(dict.fromkeys(images, target))
    return dict(sorted(assignment.items()))


def split_by_image(dataset: Dataset, seed: int = 0) -> dict[str, str]:
    """Assign each image as :func:`split_by_lesion` does, but as if it were the only one of its lesion: lesions leak.

    This is how many published figures on HAM10000 came about. It is here to measure by how much they are too good.
    """
    alone = dataset.take(replace(record, lesion_id=record.image_id) for record in dataset.records)
    return split_by_lesion(alone, seed)


def write_manifest(assignment: dict[str, str], path: str | Path) -> Manifest:
    """Write ``image_id,split`` rows in order of ``image_id`` and return the manifest read back."""
    text = csv_text([("image_id", "split"), *sorted(assignment.items())])
    return read_manifest(atomic_write(path, text, error=DatasetError))


def read_manifest(path: str | Path) -> Manifest:
    """Read a manifest.

    Raises:
        DatasetError: the file is absent, names an unknown split, or lists an image twice.
    """
    if not Path(path).is_file():
        known = ", ".join(sorted(p.stem for p in MANIFESTS.glob("*.csv")))
        raise DatasetError(f"expected a split manifest at {path}, found none. Committed manifests: {known}.")
    content = Path(path).read_bytes()
    assignment: dict[str, str] = {}
    text = content.decode("utf-8-sig", errors="replace")  # spreadsheets put a mark in front
    for line, row in enumerate(csv.DictReader(io.StringIO(text, newline="")), start=2):
        image_id, split = from_csv_cell(row.get("image_id") or ""), row.get("split")
        if not image_id or split not in SPLITS:
            raise DatasetError(f"{path}, line {line}: expected image_id and one of {', '.join(SPLITS)}, found {row}.")
        if image_id in assignment:
            raise DatasetError(f"{path}, line {line}: expected each image once, found {image_id} again.")
        assignment[image_id] = split
    return Manifest(MappingProxyType(assignment), hashlib.sha256(content).hexdigest())


def named_manifest(name: str) -> Manifest:
    """A committed manifest by name, or one's own by path."""
    committed = MANIFESTS / f"{name}.csv"
    return read_manifest(committed if committed.is_file() else Path(name))


def apply_split(dataset: Dataset, manifest: Manifest, *, leaky: bool = False) -> dict[str, Dataset]:
    """The records of each split. Asserts that every image is assigned and, unless ``leaky``, that no lesion crosses.

    Raises:
        DatasetError: an image is not in the manifest, or a lesion has images in two splits.
    """
    unassigned = [r.image_id for r in dataset.records if r.image_id not in manifest.assignment]
    if unassigned:
        raise DatasetError(
            f"expected every image of {dataset.name} in the split manifest, found {len(unassigned)} without a split "
            f"({', '.join(unassigned[:3])}). Use the manifest made for this data, or `dermaviz data split` to make one."
        )
    seen: dict[str, str] = {}
    for record in () if leaky else dataset.records:
        split = manifest.assignment[record.image_id]
        if seen.setdefault(record.lesion_id, split) != split:
            raise DatasetError(
                f"expected all images of a lesion in one split, found lesion {record.lesion_id} in both "
                f"{seen[record.lesion_id]} and {split}. Test figures would be inflated: split by lesion, or set `leaky: true` "
                "in the recipe's `data` to measure by how much."
            )
    return {
        split: dataset.take(r for r in dataset.records if manifest.assignment[r.image_id] == split) for split in SPLITS
    }
