"""Drawn data sets: which lesions they hold, schematic or as HAM10000's cameras and clinics show them, and how they are
written to disk in the form that the readers take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from functools import partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.random import Generator
from PIL import Image
from tqdm import tqdm

from dermaviz.data.readers import COLUMNS, METADATA
from dermaviz.data.records import HAM10000, Dataset, Record
from dermaviz.data.split import split_by_group, write_manifest
from dermaviz.errors import DatasetError
from dermaviz.io import atomic_write, csv_of
from dermaviz.synthetic import SyntheticLesion, draw
from dermaviz.synthetic.fields import stream
from dermaviz.synthetic.optics import ITA_RANGE, linear_rgb, melanin_for_ita, reflectance
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
    others are :func:`lesions_like_ham10000`.

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


PIXELS = 150
"""Side in pixels of the central square of a photograph in the public copy (200 × 150)."""

LESIONS = MappingProxyType({"akiec": 228, "bcc": 327, "bkl": 727, "df": 73, "mel": 614, "nv": 5403, "vasc": 98})
"""Lesions of each diagnosis in HAM10000."""

TONE = (44.0, 6.0)
"""Mean and spread of ITA in degrees: the median published for ISIC 2018, whose lamps had been corrected for."""
_CONTRAST, _SATURATION = 1.1, 1.2


class Light(NamedTuple):
    """How skin comes out of one kind of instrument: means and spreads of log light, and the range of blur in pixels.

    ``exposure`` is the mean over the channels, ``red`` and ``blue`` are those channels over green.
    """

    exposure: tuple[float, float]
    red: tuple[float, float]
    blue: tuple[float, float]
    blur: tuple[float, float]


LIGHTS = MappingProxyType(
    {
        "rosy": Light((-0.86, 0.18), (0.93, 0.16), (0.09, 0.12), (0.1, 0.75)),
        "neutral": Light((-0.80, 0.26), (0.37, 0.14), (0.14, 0.11), (0.1, 0.6)),
        "dim": Light((-1.28, 0.30), (1.00, 0.35), (0.03, 0.20), (0.1, 0.75)),
    }
)
_SHARES = MappingProxyType({"nv": (0.63, 0.29, 0.08)})
_OTHER_SHARES = (0.12, 0.80, 0.08)
"""Shares of the lights: most nevi are rosy there and most of the rest is not, a shortcut open to any model."""


class Kind(NamedTuple):
    """One diagnosis: medians of diameter, pigment and blood, numbers of colours, and its structures.

    ``structures`` says how often each is there and how strong it is at most.
    """

    diameter: float
    pigment: float
    blood: float
    colours: tuple[int, int]
    structures: Mapping[str, tuple[float, float]]


KINDS = MappingProxyType(
    {
        "akiec": Kind(
            0.84, 0.012, 0.20, (1, 3), {"scale": (0.5, 0.5), "cysts": (0.2, 0.3), "arborising_vessels": (0.2, 0.15)}
        ),
        "bcc": Kind(
            0.56, 0.012, 0.15, (1, 2),
            {"arborising_vessels": (0.7, 0.30), "blue_nests": (0.35, 0.35), "white_patch": (0.4, 0.3)},
        ),
        "bkl": Kind(
            0.74, 0.10, 0.09, (1, 3),
            {"cysts": (0.35, 0.4), "comedo_openings": (0.25, 0.3), "ridges": (0.5, 0.6), "network": (0.2, 0.4)},
        ),
        "df": Kind(0.66, 0.05, 0.20, (1, 2), {"network": (0.5, 0.4), "white_patch": (0.7, 0.5)}),
        "mel": Kind(
            0.72, 0.14, 0.50, (2, 4),
            {
                "network": (0.5, 0.6), "globules": (0.35, 0.4), "streaks": (0.35, 0.4), "blue_white_veil": (0.3, 0.5),
                "white_patch": (0.2, 0.3),
            },
        ),
        "nv": Kind(0.58, 0.16, 0.52, (1, 3), {"network": (0.6, 0.7), "globules": (0.25, 0.3)}),
        "vasc": Kind(0.42, 0.01, 0.95, (1, 2), {"red_lacunae": (0.6, 0.3)}),
    }
)  # fmt: skip

_ARTEFACTS = MappingProxyType({"fine_hair": 0.30, "hair": 0.03, "glare": 0.02, "dark_corners": 0.02, "gel": 0.005})
"""How often each is seen on such pictures."""


def like_ham10000(dx: str, rng: Generator, size: int = 224) -> Parameters:
    """A lesion of this diagnosis as HAM10000 might show it; ``dataclasses.replace`` gives it another tone or camera.

    Args:
        dx: a label of HAM10000. rng: all is drawn from it. size: side of the picture in pixels.
    """
    return Parameters(
        dx=dx,
        ita=_between(rng.normal(*TONE), 20, 65, digits=1),
        seed=int(rng.integers(2**31)),
        size=size,
        form=_form(KINDS[dx], rng),
        artefacts=tuple(name for name, share in _ARTEFACTS.items() if rng.random() < share),
        redness=_between(rng.uniform(0.3, 0.7)),
        texture=_between(rng.uniform(0.3, 0.9)),
        mottling=_between(rng.uniform(0.3, 0.8)),
        uneven_light=_between(rng.uniform(0, 1)),
        vignette=_between(rng.uniform(0, 0.6)),
        camera=_camera(LIGHTS[str(rng.choice(list(LIGHTS), p=_SHARES.get(dx, _OTHER_SHARES)))], rng),
    )


def _between(value: float, low: float = 0.0, high: float = 1.0, digits: int = 3) -> float:
    return round(float(np.clip(value, low, high)), digits)


def _camera(light: Light, rng: Generator) -> Camera:
    """A camera in which plain skin of the usual tone comes out in this light."""
    exposure, red, blue = (rng.normal(*moments) for moments in light[:3])
    ratios = np.array([red, 0, blue]) - (red + blue) / 3
    blood = 0.017
    plain_skin = np.log(linear_rgb(reflectance(melanin_for_ita(TONE[0], blood), blood)))
    reds, greens, blues = np.exp((exposure + ratios / _SATURATION) / _CONTRAST - plain_skin)
    return Camera(
        gain=(_between(reds, 0.05, 5), _between(greens, 0.05, 5), _between(blues, 0.05, 5)),
        contrast=_CONTRAST,
        saturation=_SATURATION,
        pixels=PIXELS,
        blur=_between(rng.uniform(*light.blur), 0, 5),
        grain=_between(rng.lognormal(0.55, 0.4), 0, 10),
    )


def _form(kind: Kind, rng: Generator) -> Form:
    """A form of this kind. Pigment and blood go together: a faint lesion is faint in both."""
    strength = max(rng.normal(0, 0.55), -0.8)
    present = {
        name: _between(rng.uniform(0.2, 1) * most)
        for name, (share, most) in kind.structures.items()
        if rng.random() < share
    }
    return Form(
        diameter=_between(kind.diameter * rng.lognormal(0, 0.40), 0.15, 0.9),
        asymmetry=_between(rng.uniform(0.1, 0.8)),
        border=_between(rng.uniform(0.1, 0.6)),
        edge=_between(rng.uniform(0.7, 1)),
        colours=int(rng.integers(kind.colours[0], kind.colours[1] + 1)),
        pigment=_between(kind.pigment * rng.lognormal(strength, 0.55)),
        blood=_between(kind.blood * rng.lognormal(strength, 0.30)),
        elongation=_between(rng.uniform(0, 0.6)),
        fray=_between(rng.uniform(0.1, 0.8)),
        blotches=_between(rng.uniform(0.3, 1)),
        **present,
    )


def lesions_like_ham10000(seed: int, size: int = 224, *, all_tones: bool = False) -> Iterator[tuple[int, Parameters]]:
    """Lesion after lesion without end, as often of each diagnosis as in HAM10000: its number and one image's parameters.

    About one lesion in four has two or three images, taken by one camera. With ``all_tones`` the skin's ITA is even over
    its whole range, independent of all else; the masks stay the same.
    """
    labels, counts = list(LESIONS), np.array(list(LESIONS.values()))
    lesion = 0
    while True:
        rng = stream(seed, "like HAM10000", lesion)
        base = like_ham10000(str(rng.choice(labels, p=counts / counts.sum())), rng, size)
        if all_tones:
            base = replace(base, ita=_between(stream(seed, "tone", lesion).uniform(*ITA_RANGE), *ITA_RANGE, digits=1))
        for view in range(int(rng.choice([1, 2, 3], p=[0.74, 0.19, 0.07]))):
            yield lesion, replace(base, view=view)
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
