"""Data: what about a photograph is outside what a model was trained on, to be said before its answer.

Simple measures of the picture at the size that the model sees; none is learned. Limits were set on half of HAM10000's validation
images, so that each notice is said of 3% of them or fewer.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dermaviz.colour import decode_srgb, lab_of_linear
from dermaviz.data.masks import find_lesion
from dermaviz.images import RGB, cover, reduce_to

SMALL = 0.04
"""Share of the central square: a lesion below it is small. 2.5% of the validation images have one."""
EDGE = 0.2
"""Share of the square's border that a lesion touches: above it, it is cut off. 2%."""
GREY = 4.0
"""Median distance from grey in the a* b* plane: below it there is no colour to speak of. Under 0.5%."""
TINT = 31.0
"""Distance of the median colour from the usual one, in the same plane. 1%."""
DETAIL = 0.9
"""Detail of one pixel against detail of two: below it the picture was enlarged from fewer. 0.6%; 99% of those enlarged from 64
pixels are below it, and half of those from 100."""
ASPECT = 1.6
"""Long by short side: beyond it the central square leaves out more than a third. HAM10000's are all 4:3."""
_USUAL_COLOUR = np.array([17.27, 2.92])
"""a* and b* of the median validation image."""
_LINEAR = decode_srgb(np.arange(256) / 255)


@dataclass(frozen=True)
class Measures:
    """What is measured of a photograph: see the limits above. ``lesion_area`` is NaN where no lesion stands out."""

    lesion_area: float
    at_edge: float
    chroma: float
    tint: float
    detail: float
    aspect: float
    short_side: int


def measure_photo(pixels: RGB, short_side: int = 150) -> Measures:
    """Measure a photograph, uint8 ``[H, W, 3]``, reduced to ``short_side`` pixels."""
    small = reduce_to(pixels, short_side)
    side = min(small.shape[:2])
    square = cover(small, side, side)
    lesion = find_lesion(square)
    border = np.concatenate([lesion[0], lesion[-1], lesion[1:-1, 0], lesion[1:-1, -1]])
    ab = lab_of_linear(_LINEAR[cv2.resize(square, (64, 64), interpolation=cv2.INTER_AREA)])[..., 1:].reshape(-1, 2)
    grey = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).astype(np.float32)
    once, twice = (cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (1.0, 2.0))
    return Measures(
        lesion_area=float(lesion.mean()) if lesion.any() else float("nan"),
        at_edge=float(border.mean()),
        chroma=float(np.median(np.hypot(*ab.T))),
        tint=float(np.hypot(*(np.median(ab, axis=0) - _USUAL_COLOUR))),
        detail=float(np.abs(grey - once).mean() / max(float(np.abs(once - twice).mean()), 1e-6)),
        aspect=max(pixels.shape[:2]) / min(pixels.shape[:2]),
        short_side=min(pixels.shape[:2]),
    )


def notices(pixels: RGB, short_side: int | None = 150, *, ham10000: bool = True) -> tuple[str, ...]:
    """Sentences on what is outside what a model was trained on. Empty where nothing stands out.

    Args:
        pixels: the photograph, uint8 ``[H, W, 3]``, before it is prepared.
        short_side: pixels of the training images' short side; None where that is not known: then nothing is said of it.
        ham10000: whether they were HAM10000's, whose colours the limits are of; elsewhere nothing is said of theirs.
    """
    found = measure_photo(pixels, short_side or min(pixels.shape[:2]))
    outside, known = 1 - 1 / found.aspect, short_side or 0
    said = {
        f"The lesion is small in the frame: about {found.lesion_area:.0%} of what the model sees. Crop closer to it.": (
            found.lesion_area < SMALL
        ),
        "The lesion is cut off at the edge of what the model sees.": found.at_edge > EDGE,
        f"The photo has next to no colour{'; the model was trained on coloured ones' if ham10000 else ''}.": found.chroma
        < GREY,
        "The photo is tinted more strongly than nearly all that the model was trained on.": ham10000
        and found.tint > TINT,
        f"The photo has fewer pixels ({found.short_side} on the short side) than those that the model was trained on "
        f"({known}).": found.short_side < known,
        "The photo looks enlarged from fewer pixels: it has less detail than those that the model was trained on.": (
            0 < known <= found.short_side and found.detail < DETAIL
        ),
        f"The model sees the central square only: {outside:.0%} of this long photo is left out.": found.aspect > ASPECT,
    }
    return tuple(sentence for sentence, so in said.items() if so)
