"""Robustness, corruptions: the rows of the evidence table ``corruptions`` — what the model says of images under each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from dermaviz.errors import AttackError
from dermaviz.models.classifier import Classifier
from dermaviz.models.inputs import require_images
from dermaviz.robustness.corruptions.apply import corrupt
from dermaviz.robustness.corruptions.catalogue import CLEAN, CORRUPTIONS, SEVERITIES


def corruption_table(
    classifier: Classifier,
    images: Tensor,
    labels: NDArray[np.int64],
    image_ids: Sequence[str],
    corruptions: Sequence[str] = tuple(CORRUPTIONS),
) -> pd.DataFrame:
    """What the classifier says of a batch, clean and under every severity of ``corruptions``.

    One corrupted copy of the batch is held at a time.

    Args:
        classifier: is not changed in any way.
        images: float32 ``[N, 3, S, S]`` in [0, 1], as :meth:`Classifier.to_tensor` gives them.
        labels: index of each image's true class, ``[N]``.
        image_ids: N ids, from which all chance is drawn.
        corruptions: names in ``CORRUPTIONS``.

    Returns:
        ``image_id, corruption, severity`` (int8; 0 with corruption ``clean``), ``predicted`` (name of the most probable
        class), ``p_true`` and ``p_malignant`` (float32, calibrated; NaN where the classes name none malignant): N rows for
        the clean images and N for each corruption and severity.

    Raises:
        AttackError: images, labels, ids or corruptions do not fit each other or the classifier.
    """
    require_images(images, classifier.input_size, AttackError)
    if not len(labels) == len(image_ids) == len(images):
        raise AttackError(
            f"expected one label and one id per image, {len(images)} of each; found {len(labels)} labels and "
            f"{len(image_ids)} ids. Pass those of the batch."
        )
    return pd.concat(list(_parts(classifier, images, labels, image_ids, corruptions)), ignore_index=True)


def _parts(
    classifier: Classifier,
    images: Tensor,
    labels: NDArray[np.int64],
    image_ids: Sequence[str],
    corruptions: Sequence[str],
) -> Iterator[pd.DataFrame]:
    yield _said(classifier, images, labels, image_ids, CLEAN, 0)
    for name in corruptions:
        for severity in SEVERITIES:
            yield _said(classifier, corrupt(images, name, severity, image_ids), labels, image_ids, name, severity)


def _said(
    classifier: Classifier,
    images: Tensor,
    labels: NDArray[np.int64],
    image_ids: Sequence[str],
    name: str,
    severity: int,
) -> pd.DataFrame:
    probabilities = classifier.probabilities(images)
    malignant = [i for i, one in enumerate(classifier.classes) if one in classifier.malignant]
    p_malignant = probabilities[:, malignant].sum(axis=1) if malignant else np.full(len(images), np.nan)
    return pd.DataFrame(
        {
            "image_id": list(image_ids),
            "corruption": name,
            "severity": np.int8(severity),
            "predicted": np.array(classifier.classes)[probabilities.argmax(axis=1)],
            "p_true": probabilities[np.arange(len(labels)), labels].astype(np.float32),
            "p_malignant": p_malignant.astype(np.float32),
        }
    )
