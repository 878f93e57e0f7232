"""Drawn lesions: schematic images made to order, with exact masks, chosen skin tone and known artefacts.

Made for teaching, for tests without data, and for questions that no photograph can answer (the same lesion on another
skin). Schematic: nothing measured on drawn lesions is a clinical finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from dermaviz.colour import encode_srgb, ita_of_linear
from dermaviz.data.labels import TONE_CUTS, TONE_GROUPS
from dermaviz.data.records import HAM10000
from dermaviz.images import RGB
from dermaviz.synthetic.artefacts import Layer, draw_layer, lay_over
from dermaviz.synthetic.fields import Field, discs, fractal_noise, lattice_noise, ramp, stream, strokes, vessel_tree
from dermaviz.synthetic.lesions import STRUCTURES, Pigments, coverage, draw_body, draw_outline
from dermaviz.synthetic.lesions import soft_border as soft_border
from dermaviz.synthetic.optics import blood_for_ita, melanin_for_ita, root_rgb
from dermaviz.synthetic.parameters import ARTEFACT_NAMES, LAMPS, Camera, Parameters
from dermaviz.synthetic.parameters import FORMS as FORMS
from dermaviz.synthetic.parameters import Form as Form

_TONES = (encode_srgb((np.arange(4096) / 4095) ** 2) * 255).astype(np.float32)
_MAX_BLEACH = 0.85
MIN_BLOOD, MAX_BLOOD = 0.004, 0.030
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
    outline = draw_outline(parameters)
    pigments = draw_body(parameters, outline)
    for name, structure in STRUCTURES.items():
        strength = getattr(parameters.lesion_form, name)
        if strength > 0:
            structure(outline, pigments, stream(parameters.seed, "structure", name), strength)
    cover = coverage(outline.mask)
    fields = (pigments.melanin, pigments.blood, pigments.deep_melanin, pigments.white, pigments.bleach)
    turned = (np.rot90(np.maximum(field, 0) * cover, parameters.view) for field in fields)
    image = _photograph(parameters, Pigments(*turned))
    mask = np.ascontiguousarray(np.rot90(outline.mask, parameters.view))
    masks: dict[str, NDArray[np.bool_]] = {}
    for name in (name for name in ARTEFACT_NAMES if name in parameters.artefacts):
        layer = draw_layer(name, size, size, seed=parameters.seed + parameters.view)
        layer = _recorded_layer(layer, parameters.camera)
        image = lay_over(image, layer)
        masks[name] = layer.mask
    return SyntheticLesion(image, mask, MappingProxyType(masks), parameters)


def draw_skin(parameters: Parameters) -> RGB:
    """The same picture without lesion and artefacts, uint8 ``[H, W, 3]``."""
    return _photograph(parameters, None)


def _photograph(parameters: Parameters, lesion: Pigments | None) -> RGB:
    skin = draw_maps(parameters)
    if lesion is None:
        root = root_rgb(skin.melanin, skin.blood, np.zeros_like(skin.melanin))
    else:
        kept = skin.melanin * (1 - np.minimum(lesion.bleach, np.float32(_MAX_BLEACH)))
        root = root_rgb(kept + lesion.melanin, skin.blood + lesion.blood, lesion.deep_melanin)
        white = np.clip(lesion.white, 0, 0.85)[..., None]
        root = np.sqrt((1 - white) * root**2 + white * np.array(_KERATIN, dtype=np.float32))
    gain = np.sqrt(skin.shading)[..., None] * np.sqrt(np.array(LAMPS[parameters.lamp], np.float32))
    root = _recorded(root * gain, parameters.camera)
    tone = _TONES[np.clip(root * 4095 + 0.5, 0, 4095).astype(np.int32)]
    noise = grain(parameters.camera, parameters.size, stream(parameters.seed, "grain", parameters.view))
    return np.clip(tone + noise[..., None] + np.float32(0.5), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Skin:
    """Maps float32 ``[H, W]``: melanin and blood as volume fractions, and the gain on light (about 1)."""

    melanin: Field
    blood: Field
    shading: Field


def draw_maps(parameters: Parameters) -> Skin:
    """The skin's melanin, blood and shading, such that its median ITA in daylight is the requested one."""
    size, strength = parameters.size, parameters.texture
    wanted = MIN_BLOOD + parameters.redness * (MAX_BLOOD - MIN_BLOOD)
    level = blood_for_ita(float(parameters.ita), wanted)
    flush = fractal_noise(_stream(parameters, "flush"), 7, size)
    clouds = strength * parameters.mottling
    flush = np.exp(0.42 * clouds * np.clip(flush - flush.mean(), -2, 2))
    blood = np.asarray(level * flush + 0.014 * strength * _capillaries(parameters), dtype=np.float32)
    plain = melanin_for_ita(float(parameters.ita), level)
    mottle = fractal_noise(_stream(parameters, "mottle"), 6, size)
    # Skin with much melanin is mottled relatively less; equal shares would draw clouds on it.
    unevenness = 0.30 * clouds * np.sqrt(0.05 / max(plain, 0.05))
    spread = np.exp(unevenness * np.clip(mottle - mottle.mean(), -2, 2)).astype(np.float32)
    freckles = np.float32(0.10 * strength) * _freckles(parameters)
    shading = _light(parameters) * _relief(parameters)
    # Texture and shade move the median a little: measure by how much, and aim as much to the other side.
    pigment, red, gain = (field[::7, ::7] for field in (np.float32(plain) * spread + freckles, blood, shading))
    linear = root_rgb(pigment, red, np.zeros_like(pigment)) ** 2 * gain[..., None]
    off = float(np.median(ita_of_linear(np.minimum(linear, 1)))) - parameters.ita
    melanin = melanin_for_ita(float(parameters.ita - off), level)
    return Skin(np.float32(melanin) * spread + freckles, blood, shading)


def _stream(parameters: Parameters, name: str) -> np.random.Generator:
    return stream(parameters.seed, "skin", parameters.view, name)


def _freckles(parameters: Parameters) -> Field:
    rng, size = _stream(parameters, "freckles"), parameters.size
    n = int(rng.integers(0, 7))
    return discs(size, rng.uniform(0, size, (n, 2)), size * rng.uniform(0.008, 0.03, n), softness=1.0) * np.float32(0.5)


def _capillaries(parameters: Parameters) -> Field:
    rng, size = _stream(parameters, "capillaries"), parameters.size
    paths = []
    for _ in range(int(rng.integers(3, 9))):
        start = rng.uniform(0, size, 2)
        paths += vessel_tree(rng, start, rng.uniform(0, 2 * np.pi), size * 0.10, size * 0.006, forks=2)
    return strokes(size, size, paths)


def _relief(parameters: Parameters) -> Field:
    """Skin lines cross at a slant and bend; pores are small dark dots; fine grain is everywhere."""
    rng, size, strength = _stream(parameters, "relief"), parameters.size, parameters.texture
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / np.float32(size)
    turn = rng.uniform(0, np.pi)
    furrow = np.zeros((size, size), dtype=np.float32)
    for angle, count in ((turn, 15), (turn + 1.15, 19)):
        bend = fractal_noise(rng, 4, size, octaves=3)
        phase = count * (np.cos(angle) * x + np.sin(angle) * y) * np.float32(np.pi) + 1.3 * bend
        furrow += ramp(np.abs(np.sin(phase)), 0.45, 0.0)
    n = int(rng.integers(50, 90))
    pores = discs(size, rng.uniform(0, size, (n, 2)), size * rng.uniform(0.005, 0.010, n), softness=0.9)
    grain = 0.6 * fractal_noise(rng, 56, size, octaves=2, gain=0.8)
    relief = 0.060 * grain - 0.065 * furrow * (1 + 0.5 * lattice_noise(rng, 6, size)) - 0.12 * pores
    return np.asarray(1 + strength * (relief - relief.mean()), dtype=np.float32)


def _light(parameters: Parameters) -> Field:
    """Gain of the light, float32 ``[H, W]``: a slope across the picture and a fall towards the corners, mean 1."""
    size = parameters.size
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / np.float32(size - 1) * 2 - 1
    angle = stream(parameters.seed, "light", parameters.view).uniform(0, 2 * np.pi)
    slope = np.float32(0.10 * parameters.uneven_light) * (np.cos(angle) * x + np.sin(angle) * y)
    fall = np.float32(0.55 * parameters.vignette) * ramp(np.hypot(x, y), 0.75, 1.55)
    gain = (1 + slope) * (1 - fall)
    return np.asarray(gain / gain.mean(), dtype=np.float32)


# The camera between the light and the file


def _recorded(root: NDArray[np.float32], camera: Camera) -> NDArray[np.float32]:
    """Square roots of light ``[H, W, 3]`` as the camera records them: tinted, blurred, with its own vividness."""
    tint = np.sqrt(np.array(camera.gain, dtype=np.float32))
    return vivid(blurred(root * tint, camera), camera)


def vivid(light: NDArray[np.float32], camera: Camera) -> NDArray[np.float32]:
    """Light or a power of it, ``[..., 3]``, with the camera's contrast and saturation."""
    if camera.contrast == camera.saturation == 1:
        return light
    level = np.log(np.maximum(light, np.float32(1e-4)))
    grey = level.mean(axis=-1, keepdims=True)
    return np.exp(np.float32(camera.contrast) * (grey + np.float32(camera.saturation) * (level - grey)))


def blurred(field: NDArray[np.float32], camera: Camera) -> NDArray[np.float32]:
    """A map ``[H, W]`` or ``[H, W, C]`` as sharp as the camera records it."""
    sigma = camera.blur * (field.shape[0] / camera.pixels if camera.pixels else 1)
    if sigma == 0:
        return field
    return np.asarray(gaussian_filter(field, sigma, truncate=3, axes=(0, 1), mode="nearest"))


def grain(camera: Camera, size: int, rng: Generator) -> Field:
    """Noise, float32 ``[size, size]``, in levels of 255, as coarse as the camera's pixels."""
    if camera.pixels and camera.pixels < size:
        return lattice_noise(rng, camera.pixels, size) * np.float32(camera.grain)
    return rng.standard_normal((size, size), dtype=np.float32) * np.float32(camera.grain)


def _recorded_layer(layer: Layer, camera: Camera) -> Layer:
    """A layer as the camera records it: tinted and blurred. Its mask grows by as much as the blur reaches."""
    tint = np.array(camera.gain, dtype=np.float32)
    return Layer(np.minimum(vivid(layer.colour * tint, camera), 1), blurred(layer.opacity, camera))


# Samples, and what a drawing shows

CAPTION = "synthetic lesion (schematic)"


class Sample(NamedTuple):
    """A drawn lesion to choose by name: ``slug`` for links, ``caption`` for people, ``parameters`` to draw it."""

    slug: str
    caption: str
    parameters: Parameters


def tone_word(ita: float) -> str:
    """The tone group of a requested ITA in degrees."""
    return TONE_GROUPS[sum(ita <= cut for cut in TONE_CUTS)]


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
