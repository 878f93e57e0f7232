"""Data: what is known of a data set before it is read, and its records: image, label, lesion, mask."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from dermaviz.diagnoses import names_of
from dermaviz.errors import DatasetError


@dataclass(frozen=True)
class DatasetSpec:
    """What is known of a data set before it is read.

    ``classes`` maps each label to its name in words, in the order of a classifier's outputs; ``malignant`` names the
    labels counted as malignant. ``images`` and ``lesions`` are the published counts. ``collection`` is the number of
    the ISIC archive's collection, for the official download tool.
    """

    name: str
    classes: MappingProxyType[str, str]
    malignant: frozenset[str]
    images: int
    lesions: int
    collection: int
    licence: str
    citation: str
    homepage: str


HAM10000 = DatasetSpec(
    name="ham10000",
    classes=MappingProxyType(names_of(("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"))),
    malignant=frozenset({"akiec", "bcc", "mel"}),
    images=10_015,
    lesions=7_470,
    collection=212,
    licence="CC BY-NC 4.0",
    citation=(
        "P. Tschandl, C. Rosendahl, H. Kittler. The HAM10000 dataset, a large collection of multi-source dermatoscopic "
        "images of common pigmented skin lesions. Scientific Data 5:180161 (2018), doi:10.7910/DVN/DBW86T"
    ),
    homepage="https://doi.org/10.7910/DVN/DBW86T",
)

SPECS = MappingProxyType({HAM10000.name: HAM10000})


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
