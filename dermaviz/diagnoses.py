"""Diagnoses: one table of what labels mean, their names in words, other spellings, and whether they count as malignant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType


@dataclass(frozen=True)
class Diagnosis:
    """A diagnosis: its ``code``, its ``name`` in words, and whether it counts as ``malignant`` (None: that is disputed).

    ``also`` are other spellings that mean no more and no less, or that HAM10000 counts among it.
    """

    code: str
    name: str
    malignant: bool | None
    also: tuple[str, ...] = ()


_ROWS = (
    Diagnosis(
        "akiec", "actinic keratosis / intraepithelial carcinoma", True,
        ("actinic keratoses and intraepithelial carcinoma", "intraepithelial carcinoma", "bowens disease", "bowen disease"),
    ),
    Diagnosis("ak", "actinic keratosis", None, ("ack", "actinic keratoses", "solar keratosis")),
    Diagnosis("bcc", "basal cell carcinoma", True),
    Diagnosis("scc", "squamous cell carcinoma", True),
    Diagnosis(
        "bkl", "benign keratosis", False,
        (
            "benign keratosis like lesion", "benign keratosis like lesions", "seborrheic keratosis", "seborrhoeic keratosis",
            "sk", "sek", "solar lentigo", "lichenoid keratosis", "lichen planus like keratosis",
        ),
    ),
    Diagnosis("df", "dermatofibroma", False),
    Diagnosis("mel", "melanoma", True, ("malignant melanoma", "melanomas")),
    Diagnosis(
        "nv", "melanocytic nevus", False,
        ("nevus", "naevus", "nevi", "naevi", "nev", "melanocytic nevi", "melanocytic naevus", "melanocytic naevi"),
    ),
    Diagnosis("vasc", "vascular lesion", False, ("vascular", "vascular lesions", "angioma", "hemangioma", "haemangioma")),
    Diagnosis("benign", "benign", False, ("benign lesion", "non malignant", "not malignant", "no cancer")),
    Diagnosis("malignant", "malignant", True, ("malignant lesion", "malignancy", "cancer")),
)  # fmt: skip
DIAGNOSES: Mapping[str, Diagnosis] = MappingProxyType({row.code: row for row in _ROWS})


def spelt(label: str) -> str:
    """A label as labels are compared: without case, outer spaces and apostrophes, its words parted by one space."""
    return " ".join(re.sub(r"['’]", "", re.sub(r"[\s_\-/&.,]+", " ", label)).casefold().split())


@cache
def _spellings() -> Mapping[str, Diagnosis]:
    return {spelt(text): row for row in _ROWS for text in (row.code, row.name, *row.also)}


def diagnosis(label: str) -> Diagnosis | None:
    """What a label means, whatever its spelling (``MEL``, ``melanoma``, ``mel ``); None where the table does not know it."""
    return _spellings().get(spelt(label))


def names_of(labels: Iterable[str]) -> dict[str, str]:
    """Each label with its name in words, or itself where the table does not know it or knows two of them as one."""
    known = {label: diagnosis(label) for label in labels}
    meant = [row for row in known.values() if row]
    return {label: row.name if row and meant.count(row) == 1 else label for label, row in known.items()}


def malignant_among(labels: Iterable[str]) -> tuple[str, ...]:
    """Those of the labels that the table knows and counts as malignant, in their order."""
    return tuple(label for label in labels if (row := diagnosis(label)) and row.malignant)


def matched(labels: Iterable[str], classes: Sequence[str], synonyms: Mapping[str, str] | None = None) -> dict[str, str]:
    """The class that each label means: the same text, one of the ``synonyms`` (label → class), the same but for case and
    signs, or the same diagnosis. A label that means none of the classes, or more than one, is not in the answer.
    """
    given = {spelt(label): name for label, name in (synonyms or {}).items()}
    found = {}
    for label in labels:
        alike = [name for name in classes if spelt(name) == spelt(label)]
        same = [name for name in classes if (row := diagnosis(label)) and diagnosis(name) == row]
        named = [given[spelt(label)]] if given.get(spelt(label)) in classes else []
        for choice in ([label] if label in classes else [], named, alike, same):
            if len(choice) == 1:
                found[label] = choice[0]
                break
    return found
