"""Training: the packed images of the data set that a recipe names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from accelerate import PartialState

from dermaviz.datasets.catalogue import read_splits
from dermaviz.datasets.pack import open_or_build_pack
from dermaviz.datasets.records import Dataset
from dermaviz.datasets.selection import select
from dermaviz.training.loop import TrainingData
from dermaviz.training.recipe import Recipe


def load_training_data(recipe: Recipe, root: Path | None) -> TrainingData:
    """Training and validation images in one pack, built by the first process while the others wait.

    The pack holds all of both splits, whatever is selected, so that recipes with the same split and shape share one.

    Raises:
        DatasetError: the data are absent or not as expected, a lesion crosses splits though the recipe does not allow it, or
            what is to be selected is not there.
    """
    splits, _ = read_splits(recipe.data.dataset, recipe.data.manifest, root, leaky=recipe.data.leaky)
    chosen = select(splits, recipe.data)
    with PartialState().main_process_first():
        pack = open_or_build_pack(packed_together(splits), *recipe.data.pack)
    return TrainingData(pack, chosen["train"], chosen["validation"])


def packed_together(splits: Mapping[str, Dataset]) -> Dataset:
    """The records that one pack holds for training: those of train, then those of validation."""
    train, validation = splits["train"], splits["validation"]
    return train.take([*train.records, *validation.records])
