"""The tables ``attention`` and ``shortcuts``, on images with the mask of their lesion; and those on attention methods:
``faithfulness``, and ``randomisation`` of the weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from dermaviz.attention.faithfulness import (
    BLUR,
    CYCLES,
    NOISE,
    NOTHING,
    ROAD_SHARES,
    STAGES,
    STEPS,
    Faithfulness,
    cascade,
    faithfulness,
)
from dermaviz.attention.localisation import (
    CENTRE_SIGMA,
    IOU_THRESHOLDS,
    POINTING_TOLERANCE,
    centre_gaussian_map,
    localise,
    random_map,
)
from dermaviz.attention.maps import explain
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS, AttentionMap
from dermaviz.data.masks import Mask, lesion_mask, mask_as_seen
from dermaviz.data.records import Dataset, Record
from dermaviz.evidence.evaluate import prepared, table_rows
from dermaviz.fairness.effects import CLEAN, VARIANTS, shortcut_variants
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
    """A record's photo and mask; an ImageError where the photo is refused, a DatasetError where the mask is not the photo's."""
    pixels = read_image(record.path).pixels
    mask = lesion_mask(record, pixels)
    return Seen(record, pixels, mask, classifier.prepare(pixels), mask_as_seen(mask.pixels, classifier.input_size))


def lesion_rows(
    classifier: Classifier,
    dataset: Dataset,
    slices: Sequence[slice],
    of_one: Callable[[Classifier, Seen], pd.DataFrame],
) -> Iterator[pd.DataFrame]:
    """The rows of a table that needs photos with masks, photo by photo, for each slice of a data set, lazily and in order.

    Raises:
        DatasetError: a mask is damaged or not of its photo's shape.
    """

    def rows(_: Sequence[Record], lesions: Sequence[Seen]) -> pd.DataFrame:
        return pd.concat([of_one(classifier, seen) for seen in lesions], ignore_index=True)

    return table_rows(dataset, slices, partial(as_seen, classifier), rows)


BATCH = 32
"""Images explained at a time."""
IOU_COLUMNS = tuple(f"iou_{round(100 * threshold)}" for threshold in IOU_THRESHOLDS)


def attention_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The rows of the table ``attention`` for each slice of a data set, lazily and in order; one row per image.

    Columns: ``image_id, predicted`` (the class whose map it is), ``method, status`` (of the map), ``mask`` ("true" or
    "predicted"), ``lesion_area``, then ``energy, pointing, iou_25, iou_50`` of the map and, with the endings ``_centre``
    and ``_random``, of a centre-Gaussian map and of a random one as coarse as the map, drawn by the image's id; last
    ``peak_distance`` of the map. All in the model's input; what each is: :class:`~dermaviz.attention.localisation.Localisation`.
    An even map would have an energy of ``lesion_area``. Errors are those of :func:`lesion_rows`.
    """

    def rows(_: Sequence[Record], seen: Sequence[Seen]) -> pd.DataFrame:
        batches = (seen[first : first + BATCH] for first in range(0, len(seen), BATCH))
        return pd.DataFrame([row for batch in batches for row in _rows(classifier, batch)])

    return table_rows(dataset, slices, partial(as_seen, classifier), rows)


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
    """The table ``shortcuts`` (:func:`lesion_rows`): a row per image and variant; what is random is drawn from an image's id."""
    return lesion_rows(classifier, dataset, slices, _with_shortcuts)


def shortcuts_parameters() -> dict[str, Any]:
    """The settings of the table ``shortcuts``, for its address."""
    return {"variants": VARIANTS}


def _with_shortcuts(classifier: Classifier, seen: Seen) -> pd.DataFrame:
    seed = image_seeds([f"shortcuts {seen.record.image_id}"])[0]
    pictures = {CLEAN: seen.prepared, **shortcut_variants(seen.prepared, seen.prepared_mask, seed)}
    probabilities = classifier.probabilities(classifier.to_tensor(list(pictures.values())))
    said = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in classifier.classes])
    said.insert(0, "image_id", seen.record.image_id)
    said.insert(1, "variant", list(pictures))
    return said


LEFT_OUT = {
    "scorecam": "1,280 forwards an image, about 38 s of one core",
    "ablationcam": "1,280 forwards an image, about 38 s of one core",
}
"""Methods that are not measured, and what their maps would cost for EfficientNet-Lite0 at 192 px: 150 images, 95 minutes of
one core each; the eleven others together take a second an image."""
MEASURED = tuple(name for name in METHODS if name not in LEFT_OUT)
RANDOM, CENTRE = "random", "centre"
SAME = 1e-5
"""Two maps that differ by less everywhere, in units of their largest value, are one: behind global average pooling and a
linear layer, Grad-CAM, HiResCAM, XGrad-CAM and Shapley-CAM are the same by algebra. They are measured once."""


def faithfulness_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The table ``faithfulness`` (:func:`lesion_rows`): a row per image and method.

    Columns: ``image_id, predicted`` (the explained class), ``method`` (those in ``MEASURED``, then "random" and "centre", maps
    that know nothing of the image), ``deletion, insertion, road`` (:class:`~dermaviz.attention.faithfulness.Faithfulness`),
    ``energy, pointing, lesion_area`` (:class:`~dermaviz.attention.localisation.Localisation`; faithful or not, is the map on
    the lesion), ``mask`` ("true" or "predicted"). NaN where a map shows nothing.
    """
    return lesion_rows(classifier, dataset, slices, _of_methods)


def faithfulness_parameters() -> dict[str, Any]:
    """The settings of the table ``faithfulness``, for its address; ``left_out`` names methods not measured, with their cost."""
    return {
        "methods": MEASURED,
        "left_out": LEFT_OUT,
        "steps": STEPS,
        "deletion": "most important first, replaced by the image's median colour",
        "insertion": "most important first, into the blurred image",
        "blur": BLUR,
        "road_shares": ROAD_SHARES,
        "road_noise": NOISE,
        "road_cycles": CYCLES,
        "centre_sigma": CENTRE_SIGMA,
        "pointing_tolerance": POINTING_TOLERANCE,
        "seed": 0,
    }


def _of_methods(classifier: Classifier, seen: Seen) -> pd.DataFrame:
    image = classifier.to_tensor([seen.prepared])
    with torch.no_grad():
        index = int(classifier.logits(image).argmax())
    (seed,) = image_seeds([seen.record.image_id])
    maps = _maps(classifier, image, index, seed)
    scores = _measured_once(classifier, image, index, maps, seed)
    rows = []
    for method, found in maps.items():
        place = localise(found, seen.prepared_mask)
        beside = {"energy": place.energy, "pointing": place.pointing, "lesion_area": place.lesion_area}
        rows.append({"method": method, **asdict(scores[method]), **beside, "mask": seen.mask.source})
    table = pd.DataFrame(rows)
    table.insert(0, "image_id", seen.record.image_id)
    table.insert(1, "predicted", classifier.classes[index])
    return table


def _maps(classifier: Classifier, image: torch.Tensor, index: int, seed: int) -> dict[str, AttentionMap]:
    """The map of every method, then the controls; random numbers are as coarse as the methods' maps."""
    maps = {method: explain(classifier, image, index, method)[0] for method in MEASURED}
    layer, coarse = classifier.attention_layer, min(len(found.raw) for found in maps.values())
    controls = {RANDOM: random_map(coarse, seed), CENTRE: centre_gaussian_map(classifier.input_size)}
    return maps | {name: AttentionMap(raw, name, index, layer, 0.0) for name, raw in controls.items()}


def _measured_once(
    classifier: Classifier, image: torch.Tensor, index: int, maps: Mapping[str, AttentionMap], seed: int
) -> dict[str, Faithfulness]:
    distinct: list[NDArray[np.float32]] = []
    place: dict[str, int] = {}
    for method, found in maps.items():
        if found.status == "ok":
            scaled = found.raw / np.abs(found.raw).max()
            alike = (
                other.shape == scaled.shape and np.allclose(scaled, other, rtol=0, atol=SAME) for other in distinct
            )
            place[method] = next((i for i, same in enumerate(alike) if same), len(distinct))
            distinct += [scaled] * (place[method] == len(distinct))
    scores = faithfulness(classifier, image, distinct, index, seed)
    return {method: scores[place[method]] if method in place else NOTHING for method in maps}


SEED = 0


def randomisation_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The table ``randomisation`` for each slice of a data set, lazily and in order: a row per image, method and stage.

    Columns: ``image_id, method, stage`` (the lowest random layer, from the head down: in the order of the rows),
    ``rank_correlation`` with the map of the intact network, of the class that this one predicts. See
    :class:`~dermaviz.attention.faithfulness.Cascade`.
    """

    def rows(records: Sequence[Record], images: Sequence[RGB]) -> pd.DataFrame:
        image_ids = [record.image_id for record in records]
        tables = []
        for first in range(0, len(images), BATCH):
            found = cascade(classifier, classifier.to_tensor(images[first : first + BATCH]), MEASURED, SEED)
            names = {"image_id": image_ids[first : first + BATCH], "method": MEASURED, "stage": found.stages}
            index = pd.MultiIndex.from_product(names.values(), names=list(names))
            values = np.transpose(found.rank_correlation, (2, 1, 0)).ravel()
            tables.append(pd.DataFrame({"rank_correlation": values}, index=index).reset_index())
        return pd.concat(tables, ignore_index=True)

    return table_rows(dataset, slices, partial(prepared, classifier), rows)


def randomisation_parameters() -> dict[str, Any]:
    """The settings of the table ``randomisation``, for its address."""
    return {"methods": MEASURED, "stages": STAGES, "weights": "He normal", "seed": SEED}
