"""The tables on attention methods: ``faithfulness``, and ``randomisation`` of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
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
from dermaviz.attention.localisation import CENTRE_SIGMA, POINTING_TOLERANCE, centre_gaussian_map, localise, random_map
from dermaviz.attention.maps import explain
from dermaviz.attention.methods import METHODS, AttentionMap
from dermaviz.data.records import Dataset, Record
from dermaviz.evidence.evaluate import prepared, table_rows
from dermaviz.evidence.tables.attention import Seen, lesion_rows
from dermaviz.images import RGB
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacks import image_seeds

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
    """The table ``faithfulness`` for each slice of a data set, lazily and in order: a row per image and method.

    Columns: ``image_id, predicted`` (the explained class), ``method`` (those in ``MEASURED``, then "random" and "centre", maps
    that know nothing of the image), ``deletion, insertion, road`` (:class:`~dermaviz.attention.faithfulness.Faithfulness`),
    ``energy, pointing, lesion_area`` (:class:`~dermaviz.attention.localisation.Localisation`; faithful or not, is the map on
    the lesion), ``mask`` ("true" or "predicted"). NaN where a map shows nothing.

    Raises:
        DatasetError: a mask is damaged or not of its photo's shape.
    """
    return lesion_rows(
        classifier, dataset, slices, lambda seen: pd.DataFrame([row for one in seen for row in _rows(classifier, one)])
    )


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


def _rows(classifier: Classifier, seen: Seen) -> Iterator[dict[str, Any]]:
    image = classifier.to_tensor([seen.prepared])
    with torch.no_grad():
        index = int(classifier.logits(image).argmax())
    (seed,) = image_seeds([seen.record.image_id])
    maps = _maps(classifier, image, index, seed)
    scores = _measured_once(classifier, image, index, maps, seed)
    for method, found in maps.items():
        place = localise(found, seen.prepared_mask)
        yield {
            "image_id": seen.record.image_id,
            "predicted": classifier.classes[index],
            "method": method,
            **asdict(scores[method]),
            "energy": place.energy,
            "pointing": place.pointing,
            "lesion_area": place.lesion_area,
            "mask": seen.mask.source,
        }


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


BATCH = 32
"""Images explained at a time."""
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
