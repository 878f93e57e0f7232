"""Datasets: the questions that can be asked of diagnoses — which class each of them falls into, or that it is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from dermaviz.datasets.records import Dataset
from dermaviz.datasets.specs import HAM10000
from dermaviz.errors import DatasetError

TaskName = Literal["diagnosis", "malignant", "melanoma", "keratosis"]
DIAGNOSIS: TaskName = "diagnosis"


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


def _sought(name: str, rest: tuple[str, ...]) -> Mapping[str, str]:
    """One diagnosis against some others."""
    return MappingProxyType({name: name, **dict.fromkeys(rest, "other")})


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "diagnosis": Task("each diagnosis as it is labelled"),
        "malignant": Task(
            "benign or malignant",
            ("benign", "malignant"),
            MappingProxyType({dx: "malignant" if dx in HAM10000.malignant else "benign" for dx in HAM10000.classes}),
            frozenset({"malignant"}),
        ),
        "melanoma": Task(
            "melanoma against benign keratosis and nevus",
            ("other", "mel"),
            _sought("mel", ("bkl", "nv")),
            frozenset({"mel"}),
        ),
        "keratosis": Task(
            "benign keratosis against melanoma and nevus", ("other", "bkl"), _sought("bkl", ("mel", "nv"))
        ),
    }
)


def pose(dataset: Dataset, name: str) -> Dataset:
    """The data set under the classes of a task: its order is kept, diagnoses that the task leaves out are not in it.

    The diagnosis of each image stays in its metadata as ``diagnosis``. Labels that are the task's classes already (one's
    own folders ``benign`` and ``malignant``) stay as they are.

    Raises:
        DatasetError: there is no such task, or a label is neither a diagnosis of HAM10000 nor a class of the task.
    """
    if name not in TASKS:
        raise DatasetError(f"expected a task among {', '.join(TASKS)}, found {name!r}. See dermaviz/datasets/tasks.py.")
    task = TASKS[name]
    if not task.classes:
        return dataset
    found = {record.label for record in dataset.records}
    if found <= set(task.classes):
        return replace(dataset, classes=task.classes)
    unknown = sorted(found - set(HAM10000.classes))
    if unknown:
        raise DatasetError(
            f"task {name}: expected diagnoses among {', '.join(HAM10000.classes)}, found {', '.join(unknown)} in "
            f"{dataset.name}. Choose the task diagnosis, or label the images {' and '.join(task.classes)}."
        )
    records = (
        replace(record, label=task.class_of[record.label], metadata={**record.metadata, "diagnosis": record.label})
        for record in dataset.records
        if record.label in task.class_of
    )
    return Dataset(dataset.name, task.classes, tuple(records))
