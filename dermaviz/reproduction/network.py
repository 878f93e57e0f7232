"""Reproduction: learn a row with a network — the one training loop, then the kept weights' answers to the packed images."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.torch import load_file

from dermaviz.evaluation.predictions import Predictions
from dermaviz.models.card import checkpoints_root
from dermaviz.models.checkpoint import load_checkpoint
from dermaviz.models.zoo import load_weights
from dermaviz.reproduction.learned import Learned, answers
from dermaviz.reproduction.photos import Photos
from dermaviz.reproduction.plan import Run
from dermaviz.reproduction.spoilt import spoilt_answers
from dermaviz.training.export import export_checkpoint
from dermaviz.training.loop import BEST, Trainer, TrainingData
from dermaviz.training.run_state import read_metrics
from dermaviz.training.validation import Validation


def learn_by_network(run: Run, photos: Photos, folder: Path, root: Path | None) -> Learned:
    """Train from wherever the saved state in ``folder`` left off; a row that ships gets its checkpoint from the first seed.

    Raises:
        RecipeError, WeightsError: the recipe cannot be trained on these images, or its weights cannot be had.
    """
    splits = photos.splits
    trainer = Trainer(run.recipe, TrainingData(photos.pack, splits["train"], splits["validation"]), folder)
    try:
        trainer.fit()
        history = read_metrics(folder)
        kept = next(line for line in reversed(history) if line["kept"])
        load_weights(trainer.judged, load_file(folder / BEST), source=str(folder / BEST))
        validation, test = (_answers(trainer, photos, split, kept["size"]) for split in ("validation", "test"))
        seconds = float(history[-1]["seconds"])
    finally:
        trainer.accelerator.free_memory()
        del trainer
        gc.collect()  # the accelerator and its networks hold each other
    under = _exported(run, photos, folder, root)
    return Learned(validation, test, seconds, tuple(history), int(kept["epoch"]), under)


def _answers(trainer: Trainer, photos: Photos, split: str, size: int) -> Predictions:
    dataset, seen = photos.splits[split], trainer.validation
    labels = np.array(dataset.label_indices, dtype=np.int64)
    rows = photos.pack.rows(dataset)
    images = Validation(photos.pack.images, rows, labels, seen.architecture, seen.equalise)
    return answers(dataset, images.probabilities(trainer.accelerator, trainer.judged, size, len(dataset.classes)))


def _exported(run: Run, photos: Photos, folder: Path, root: Path | None) -> Mapping[str, Predictions]:
    """Write the checkpoint of a row that ships one; the answers to spoilt test images, where the row asks for them."""
    row = run.row
    ships = bool(row.ships) and run.seed == row.seeds[0]
    if not (ships or row.fgsm or row.noise):
        return {}
    checkpoint = checkpoints_root() / row.ships if ships else folder / "checkpoint"
    export_checkpoint(run.recipe, folder, checkpoint, root)
    return spoilt_answers(load_checkpoint(checkpoint), photos, fgsm_epsilon=row.fgsm, noise_sigma=row.noise)
