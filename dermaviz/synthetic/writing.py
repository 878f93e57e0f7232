"""A drawn data set on disk, in the form that the readers take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from functools import partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from dermaviz.data.readers import COLUMNS, METADATA
from dermaviz.data.records import HAM10000, Dataset, Record
from dermaviz.data.split import split_by_group, write_manifest
from dermaviz.errors import DatasetError
from dermaviz.io import atomic_write, csv_of
from dermaviz.synthetic.drawing import SyntheticLesion, draw
from dermaviz.synthetic.fields import stream
from dermaviz.synthetic.instrument import lesions_like_ham10000
from dermaviz.synthetic.optics import ITA_RANGE
from dermaviz.synthetic.parameters import ARTEFACT_NAMES, FORMS, LAMPS, Camera, Form, Parameters

MANIFEST = "split.csv"
DRAWN = "drawn"
"""What the column ``dx_type`` says of every drawn lesion: nobody diagnosed it."""
_JPEG_QUALITY = 95
_PARTS = ("form", "camera")
"""The parameters that have parameters of their own; those stand in columns ``form_*`` and ``camera_*``."""


def write_dataset(folder: Path, n: int, seed: int = 0, *, size: int = 224, look: str = "schematic") -> Path:
    """Draw ``n`` images and write them as a data set that :func:`~dermaviz.data.readers.read_ham10000` reads.

    ``images/SYNTH_*.jpg``, ``masks/SYNTH_*_segmentation.png`` (0 skin, 255 lesion), ``split.csv`` (its lesions dealt to
    train, validation and test) and, last and at once, the metadata table: without it the folder is no data set. The
    table has HAM10000's columns followed by every parameter of the drawing, from which :func:`parameters_of` draws
    an image again, with its artefact masks. In the schematic look the diagnoses take turns, tones are even over the
    range of ITA, artefacts do not depend on the diagnosis, and about one lesion in three has two or three images; the
    others are :func:`~dermaviz.synthetic.instrument.lesions_like_ham10000`.

    Args:
        folder: is made if need be. n: number of images, at least 1. seed: fixes the data set.
        size: side of the pictures in pixels. look: a name in ``LOOKS``.

    Returns:
        ``folder``.

    Raises:
        DatasetError: ``n`` is below 1, ``size`` is out of range, the look is unknown, or the folder already holds a data set.
    """
    if n < 1:
        raise DatasetError(f"n: expected at least 1 image, found {n}. Ask for more.")
    if (folder / METADATA).exists():
        raise DatasetError(f"{folder}: expected no data set there, found {METADATA}. Choose an empty folder.")
    if look not in LOOKS:
        raise DatasetError(f"look: expected one of {', '.join(LOOKS)}, found {look!r}. Correct the spelling.")
    planned = list(islice(LOOKS[look](seed, size), n))
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    records = []
    for number, (lesion, parameters) in enumerate(tqdm(planned, desc="drawing", unit=" images")):
        record = _record(folder, f"SYNTH_{number:07d}", f"SYNTHL_{lesion:07d}", parameters)
        _write_pictures(folder, record, draw(parameters))
        records.append(record)
    write_manifest(
        split_by_group(Dataset(HAM10000.name, tuple(HAM10000.classes), tuple(records)), seed), folder / MANIFEST
    )
    _write_metadata(folder, records)
    return folder


def parameters_of(record: Record) -> Parameters:
    """The parameters that draw the image of a record again, with its masks, from what the metadata table says.

    Raises:
        DatasetError: the record is not of a drawn data set, or the table was changed.
    """
    try:
        form = Form(**_values(Form(), record.metadata, "form_"))
        camera = Camera(**_values(Camera(), record.metadata, "camera_"))
        own = _values(Parameters(), {**record.metadata, "dx": record.label})
        return Parameters(form=form, camera=camera, **own)
    except (KeyError, ValueError) as error:
        raise DatasetError(
            f"{record.image_id}: expected the parameters of a drawing in {METADATA}, found none that can be read "
            f"({error}). `dermaviz data synth` writes a data set that has them."
        ) from error


def is_drawn(dataset: Dataset) -> bool:
    """Whether all images of a data set are drawn ones, as far as its metadata says."""
    return len(dataset) > 0 and all(record.metadata.get("dx_type") == DRAWN for record in dataset.records)


def vary(form: Form, rng: np.random.Generator) -> Form:
    """A lesion near a typical form: what the form has is made weaker or stronger by up to a third."""
    values: dict[str, float] = {}
    for field in fields(form):
        low, high = (0.2, 0.75) if field.name == "diameter" else (0.0, 1.0)
        if field.name != "colours":
            value = getattr(form, field.name) * rng.uniform(0.67, 1.33)
            values[field.name] = round(float(np.clip(value, low, high)), 3)
    return replace(form, **values)  # type: ignore[arg-type]


def _parameters(seed: int, size: int) -> Iterator[tuple[int, Parameters]]:
    """Lesion after lesion without end, each with its images: the lesion's number and the parameters of one image."""
    lesion, labels = 0, tuple(HAM10000.classes)
    while True:
        rng = stream(seed, "data set", lesion)
        dx = labels[lesion % len(labels)]
        base = Parameters(
            dx=dx,
            ita=round(float(rng.uniform(*ITA_RANGE)), 1),
            seed=int(rng.integers(2**31)),
            size=size,
            form=vary(FORMS[dx], rng),
            redness=round(float(rng.uniform(0.2, 0.8)), 2),
            texture=round(float(rng.uniform(0.4, 0.9)), 2),
        )
        for view in range(int(rng.choice([1, 2, 3], p=[0.67, 0.2, 0.13]))):
            yield (
                lesion,
                replace(
                    base,
                    view=view,
                    artefacts=tuple(name for name in ARTEFACT_NAMES if rng.random() < 0.09),
                    lamp=str(rng.choice(list(LAMPS), p=[0.4, 0.25, 0.25, 0.1])),
                    uneven_light=round(float(rng.uniform(0, 0.7)), 2),
                    vignette=round(float(rng.uniform(0, 0.6)), 2),
                ),
            )
        lesion += 1


LOOKS = MappingProxyType[str, Callable[[int, int], Iterator[tuple[int, Parameters]]]](
    {
        "schematic": _parameters,
        "ham10000": lesions_like_ham10000,
        "ham10000-all-tones": partial(lesions_like_ham10000, all_tones=True),
    }
)
"""What a data set looks like: to function of its seed and its pictures' side. All are drawn; none is a photograph."""


def _record(folder: Path, image_id: str, lesion_id: str, parameters: Parameters) -> Record:
    metadata = dict.fromkeys((column for column in COLUMNS if column not in ("lesion_id", "image_id", "dx")), "")
    metadata["dx_type"] = DRAWN  # nobody's age, sex or site: left empty
    metadata |= _texts(parameters) | _texts(parameters.lesion_form, "form_") | _texts(parameters.camera, "camera_")
    del metadata["dx"]
    return Record(image_id, folder / "images" / f"{image_id}.jpg", parameters.dx, lesion_id, metadata)


def _write_pictures(folder: Path, record: Record, lesion: SyntheticLesion) -> None:
    Image.fromarray(lesion.image).save(record.path, quality=_JPEG_QUALITY, subsampling=0)
    mask = Image.fromarray(lesion.mask.astype(np.uint8) * np.uint8(255))
    mask.save(folder / "masks" / f"{record.image_id}_segmentation.png")


def _write_metadata(folder: Path, records: list[Record]) -> None:
    known = ({"lesion_id": r.lesion_id, "image_id": r.image_id, "dx": r.label, **r.metadata} for r in records)
    atomic_write(folder / METADATA, csv_of(pd.DataFrame(known), "\r\n"), error=DatasetError)


def _texts(part: Parameters | Form | Camera, prefix: str = "") -> dict[str, str]:
    """Each parameter as its column's text; several values are parted by spaces."""
    return {
        prefix + name: " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for name, value in _own(part).items()
    }


def _values(like: Parameters | Form | Camera, texts: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
    """The inverse of :func:`_texts`: each text as a value of the kind that stands in ``like``."""
    values: dict[str, Any] = {}
    for name, known in _own(like).items():
        text = texts[prefix + name]
        if isinstance(known, tuple):
            values[name] = tuple((type(known[0]) if known else str)(word) for word in text.split())
        else:
            values[name] = type(known)(text)
    return values


def _own(part: Parameters | Form | Camera) -> dict[str, Any]:
    """The parameters that have no parameters of their own."""
    return {field.name: getattr(part, field.name) for field in fields(part) if field.name not in _PARTS}
