"""The tables ``attacks``, ``flips``, ``corruptions`` and ``cameras``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from dermaviz.data.records import Dataset, Record
from dermaviz.evidence.evaluate import prepared, table_rows
from dermaviz.images import RGB, read_image
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacks import DEFAULT_PGD
from dermaviz.robustness.cameras import CHANGES, KEPT, variants
from dermaviz.robustness.corruptions import CORRUPTIONS
from dermaviz.robustness.sweep import (
    CAP,
    EPSILONS,
    RESOLUTION,
    SLOW_EPSILONS,
    attack_table,
    corruption_table,
    evidence_methods,
    flip_table,
)

BATCH = 32
"""Images held under attack at a time: a gradient's graph of so many takes about a gigabyte at 192 px."""

Measure = Callable[[Classifier, Tensor, NDArray[np.int64], list[str]], pd.DataFrame]


def attack_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The table ``attacks`` (:func:`~dermaviz.robustness.sweep.attack_table`), lazily and in order."""
    return _rows(
        classifier,
        dataset,
        slices,
        lambda model, images, labels, ids: attack_table(model, images, labels.tolist(), ids).rows,
    )


def flip_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The table ``flips`` (:func:`~dermaviz.robustness.sweep.flip_table`), lazily and in order."""
    return _rows(
        classifier, dataset, slices, lambda model, images, labels, ids: flip_table(model, images, labels.tolist(), ids)
    )


def corruption_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The table ``corruptions`` (:func:`~dermaviz.robustness.sweep.corruption_table`), lazily and in order."""
    return _rows(classifier, dataset, slices, corruption_table)


def attack_parameters() -> dict[str, Any]:
    """The settings of the table ``attacks``, for its address."""
    return {
        "methods": evidence_methods(),
        "epsilons": EPSILONS,
        "pgd_epsilons": SLOW_EPSILONS,
        "pgd": {"way" if name == "total_step_length" else name: value for name, value in asdict(DEFAULT_PGD).items()},
        "seed": 0,
    }


def flip_parameters() -> dict[str, Any]:
    """The settings of the table ``flips``, for its address."""
    return {"cap": CAP, "resolution": RESOLUTION}


def corruption_parameters() -> dict[str, Any]:
    """The settings of the table ``corruptions``, for its address."""
    return {name: corruption.values for name, corruption in CORRUPTIONS.items()}


def _rows(
    classifier: Classifier, dataset: Dataset, slices: Sequence[slice], measure: Measure
) -> Iterator[pd.DataFrame]:
    labels = dict(zip((record.image_id for record in dataset.records), dataset.label_indices, strict=True))

    def rows(records: Sequence[Record], images: Sequence[RGB]) -> pd.DataFrame:
        tables = []
        for first in range(0, len(images), BATCH):
            image_ids = [record.image_id for record in records[first : first + BATCH]]
            called = np.array([labels[image_id] for image_id in image_ids], dtype=np.int64)
            tables.append(measure(classifier, classifier.to_tensor(images[first : first + BATCH]), called, image_ids))
        return pd.concat(tables, ignore_index=True)

    return table_rows(dataset, slices, partial(prepared, classifier), rows)


FORWARD = 64
"""Pictures in a forward where no gradient is asked for."""


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
        batches = (prepared[first : first + FORWARD] for first in range(0, len(prepared), FORWARD))
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
