"""Fixtures of the training tests: a recipe for tiny networks, and coloured noise that such a network can learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accelerate.state import AcceleratorState

from dermaviz.data.pack import Pack
from dermaviz.data.records import Dataset, Record
from dermaviz.training.loop import Trainer, TrainingData
from dermaviz.training.recipe import ModelRecipe, OptimiserRecipe, Recipe, Stage

CLASSES = ("blue", "green", "red")
COUNTS = {"train": (5, 10, 17), "validation": (4, 5, 6)}


@pytest.fixture(autouse=True)
def fresh_accelerator() -> Iterator[None]:
    """Accelerate keeps its settings for the whole process; each test starts and ends without any."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="session")
def coloured() -> TrainingData:
    """32 images to train on and 15 to validate on, uint8 [40, 48, 3]: noise with one channel brightened per class."""
    rng = np.random.default_rng(0)
    labels = {split: np.repeat(np.arange(3), counts) for split, counts in COUNTS.items()}
    everything = np.concatenate(list(labels.values()))
    images = rng.integers(0, 180, (len(everything), 40, 48, 3), dtype=np.uint8)
    images[np.arange(len(everything)), ..., 2 - everything] += 75
    records = [Record(f"im{i:03}", Path(f"im{i:03}.jpg"), CLASSES[c], f"lesion{i}") for i, c in enumerate(everything)]
    pack = Pack(images, tuple(record.image_id for record in records), sha256="")
    n = len(labels["train"])
    return TrainingData(
        pack, Dataset("noise", CLASSES, tuple(records[:n])), Dataset("noise", CLASSES, tuple(records[n:]))
    )


@pytest.fixture(scope="session")
def tiny_recipe() -> Callable[..., Recipe]:
    """A recipe of two epochs of four batches for a tiny network; keyword arguments replace its values."""

    def make(architecture: str = "test_resnet", model: dict[str, Any] | None = None, **changes: Any) -> Recipe:
        recipe = Recipe(
            name="tiny",
            model=ModelRecipe(architecture, weights="none", **(model or {})),
            stages=(Stage(32, 2),),
            optimiser=OptimiserRecipe(learning_rate=3e-3),
            batch_size=8,
        )
        return replace(recipe, **changes)

    return make


@pytest.fixture
def fit(coloured: TrainingData, tmp_path: Path) -> Callable[..., Trainer]:
    """Train a recipe to its end in a folder below ``tmp_path``, and return the trainer."""

    def run(recipe: Recipe, folder: str = "run") -> Trainer:
        trainer = Trainer(recipe, coloured, tmp_path / folder)
        trainer.fit()
        return trainer

    return run
