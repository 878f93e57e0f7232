"""Datasets: a record is one image with its label and lesion; a data set is a list of them with its classes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dermaviz.errors import DatasetError


@dataclass(frozen=True)
class Record:
    """One image: where it lies, its diagnosis (``label``), the lesion it shows, and what else is known of it.

    ``mask`` is the file of the lesion's mask that came with the data set; None where none did.
    """

    image_id: str
    path: Path
    label: str
    lesion_id: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    mask: Path | None = None


@dataclass(frozen=True)
class Dataset:
    """Records in a fixed order, with the classes in the order of a classifier's outputs."""

    name: str
    classes: tuple[str, ...]
    records: tuple[Record, ...]

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            raise DatasetError(
                f"data set {self.name!r}: expected at least 2 classes, found {list(self.classes)}. "
                "A classifier has nothing to tell apart; check the folder or the label column."
            )
        ids = Counter(record.image_id for record in self.records)
        twice = [image_id for image_id, n in ids.items() if n > 1]
        if twice:
            raise DatasetError(
                f"data set {self.name!r}: expected each image id once, found {len(twice)} more than once "
                f"({', '.join(twice[:3])}). Rename the files or remove the duplicates."
            )
        unknown = sorted({record.label for record in self.records} - set(self.classes))
        if unknown:
            raise DatasetError(
                f"data set {self.name!r}: expected labels among {list(self.classes)}, found {unknown}. "
                "Correct the labels or name the additional classes."
            )

    def __len__(self) -> int:
        return len(self.records)

    @property
    def label_indices(self) -> list[int]:
        """The label of each record as an index into ``classes``."""
        index = {label: i for i, label in enumerate(self.classes)}
        return [index[record.label] for record in self.records]

    @property
    def sha256(self) -> str:
        """The hash of the images' ids, lesions, labels and file sizes, in order, and of the classes."""
        lines = [f"{r.image_id} {r.lesion_id} {r.label} {r.path.stat().st_size}" for r in self.records]
        return hashlib.sha256("\n".join([*self.classes, *lines]).encode()).hexdigest()

    def counts(self) -> dict[str, int]:
        """Number of images of each class, in the order of ``classes``; 0 where there are none."""
        found = Counter(record.label for record in self.records)
        return {label: found[label] for label in self.classes}

    def take(self, records: Iterable[Record]) -> Dataset:
        """The same data set with other records."""
        return Dataset(self.name, self.classes, tuple(records))
