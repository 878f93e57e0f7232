"""Explain: the outline of a mask over a picture, to be seen on every colour. Free of torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from dermaviz.errors import AttentionError
from dermaviz.types import RGB

LIGHT = (255, 255, 255)
DARK = (10, 14, 16)
_SIDE = 192
_CORE, _RIM = 1.5, 2.5
"""Half widths in pixels of a picture of 192 pixels a side; a larger picture gets a wider line."""


def outlined(pixels: RGB, mask: NDArray[np.bool_]) -> RGB:
    """The picture with the border of the mask as a light line between two dark ones.

    Light and dark stand side by side, so that one of them contrasts with whatever colour is there.

    Args:
        pixels: uint8 ``[H, W, 3]``.
        mask: bool ``[H, W]``; where it is True nowhere or everywhere, there is no border to draw.

    Returns:
        A new uint8 ``[H, W, 3]``; pixels farther from the border than a fiftieth of the side are untouched.

    Raises:
        AttentionError: picture and mask differ in height or width.
    """
    if pixels.shape[:2] != mask.shape:
        raise AttentionError(
            f"expected a mask of the picture's {pixels.shape[0]} × {pixels.shape[1]} pixels, found {list(mask.shape)}. "
            "Resize the mask as the picture was."
        )
    if mask.all() or not mask.any():
        return pixels.copy()
    unit = max(min(mask.shape) / _SIDE, 1.0)
    away = np.where(mask, distance_transform_edt(mask), distance_transform_edt(~mask)) - 0.5  # from the line between
    result = pixels.astype(np.float32)
    for colour, reach in ((DARK, _RIM), (LIGHT, _CORE)):
        cover = np.clip(reach * unit - away, 0, 1)[..., None]
        result += cover * (np.array(colour) - result)
    return np.rint(result).astype(np.uint8)
