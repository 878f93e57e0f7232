"""Draw a lesion on skin from its parameters; the fourteen samples to choose by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dermaviz.colour import encode_srgb
from dermaviz.data.records import HAM10000
from dermaviz.images import RGB
from dermaviz.synthetic import artefacts, instrument
from dermaviz.synthetic.fields import stream
from dermaviz.synthetic.lesions import Pigments, coverage, draw_body, draw_outline
from dermaviz.synthetic.optics import root_rgb
from dermaviz.synthetic.parameters import ARTEFACT_NAMES, LAMPS, Parameters
from dermaviz.synthetic.skin import Skin, draw_maps
from dermaviz.synthetic.structures import STRUCTURES

_TONES = (encode_srgb((np.arange(4096) / 4095) ** 2) * 255).astype(np.float32)
_MAX_BLEACH = 0.85
_KERATIN = (0.78, 0.70, 0.60)
"""Linear sRGB of what scatters light back above the pigment: scale, cysts, scar."""


@dataclass(frozen=True)
class SyntheticLesion:
    """A drawn lesion, schematic.

    ``image`` is uint8 ``[H, W, 3]`` sRGB; ``mask`` is bool ``[H, W]``, exactly the lesion. ``artefact_masks`` holds,
    for each artefact in the picture, the pixels it touches. ``parameters`` draw the same picture again.
    """

    image: RGB
    mask: NDArray[np.bool_]
    artefact_masks: Mapping[str, NDArray[np.bool_]]
    parameters: Parameters


def draw(parameters: Parameters) -> SyntheticLesion:
    """Draw a lesion on skin. The same parameters give the same picture, bit for bit.

    Each component (skin, outline, every structure, every artefact) has a random stream of its own, so changing one
    parameter moves nothing else: another tone keeps the mask, an artefact keeps every pixel outside its own mask.
    """
    size = parameters.size
    mask, pigments = _lesion(parameters)
    image = _photograph(parameters, draw_maps(parameters), pigments)
    masks: dict[str, NDArray[np.bool_]] = {}
    for name in (name for name in ARTEFACT_NAMES if name in parameters.artefacts):
        layer = artefacts.draw_layer(name, size, size, seed=parameters.seed + parameters.view)
        layer = instrument.recorded_layer(layer, parameters.camera)
        image = artefacts.lay_over(image, layer)
        masks[name] = layer.mask
    return SyntheticLesion(image, mask, MappingProxyType(masks), parameters)


def draw_skin(parameters: Parameters) -> RGB:
    """The same picture without lesion and artefacts, uint8 ``[H, W, 3]``."""
    return _photograph(parameters, draw_maps(parameters), None)


def _lesion(parameters: Parameters) -> tuple[NDArray[np.bool_], Pigments]:
    outline = draw_outline(parameters)
    pigments = draw_body(parameters, outline)
    for name, structure in STRUCTURES.items():
        strength = getattr(parameters.lesion_form, name)
        if strength > 0:
            structure(outline, pigments, stream(parameters.seed, "structure", name), strength)
    cover = coverage(outline.mask)
    fields = (pigments.melanin, pigments.blood, pigments.deep_melanin, pigments.white, pigments.bleach)
    turned = (np.rot90(np.maximum(field, 0) * cover, parameters.view) for field in fields)
    return np.ascontiguousarray(np.rot90(outline.mask, parameters.view)), Pigments(*turned)


def _photograph(parameters: Parameters, skin: Skin, lesion: Pigments | None) -> RGB:
    if lesion is None:
        root = root_rgb(skin.melanin, skin.blood, np.zeros_like(skin.melanin))
    else:
        kept = skin.melanin * (1 - np.minimum(lesion.bleach, np.float32(_MAX_BLEACH)))
        root = root_rgb(kept + lesion.melanin, skin.blood + lesion.blood, lesion.deep_melanin)
        white = np.clip(lesion.white, 0, 0.85)[..., None]
        root = np.sqrt((1 - white) * root**2 + white * np.array(_KERATIN, dtype=np.float32))
    gain = np.sqrt(skin.shading)[..., None] * np.sqrt(np.array(LAMPS[parameters.lamp], np.float32))
    root = instrument.recorded(root * gain, parameters.camera)
    tone = _TONES[np.clip(root * 4095 + 0.5, 0, 4095).astype(np.int32)]
    grain = instrument.grain(parameters.camera, parameters.size, stream(parameters.seed, "grain", parameters.view))
    return np.clip(tone + grain[..., None] + np.float32(0.5), 0, 255).astype(np.uint8)


CAPTION = "synthetic lesion (schematic)"

_TONE_WORDS = ((55, "very light"), (41, "light"), (28, "intermediate"), (10, "tan"), (-30, "brown"))


class Sample(NamedTuple):
    """A drawn lesion to choose by name: ``slug`` for links, ``caption`` for people, ``parameters`` to draw it."""

    slug: str
    caption: str
    parameters: Parameters


def tone_word(ita: float) -> str:
    """The tone group of a requested ITA in degrees, with cuts at 55, 41, 28, 10 and −30."""
    return next((word for cut, word in _TONE_WORDS if ita > cut), "dark")


def caption(parameters: Parameters) -> str:
    """What a drawing shows, in words, always with the reminder that it is schematic."""
    sign = "−" if parameters.ita < 0 else ""
    parts = [
        CAPTION,
        f"{HAM10000.classes[parameters.dx]} form",
        f"{tone_word(parameters.ita)} skin (ITA {sign}{abs(parameters.ita):.0f}°)",
    ]
    if parameters.artefacts:
        parts.append("with " + " and ".join(name.replace("_", " ") for name in parameters.artefacts))
    return " · ".join(parts)


def _sample(dx: str, ita: float, seed: int, artefacts: tuple[str, ...] = ()) -> Sample:
    parameters = Parameters(dx=dx, ita=ita, seed=seed, artefacts=artefacts)
    slug = "-".join([dx, tone_word(ita).replace(" ", "-"), *artefacts]).replace("_", "-")
    return Sample(slug, caption(parameters), parameters)


SAMPLES: tuple[Sample, ...] = (
    _sample("akiec", 62, 3),
    _sample("akiec", 22, 10),
    _sample("bcc", 50, 12),
    _sample("bcc", -5, 11),
    _sample("bkl", 45, 20),
    _sample("bkl", -40, 23, ("gel",)),
    _sample("df", 35, 30),
    _sample("df", -20, 33),
    _sample("mel", 52, 41),
    _sample("mel", -35, 44),
    _sample("nv", 58, 50, ("hair",)),
    _sample("nv", 5, 52),
    _sample("vasc", 48, 62),
    _sample("vasc", 18, 61, ("ruler",)),
)
"""Two of each diagnosis over the range of tones; three with an artefact."""
