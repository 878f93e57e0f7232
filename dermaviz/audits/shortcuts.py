"""Audits: the evidence table ``shortcuts`` — what a classifier says of each image under an artefact, or with a part gone.

One row for each image and variant: ``image_id, variant`` (``clean``, then :data:`~dermaviz.fairness.shortcuts.VARIANTS`) and
``p_<class>``, calibrated. Everything is done to the picture as the model sees it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from dermaviz.audits.seen import Seen, lesions_as_seen
from dermaviz.datasets.records import Dataset
from dermaviz.fairness.effects import CLEAN
from dermaviz.fairness.shortcuts import VARIANTS, shortcut_variants
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.noise import image_seeds


def shortcuts_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The rows for each slice of a data set, lazily and in order; what is random is drawn from an image's id alone.

    Raises:
        ImageError: a photo is refused.
        DatasetError: a mask is damaged or not the photo's.
    """
    for _, lesions in lesions_as_seen(classifier, dataset, slices):
        yield pd.concat([_of_one(classifier, seen) for seen in lesions], ignore_index=True)


def shortcuts_parameters() -> dict[str, Any]:
    """The settings of the table, for its address."""
    return {"variants": VARIANTS}


def _of_one(classifier: Classifier, seen: Seen) -> pd.DataFrame:
    seed = image_seeds([f"shortcuts {seen.record.image_id}"])[0]
    pictures = {CLEAN: seen.prepared, **shortcut_variants(seen.prepared, seen.prepared_mask, seed)}
    probabilities = classifier.probabilities(classifier.to_tensor(list(pictures.values())))
    said = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in classifier.classes])
    said.insert(0, "image_id", seen.record.image_id)
    said.insert(1, "variant", list(pictures))
    return said
