"""Audits: the rows of the table ``tone``: the estimated skin tone of every photo of a data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import pandas as pd

from dermaviz.datasets.masks import lesion_mask
from dermaviz.datasets.records import Dataset, Record
from dermaviz.fairness import skin_pixels, skin_tone
from dermaviz.fairness.skin_tone import CUTS, measure_tone, tone_groups
from dermaviz.images import read_picture
from dermaviz.models.classifier import Classifier


def tone_rows(_classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The table ``tone`` for each slice of a data set, lazily and in order; no classifier is asked.

    Columns: ``image_id, mask`` (true or predicted), the fields of :class:`~dermaviz.fairness.skin_tone.Tone` (``flags``
    joined by "; ") and ``tone_group`` of ``ita`` by ``CUTS``, "" where the photo is excluded. Each photo is measured at
    its own size, by two threads.

    Raises:
        ImageError: a photo is refused. DatasetError: a mask cannot be read.
    """
    with ThreadPoolExecutor(2) as pool:
        for part in slices:
            rows = pd.DataFrame(list(pool.map(_measured, dataset.records[part])))
            yield rows.assign(tone_group=tone_groups(rows["ita"]))


def tone_parameters() -> dict[str, Any]:
    """The settings of the table ``tone``, for its address: every named constant of the measurement."""
    return {
        "cuts": CUTS,
        **{
            name.lower(): value
            for room in (skin_pixels, skin_tone)
            for name, value in vars(room).items()
            if name.isupper() and isinstance(value, float | int)
        },
    }


def _measured(record: Record) -> dict[str, Any]:
    pixels = read_picture(record.path).pixels
    mask = lesion_mask(record, pixels)
    tone = measure_tone(pixels, mask.pixels)
    return {"image_id": record.image_id, "mask": mask.source} | asdict(tone) | {"flags": "; ".join(tone.flags)}
