"""Attention: an attention map in colour over its image, and the border of a lesion as a line."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from plotly.colors import sequential
from scipy.ndimage import distance_transform_edt

from dermaviz.attention.methods import AttentionMap
from dermaviz.errors import AttentionError
from dermaviz.images import RGB

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


COLOUR_MAPS = MappingProxyType(
    {"viridis": sequential.Viridis, "magma": sequential.Magma, "cividis": sequential.Cividis}
)
"""Colour scales, dark to bright, that are uniform to the eye and safe for colour-blind readers; a figure's colour bar of
the same name shows the same colours."""


def overlay(
    pixels: RGB, attention: AttentionMap, opacity: float = 0.5, colour_map: str = "viridis", *, follow: bool = False
) -> RGB:
    """The image with its attention map in colour on top.

    Args:
        pixels: uint8 ``[H, W, 3]``, what the model saw.
        attention: its map; it is normalised by its maximum and enlarged bilinearly to H × W.
        opacity: of the colours, from 0 (the image) to 1 (the map alone, unless it follows the map).
        colour_map: a name in ``COLOUR_MAPS``.
        follow: whether the opacity follows the map: 0 where it is 0, ``opacity`` where it is highest. The image stays as it is
            where there is no evidence.

    Returns:
        uint8 ``[H, W, 3]``; a copy of ``pixels`` where the map's status is not ``ok``, since there is nothing to show.

    Raises:
        AttentionError: opacity, colour map or pixels are out of range.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise AttentionError(f"expected uint8 pixels [H, W, 3], found {pixels.dtype} {list(pixels.shape)}.")
    if not 0 <= opacity <= 1:
        raise AttentionError(f"expected an opacity from 0 to 1, found {opacity}.")
    if attention.status != "ok":
        return pixels.copy()
    values = enlarge(attention.normalised, pixels.shape[0], pixels.shape[1])
    cover = opacity * np.clip(values, 0, 1)[..., None] if follow else opacity
    mixed = (1 - cover) * pixels + cover * colourise(values, colour_map)
    return np.rint(mixed).astype(np.uint8)


def enlarge(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Bilinear interpolation between pixel centres: float32 ``[h, w]`` → ``[height, width]``, range kept."""
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR))


def colourise(values: NDArray[np.float32], colour_map: str = "viridis") -> RGB:
    """Values in [0, 1], ``[h, w]`` → colours uint8 ``[h, w, 3]``.

    Raises:
        AttentionError: there is no such colour map.
    """
    if colour_map not in COLOUR_MAPS:
        raise AttentionError(f"expected a colour map among {', '.join(COLOUR_MAPS)}; found {colour_map!r}.")
    return _colours(colour_map)[np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)]


@cache
def _colours(colour_map: str) -> RGB:
    """A colour scale at 256 steps, uint8 ``[256, 3]``, interpolated between its stops as Plotly does."""
    stops = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in COLOUR_MAPS[colour_map]])
    steps = np.linspace(0, len(stops) - 1, 256)
    channels = [np.interp(steps, np.arange(len(stops)), stops[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)
