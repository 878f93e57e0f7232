"""Evaluation: run a classifier over records; what comes back is kept by image, with its lesion and true class.

Evidence keeps it as a table: ``image_id, lesion_id, dx`` (the true class), the data set's own metadata as text, and
``p_<class>``, calibrated probabilities as the app shows them. What they were before calibration follows: logits are
temperature · ln p, up to a constant."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from tqdm import tqdm

from dermaviz.data.records import Dataset, Record
from dermaviz.errors import DatasetError
from dermaviz.evidence.store import labels_of
from dermaviz.images import RGB, read_image
from dermaviz.models.classifier import Classifier

T = TypeVar("T")


@dataclass(frozen=True)
class Predictions:
    """Logits ``[N, C]`` of N images, with image ids, lesion ids and labels (indices into ``classes``)."""

    classes: tuple[str, ...]
    image_ids: tuple[str, ...]
    lesion_ids: tuple[str, ...]
    labels: NDArray[np.int64]
    logits: NDArray[np.floating]

    def probabilities(self, temperature: float) -> NDArray[np.floating]:
        """Softmax of the logits divided by ``temperature``: ``[N, C]``, of the logits' own type."""
        return softmax(self.logits / temperature, axis=1)


def predict_dataset(classifier: Classifier, dataset: Dataset, batch_size: int = 64) -> Predictions:
    """Logits of every record, each photo read and prepared exactly as the app does it.

    Raises:
        DatasetError: there is no image in the data set.
        ImageError: a photo is refused.
    """
    if not len(dataset):
        raise DatasetError(f"expected images of {dataset.name} to predict, found none. Choose a split that has images.")
    batches = [slice(first, first + batch_size) for first in range(0, len(dataset), batch_size)]
    return Predictions(
        dataset.classes,
        tuple(record.image_id for record in dataset.records),
        tuple(record.lesion_id for record in dataset.records),
        np.array(dataset.label_indices, dtype=np.int64),
        np.concatenate([_logits(classifier, images) for _, images in prepared_batches(classifier, dataset, batches)]),
    )


def prediction_rows(
    classifier: Classifier, dataset: Dataset, slices: Sequence[slice], batch_size: int = 64
) -> Iterator[pd.DataFrame]:
    """The rows of the evidence table ``predictions`` for each slice of a data set, lazily and in order.

    Raises:
        ImageError: a photo is refused.
    """
    for part, images in prepared_batches(classifier, dataset, slices):
        batches = [images[first : first + batch_size] for first in range(0, len(images), batch_size)]
        logits = np.concatenate([_logits(classifier, batch) for batch in batches]).astype(np.float64)
        probabilities = softmax(logits / classifier.card.temperature, axis=1)
        records = dataset.records[part]
        facts = pd.DataFrame(
            {
                "image_id": [record.image_id for record in records],
                "lesion_id": [record.lesion_id for record in records],
                "dx": [record.label for record in records],
            }
        )
        known = pd.DataFrame([dict(record.metadata) for record in records]).drop(columns=list(facts), errors="ignore")
        named = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in classifier.classes])
        yield pd.concat([facts, known.drop(columns=list(named), errors="ignore"), named], axis=1)


def predictions_of(table: pd.DataFrame, classes: tuple[str, ...], temperature: float) -> Predictions:
    """The predictions in a table of evidence, with logits such that ``probabilities(temperature)`` are the table's.

    Raises:
        EvidenceError: the table has no probability of a class, or a diagnosis that is none.
    """
    labels = labels_of(table, classes)
    smallest = np.finfo(np.float64).tiny
    logits = temperature * np.log(np.maximum(table[[f"p_{name}" for name in classes]].to_numpy(np.float64), smallest))
    return Predictions(
        classes,
        tuple(table["image_id"]),
        tuple(table["lesion_id"]),
        labels,
        logits,
    )


def prepared_batches(
    classifier: Classifier, dataset: Dataset, slices: Sequence[slice]
) -> Iterator[tuple[slice, list[RGB]]]:
    """Each slice of a data set with its prepared inputs, uint8 ``[S, S, 3]``, read ahead by two threads."""
    return read_ahead(dataset, slices, partial(_prepare, classifier))


def read_ahead(
    dataset: Dataset, slices: Sequence[slice], read: Callable[[Record], T]
) -> Iterator[tuple[slice, list[T]]]:
    """Each slice of a data set with what ``read`` makes of its records, in order, read ahead by two threads."""
    records = [record for part in slices for record in dataset.records[part]]
    largest = max((part.stop - part.start for part in slices), default=0)
    ahead = iter(tqdm(_in_threads(records, read, largest), total=len(records), desc=dataset.name, unit=" images"))
    for part in slices:
        yield part, list(islice(ahead, len(dataset.records[part])))


def _logits(classifier: Classifier, images: Sequence[RGB]) -> NDArray[np.float32]:
    with torch.no_grad():
        return classifier.logits(classifier.to_tensor(images)).cpu().numpy()


def _in_threads(records: Sequence[Record], read: Callable[[Record], T], most: int) -> Iterator[T]:
    """What ``read`` makes of the records in order, by two threads that are never more than ``most`` of them ahead."""
    upcoming: deque[Future[T]] = deque()
    with ThreadPoolExecutor(2) as pool:
        for record in records:
            upcoming.append(pool.submit(read, record))
            if len(upcoming) > most:
                yield upcoming.popleft().result()
        while upcoming:
            yield upcoming.popleft().result()


def _prepare(classifier: Classifier, record: Record) -> RGB:
    return classifier.prepare(read_image(record.path).pixels)
