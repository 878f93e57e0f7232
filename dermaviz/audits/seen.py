"""Audits: a photo of a data set with its lesion's mask, at its own size and as the model sees it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dermaviz.datasets.masks import Mask, lesion_mask, mask_as_seen
from dermaviz.datasets.records import Dataset, Record
from dermaviz.evaluation.predictions import read_ahead
from dermaviz.images import read_picture
from dermaviz.models.classifier import Classifier
from dermaviz.types import RGB


@dataclass(frozen=True, eq=False)
class Seen:
    """A record's photo, uint8 ``[H, W, 3]``, with its lesion's mask; and both in the model's input: uint8 ``[S, S, 3]``, bool
    ``[S, S]``."""

    record: Record
    pixels: RGB
    mask: Mask
    prepared: RGB
    prepared_mask: NDArray[np.bool_]


def lesions_as_seen(
    classifier: Classifier, dataset: Dataset, slices: Sequence[slice]
) -> Iterator[tuple[slice, list[Seen]]]:
    """Each slice of a data set with its photos and masks, read ahead by two threads.

    Raises:
        ImageError: a photo is refused.
        DatasetError: a mask is damaged or not the photo's.
    """
    return read_ahead(dataset, slices, partial(_seen, classifier))


def _seen(classifier: Classifier, record: Record) -> Seen:
    pixels = read_picture(record.path).pixels
    mask = lesion_mask(record, pixels)
    return Seen(record, pixels, mask, classifier.prepare(pixels), mask_as_seen(mask.pixels, classifier.input_size))
