"""Data: the real photographs that come with the package. Public domain (CC0), melanomas and nevi, easy and hard ones.

They are 24 of the half of isic-uda1 that may be chosen on, so the half that is reported never meets them. Each was reduced to at
most 600 pixels on its short side and saved as JPEG again.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("samples")


@dataclass(frozen=True)
class SamplePhoto:
    """A real photograph: its id in the ISIC archive, true diagnosis in words (``label``) and as HAM10000 codes it (``dx``),
    the patient's age in years and sex ("" where unknown), its source and licence."""

    image_id: str
    label: str
    dx: str
    age: str
    sex: str
    source: str
    licence: str

    @property
    def path(self) -> Path:
        """The JPEG file."""
        return FOLDER / f"{self.image_id}.jpg"


@cache
def sample_photos() -> tuple[SamplePhoto, ...]:
    """All of them, in the order in which they are offered."""
    with (FOLDER / "samples.csv").open(encoding="utf-8", newline="") as file:
        return tuple(SamplePhoto(**row) for row in csv.DictReader(file))
