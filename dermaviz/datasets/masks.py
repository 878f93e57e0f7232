"""Datasets: the lesion's mask, the one that people drew where there is one, otherwise a predicted one that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dermaviz.datasets.records import Record
from dermaviz.datasets.segmentation import find_lesion
from dermaviz.errors import DatasetError, ImageError
from dermaviz.images import read_picture
from dermaviz.types import RGB


@dataclass(frozen=True)
class Mask:
    """``pixels`` is bool ``[H, W]``, True on the lesion, at the picture's own size.

    ``source`` is "true" for a mask that came with the data set, "predicted" for one by
    :func:`~dermaviz.datasets.segmentation.find_lesion`; every figure made with a mask says which it was.
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
        return read_picture(record.mask).pixels[..., 0] > 127
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
