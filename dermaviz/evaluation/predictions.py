"""Evaluation: run a classifier over records; what comes back is kept by image, with its lesion and true class."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from tqdm import tqdm

from dermaviz.datasets.records import Dataset, Record
from dermaviz.errors import DatasetError
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
        DatasetError: there is no image in the data set.
        ImageError: a photo is refused.
    """
    if not len(dataset):
        raise DatasetError(f"expected images of {dataset.name} to predict, found none. Choose a split that has images.")
    parts = []
    ahead = _prepare_ahead(classifier, dataset, 2 * batch_size)
    prepared = iter(tqdm(ahead, total=len(dataset), desc=dataset.name, unit=" images"))
    while batch := list(islice(prepared, batch_size)):
        with torch.no_grad():
            parts.append(classifier.logits(classifier.to_tensor(batch)).cpu().numpy())
    return Predictions(
        dataset.classes,
        tuple(record.image_id for record in dataset.records),
        tuple(record.lesion_id for record in dataset.records),
        np.array(dataset.label_indices, dtype=np.int64),
        np.concatenate(parts),
    )


def _prepare_ahead(classifier: Classifier, dataset: Dataset, most: int) -> Iterator[RGB]:
    """Prepared inputs in order, read by two threads that are never more than ``most`` images ahead."""
    upcoming: deque[Future[RGB]] = deque()
    with ThreadPoolExecutor(2) as pool:
        for record in dataset.records:
            upcoming.append(pool.submit(_prepare, classifier, record))
            if len(upcoming) > most:
                yield upcoming.popleft().result()
        while upcoming:
            yield upcoming.popleft().result()


def _prepare(classifier: Classifier, record: Record) -> RGB:
    return classifier.prepare(read_picture(record.path).pixels)
