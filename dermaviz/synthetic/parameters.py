"""The parameters of a drawing, checked when they are set, so that no drawing fails half-way."""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np

from dermaviz.data.records import HAM10000
from dermaviz.errors import DatasetError
from dermaviz.synthetic.artefacts import ARTEFACTS
from dermaviz.synthetic.optics import ITA_RANGE

MIN_SIZE, MAX_SIZE = 64, 1024
VIEWS = 4

LAMPS = MappingProxyType(
    {
        "daylight": (1.0, 1.0, 1.0),
        "pink": (1.18, 0.84, 1.02),
        "violet": (1.00, 0.88, 1.34),
        "orange": (1.15, 0.80, 0.62),
    }
)
"""Gains on linear red, green and blue. Only daylight (D65) keeps the measured ITA at the requested one."""

ARTEFACT_NAMES = tuple(ARTEFACTS)


def _check_range(name: str, value: object, low: float, high: float) -> None:
    if not isinstance(value, int | float | np.number) or not low <= value <= high:  # refuses NaN as well
        raise DatasetError(f"{name}: expected a number from {low:g} to {high:g}, found {value!r}. Choose one in it.")


def _check_whole(name: str, value: float, low: float, high: float) -> None:
    _check_range(name, value, low, high)
    if int(value) != value:
        raise DatasetError(f"{name}: expected a whole number, found {value!r}. Round it first.")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise DatasetError(f"{name}: expected one of {', '.join(choices)}, found {value!r}. Correct the spelling.")


@dataclass(frozen=True)
class Form:
    """The schematic form of a lesion: the ABCD of dermoscopy and its structures, each from 0 (none) to 1 (strong).

    ``asymmetry`` and ``border`` shape the outline; ``edge`` fades it (0 sharp, 1 soft); ``colours`` counts the colours
    in the lesion, 1 to 6; ``diameter`` is a share of the picture's side, 0.15 to 0.9. ``pigment`` is the melanin added
    to the skin's own, ``blood`` the added haemoglobin. ``elongation`` stretches the lesion, ``fray`` tears its border
    as clouds are torn, ``blotches`` makes its pigment uneven; the typical forms leave these three at 0.
    """

    diameter: float = 0.45
    asymmetry: float = 0.15
    border: float = 0.15
    edge: float = 0.4
    colours: int = 1
    pigment: float = 0.4
    blood: float = 0.1
    network: float = 0.0
    globules: float = 0.0
    streaks: float = 0.0
    blue_white_veil: float = 0.0
    cysts: float = 0.0
    comedo_openings: float = 0.0
    ridges: float = 0.0
    blue_nests: float = 0.0
    arborising_vessels: float = 0.0
    red_lacunae: float = 0.0
    white_patch: float = 0.0
    scale: float = 0.0
    elongation: float = 0.0
    fray: float = 0.0
    blotches: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            low, high = {"diameter": (0.15, 0.9), "colours": (1, 6)}.get(field.name, (0, 1))
            check = _check_whole if field.name == "colours" else _check_range
            check(f"form.{field.name}", getattr(self, field.name), low, high)


FORMS = MappingProxyType(
    {
        "akiec": Form(
            diameter=0.6, asymmetry=0.35, border=0.5, edge=0.9, pigment=0.08, blood=0.6, scale=0.8, cysts=0.35,
            colours=2,
        ),
        "bcc": Form(
            diameter=0.5, asymmetry=0.4, border=0.3, edge=0.6, pigment=0.03, blood=0.28, arborising_vessels=0.9,
            blue_nests=0.7, white_patch=0.15,
        ),
        "bkl": Form(
            diameter=0.55, asymmetry=0.3, border=0.45, edge=0.1, pigment=0.26, blood=0.25, cysts=0.8,
            comedo_openings=0.8, ridges=0.55, colours=2,
        ),
        "df": Form(
            diameter=0.55, asymmetry=0.1, border=0.15, edge=1.0, pigment=0.2, blood=0.3, network=0.45, white_patch=0.9
        ),
        "mel": Form(
            diameter=0.55, asymmetry=0.75, border=0.6, edge=0.3, pigment=0.42, blood=0.35, network=0.5, globules=0.4,
            streaks=0.55, blue_white_veil=0.8, colours=5,
        ),
        "nv": Form(
            diameter=0.42, asymmetry=0.15, border=0.2, edge=0.5, pigment=0.34, blood=0.4, network=0.65, globules=0.3,
            colours=2,
        ),
        "vasc": Form(
            diameter=0.42, asymmetry=0.25, border=0.45, edge=0.2, pigment=0.0, blood=0.7, red_lacunae=0.9, colours=1
        ),
    }
)  # fmt: skip
"""The typical form of each of the seven diagnoses. Schematic: made to be recognised, not measured on patients."""


@dataclass(frozen=True)
class Camera:
    """The instrument between the light and the file; by default an ideal one, as sharp as the picture.

    Args:
        gain: on linear red, green and blue, 0.05 to 5: its lamp, exposure and white balance together.
        contrast: exponent on the light recorded, 0.5 to 2; saturation: a further one on the ratios between red, green
            and blue, 0.5 to 2. Above 1 they make pictures vivid, as cameras for the consumer do.
        pixels: pixels along a side of what it records, 32 to 1024, whatever the picture's own side; 0 is the
            picture's own. Sharpness and grain belong to these pixels.
        blur: standard deviation of its blur in those pixels, 0 to 5.
        grain: standard deviation of its noise in levels of 255, 0 to 10.
    """

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    contrast: float = 1.0
    saturation: float = 1.0
    pixels: int = 0
    blur: float = 0.0
    grain: float = 1.1

    def __post_init__(self) -> None:
        if len(self.gain) != 3:
            raise DatasetError(f"camera.gain: expected red, green and blue, found {self.gain!r}. Give three numbers.")
        for value in self.gain:
            _check_range("camera.gain", value, 0.05, 5)
        for name, low, high in (("contrast", 0.5, 2), ("saturation", 0.5, 2), ("blur", 0, 5), ("grain", 0, 10)):
            _check_range(f"camera.{name}", getattr(self, name), low, high)
        if self.pixels != 0:
            _check_whole("camera.pixels", self.pixels, 32, MAX_SIZE)


@dataclass(frozen=True)
class Parameters:
    """Everything that fixes a drawing, bit for bit.

    Args:
        dx: diagnosis whose schematic form is drawn, a label of HAM10000.
        ita: skin tone as individual typology angle in degrees, −60 (dark) to 70 (very light).
        seed: a whole number of at least 0; another seed is another lesion on another skin.
        view: 0 to 3; another photograph of the same lesion: turned by quarter turns, with the skin round it drawn anew.
        size: side of the square picture in pixels, 64 to 1024.
        form: the lesion's form; None takes the typical one of ``dx``.
        artefacts: names from ``ARTEFACT_NAMES``, laid over in that table's order.
        redness: blood in the skin, 0 to 1.
        texture: skin lines, pores, mottling, 0 to 1.
        mottling: how much of the texture's clouds of pigment and blood is kept, 0 to 1.
        uneven_light, vignette: 0 to 1.
        lamp: a name in ``LAMPS``.
        camera: the instrument; the default adds nothing but a little grain.

    Raises:
        DatasetError: a value is out of range or a name is unknown; the message says what was expected and found.
    """

    dx: str = "nv"
    ita: float = 45.0
    seed: int = 0
    view: int = 0
    size: int = 224
    form: Form | None = None
    artefacts: tuple[str, ...] = ()
    redness: float = 0.5
    texture: float = 0.6
    mottling: float = 1.0
    uneven_light: float = 0.3
    vignette: float = 0.3
    lamp: str = "daylight"
    camera: Camera = Camera()

    def __post_init__(self) -> None:
        _check_choice("dx", self.dx, tuple(HAM10000.classes))
        _check_choice("lamp", self.lamp, tuple(LAMPS))
        _check_range("ita", self.ita, *ITA_RANGE)
        for name in ("redness", "texture", "mottling", "uneven_light", "vignette"):
            _check_range(name, getattr(self, name), 0, 1)
        for name, low, high in (("size", MIN_SIZE, MAX_SIZE), ("view", 0, VIEWS - 1), ("seed", 0, 2**63 - 1)):
            _check_whole(name, getattr(self, name), low, high)
        for artefact in self.artefacts:
            _check_choice("artefacts", artefact, ARTEFACT_NAMES)

    @property
    def lesion_form(self) -> Form:
        """The form asked for, or the typical one of the diagnosis."""
        return self.form or FORMS[self.dx]
