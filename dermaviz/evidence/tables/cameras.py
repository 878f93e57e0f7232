"""The table ``cameras``: what a model says of the same lesion, had another camera taken it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dermaviz.data.records import Dataset, Record
from dermaviz.evidence.evaluate import table_rows
from dermaviz.images import RGB, read_image
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.cameras import CHANGES, KEPT, variants

BATCH = 64
"""Images that the model is asked about at a time."""


def cameras_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The table ``cameras`` for each slice of a data set, lazily and in order: a row per image, change and level.

    Columns: ``image_id, change, level``, ``predicted``, ``p_true`` and ``p_malignant``; the first row of an image has the change
    ``none``. A level that is sharper than the photograph has no row.
    """

    def read(record: Record) -> list[tuple[str, float, RGB]]:
        made = variants(read_image(record.path).pixels)
        return [(change, level, classifier.prepare(pixels)) for change, level, pixels in made]

    malignant = np.isin(classifier.classes, list(classifier.malignant))
    labels = dict(zip((r.image_id for r in dataset.records), dataset.label_indices, strict=True))

    def rows(records: Sequence[Record], images: Sequence[Sequence[tuple[str, float, RGB]]]) -> pd.DataFrame:
        told = [(record.image_id, *one) for record, made in zip(records, images, strict=True) for one in made]
        prepared = [one[3] for one in told]
        batches = (prepared[first : first + BATCH] for first in range(0, len(prepared), BATCH))
        said = np.concatenate([classifier.probabilities(classifier.to_tensor(batch)) for batch in batches])
        frame = pd.DataFrame([one[:3] for one in told], columns=["image_id", "change", "level"])
        return frame.assign(
            predicted=np.array(classifier.classes)[said.argmax(axis=1)],
            p_true=said[np.arange(len(said)), [labels[image_id] for image_id in frame["image_id"]]],
            p_malignant=said[:, malignant].sum(axis=1) if malignant.any() else np.nan,
        )

    return table_rows(dataset, slices, read, rows)


def cameras_parameters() -> dict[str, Any]:
    """The settings of the table ``cameras``, for its address."""
    return {**{name: change.levels for name, change in CHANGES.items()}, "kept": KEPT}
