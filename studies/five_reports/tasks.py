"""What two of the reports ask: benign or malignant, and one diagnosis against two others."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dermaviz.data.records import HAM10000
from dermaviz.data.selection import Task


def _sought(name: str, rest: tuple[str, ...]) -> Mapping[str, str]:
    """One diagnosis against some others."""
    return MappingProxyType({name: name, **dict.fromkeys(rest, "other")})


MALIGNANT = Task(
    "benign or malignant",
    ("benign", "malignant"),
    MappingProxyType({dx: "malignant" if dx in HAM10000.malignant else "benign" for dx in HAM10000.classes}),
    frozenset({"malignant"}),
)
MELANOMA = Task(
    "melanoma against benign keratosis and nevus", ("other", "mel"), _sought("mel", ("bkl", "nv")), frozenset({"mel"})
)
KERATOSIS = Task("benign keratosis against melanoma and nevus", ("other", "bkl"), _sought("bkl", ("mel", "nv")))
