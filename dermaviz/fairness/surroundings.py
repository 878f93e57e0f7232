"""Fairness: a photo with its lesion mask, and the skin round the lesion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from dermaviz.errors import FairnessError
from dermaviz.fairness.skin_pixels import find_skin
from dermaviz.types import RGB

GAP = 0.03
"""Share of the picture's shorter side from which on, away from the mask, all is taken for skin: masks are not exact."""


def margin(mask: NDArray[np.bool_]) -> int:
    """``GAP`` in pixels of a mask ``[H, W]``, at least one."""
    return max(round(GAP * min(mask.shape)), 1)


def widened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The lesion with its margin, bool ``[H, W]``; what lies outside is skin."""
    return np.asarray(binary_dilation(mask, iterations=margin(mask)))


def skin_colour(pixels: RGB, mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The median colour of a photo's plain skin, uint8 ``[3]``; where there is none, of all outside the lesion, or of all."""
    places = (find_skin(pixels, mask), ~mask, np.ones_like(mask))
    return np.median(pixels[next(place for place in places if place.any())], axis=0).astype(np.uint8)


def require_mask(pixels: RGB, mask: NDArray[np.bool_]) -> None:
    """Check that a mask is bool ``[H, W]`` of a picture uint8 ``[H, W, 3]``.

    Raises:
        FairnessError: it is not.
    """
    if pixels.dtype != np.uint8 or pixels.shape != (*mask.shape, 3) or mask.dtype != np.bool_:
        raise FairnessError(
            f"expected a picture uint8 [H, W, 3] with its mask bool [H, W], found {pixels.dtype} {list(pixels.shape)} and "
            f"{mask.dtype} {list(mask.shape)}. Bring the mask to the picture's size."
        )
