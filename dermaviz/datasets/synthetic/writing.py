"""Datasets, drawn lesions: a whole data set on disk, in the form that the readers take."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
from PIL import Image

from dermaviz.datasets.ham10000 import COLUMNS, METADATA
from dermaviz.datasets.specs import HAM10000
from dermaviz.datasets.synthetic.drawing import SyntheticLesion, draw
from dermaviz.datasets.synthetic.fields import stream
from dermaviz.datasets.synthetic.optics import ITA_RANGE
from dermaviz.datasets.synthetic.parameters import ARTEFACT_NAMES, FORMS, LAMPS, Form, Parameters
from dermaviz.errors import DatasetError

_JPEG_QUALITY = 95


def write_dataset(folder: Path, n: int, seed: int = 0, *, size: int = 224) -> Path:
    """Draw ``n`` images and write them as a data set that :func:`~dermaviz.datasets.ham10000.read_ham10000` reads.

    ``images/SYNTH_*.jpg``, ``masks/SYNTH_*_segmentation.png`` (0 skin, 255 lesion) and, written last, the metadata
    table with HAM10000's columns followed by every parameter of the drawing. The diagnoses take turns, tones are even
    over the range of ITA, and artefacts do not depend on the diagnosis. About one lesion in three has two or three
    images.

    Args:
        folder: is made if need be. n: number of images, at least 1. seed: fixes the data set.
        size: side of the pictures in pixels.

    Returns:
        ``folder``.

    Raises:
        DatasetError: ``n`` is below 1, or the folder already holds a data set.
    """
    if n < 1:
        raise DatasetError(f"n: expected at least 1 image, found {n}. Ask for more.")
    if (folder / METADATA).exists():
        raise DatasetError(f"{folder}: expected no data set there, found {METADATA}. Choose an empty folder.")
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (lesion, parameters) in zip(range(n), _parameters(seed, size), strict=False):
        image_id = f"SYNTH_{number:07d}"
        _write_pictures(folder, image_id, draw(parameters))
        rows.append(_row(image_id, f"SYNTHL_{lesion:07d}", parameters))
    with (folder / METADATA).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


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


def _write_pictures(folder: Path, image_id: str, lesion: SyntheticLesion) -> None:
    Image.fromarray(lesion.image).save(folder / "images" / f"{image_id}.jpg", quality=_JPEG_QUALITY, subsampling=0)
    mask = Image.fromarray(lesion.mask.astype(np.uint8) * np.uint8(255))
    mask.save(folder / "masks" / f"{image_id}_segmentation.png")


def _row(image_id: str, lesion_id: str, parameters: Parameters) -> dict[str, str]:
    known = {"lesion_id": lesion_id, "image_id": image_id, "dx": parameters.dx, "dx_type": "drawn"}
    row = {column: known.get(column, "") for column in COLUMNS}  # nobody's age, sex or site: left empty
    row |= {name: str(value) for name, value in asdict(parameters).items() if name not in ("dx", "form", "artefacts")}
    row["artefacts"] = " ".join(parameters.artefacts)
    return row | {f"form_{name}": f"{value:g}" for name, value in asdict(parameters.lesion_form).items()}
