"""Data: train / validation / test splits, no patient or lesion in two of them, kept in a manifest; and the leaky other kind."""

from __future__ import annotations

import csv
import hashlib
import io
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from dermaviz.data.records import Dataset, Record
from dermaviz.errors import DatasetError
from dermaviz.io import atomic_write, csv_text, file_sha256, from_csv_cell

Split = Literal["train", "validation", "test"]
MANIFESTS = Path(__file__).parent / "manifests"
SHARES = MappingProxyType({"train": 0.7, "validation": 0.1, "test": 0.2})
SPLITS: tuple[Split, ...] = get_args(Split)
GIVEN = "given"
"""In place of a manifest's name: the splits that the data set brings along."""
LEAKY = "The given split is leaky"
"""How the note begins that stays with every figure on such a split."""
_FOLDS = 10


@dataclass(frozen=True)
class Manifest:
    """Which split each image belongs to. ``sha256`` is that of the manifest file's bytes; ``given`` if the data set came so."""

    assignment: MappingProxyType[str, str]
    sha256: str
    given: bool = False


def group_ids(dataset: Dataset) -> list[str]:
    """The group of each record that must not be parted: its patient, else its lesion, else the same file's content.

    Records that share a patient or a lesion are one group, and so are their other lesions. Content is compared where neither
    is known, and only between files of one size.
    """
    by_size: dict[int, list[Record]] = defaultdict(list)
    for record in dataset.records:
        if not record.patient_id and record.lesion_id == record.image_id and record.path.is_file():
            by_size[record.path.stat().st_size].append(record)
    content = {
        record.image_id: file_sha256(record.path)
        for alike in by_size.values() if len(alike) > 1 for record in alike
    }  # fmt: skip
    leads: dict[str, str] = {}

    def lead(key: str) -> str:
        while leads.setdefault(key, key) != key:
            leads[key] = key = leads[leads[key]]
        return key

    for record in dataset.records:
        keys = (f"patient {record.patient_id}" if record.patient_id else "", content.get(record.image_id, ""))
        for key in filter(None, keys):
            first, second = sorted((lead(key), lead(f"lesion {record.lesion_id}")))
            leads[second] = first
    return [lead(f"lesion {record.lesion_id}") for record in dataset.records]


def split_by_group(dataset: Dataset, seed: int = 0) -> dict[str, str]:
    """Assign each image to train (70%), validation (10%) or test (20%), those of a patient, lesion or file all together.

    Stratified by class. Without patients the groups of each class are shuffled and dealt so that each split's share of images
    is as near its target as whole groups allow; one whose images carry several labels is dealt with its first image's class.
    Patients have lesions of several classes: there scikit-learn's ``StratifiedGroupKFold`` makes tenths, given ten groups.
    """
    groups = dict(zip((record.image_id for record in dataset.records), group_ids(dataset), strict=True))
    if any(record.patient_id for record in dataset.records) and len(set(groups.values())) >= _FOLDS:
        return _tenths(dataset, groups, seed)
    return _dealt(dataset, groups, seed)


def split_by_image(dataset: Dataset, seed: int = 0) -> dict[str, str]:
    """Assign each image as :func:`split_by_group` does, but as if it were the only one of its lesion: lesions leak.

    This is how many published figures on HAM10000 came about. It is here to measure by how much they are too good.
    """
    return _dealt(dataset, {record.image_id: record.image_id for record in dataset.records}, seed)


def _dealt(dataset: Dataset, groups: dict[str, str], seed: int) -> dict[str, str]:
    members: dict[str, list[str]] = defaultdict(list)
    label: dict[str, str] = {}
    for record in dataset.records:
        members[groups[record.image_id]].append(record.image_id)
        label.setdefault(groups[record.image_id], record.label)
    assignment: dict[str, str] = {}
    for class_index, name in enumerate(dataset.classes):
        mine = sorted(group for group in members if label[group] == name)
        order = np.random.default_rng([seed, class_index]).permutation(len(mine))
        total = sum(len(members[group]) for group in mine)
        dealt = dict.fromkeys(SHARES, 0)
        for i in order:
            images = members[mine[i]]
            target = max(SHARES, key=lambda split: SHARES[split] * total - dealt[split])
            dealt[target] += len(images)
            assignment.update(dict.fromkeys(images, target))
    return dict(sorted(assignment.items()))


def _tenths(dataset: Dataset, groups: dict[str, str], seed: int) -> dict[str, str]:
    from sklearn.model_selection import StratifiedGroupKFold  # here, or every page would wait for it

    records = sorted(dataset.records, key=lambda record: record.image_id)
    labels = [record.label for record in records]
    if max(Counter(labels).values()) < _FOLDS:
        return _dealt(dataset, groups, seed)
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
    parts = ["test", "test", "validation", *["train"] * (_FOLDS - 3)]
    assignment = {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")  # fewer images of a class than tenths
        dealt = folds.split(labels, labels, [groups[record.image_id] for record in records])
        for split, (_, mine) in zip(parts, dealt, strict=True):
            assignment.update({records[i].image_id: split for i in mine})
    return dict(sorted(assignment.items()))


def write_manifest(assignment: dict[str, str], path: str | Path) -> Manifest:
    """Write ``image_id,split`` rows in order of ``image_id``, whole or not at all, and return the manifest.

    Raises:
        DatasetError: there is no image to assign, or the file cannot be written.
    """
    if not assignment:
        raise DatasetError(f"{path}: expected images to assign to splits, found none. Check the data set.")
    content = _manifest_bytes(assignment)
    manifest = _parsed_manifest(content, str(path))
    atomic_write(path, content, error=DatasetError)
    return manifest


def _manifest_bytes(assignment: dict[str, str]) -> bytes:
    return csv_text([("image_id", "split"), *sorted(assignment.items())]).encode()


def given_split(dataset: Dataset) -> Manifest:
    """The manifest of the splits that a data set brings along: its folders, its tables, or its column of splits.

    Raises:
        DatasetError: it gives none, or not for every image.
    """
    without = [record.image_id for record in dataset.records if not record.split]
    if without:
        raise DatasetError(
            f"{dataset.name}: expected a split of every image (folders train, validation, test; or a column of splits), found "
            f"none for {len(without):,} of {len(dataset):,} ({', '.join(without[:3])}). `dermaviz data split` makes one."
        )
    assignment = {record.image_id: record.split for record in dataset.records}
    manifest = _parsed_manifest(_manifest_bytes(assignment), dataset.name)
    return replace(manifest, given=True)


def read_manifest(path: str | Path) -> Manifest:
    """Read a manifest.

    Raises:
        DatasetError: the file is absent, names an unknown split, or lists an image twice.
    """
    if not Path(path).is_file():
        known = ", ".join(sorted(p.stem for p in MANIFESTS.glob("*.csv")))
        raise DatasetError(f"expected a split manifest at {path}, found none. Committed manifests: {known}.")
    return _parsed_manifest(Path(path).read_bytes(), str(path))


def _parsed_manifest(content: bytes, path: str) -> Manifest:
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


def manifest_path(name: str) -> Path:
    """Where a manifest lies: a committed one by name, or one's own by path."""
    committed = MANIFESTS / f"{name}.csv"
    return committed if committed.is_file() else Path(name)


def named_manifest(name: str) -> Manifest:
    """A committed manifest by name, or one's own by path."""
    return read_manifest(manifest_path(name))


def apply_split(dataset: Dataset, manifest: Manifest, *, leaky: bool = False) -> dict[str, Dataset]:
    """The records of each split, with notes on how they were parted and on what is not known of it.

    Asserts that every image is assigned and that no patient, lesion or file is in two splits. ``leaky`` allows that, and of
    splits that the data set brings along it is a note, which stays with every figure.

    Raises:
        DatasetError: an image is not in the manifest, or a patient, a lesion or a file is in two splits.
    """
    unassigned = [r.image_id for r in dataset.records if r.image_id not in manifest.assignment]
    if unassigned:
        raise DatasetError(
            f"expected every image of {dataset.name} in the split manifest, found {len(unassigned)} without a split "
            f"({', '.join(unassigned[:3])}). Use the manifest made for this data, or `dermaviz data split` to make one."
        )
    kind, across = ("", {}) if leaky else crossing(dataset, manifest.assignment)
    if across and not manifest.given:
        name, (first, second, *_) = next(iter(across.items()))
        raise DatasetError(
            f"expected all images of a {kind} in one split, found {kind} {name} in both {first} and {second}. Test figures would "
            f"be inflated: split anew with `dermaviz data split`, or set `leaky: true` in the recipe's `data` to measure by how "
            "much."
        )
    if across:
        note = (
            f"{LEAKY}: {len(across):,} {kind}{'s' if len(across) > 1 else ''} "
            f"{'are' if len(across) > 1 else 'is'} in more than one split, so figures on the test images are too good."
        )
    else:
        note = unknown_sentence(dataset.records)
    noted = replace(dataset, notes=(*dataset.notes, note))
    return {
        split: noted.take(r for r in dataset.records if manifest.assignment[r.image_id] == split) for split in SPLITS
    }


def crossing(dataset: Dataset, assignment: Mapping[str, str]) -> tuple[str, dict[str, list[str]]]:
    """What is in several splits, the coarsest first: ``patient``, ``lesion`` or ``file``, and by name the splits of each."""
    records, groups = dataset.records, group_ids(dataset)
    first = {group: record.image_id for group, record in zip(reversed(groups), reversed(records), strict=True)}
    kinds = {
        "patient": [record.patient_id for record in records],
        "lesion": [record.lesion_id for record in records],
        "file": [first[group] for group in groups],
    }
    for kind, names in kinds.items():
        splits: dict[str, list[str]] = defaultdict(list)
        for name, record in zip(names, records, strict=True):
            split = assignment[record.image_id]
            if name and split not in splits[name]:
                splits[name].append(split)
        across = {name: found for name, found in splits.items() if len(found) > 1}
        if across:
            return kind, across
    return "", {}


def leaks(notes: Iterable[str]) -> list[str]:
    """Those of the notes on a data set that say that its split is leaky."""
    return [note for note in notes if note.startswith(LEAKY)]


def unknown_sentence(records: Sequence[Record], *, split: bool = True) -> str:
    """By what the images were kept apart (without a ``split``: can be), and what is not known of them."""
    n = len(records)
    patients = sum(bool(record.patient_id) for record in records)
    lesions = sum(record.lesion_id != record.image_id for record in records)
    if patients == n:
        return "Split by patient: nobody is in two splits." if split else "Patients are known: it can be by patient."
    if patients:
        return f"Split by patient where one is named; of {n - patients:,} of {n:,} images the patient is not known."
    if lesions:
        some = "" if lesions == n else f" Of {n - lesions:,} of {n:,} images the lesion is not known either."
        return f"Split by lesion: patients are not known, so one person's lesions may be in two splits.{some}"
    return (
        "Neither patients nor lesions are known: photographs of one lesion, unless the same file, may be in two splits."
    )
