"""Data: photographs to show. Those that come with the package, and where those of a data set lie on this machine, remembered
beside its evidence or told by $DERMAVIZ_DATA.

The 24 that come with the package are in the public domain (CC0), melanomas and nevi, easy and hard ones. They are of the half of
isic-uda1 that may be chosen on, so the half that is reported never meets them. Each was reduced to at most 600 pixels on its
short side and saved as JPEG again.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from dermaviz.data.readers import find_photo, read_dataset
from dermaviz.data.records import HAM10000, Dataset
from dermaviz.data.tables import Columns, parse_columns
from dermaviz.errors import DatasetError
from dermaviz.io import atomic_write, read_json, to_json
from dermaviz.schema import build, validated

SAMPLES = Path(__file__).with_name("samples")
ENOUGH = 0.9
"""From this share of a data set's images on, a folder is that data set; an image without a label is no record of it."""
REMEMBERED = ".photographs.json"
"""Beside the evidence of a data set, and in no repository: it names a place on this machine."""


@validated(DatasetError, "photographs")
class Place:
    """Where a data set lies, by which reader it was read ("" for the one that fits), and which columns were named."""

    root: str
    reader: str = ""
    columns: Columns = field(default_factory=Columns)


def remember_place(folder: Path, dataset: Dataset) -> None:
    """Keep in ``folder`` where a data set was read from; nothing where it was not read from a place."""
    if dataset.place:
        root, reader, columns = dataset.place
        place = Place(root, reader, parse_columns(columns))
        atomic_write(folder / REMEMBERED, to_json(asdict(place)), error=DatasetError)


def remembered_place(folder: Path) -> Place | None:
    """Where the data set was read whose evidence lies in ``folder``; None where that is not remembered on this machine."""
    with suppress(DatasetError):
        return build(Place, read_json(folder / REMEMBERED, "a place of photographs", error=DatasetError))
    return None


def find_photographs(
    folder: Path,
    name: str,
    ids: Iterable[str],
    all_ids: Iterable[str],
    read: Callable[[Place], Mapping[str, Path]] | None = None,
) -> dict[str, Path]:
    """Where the photographs of these images lie; without those that are not at hand.

    Args:
        folder: with the evidence of the data set ``name``, and :data:`REMEMBERED` if an audit left it.
        all_ids: every image of the data set. Below $DERMAVIZ_DATA, in a folder of its name or right there, is only looked
            where :data:`ENOUGH` of them are: another data set's images may bear some of the names.
        read: :func:`photographs` (None), or that with a memory.
    """
    wanted, read = list(ids), read or photographs
    places = [place] if (place := remembered_place(folder)) else []
    if name == HAM10000.name:  # by their names, without reading the table
        for root in (*(place.root for place in places), None):
            found: dict[str, Path] = {}
            for image_id in wanted:
                with suppress(DatasetError):
                    found[image_id] = find_photo(root, image_id)
            if found:
                return found
    for place in places:
        known = read(place)
        found = {image_id: known[image_id] for image_id in wanted if image_id in known}
        if found:
            return found
    above, every = os.environ.get("DERMAVIZ_DATA", ""), set(all_ids)
    for below in (Path(above) / name, Path(above)) if above else ():
        known = read(Place(str(below)))
        if known and len(known.keys() & every) >= ENOUGH * len(every):
            return {image_id: known[image_id] for image_id in wanted if image_id in known}
    return {}


def photographs(place: Place) -> dict[str, Path]:
    """The photographs of a data set by image id; none where there is no data set."""
    try:
        dataset = read_dataset(place.reader, place.root, place.columns)
    except DatasetError:
        return {}
    return {record.image_id: record.path for record in dataset.records}


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
        return SAMPLES / f"{self.image_id}.jpg"


@cache
def sample_photos() -> tuple[SamplePhoto, ...]:
    """All of them, in the order in which they are offered."""
    with (SAMPLES / "samples.csv").open(encoding="utf-8", newline="") as file:
        return tuple(SamplePhoto(**row) for row in csv.DictReader(file))
