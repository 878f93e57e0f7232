"""Reproduction: what a learner leaves behind — its answers to the validation and the test images — whatever learned it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.datasets.records import Dataset
from dermaviz.evaluation.predictions import Predictions
from dermaviz.evaluation.summary import measure

_DIGITS = 6


@dataclass(frozen=True)
class Learned:
    """Untempered predictions of the validation and the test images; ``under`` are those of spoilt test images, by name.

    ``curve`` has a line for each epoch (none where there are no epochs), ``kept_epoch`` is the one whose weights these
    answers are of (0 where there are none), ``seconds`` is the time of training over all sittings.
    """

    validation: Predictions
    test: Predictions
    seconds: float
    curve: tuple[Mapping[str, Any], ...] = ()
    kept_epoch: int = 0
    under: Mapping[str, Predictions] = field(default_factory=dict)


def answers(dataset: Dataset, probabilities: NDArray[np.floating]) -> Predictions:
    """Predictions of a data set's images from untempered probabilities ``[N, C]``, in its order."""
    return Predictions(
        dataset.classes,
        tuple(record.image_id for record in dataset.records),
        tuple(record.lesion_id for record in dataset.records),
        np.array(dataset.label_indices, dtype=np.int64),
        np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float32).tiny)),
    )


def prediction_table(predictions: Predictions, temperature: float) -> pd.DataFrame:
    """``image_id, lesion_id, dx`` (the true class) and ``p_<class>``, calibrated, float32: one row per image."""
    probabilities = predictions.probabilities(temperature).astype(np.float32)
    dx = [predictions.classes[label] for label in predictions.labels]
    facts = pd.DataFrame({"image_id": predictions.image_ids, "lesion_id": predictions.lesion_ids, "dx": dx})
    return facts.join(pd.DataFrame(probabilities, columns=[f"p_{name}" for name in predictions.classes]))


def figures_of(
    predictions: Predictions, temperature: float, malignant: frozenset[str], draws: int
) -> tuple[dict[str, Any], ...]:
    """Every figure of ``evaluation.summary.measure``, as rows of plain values."""
    probabilities = predictions.probabilities(temperature)
    table = measure(
        predictions.labels, probabilities, predictions.lesion_ids, predictions.classes, malignant, draws
    ).drop(columns="label")
    return tuple(table.round(_DIGITS).astype(object).to_dict("records"))
