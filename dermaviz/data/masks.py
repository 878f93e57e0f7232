"""Data: where the lesion is. Masks that came with the data set, and an estimate by classical steps where none did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dermaviz.colour import LINEAR, lab_of_linear
from dermaviz.data.records import Record
from dermaviz.errors import DatasetError, ImageError
from dermaviz.images import RGB, read_image

Field = NDArray[np.float32]
Region = NDArray[np.bool_]

_LONG_SIDE = 100
"""Pixels of the longer side at which the lesion is sought: outlines by hand are no finer, and hair is half gone."""
_BLACK = 12
"""L* below which a pixel of the border is a dark corner of the dermatoscope, not skin."""
_HAIR, _SMOOTH, _OPENING, _MARGIN = 5, 1.0, 3, 5
"""Of the small picture, in pixels: side of the median filter, σ of the blur, and the diameters by which specks are
taken away and the outline is widened, as people draw it outside the lesion's soft border."""
_AROUND = 0.3
"""Margin of a box round the lesion on each side, as a share of the lesion's longer side."""
_RING = 0.9
"""Skin is looked for beyond this distance from the centre; 1 touches the middles of the sides."""
_NEAR_SKIN = 25.0
"""A pixel of the ring counts as skin if its colour differs by no more from the ring's median (sum over L*, a*, b*)."""
_LEVEL = 0.9
"""Share of Otsu's threshold at which the lesion begins: he weighs two even classes, a lesion's border is faint."""
_SPREAD = 0.45
"""σ of the weight of the middle, in half sides: of several dark regions the one that holds most of it is the lesion."""
_LEAST = 2.0
"""ΔE that the threshold must reach. Below, nothing stands out of the skin."""


def find_lesion(pixels: RGB) -> Region:
    """The lesion in a dermatoscopic photo: what is darker than the skin around it, or of another colour.

    Classical steps, none learned: a surface of second order through the colours of the picture's rim is the skin under
    its light; the difference from it in CIE L*a*b*, where lighter counts for nothing, is cut by Otsu's threshold (IEEE
    Trans. Syst. Man Cybern. 9:62, 1979); of the regions, the one nearest to the middle is kept, filled and widened.

    Args:
        pixels: uint8 ``[H, W, 3]`` sRGB, of any size.

    Returns:
        bool ``[H, W]``, one region; True nowhere where nothing stands out of the skin.
    """
    height, width = pixels.shape[:2]
    scale = _LONG_SIDE / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    lab = np.asarray(cv2.medianBlur(lab_of_linear(LINEAR[small]).astype(np.float32), _HAIR), dtype=np.float32)
    usable = lab[..., 0] >= _BLACK
    difference = np.asarray(cv2.GaussianBlur(_difference_from_skin(lab, usable), (0, 0), _SMOOTH), dtype=np.float32)
    if not usable.any():
        return np.zeros((height, width), dtype=bool)
    top = max(float(difference[usable].max()), 1e-6)
    grey = np.rint(difference[usable] * (255 / top)).astype(np.uint8)
    otsu, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    level = _LEVEL * (otsu * top / 255)
    if level < _LEAST:
        return np.zeros((height, width), dtype=bool)
    region = _central_region((difference > level) & usable)
    return np.asarray(cv2.resize(region.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) >= 0.5)


def lesion_box(pixels: RGB) -> tuple[int, int, int, int]:
    """A box round the lesion with a margin, as even as the photo allows: left, top, right, bottom in % of its sides.

    The whole photo where nothing stands out.
    """
    rows, columns = (np.flatnonzero(find_lesion(pixels).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return 0, 0, 100, 100
    height, width = pixels.shape[:2]
    half = max(rows[-1] - rows[0], columns[-1] - columns[0]) * (0.5 + _AROUND)
    ends = []
    for middle, side in (((columns[0] + columns[-1]) / 2, width), ((rows[0] + rows[-1]) / 2, height)):
        first = min(max(middle - half, 0), max(side - 2 * half, 0))  # moved inwards rather than cut
        ends.append((round(100 * first / side), round(100 * min(first + 2 * half, side) / side)))
    (left, right), (top, bottom) = ends
    return left, top, right, bottom


def _radius(height: int, width: int) -> Field:
    """Distance from the picture's centre, ``[H, W]``; 1 on the ellipse that touches its sides."""
    down, across = ((np.arange(n, dtype=np.float32) - (n - 1) / 2) / (n / 2) for n in (height, width))
    return np.hypot(down[:, None], across[None])


def _difference_from_skin(lab: Field, usable: Region) -> Field:
    """ΔE from the skin as it would be at each place, ``[H, W]``; a lighter pixel differs by its hue alone."""
    height, width = lab.shape[:2]
    radius = _radius(height, width)
    ring = (radius > _RING) & usable
    ring = ring if ring.any() else usable | ~usable
    away = lab - np.median(lab[ring], axis=0)
    skin = ring & (np.abs(away).sum(axis=-1) < _NEAR_SKIN)
    down, across = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    terms = np.stack([np.ones_like(down), down, across, radius**2], axis=-1)
    if skin.sum() >= 20 * terms.shape[-1]:
        away = lab - terms @ np.linalg.lstsq(terms[skin], lab[skin], rcond=None)[0]
    away[..., 0] = np.minimum(away[..., 0], 0)
    return np.sqrt((away**2).sum(axis=-1)).astype(np.float32)


def _central_region(regions: Region) -> Region:
    """Without its specks, the region with most weight in the middle, its holes filled and its outline widened."""
    opened = cv2.morphologyEx(regions.astype(np.uint8), cv2.MORPH_OPEN, _disc(_OPENING))
    count, labels = cv2.connectedComponents(opened, connectivity=4)
    if count == 1:
        return np.zeros_like(regions)
    middle = np.exp(-((_radius(*regions.shape) / _SPREAD) ** 2) / 2)
    weights = np.bincount(labels.ravel(), middle.ravel(), count)
    chosen = (labels == 1 + weights[1:].argmax()).astype(np.uint8)
    outline, _ = cv2.findContours(chosen, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(chosen, outline, -1, 1, cv2.FILLED)
    return cv2.dilate(chosen, _disc(_MARGIN)) > 0


def _disc(diameter: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter)), dtype=np.uint8)


@dataclass(frozen=True)
class Mask:
    """``pixels`` is bool ``[H, W]``, True on the lesion, at the picture's own size.

    ``source`` is "true" for a mask that came with the data set, "predicted" for one by :func:`find_lesion`.
    """

    pixels: NDArray[np.bool_]
    source: Literal["true", "predicted"]


def lesion_mask(record: Record, pixels: RGB) -> Mask:
    """The mask of a record's lesion at the size of its picture, ``pixels`` uint8 ``[H, W, 3]``.

    A mask of another size than its picture's is resized: a pixel is of the lesion if at least half of it is.

    Raises:
        DatasetError: the record names a mask that is missing, damaged, or not of the picture's shape.
    """
    if record.mask is None:
        return Mask(find_lesion(pixels), "predicted")
    drawn, (height, width) = read_mask(record), pixels.shape[:2]
    scales = (drawn.shape[0] / height, drawn.shape[1] / width)
    if max(scales) * min(height, width) - min(scales) * min(height, width) > max(*scales, 1):
        raise DatasetError(
            f"{record.mask}: expected a mask of the shape of its picture, {width} × {height} pixels or a multiple, found "
            f"{drawn.shape[1]} × {drawn.shape[0]}. Put the mask that belongs to {record.image_id} there."
        )
    return Mask(_resized(drawn, height, width), "true")


def read_mask(record: Record) -> NDArray[np.bool_]:
    """The mask that came with a record: bool ``[H, W]``, True on the lesion, at the mask file's own size.

    Raises:
        DatasetError: no mask came with the record, or its file is missing or damaged.
    """
    if record.mask is None:
        raise DatasetError(
            f"{record.image_id}: expected a lesion mask, found none in the data set. Masks come with the HAM10000 record "
            "(masks/IMAGE_ID_segmentation.png)."
        )
    try:
        return read_image(record.mask, least=1).pixels[..., 0] > 127
    except ImageError as refusal:
        raise DatasetError(f"mask of {record.image_id}: {refusal} Its place is {record.mask}.") from refusal


def mask_as_seen(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """The part of a mask, bool ``[H, W]``, that is in a model's input: bool ``[side, side]``.

    The same largest central square as :meth:`~dermaviz.models.classifier.Classifier.prepare` cuts; a pixel is of the
    lesion if at least half of it is.
    """
    height, width = mask.shape
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    return _resized(mask[top : top + short, left : left + short], side, side)


def _resized(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    if mask.shape == (height, width):
        return mask
    shares = Image.fromarray(mask.astype(np.float32)).resize((width, height), Image.Resampling.BOX)
    return np.asarray(shares) >= 0.5
