"""Data: what is known of a data set before it is read, and its records: image, label, lesion, mask."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from dermaviz.diagnoses import names_of
from dermaviz.errors import DatasetError


@dataclass(frozen=True)
class DatasetSpec:
    """What is known of a data set before it is read.

    ``classes`` maps each label to its name in words, in the order of a classifier's outputs; ``malignant`` names the
    labels counted as malignant. ``images`` and ``lesions`` are the published counts. ``collection`` is the number of
    the ISIC archive's collection, for the official download tool. ``limits`` say what a classifier trained on it cannot know.
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
    limits: str


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
    limits="Not for clinical (non-dermatoscopic) photographs. Its data show almost no brown and no dark skin.",
)

SPECS = MappingProxyType({HAM10000.name: HAM10000})


@dataclass(frozen=True)
class Record:
    """One image: where it lies, its diagnosis (``label``), the lesion it shows, and what else is known of it.

    ``mask`` is the file of the lesion's mask that came with the data set; None where none did. Where the lesion is not known
    ``lesion_id`` is the image's own id; ``patient_id`` and ``split`` (train, validation, test) are empty where none is given.
    """

    image_id: str
    path: Path
    label: str
    lesion_id: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    mask: Path | None = None
    patient_id: str = ""
    split: str = ""


def left_out_sentence(why: str, names: Sequence[str], most: int | None = None) -> str:
    """Why something was left out, how often, and the first names (None: all; 0: none, for what leaves this machine)."""
    if most == 0:
        return f"Left out: {why} ({len(names):,})."
    more = f" and {len(names) - most:,} more" if most and len(names) > most else ""
    return f"Left out: {why} ({len(names):,}): {', '.join(names[:most])}{more}."


@dataclass(frozen=True)
class Dataset:
    """Records in a fixed order, with the classes in the order of a classifier's outputs.

    ``notes`` say, one sentence each, what the reader guessed and what must be known of the figures; ``skipped`` holds what was
    left out: each reason with the names of files or rows. ``place`` is where it was read: root, reader and columns; empty for
    one that was read nowhere. ``files`` are the names of files and folders that the notes mention.
    """

    name: str
    classes: tuple[str, ...]
    records: tuple[Record, ...]
    notes: tuple[str, ...] = ()
    skipped: tuple[tuple[str, tuple[str, ...]], ...] = ()
    place: tuple[str, str, str] | tuple[()] = field(default=(), compare=False)
    files: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not self.classes:
            raise DatasetError(
                f"data set {self.name!r}: expected images with labels, found none. Check the folder or the label column."
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
        """The hash of the images' ids, lesions, patients, labels and file sizes, in order, and of the classes."""
        lines = [
            f"{r.image_id} {r.lesion_id} {r.label} {r.path.stat().st_size} {r.patient_id}".rstrip()
            for r in self.records
        ]
        return hashlib.sha256("\n".join([*self.classes, *lines]).encode()).hexdigest()

    def counts(self) -> dict[str, int]:
        """Number of images of each class, in the order of ``classes``; 0 where there are none."""
        found = Counter(record.label for record in self.records)
        return {label: found[label] for label in self.classes}

    def take(self, records: Iterable[Record]) -> Dataset:
        """The same data set with other records."""
        return replace(self, records=tuple(records))

    @property
    def said(self) -> tuple[str, ...]:
        """The notes, and a sentence for each reason for which something was left out, with its number and the first names: for
        whoever has the data before them."""
        return (*self.notes, *(left_out_sentence(why, names, 5) for why, names in self.skipped))

    @property
    def kept(self) -> tuple[str, ...]:
        """The same without a name of a file, a folder or a row: what evidence, cards and reports hold, which are sent on."""
        names = sorted({name for name in self.files if name}, key=len, reverse=True)
        pattern = re.compile("|".join(map(re.escape, names)))
        notes = [pattern.sub("the table", note) if names else note for note in self.notes]
        notes = [note[:1].upper() + note[1:] for note in notes]  # a sentence may have begun with a name
        return (*notes, *(left_out_sentence(why, names, 0) for why, names in self.skipped))
