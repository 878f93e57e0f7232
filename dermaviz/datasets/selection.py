"""Datasets: a selection — which images of a data set, under which labels — as recipes and checkpoints' cards name it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from dermaviz.datasets.catalogue import read_splits
from dermaviz.datasets.records import Dataset
from dermaviz.datasets.split import Manifest
from dermaviz.datasets.tasks import DIAGNOSIS, TaskName, pose
from dermaviz.errors import DatasetError


@dataclass(frozen=True)
class Selection:
    """Which images, and what is asked of them.

    ``dataset`` names a reader and ``manifest`` a split (a committed one, or a path); ``leaky`` allows a split by image, whose
    lesions leak into the test set; ``task`` is a row of :data:`~dermaviz.datasets.tasks.TASKS`. With ``balance`` every split
    has as many images of each class as of its smallest. ``images`` and ``validation_images`` are how many of those are
    trained and validated on (0 = all), with the shares of the classes. ``seed`` draws them: it is not the seed of training,
    so that runs which differ in that one are trained and tested on the same images.
    """

    dataset: str = "ham10000"
    manifest: str = "ham10000"
    task: TaskName = DIAGNOSIS
    balance: bool = False
    leaky: bool = False
    images: int = 0
    validation_images: int = 0
    seed: int = 0

    def on_card(self) -> dict[str, Any]:
        """What a card says of it: data set and manifest, and all that is not as usual."""
        said = {field.name: (getattr(self, field.name), field.default) for field in fields(Selection)}
        always = ("dataset", "manifest")
        return {name: value for name, (value, usual) in said.items() if name in always or value != usual}


def selection_on_card(data: Mapping[str, Any]) -> Selection:
    """The selection that the ``data`` of a card name."""
    return Selection(**{field.name: data[field.name] for field in fields(Selection) if field.name in data})


def read_selection(selection: Selection, root: Path | None) -> tuple[dict[str, Dataset], Manifest]:
    """The selected records by split, and the manifest that split them.

    Raises:
        DatasetError: as :func:`~dermaviz.datasets.catalogue.read_splits` and :func:`select`.
    """
    splits, manifest = read_splits(selection.dataset, selection.manifest, root, leaky=selection.leaky)
    return select(splits, selection), manifest


def select(splits: Mapping[str, Dataset], selection: Selection) -> dict[str, Dataset]:
    """Of all records by split, those selected, under the task's classes and in the same order.

    Raises:
        DatasetError: the task does not fit the labels, a class to be balanced has no image, or fewer images are there than
            asked for.
    """
    wanted = {"train": selection.images, "validation": selection.validation_images}
    chosen = {}
    for number, (split, dataset) in enumerate(splits.items()):
        posed, seed = pose(dataset, selection.task), (selection.seed, number)
        if selection.balance and len(posed):
            posed = balanced(posed, *seed)
        chosen[split] = take_images(posed, wanted[split], *seed) if wanted.get(split) else posed
    return chosen


def balanced(dataset: Dataset, *seed: int) -> Dataset:
    """As many images of each class as there are of the smallest, drawn by ``seed``.

    Raises:
        DatasetError: a class has no image.
    """
    counts = dataset.counts()
    empty = [name for name, n in counts.items() if not n]
    if empty:
        raise DatasetError(
            f"{dataset.name}: expected images of every class to balance, found none of {', '.join(empty)}. "
            "Set data.balance to false, or choose a task whose classes are all there."
        )
    return _drawn(dataset, dict.fromkeys(counts, min(counts.values())), seed)


def take_images(dataset: Dataset, n: int, *seed: int) -> Dataset:
    """``n`` images drawn by ``seed``, with the shares of the classes; of each class that has any, at least one.

    A smaller ``n`` draws some of the images that a larger one draws, but for one of a class where shares are rounded.

    Raises:
        DatasetError: there are fewer images than that, or more classes.
    """
    counts = {name: count for name, count in dataset.counts().items() if count}
    if not len(counts) <= n <= len(dataset):
        raise DatasetError(
            f"{dataset.name}: expected a number of images from {len(counts)} (one of each class) to {len(dataset)}, found {n}. "
            "Ask for fewer, or for all of them with 0."
        )
    shares = {name: count * n / len(dataset) for name, count in counts.items()}
    dealt = {name: max(1, int(share)) for name, share in shares.items()}
    while sum(dealt.values()) != n:
        step = 1 if sum(dealt.values()) < n else -1
        open_to = [name for name in counts if step > 0 or dealt[name] > 1]
        dealt[max(open_to, key=lambda name: step * (shares[name] - dealt[name]))] += step
    return _drawn(dataset, dealt, seed)


def _drawn(dataset: Dataset, number: Mapping[str, int], seed: tuple[int, ...]) -> Dataset:
    """So many images of each class, in the data set's order."""
    labels = np.array(dataset.label_indices, dtype=np.int64)
    kept: list[int] = []
    for index, name in enumerate(dataset.classes):
        order = np.random.default_rng([*seed, index]).permutation(np.flatnonzero(labels == index))
        kept += order[: number.get(name, 0)].tolist()
    return dataset.take(dataset.records[i] for i in sorted(kept))


def leak_sentence(splits: Mapping[str, Dataset]) -> str:
    """What a split by image leaves of the test set's worth, in words and numbers."""
    trained = {record.lesion_id for record in splits["train"].records}
    seen = sum(record.lesion_id in trained for record in splits["test"].records)
    return (
        f"Split by image: lesions leak. {seen:,} of {len(splits['test']):,} test images show a lesion that was trained on, "
        "so figures on them are too good."
    )
