"""The tables ``attention`` and ``shortcuts``, and what both need: images with the mask of their lesion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.attention.localisation import (
    CENTRE_SIGMA,
    IOU_THRESHOLDS,
    POINTING_TOLERANCE,
    centre_gaussian_map,
    localise,
    random_map,
)
from dermaviz.attention.maps import explain
from dermaviz.attention.methods import DEFAULT_METHOD
from dermaviz.data.masks import Mask, lesion_mask, mask_as_seen
from dermaviz.data.records import Dataset, Record
from dermaviz.evidence.evaluate import table_rows
from dermaviz.fairness.effects import CLEAN
from dermaviz.fairness.shortcuts import VARIANTS, shortcut_variants
from dermaviz.images import RGB, read_image
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacks import image_seeds


@dataclass(frozen=True, eq=False)
class Seen:
    """A record's photo, uint8 ``[H, W, 3]``, with its lesion's mask; and both in the model's input: uint8 ``[S, S, 3]``, bool
    ``[S, S]``."""

    record: Record
    pixels: RGB
    mask: Mask
    prepared: RGB
    prepared_mask: NDArray[np.bool_]


def as_seen(classifier: Classifier, record: Record) -> Seen:
    """A record's photo and mask.

    Raises:
        ImageError: the photo is refused.
        DatasetError: the mask is damaged or not the photo's.
    """
    pixels = read_image(record.path).pixels
    mask = lesion_mask(record, pixels)
    return Seen(record, pixels, mask, classifier.prepare(pixels), mask_as_seen(mask.pixels, classifier.input_size))


def lesion_rows(
    classifier: Classifier, dataset: Dataset, slices: Sequence[slice], rows: Callable[[list[Seen]], pd.DataFrame]
) -> Iterator[pd.DataFrame]:
    """The rows of a table that needs photos with masks (:func:`~dermaviz.evidence.evaluate.table_rows`)."""
    return table_rows(dataset, slices, partial(as_seen, classifier), lambda _, lesions: rows(lesions))


BATCH = 32
"""Images explained at a time."""
IOU_COLUMNS = tuple(f"iou_{round(100 * threshold)}" for threshold in IOU_THRESHOLDS)


def attention_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The rows of the table ``attention`` for each slice of a data set, lazily and in order; one row per image.

    Columns: ``image_id, predicted`` (the class whose map it is), ``method, status`` (of the map), ``mask`` ("true" or
    "predicted"), ``lesion_area``, then ``energy, pointing, iou_25, iou_50`` of the map and, with the endings ``_centre``
    and ``_random``, of a centre-Gaussian map and of a random one as coarse as the map, drawn by the image's id; last
    ``peak_distance`` of the map. All in the model's input; what each is: :class:`~dermaviz.attention.localisation.Localisation`.
    An even map would have an energy of ``lesion_area``.

    Raises:
        DatasetError: a mask is damaged or not of its photo's shape.
    """

    def rows(seen: list[Seen]) -> pd.DataFrame:
        batches = (seen[first : first + BATCH] for first in range(0, len(seen), BATCH))
        return pd.DataFrame([row for batch in batches for row in _rows(classifier, batch)])

    return lesion_rows(classifier, dataset, slices, rows)


def attention_parameters() -> dict[str, Any]:
    """The settings of the table ``attention``, for its address."""
    return {
        "method": DEFAULT_METHOD,
        "pointing_tolerance": POINTING_TOLERANCE,
        "iou_thresholds": IOU_THRESHOLDS,
        "centre_sigma": CENTRE_SIGMA,
        "seed": 0,
    }


def _rows(classifier: Classifier, batch: Sequence[Seen]) -> Iterator[dict[str, Any]]:
    maps = explain(classifier, classifier.to_tensor([seen.prepared for seen in batch]), method=DEFAULT_METHOD)
    seeds = image_seeds([seen.record.image_id for seen in batch])
    for seen, attention, seed in zip(batch, maps, seeds, strict=True):
        mask = seen.prepared_mask
        found = localise(attention, mask)
        row: dict[str, Any] = {
            "image_id": seen.record.image_id,
            "predicted": classifier.classes[attention.class_index],
            "method": attention.method,
            "status": attention.status,
            "mask": seen.mask.source,
            "lesion_area": found.lesion_area,
        }
        centre, random = centre_gaussian_map(len(mask)), random_map(len(attention.raw), seed)
        beside = {"_centre": localise(centre, mask), "_random": localise(random, mask)}
        for ending, one in {"": found, **beside}.items():
            row |= {f"energy{ending}": one.energy, f"pointing{ending}": one.pointing}
            row |= {f"{column}{ending}": value for column, value in zip(IOU_COLUMNS, one.iou, strict=True)}
        yield row | {"peak_distance": found.peak_distance}


def shortcuts_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The rows for each slice of a data set, lazily and in order; what is random is drawn from an image's id alone.

    Raises:
        DatasetError: a mask is damaged or not the photo's.
    """
    return lesion_rows(
        classifier,
        dataset,
        slices,
        lambda lesions: pd.concat([_of_one(classifier, seen) for seen in lesions], ignore_index=True),
    )


def shortcuts_parameters() -> dict[str, Any]:
    """The settings of the table, for its address."""
    return {"variants": VARIANTS}


def _of_one(classifier: Classifier, seen: Seen) -> pd.DataFrame:
    seed = image_seeds([f"shortcuts {seen.record.image_id}"])[0]
    pictures = {CLEAN: seen.prepared, **shortcut_variants(seen.prepared, seen.prepared_mask, seed)}
    probabilities = classifier.probabilities(classifier.to_tensor(list(pictures.values())))
    said = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in classifier.classes])
    said.insert(0, "image_id", seen.record.image_id)
    said.insert(1, "variant", list(pictures))
    return said
