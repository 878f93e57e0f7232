"""The plain skin of an image: without the lesion, hair, ink, glare, dark corners and border; and its colour."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from dermaviz.errors import FairnessError
from dermaviz.images import RGB

Mask = NDArray[np.bool_]

GAP = 0.03
"""Share of the picture's shorter side from which on, away from the mask, all is taken for skin: masks are not exact."""


def margin(mask: Mask) -> int:
    """``GAP`` in pixels of a mask ``[H, W]``, at least one."""
    return max(round(GAP * min(mask.shape)), 1)


def widened(mask: Mask) -> Mask:
    """The lesion with its margin, bool ``[H, W]``; what lies outside is skin."""
    return np.asarray(binary_dilation(mask, iterations=margin(mask)))


def skin_colour(pixels: RGB, mask: Mask) -> NDArray[np.uint8]:
    """The median colour of a photo's plain skin, uint8 ``[3]``; where there is none, of all outside the lesion, or of all."""
    places = (find_skin(pixels, mask), ~mask, np.ones_like(mask))
    return np.median(pixels[next(place for place in places if place.any())], axis=0).astype(np.uint8)


def require_mask(pixels: RGB, mask: Mask) -> None:
    """Check that a mask is bool ``[H, W]`` of a picture uint8 ``[H, W, 3]``.

    Raises:
        FairnessError: it is not.
    """
    if pixels.dtype != np.uint8 or pixels.shape != (*mask.shape, 3) or mask.dtype != np.bool_:
        raise FairnessError(
            f"expected a picture uint8 [H, W, 3] with its mask bool [H, W], found {pixels.dtype} {list(pixels.shape)} and "
            f"{mask.dtype} {list(mask.shape)}. Bring the mask to the picture's size."
        )


LESION_GAP = 0.05
"""Skin begins this share of the shorter side away from the lesion: masks are drawn by hand and borders fade."""
BORDER = 0.03
"""Share of each side left out: frames, and light that falls off."""
DARK_CORNER = 0.4
"""Part of the corner is the instrument's, not skin, where it has less than this share of the usual luminance."""
HAIR_WIDTH = 0.06
"""The widest hair or ruler mark removed, as a share of the shorter side."""
HAIR_CONTRAST = 6.0
"""How much darker or lighter than its surroundings a hair is, in L*."""
CHROMA_GATE, LIGHT_GATE = 14.0, 16.0
"""Skin lies this near to its median in (a*, b*) and in L*, or within ``SPREADS`` of its own robust spread if larger."""
SPREADS = 3.5
_SAMPLE = 4096


def find_skin(pixels: RGB, lesion: Mask) -> Mask:
    """The pixels of plain skin round a lesion, bool ``[H, W]``; nowhere True where none is left.

    Args:
        pixels: uint8 ``[H, W, 3]``. lesion: bool ``[H, W]``, True on the lesion.
    """
    lab = np.asarray(cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), dtype=np.float32)
    candidates = outside(lesion) & ~dark_corners(lab[..., 0]) & ~hair(lab[..., 0])
    return near_the_usual(lab, candidates)


def outside(lesion: Mask) -> Mask:
    """What is neither the lesion, widened by ``LESION_GAP``, nor the picture's border."""
    side = min(lesion.shape)
    result = ~_widened(lesion, round(LESION_GAP * side))
    rim = max(1, round(BORDER * side))
    result[:rim] = result[-rim:] = result[:, :rim] = result[:, -rim:] = False
    return result


def dark_corners(lightness: NDArray[np.float32]) -> Mask:
    """The dark surroundings of the round field of view: much darker than the picture's usual, and joined to a corner."""
    height, width = lightness.shape
    _, parts = cv2.connectedComponents((lightness < darkest_skin(lightness)).astype(np.uint8))
    at_corners = parts[[0, 0, height - 1, height - 1], [0, width - 1, 0, width - 1]]
    corners = np.isin(parts, at_corners[at_corners > 0])
    return _widened(corners, round(LESION_GAP * min(height, width))) if corners.any() else corners


def darkest_skin(lightness: NDArray[np.floating]) -> float:
    """The L* at which luminance is ``DARK_CORNER`` of that of the picture's median L*."""
    return float((np.median(lightness[::2, ::2]) + 16) * np.cbrt(DARK_CORNER) - 16)


def hair(lightness: NDArray[np.float32]) -> Mask:
    """Thin things, dark or light: hairs, the marks of a ruler, specks of glare (black-hat and white-hat transforms).

    After DullRazor (Lee et al., Comput. Biol. Med. 27:533, 1997), with a disc for its bars.
    """
    width = max(3, round(HAIR_WIDTH * min(lightness.shape)) | 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    hats = (cv2.morphologyEx(lightness, operation, disc) for operation in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT))
    dark, light = (hat > HAIR_CONTRAST for hat in hats)
    return _widened(dark | light, 1)


def near_the_usual(lab: NDArray[np.float32], candidates: Mask) -> Mask:
    """Those of the candidates whose colour is near their median: without ink, colour patches, crusts and glare."""
    colours = lab[candidates]
    if not len(colours):
        return candidates
    some = colours[:: -(-len(colours) // _SAMPLE)]
    usual = np.median(some, axis=0)
    spread = 1.4826 * np.median(np.abs(some - usual), axis=0)
    gates = np.maximum((LIGHT_GATE, CHROMA_GATE, CHROMA_GATE), SPREADS * spread).astype(np.float32)
    result = candidates.copy()
    result[candidates] = (((colours - usual) / gates) ** 2).sum(axis=1) < 1
    return result


def _widened(mask: Mask, pixels: int) -> Mask:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc), dtype=bool)
