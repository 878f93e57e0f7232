"""Audits: the evidence table ``randomisation`` — what is left of each method's map when the network is made random."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dermaviz.audits.faithfulness import MEASURED
from dermaviz.datasets.records import Dataset
from dermaviz.evaluation.predictions import prepared_batches
from dermaviz.explain.randomisation import STAGES, cascade
from dermaviz.models.classifier import Classifier
from dermaviz.types import RGB

BATCH = 32
"""Images explained at a time."""
SEED = 0


def randomisation_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The table ``randomisation`` for each slice of a data set, lazily and in order: a row per image, method and stage.

    Columns: ``image_id, method, stage`` (the lowest random layer, from the head down: in the order of the rows),
    ``rank_correlation`` with the map of the intact network, of the class that this one predicts. See
    :class:`~dermaviz.explain.randomisation.Cascade`.

    Raises:
        ImageError: a photo is refused.
    """
    for part, prepared in prepared_batches(classifier, dataset, slices):
        image_ids = [record.image_id for record in dataset.records[part]]
        batches = [slice(first, first + BATCH) for first in range(0, len(prepared), BATCH)]
        rows = [_rows(classifier, prepared[batch], image_ids[batch]) for batch in batches]
        yield pd.concat(rows, ignore_index=True)


def randomisation_parameters() -> dict[str, Any]:
    """The settings of the table ``randomisation``, for its address."""
    return {"methods": MEASURED, "stages": STAGES, "weights": "He normal", "seed": SEED}


def _rows(classifier: Classifier, prepared: Sequence[RGB], image_ids: Sequence[str]) -> pd.DataFrame:
    found = cascade(classifier, classifier.to_tensor(prepared), MEASURED, SEED)
    index = pd.MultiIndex.from_product([image_ids, MEASURED, found.stages], names=["image_id", "method", "stage"])
    values = np.transpose(found.rank_correlation, (2, 1, 0)).ravel()
    return pd.DataFrame({"rank_correlation": values}, index=index).reset_index()
