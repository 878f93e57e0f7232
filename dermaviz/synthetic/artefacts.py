"""Artefacts (hair, ruler, ink, gel …) as layers with masks, to be laid over any picture, drawn or photographed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dermaviz.colour import decode_srgb, encode_srgb
from dermaviz.errors import DatasetError
from dermaviz.images import RGB
from dermaviz.synthetic.fields import Field, Path, discs, lattice_noise, ramp, stream, strokes

_VISIBLE = 0.004


@dataclass(frozen=True)
class Layer:
    """An artefact: ``colour`` in linear sRGB, float32 ``[H, W, 3]``, and ``opacity``, float32 ``[H, W]``, in [0, 1]."""

    colour: NDArray[np.float32]
    opacity: Field

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The pixels that the artefact touches, bool ``[H, W]``; it changes no other."""
        return self.opacity > _VISIBLE


def draw_layer(name: str, height: int, width: int, seed: int = 0) -> Layer:
    """One artefact for a picture of ``height`` × ``width`` pixels; the same seed draws the same layer.

    Raises:
        DatasetError: the artefact is unknown.
    """
    if name not in ARTEFACTS:
        raise DatasetError(f"artefact: expected one of {', '.join(ARTEFACTS)}, found {name!r}. Correct the spelling.")
    return ARTEFACTS[name](stream(seed, "artefact", name), height, width)


def lay_over(pixels: RGB, layer: Layer) -> RGB:
    """The picture, uint8 ``[H, W, 3]``, with the layer mixed in in linear light; pixels outside its mask are untouched.

    Raises:
        DatasetError: picture and layer differ in height or width.
    """
    if pixels.shape[:2] != layer.opacity.shape:
        raise DatasetError(
            f"expected a layer of the picture's {pixels.shape[0]} × {pixels.shape[1]} pixels, found one of "
            f"{layer.opacity.shape[0]} × {layer.opacity.shape[1]}. Draw the layer at the picture's size."
        )
    touched = layer.mask
    opacity = layer.opacity[touched][:, None]
    light = (1 - opacity) * decode_srgb(pixels[touched] / 255) + opacity * layer.colour[touched]
    result = pixels.copy()
    result[touched] = (encode_srgb(light) * 255 + 0.5).astype(np.uint8)
    return result


def _plain(colour: tuple[float, float, float], opacity: Field) -> Layer:
    """A layer of one sRGB colour."""
    linear = decode_srgb(np.array(colour)).astype(np.float32)
    return Layer(np.broadcast_to(linear, (*opacity.shape, 3)), opacity)


def _strand(rng: Generator, height: int, width: int, length: float, curl: float, heading: float | None = None) -> Path:
    """A hair from anywhere, even a little outside, that bends by about ``curl`` radians a step; any way without ``heading``."""
    place = rng.uniform(-0.15, 1.15, 2) * (width, height)
    heading = rng.uniform(0, 2 * np.pi) if heading is None else heading
    turn, wind = rng.normal(0, curl), rng.normal(0, curl / 9)
    points = [tuple(place)]
    for _ in range(18):
        turn += wind  # a spiral, not a ring
        heading += turn + rng.normal(0, 0.02)
        place = place + length / 18 * np.array([np.cos(heading), np.sin(heading)])
        points.append(tuple(place))
    return points


def _hairs(
    rng: Generator, height: int, width: int, colour: tuple[float, float, float], curl: float, count: tuple[int, int]
) -> Layer:
    """Hairs of one colour that bend by ``curl`` radians a step, so many as between the two of ``count``."""
    side = min(height, width)
    n = int(rng.integers(*count))
    lengths, widths = side * rng.uniform(0.6, 1.4, n), side * rng.uniform(0.005, 0.011, n)
    if curl > 0.2:
        lengths = lengths * 0.5
    paths = [(_strand(rng, height, width, length, curl), w) for length, w in zip(lengths, widths, strict=True)]
    return _plain(colour, np.float32(0.88) * strokes(height, width, paths))


def fine_hair(rng: Generator, height: int, width: int) -> Layer:
    """Thin brown hairs, from a few to a thicket, that lie roughly one way."""
    side, n = min(height, width), int(rng.integers(2, 6) * rng.integers(1, 6))
    lie = rng.uniform(0, 2 * np.pi)
    paths = []
    for _ in range(n):
        length, thickness = side * rng.uniform(0.2, 1.0), side * rng.uniform(0.0025, 0.0055)
        paths.append((_strand(rng, height, width, length, 0.03, lie + rng.normal(0, 0.45)), thickness))
    opacity = np.float32(rng.uniform(0.45, 0.85)) * strokes(height, width, paths)
    return _plain((0.22, 0.13, 0.10), opacity)


def ruler(rng: Generator, height: int, width: int) -> Layer:
    """Ruler ticks along the lower or the left edge, every tenth one long."""
    side, along_bottom = min(height, width), bool(rng.integers(2))
    step, paths = side / 22, []
    start = rng.uniform(0, step)
    for k in range(int(max(height, width) / step) + 1):
        reach, at = side * (0.11 if k % 10 == 5 else 0.075 if k % 5 == 0 else 0.045), start + k * step
        ends = ((at, height), (at, height - reach)) if along_bottom else ((0, at), (reach, at))
        paths.append((ends, side * 0.006))
    return _plain((0.10, 0.10, 0.12), np.float32(0.9) * strokes(height, width, paths))


def ink(rng: Generator, height: int, width: int) -> Layer:
    """A surgeon's purple marks: an arc at each of two places round the middle, worn and uneven."""
    side, paths = min(height, width), []
    first = rng.uniform(0, 2 * np.pi)
    for angle in (first, first + rng.uniform(1.6, 2.6)):
        away, half = side * rng.uniform(0.36, 0.44), rng.uniform(0.20, 0.32)
        turns = angle + np.linspace(-half, half, 12)
        arc = zip(width / 2 + away * np.cos(turns), height / 2 + away * np.sin(turns), strict=True)
        paths.append((tuple(arc), side * rng.uniform(0.025, 0.04)))
    worn = ramp(_noise(rng, 30, height, width), -1.6, 0.6)
    return _plain((0.27, 0.14, 0.52), np.float32(0.72) * strokes(height, width, paths) * worn)


def gel(rng: Generator, height: int, width: int) -> Layer:
    """Bubbles in the contact gel, with bright rims and a spot of light, and the gel's edge round a corner."""
    side, n = min(height, width), int(rng.integers(9, 20))
    centres = rng.uniform(0, 1, (n, 2)) * (width, height)
    radii = side * rng.uniform(0.010, 0.040, n)
    canvas = max(height, width)
    outer, inner = discs(canvas, centres, radii, 0.35), discs(canvas, centres, radii * 0.8, 0.45)
    spots = discs(canvas, centres - radii[:, None] * 0.35, np.maximum(radii * 0.3, 1.5), 0.8)
    rim = (np.float32(0.42) * np.clip(outer - inner, 0, 1) + np.float32(0.8) * spots)[:height, :width]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / np.float32(side)
    corner = rng.integers(0, 2, 2)
    distance = np.hypot(x - corner[0] * width / side, y - corner[1] * height / side)
    distance += np.float32(0.02) * _noise(rng, 7, height, width)
    edge = np.float32(0.28) * ramp(np.abs(distance - np.float32(rng.uniform(0.25, 0.42))), 0.014, 0.0)
    return _plain((0.97, 0.97, 0.99), np.asarray(np.clip(np.maximum(rim, edge), 0, 1), dtype=np.float32))


def colour_patch(rng: Generator, height: int, width: int) -> Layer:
    """A round coloured sticker that reaches in from an edge, as in a part of the ISIC archive."""
    side = min(height, width)
    colours = ((0.20, 0.45, 0.75), (0.85, 0.62, 0.15), (0.25, 0.55, 0.35), (0.75, 0.25, 0.25))
    left, radius = bool(rng.integers(2)), side * rng.uniform(0.20, 0.30)
    centre = np.array([[-0.35 * radius if left else width + 0.35 * radius, rng.uniform(0.1, 0.9) * height]])
    colour = colours[int(rng.integers(len(colours)))]
    patch = discs(max(height, width), centre, np.array([radius]), softness=0.04)[:height, :width]
    return _plain(colour, np.float32(0.95) * patch)


def glare(rng: Generator, height: int, width: int) -> Layer:
    """Specular glare: a few blown-out flecks in a cluster."""
    side, n = min(height, width), int(rng.integers(5, 12))
    middle = rng.uniform(0.25, 0.75, 2) * (width, height)
    centres, radii = middle + rng.normal(0, 0.07, (n, 2)) * side, side * rng.uniform(0.006, 0.03, n)
    flecks = discs(max(height, width), centres, radii, softness=0.9)
    torn = ramp(_noise(rng, 40, height, width), -1.2, 0.5)
    return _plain((1.0, 1.0, 1.0), np.float32(0.92) * flecks[:height, :width] * torn)


def dark_corners(rng: Generator, height: int, width: int) -> Layer:
    """The round field of a dermatoscope: black beyond a circle, with a soft edge."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    shift = rng.uniform(-0.02, 0.02, 2) * (width, height)
    radius = np.hypot(height, width) / 2 * rng.uniform(0.74, 0.82)
    share = np.hypot(x - np.float32(width / 2 + shift[0]), y - np.float32(height / 2 + shift[1])) / np.float32(radius)
    return _plain((0.03, 0.025, 0.03), np.float32(0.98) * ramp(share, 0.97, 1.08))


def _noise(rng: Generator, cells: int, height: int, width: int) -> Field:
    return lattice_noise(rng, cells, max(height, width))[:height, :width]


_Draw = Callable[[Generator, int, int], Layer]
_HAIRS: Mapping[str, _Draw] = {
    "hair": partial(_hairs, colour=(0.13, 0.09, 0.08), curl=0.035, count=(7, 16)),
    "curled_hair": partial(_hairs, colour=(0.09, 0.07, 0.07), curl=0.22, count=(10, 20)),
    "light_hair": partial(_hairs, colour=(0.86, 0.78, 0.62), curl=0.05, count=(8, 18)),
}
_OTHERS: tuple[_Draw, ...] = (ruler, ink, gel, colour_patch, glare, dark_corners, fine_hair)
ARTEFACTS = MappingProxyType[str, _Draw]({**_HAIRS, **{draw.__name__: draw for draw in _OTHERS}})
"""Name to function of a random generator, height and width, in the order in which several are laid over a picture."""
