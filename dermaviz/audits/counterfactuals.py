"""Audits: the evidence table ``counterfactuals`` — what a classifier says of the same photo on skin of other tones.

One row for each image and condition: ``image_id, axis, lesion, ita_from, ita_to, shift, clipped, p_<class>`` (calibrated),
``rank_correlation, energy, lesion_area``. The first row of an image is the photo as it is: ``axis`` is ``clean``, ``lesion`` is
"" and ``shift`` 0. An image without a measured tone has that row only, with NaN for its ITA.

``ita_from`` is the photo's measured ITA in degrees, brought into the range of the skin model (−60 to 70) where the lamp put it
beyond. Attention is that of the class predicted on the photo as it is, by the default method: its rank correlation with the
map of the photo as it is, and its energy in the lesion, whose share of the picture is ``lesion_area``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dermaviz.audits.seen import Seen, lesions_as_seen
from dermaviz.datasets.records import Dataset
from dermaviz.datasets.synthetic.optics import ITA_RANGE
from dermaviz.explain.attention import explain
from dermaviz.explain.drift import drift
from dermaviz.explain.methods import DEFAULT_METHOD
from dermaviz.fairness.counterfactual import AXES, LESION_CHOICES, counterfactual
from dermaviz.fairness.effects import CLEAN
from dermaviz.fairness.skin_tone import measure_tone
from dermaviz.models.classifier import Classifier
from dermaviz.types import RGB

TONES = (55.0, 41.0, 28.0, 10.0, -10.0, -30.0, -50.0)
"""Degrees of ITA that every photo is shifted to: the cuts between the tone groups, and the middles of the darkest three."""


def counterfactuals_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The rows for each slice of a data set, lazily and in order.

    Raises:
        ImageError: a photo is refused.
        DatasetError: a mask is damaged or not the photo's.
    """
    for _, lesions in lesions_as_seen(classifier, dataset, slices):
        yield pd.concat([_of_one(classifier, seen) for seen in lesions], ignore_index=True)


def counterfactuals_parameters() -> dict[str, Any]:
    """The settings of the table, for its address."""
    return {"tones": TONES, "axes": tuple(AXES), "lesions": LESION_CHOICES, "method": DEFAULT_METHOD}


def _of_one(classifier: Classifier, seen: Seen) -> pd.DataFrame:
    start = float(np.clip(measure_tone(seen.pixels, seen.mask.pixels).ita, *ITA_RANGE))
    conditions, pictures = _shifted(seen, start)
    images = classifier.to_tensor(pictures)
    probabilities = classifier.probabilities(images)
    maps = explain(classifier, images, int(probabilities[0].argmax()))
    drifts = [drift(maps[0], one, seen.prepared_mask) for one in maps]
    said = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in classifier.classes])
    attention = pd.DataFrame(
        {
            "rank_correlation": [one.rank_correlation for one in drifts],
            "energy": [one.energy_after for one in drifts],
            "lesion_area": seen.prepared_mask.mean(),
        }
    )
    return pd.concat([conditions, said, attention], axis=1)


def _shifted(seen: Seen, start: float) -> tuple[pd.DataFrame, list[RGB]]:
    """The photo as it is and under each condition, with the columns that name it."""
    rows: list[dict[str, Any]] = [{"axis": CLEAN, "lesion": "", "ita_to": start, "clipped": 0.0}]
    pictures = [seen.prepared]
    tones = () if np.isnan(start) else TONES
    for axis in AXES:
        for lesion in LESION_CHOICES:
            for tone in tones:
                made = counterfactual(seen.prepared, seen.prepared_mask, tone, start, lesion, axis)
                rows.append({"axis": axis, "lesion": lesion, "ita_to": tone, "clipped": made.clipped})
                pictures.append(made.pixels)
    conditions = pd.DataFrame(rows).assign(image_id=seen.record.image_id, ita_from=start)
    conditions["shift"] = conditions["ita_to"] - start
    return conditions[["image_id", "axis", "lesion", "ita_from", "ita_to", "shift", "clipped"]], pictures
