"""Training: the packed images of the data set that a recipe names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from accelerate import PartialState

from dermaviz.datasets.catalogue import read_splits
from dermaviz.datasets.pack import open_or_build_pack
from dermaviz.datasets.records import Dataset
from dermaviz.training.loop import TrainingData
from dermaviz.training.recipe import Recipe


def load_training_data(recipe: Recipe, root: Path | None) -> TrainingData:
    """Training and validation images in one pack, built by the first process while the others wait.

    Raises:
        DatasetError: the data are absent or not as expected, or a lesion crosses splits.
    """
    splits, _ = read_splits(recipe.data.dataset, recipe.data.manifest, root)
    with PartialState().main_process_first():
        pack = open_or_build_pack(packed_together(splits), *recipe.data.pack)
    return TrainingData(pack, splits["train"], splits["validation"])


def packed_together(splits: Mapping[str, Dataset]) -> Dataset:
    """The records that one pack holds for training: those of train, then those of validation."""
    train, validation = splits["train"], splits["validation"]
    return train.take([*train.records, *validation.records])
