"""Datasets, drawn lesions: skin, lesion, light and artefacts put together into one picture with its masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dermaviz.colour import encode_srgb
from dermaviz.datasets.synthetic import artefacts, camera
from dermaviz.datasets.synthetic.fields import stream
from dermaviz.datasets.synthetic.lesions import Pigments, coverage, draw_body, draw_outline
from dermaviz.datasets.synthetic.optics import root_rgb
from dermaviz.datasets.synthetic.parameters import ARTEFACT_NAMES, LAMPS, Parameters
from dermaviz.datasets.synthetic.skin import Skin, draw_maps
from dermaviz.datasets.synthetic.structures import STRUCTURES
from dermaviz.types import RGB

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
        layer = camera.seen(layer, parameters.camera)
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
    root = camera.recorded(root * gain, parameters.camera)
    tone = _TONES[np.clip(root * 4095 + 0.5, 0, 4095).astype(np.int32)]
    grain = camera.grain(parameters.camera, parameters.size, stream(parameters.seed, "grain", parameters.view))
    return np.clip(tone + grain[..., None] + np.float32(0.5), 0, 255).astype(np.uint8)
