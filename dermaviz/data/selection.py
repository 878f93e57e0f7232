"""Which images of a data set, and what is asked of them: tasks, balance, and subsets drawn with the shares of the classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import numpy as np

from dermaviz.data.readers import read_splits
from dermaviz.data.records import HAM10000, Dataset
from dermaviz.data.split import Manifest
from dermaviz.data.tables import Columns
from dermaviz.diagnoses import matched
from dermaviz.errors import DatasetError
from dermaviz.plugins import added, missing_plugins
from dermaviz.schema import Flag, Whole, validated, within

DIAGNOSIS = "diagnosis"


@dataclass(frozen=True)
class Task:
    """A question to a classifier.

    ``class_of`` gives the class of each diagnosis; one that it does not name is left out. Without it the labels are the
    classes. ``classes`` are in the order of a classifier's outputs, the one that is sought last; ``malignant`` are those of
    them that hold malignant diagnoses only.
    """

    about: str
    classes: tuple[str, ...] = ()
    class_of: Mapping[str, str] = field(default_factory=dict)
    malignant: frozenset[str] = frozenset()


TASKS: Mapping[str, Task] = MappingProxyType({DIAGNOSIS: Task("each diagnosis as it is labelled")})
"""The library's own tasks; plugins add others (``dermaviz.plugins``)."""


def find_task(name: str) -> Task:
    """The task of that name, the library's own or one that a plugin adds.

    Raises:
        DatasetError: there is none.
    """
    if name in TASKS:
        return TASKS[name]
    tasks: dict[str, Task] = {**TASKS, **added("task")}
    if name not in tasks:
        studies = "".join(f" Those of studies/{plugin} need a clone of the repository." for plugin in missing_plugins())
        raise DatasetError(f"task: expected one of {', '.join(tasks)}, found {name!r}. Choose one of them.{studies}")
    return tasks[name]


def for_task(dataset: Dataset, name: str) -> Dataset:
    """The data set under the classes of a task: its order is kept, diagnoses that the task leaves out are not in it.

    The diagnosis of each image stays in its metadata as ``diagnosis``. Labels that are the task's classes already (one's
    own folders ``benign`` and ``malignant``) stay as they are.

    Raises:
        DatasetError: there is no such task, or a label is neither a diagnosis of HAM10000 nor a class of the task, in any of the
            spellings that ``dermaviz.diagnoses`` knows.
    """
    task = find_task(name)
    if not task.classes:
        return dataset
    found = {record.label for record in dataset.records}
    if found <= set(task.classes):
        return replace(dataset, classes=task.classes)
    if set(as_classes := matched(sorted(found), task.classes)) == found:
        records = (replace(record, label=as_classes[record.label]) for record in dataset.records)
        return replace(dataset, classes=task.classes, records=tuple(records))
    meant = matched(sorted(found), tuple(HAM10000.classes))
    unknown = sorted(found - set(meant))
    if unknown:
        raise DatasetError(
            f"task {name}: expected diagnoses among {', '.join(HAM10000.classes)}, found {', '.join(unknown)} in "
            f"{dataset.name}. Choose the task diagnosis, or label the images {' and '.join(task.classes)}."
        )
    records = (
        replace(record, label=label, metadata={**record.metadata, "diagnosis": record.label})
        for record in dataset.records
        if (label := task.class_of.get(meant[record.label]))
    )
    return replace(dataset, classes=task.classes, records=tuple(records))


@validated(DatasetError, "data")
class Selection:
    """Which images, and what is asked of them.

    ``dataset`` names a reader ("" for the one that fits), ``columns`` those of its table that have no usual name, and
    ``manifest`` a split (a committed one, a path, or ``given``: the data set's own); ``leaky`` allows a split by image, whose
    lesions leak into the test set; ``task`` names what is asked, as :func:`find_task` knows it. With ``balance`` every split
    has as many images of each class as of its smallest. ``images`` and ``validation_images`` are how many of those are
    trained and validated on (0 = all), with the shares of the classes. ``seed`` draws them: it is not the seed of training,
    so that runs which differ in that one are trained and tested on the same images.
    """

    dataset: str = "ham10000"
    columns: Columns = field(default_factory=Columns)
    manifest: str = "ham10000"
    task: str = DIAGNOSIS
    balance: Flag = False
    leaky: Flag = False
    images: Annotated[Whole, within(0)] = 0
    validation_images: Annotated[Whole, within(0)] = 0
    seed: Annotated[Whole, within(0)] = 0

    def on_card(self) -> dict[str, Any]:
        """What a card says of it: data set and manifest, and all that is not as usual."""
        usual, always = Selection(), ("dataset", "manifest")
        said = {field.name: getattr(self, field.name) for field in fields(Selection)}
        kept = {name: value for name, value in said.items() if name in always or value != getattr(usual, name)}
        return kept | ({"columns": self.columns.named} if "columns" in kept else {})


def selection_on_card(data: Mapping[str, Any]) -> Selection:
    """The selection that the ``data`` of a card name."""
    return Selection(**{field.name: data[field.name] for field in fields(Selection) if field.name in data})


def read_selection(selection: Selection, root: Path | None) -> tuple[dict[str, Dataset], Manifest]:
    """The selected records by split, and the manifest that split them.

    Raises:
        DatasetError: as :func:`~dermaviz.data.readers.read_splits` and :func:`select`.
    """
    splits, manifest = read_splits(
        selection.dataset, selection.manifest, root, leaky=selection.leaky, columns=selection.columns
    )
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
        asked, seed = for_task(dataset, selection.task), (selection.seed, number)
        if selection.balance and len(asked):
            asked = balanced(asked, *seed)
        chosen[split] = take_images(asked, wanted[split], *seed) if wanted.get(split) else asked
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
