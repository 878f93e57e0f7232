"""Reproduction: learn a row with a classical learner, on the colours and textures of the packed images."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from dermaviz.models.classifier import central_square
from dermaviz.models.equalise import equalise
from dermaviz.models.features import image_features
from dermaviz.reproduction.classical import fit_learner
from dermaviz.reproduction.learned import Learned, answers
from dermaviz.reproduction.photos import Photos
from dermaviz.reproduction.plan import Run

_BATCH = 64


def learn_by_features(run: Run, photos: Photos, folder: Path, root: Path | None) -> Learned:
    """Fit the row's learner to features of the central squares, as large as the recipe's input.

    It takes a minute or two, so nothing is saved on the way: ``folder`` and ``root`` are not used.

    Raises:
        DependencyError: the learner's package is not installed.
    """
    started = time.monotonic()
    train = photos.splits["train"]
    labels = np.array(train.label_indices, dtype=np.int64)
    settings = {"class_weight_power": run.recipe.loss.class_weight_power}
    learner = fit_learner(
        run.row.learner, _features(run, photos, "train"), labels, len(photos.classes), run.seed, settings
    )
    validation, test = (
        answers(photos.splits[split], learner.probabilities(_features(run, photos, split)))
        for split in ("validation", "test")
    )
    return Learned(validation, test, round(time.monotonic() - started, 1))


def _features(run: Run, photos: Photos, split: str) -> NDArray[np.float32]:
    rows, size, found = photos.pack.rows(photos.splits[split]), run.recipe.size_at(0), []
    for first in tqdm(range(0, len(rows), _BATCH), desc=f"features of {split}", unit=" batches"):
        images = equalise(photos.pack.images[rows[first : first + _BATCH]], run.recipe.data.equalise)
        found.append(image_features(central_square(torch.from_numpy(images), size).numpy()))
    return np.concatenate(found)
