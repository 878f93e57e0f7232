"""Robustness, corruptions: exposure, contrast and colour by a factor, as torchvision and Pillow define them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torchvision.transforms.v2 import functional as V


def brightness(images: Tensor, factor: float, seeds: Sequence[int]) -> Tensor:
    """Every value times ``factor``, cut at white. Images float32 ``[N, 3, S, S]`` in [0, 1]; nothing here is random."""
    return V.adjust_brightness(images, factor)


def contrast(images: Tensor, factor: float, seeds: Sequence[int]) -> Tensor:
    """Distance of every value from the image's mean luma (ITU-R BT.601) times ``factor``, cut at black and white."""
    return V.adjust_contrast(images, factor)


def saturation(images: Tensor, factor: float, seeds: Sequence[int]) -> Tensor:
    """Distance of every value from its pixel's luma (ITU-R BT.601) times ``factor``, cut at black and white."""
    return V.adjust_saturation(images, factor)
