"""Robustness, corruptions: hair, ink, rulers, gel and dark corners, laid over an image as the drawn lesions' own artefacts.

Layers are drawn once and kept: ``POOL`` of each kind and severity, of which an image's seed chooses one. The pool takes
some 95 MB when every layer has been used at a side of 192 px.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np
from torch import Tensor

from dermaviz.datasets.synthetic import Layer, draw_layer, lay_over
from dermaviz.datasets.synthetic.fields import ramp
from dermaviz.robustness.corruptions.digital import from_pictures, to_pictures

POOL = 32
_SOFT_EDGE = 0.03


def heap(images: Tensor, count: float, seeds: Sequence[int], *, artefact: str) -> Tensor:
    """``count`` layers of an artefact on top of each other; a seed keeps its layers and only gets more.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1]. seeds: one per image. artefact: a name in ``ARTEFACT_NAMES``.
    """
    return _covered(images, seeds, partial(joined_layer, artefact, round(count)))


def ruler(images: Tensor, magnification: float, seeds: Sequence[int]) -> Tensor:
    """A ruler along the lower or the left edge, its ticks ``magnification`` times as long, thick and far apart."""
    return _covered(images, seeds, partial(enlarged_layer, "ruler", magnification))


def dark_corner(images: Tensor, radius: float, seeds: Sequence[int]) -> Tensor:
    """Black beyond a circle round the middle, of a ``radius`` in halves of the side; nothing here is random."""
    return _covered(images, seeds, lambda side, number: round_field(radius, side))


@lru_cache(maxsize=15 * POOL)
def joined_layer(artefact: str, count: int, side: int, number: int) -> Layer:
    """The darker of ``count`` layers at each pixel: those of ``count − 1`` and one more."""
    one = draw_layer(artefact, side, side, seed=number + POOL * count)
    if count == 1:
        return one
    return Layer(one.colour, np.maximum(one.opacity, joined_layer(artefact, count - 1, side, number).opacity))


@lru_cache(maxsize=5 * POOL)
def enlarged_layer(artefact: str, magnification: float, side: int, number: int) -> Layer:
    """The lower left corner, ``side`` pixels each way, of a layer drawn ``magnification`` times as large."""
    canvas = round(side * magnification)
    whole = draw_layer(artefact, canvas, canvas, seed=number)
    corner = (slice(canvas - side, None), slice(side))
    return Layer(whole.colour[corner], whole.opacity[corner].copy())  # a copy, so that the large canvas can go


@lru_cache(maxsize=16)
def round_field(radius: float, side: int) -> Layer:
    """A dermatoscope's round field, black from ``radius`` (in halves of the side) on, with a soft edge inside it."""
    steps = (np.arange(side, dtype=np.float32) + np.float32(0.5)) / np.float32(side / 2) - np.float32(1)
    distance = np.hypot(steps[:, None], steps[None])
    return Layer(draw_layer("dark_corners", side, side).colour, ramp(distance, radius - _SOFT_EDGE, radius))


def _covered(images: Tensor, seeds: Sequence[int], layer_of: Callable[[int, int], Layer]) -> Tensor:
    """Each image, rounded to 8 bits, under the layer that ``layer_of(side, number)`` draws for it."""
    side = images.shape[-1]
    pairs = zip(to_pictures(images), seeds, strict=True)
    return from_pictures((lay_over(picture, layer_of(side, seed % POOL)) for picture, seed in pairs), images)
