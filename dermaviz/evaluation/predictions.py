"""Evaluation: run a classifier over records; what comes back is kept by image, with its lesion and true class."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from tqdm import tqdm

from dermaviz.datasets.records import Dataset, Record
from dermaviz.images import read_picture
from dermaviz.models.classifier import Classifier
from dermaviz.types import RGB


@dataclass(frozen=True)
class Predictions:
    """Logits float32 ``[N, C]`` of N images, with image ids, lesion ids and labels (indices into ``classes``)."""

    classes: tuple[str, ...]
    image_ids: tuple[str, ...]
    lesion_ids: tuple[str, ...]
    labels: NDArray[np.int64]
    logits: NDArray[np.float32]

    def probabilities(self, temperature: float) -> NDArray[np.float32]:
        """Softmax of the logits divided by ``temperature``: float32 ``[N, C]``."""
        return softmax(self.logits / temperature, axis=1)


def predict_dataset(classifier: Classifier, dataset: Dataset, batch_size: int = 64) -> Predictions:
    """Logits of every record, each photo read and prepared exactly as the app does it.

    Raises:
        ImageError: a photo is refused.
    """
    parts = []
    with ThreadPoolExecutor(2) as pool:
        prepared = pool.map(lambda record: _prepare(classifier, record), dataset.records)
        for batch in _batches(tqdm(prepared, total=len(dataset), desc=dataset.name, unit=" images"), batch_size):
            with torch.no_grad():
                parts.append(classifier.logits(classifier.to_tensor(batch)).cpu().numpy())
    return Predictions(
        dataset.classes,
        tuple(record.image_id for record in dataset.records),
        tuple(record.lesion_id for record in dataset.records),
        np.array(dataset.label_indices, dtype=np.int64),
        np.concatenate(parts),
    )


def _prepare(classifier: Classifier, record: Record) -> RGB:
    return classifier.prepare(read_picture(record.path).pixels)


def _batches(prepared: Iterator[RGB], size: int) -> Iterator[list[RGB]]:
    batch: list[RGB] = []
    for item in prepared:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
