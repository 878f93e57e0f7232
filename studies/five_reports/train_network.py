"""The images of a row, the training of its network, and its predictions under attack or noise."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Generator, Tensor

from dermaviz.data.pack import Pack, open_or_build_pack
from dermaviz.data.readers import read_dataset
from dermaviz.data.records import Dataset
from dermaviz.data.selection import select
from dermaviz.data.split import apply_split, named_manifest
from dermaviz.evidence.predictions import Predictions
from dermaviz.models.card import new_checkpoint_folder
from dermaviz.models.checkpoint import load_checkpoint
from dermaviz.models.classifier import Classifier
from dermaviz.models.zoo import load_weights
from dermaviz.robustness.attacks import image_seeds
from dermaviz.robustness.gradients import Goal
from dermaviz.robustness.linf import fgsm
from dermaviz.training.export import export_checkpoint
from dermaviz.training.loop import BEST, Trainer, TrainingData
from dermaviz.training.progress import Validation, read_metrics
from dermaviz.training.recipe import DataRecipe
from studies.five_reports.plan import Run
from studies.five_reports.result import Learned, answers


@dataclass(frozen=True)
class Photos:
    """The selected records by split, the pack that holds their photos, and the hash of which they are."""

    splits: Mapping[str, Dataset]
    pack: Pack
    sha256: str

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the order of a learner's outputs."""
        return self.splits["test"].classes

    def counts(self) -> dict[str, dict[str, int]]:
        """Images of each class by split."""
        return {split: dataset.counts() for split, dataset in self.splits.items()}


def read_photos(data: DataRecipe, root: Path | None) -> Photos:
    """The images of a recipe. Read once for all rows of a sitting; packed once for all times.

    Raises:
        DatasetError: the data are absent or not as expected, or hold no such selection.
    """
    splits = selected(data, root)
    return Photos(splits, _pack(data.dataset, root, *data.pack), sha256_of(splits))


def selected(data: DataRecipe, root: Path | None) -> Mapping[str, Dataset]:
    """The selected records by split.

    Raises:
        DatasetError: as :func:`read_photos`.
    """
    whole = _whole(data.dataset, root)
    return select(apply_split(whole, named_manifest(data.manifest), leaky=data.leaky), data)


def sha256_of(splits: Mapping[str, Dataset]) -> str:
    """The hash of the records of all splits and of the classes."""
    lines = [f"{split} {dataset.sha256}" for split, dataset in splits.items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@lru_cache(maxsize=1)
def _whole(name: str, root: Path | None) -> Dataset:
    return read_dataset(name, root)


@lru_cache(maxsize=2)
def _pack(name: str, root: Path | None, height: int, width: int) -> Pack:
    return open_or_build_pack(_whole(name, root), height, width)


_BATCH = 32

Change = Callable[[Classifier, Tensor, list[int], list[str]], Tensor]


def predictions_under(
    classifier: Classifier, photos: Photos, *, fgsm_epsilon: float, noise_sigma: float
) -> Mapping[str, Predictions]:
    """Untempered predictions of the test images after FGSM of ε and under noise of σ, both on [0, 1] pixels (0: not).

    The keys are ``fgsm`` and ``noise``.
    """
    wanted: dict[str, Change] = {}
    if fgsm_epsilon:
        wanted["fgsm"] = partial(_attacked, epsilon=fgsm_epsilon)
    if noise_sigma:
        wanted["noise"] = partial(_noisy, sigma=noise_sigma)
    return {name: _answers(classifier, photos, change) for name, change in wanted.items()}


def _answers(classifier: Classifier, photos: Photos, change: Change) -> Predictions:
    test = photos.splits["test"]
    rows, labels, found = photos.pack.rows(test), test.label_indices, []
    for first in range(0, len(test), _BATCH):
        part = slice(first, first + _BATCH)
        images = classifier.to_tensor([classifier.prepare(photos.pack.images[row]) for row in rows[part]])
        logits = change(classifier, images, labels[part], [record.image_id for record in test.records[part]])
        found.append(logits.softmax(1).cpu().numpy())
    return answers(test, np.concatenate(found))


def _attacked(
    classifier: Classifier, images: Tensor, labels: list[int], image_ids: list[str], *, epsilon: float
) -> Tensor:
    return fgsm(classifier, images, Goal.away_from(labels), epsilon).logits


def _noisy(classifier: Classifier, images: Tensor, labels: list[int], image_ids: list[str], *, sigma: float) -> Tensor:
    """Gaussian noise of each image's own seed, clamped to [0, 1]."""
    drawn = [torch.randn(images.shape[1:], generator=Generator().manual_seed(s)) for s in image_seeds(image_ids)]
    with torch.no_grad():
        return classifier.logits((images + sigma * torch.stack(drawn).to(images.device)).clamp(0, 1))


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
        validation, test = (
            _answers_of_network(trainer, photos, split, kept["size"]) for split in ("validation", "test")
        )
        seconds = float(history[-1]["seconds"])
    finally:
        trainer.accelerator.free_memory()
        del trainer
        gc.collect()  # the accelerator and its networks hold each other
    under = _exported(run, photos, folder, root)
    return Learned(validation, test, seconds, tuple(history), int(kept["epoch"]), under)


def _answers_of_network(trainer: Trainer, photos: Photos, split: str, size: int) -> Predictions:
    dataset, seen = photos.splits[split], trainer.validation
    labels = np.array(dataset.label_indices, dtype=np.int64)
    rows = photos.pack.rows(dataset)
    images = Validation(photos.pack.images, rows, labels, seen.architecture, seen.equalise)
    return answers(dataset, images.probabilities(trainer.accelerator, trainer.judged, size, len(dataset.classes)))


def _exported(run: Run, photos: Photos, folder: Path, root: Path | None) -> Mapping[str, Predictions]:
    """Write the checkpoint of a row that ships one; predictions under attack and noise, where the row asks."""
    row = run.row
    ships = bool(row.ships) and run.seed == row.seeds[0]
    if not (ships or row.fgsm or row.noise):
        return {}
    checkpoint = new_checkpoint_folder(row.ships) if ships else folder / "checkpoint"
    export_checkpoint(run.recipe, folder, checkpoint, root)
    return predictions_under(load_checkpoint(checkpoint), photos, fgsm_epsilon=row.fgsm, noise_sigma=row.noise)
