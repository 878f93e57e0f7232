"""Tests of the tasks: which class each diagnosis falls into, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from dermaviz.data.records import HAM10000, Dataset, Record
from dermaviz.data.selection import find_task, for_task
from dermaviz.errors import DatasetError, RecipeError
from dermaviz.training.recipe import DataRecipe

SEVEN = tuple(HAM10000.classes)


def labelled(*labels: str, classes: tuple[str, ...] = SEVEN) -> Dataset:
    """One image of each label, in this order."""
    records = (
        Record(f"im{i}", Path("none.jpg"), label, f"lesion{i}", {"sex": "female"}) for i, label in enumerate(labels)
    )
    return Dataset("drawn", classes, tuple(records))


@pytest.mark.parametrize(
    ("task", "classes", "labels"),
    [
        ("malignant", ("benign", "malignant"), ["malignant", "malignant", "benign", "benign", "malignant", "benign", "benign"]),
        ("melanoma", ("other", "mel"), ["other", "mel", "other"]),
        ("keratosis", ("other", "bkl"), ["bkl", "other", "other"]),
    ],
)  # fmt: skip
def test_diagnoses_become_classes_in_their_order(task: str, classes: tuple[str, ...], labels: list[str]) -> None:
    asked = for_task(labelled(*SEVEN), task)
    assert asked.classes == classes
    assert [record.label for record in asked.records] == labels
    kept = [record.metadata["diagnosis"] for record in asked.records]
    assert kept == (list(SEVEN) if task == "malignant" else ["bkl", "mel", "nv"])
    assert all(record.metadata["sex"] == "female" for record in asked.records)


def test_the_diagnosis_itself_changes_nothing() -> None:
    data = labelled("b", "a", classes=("a", "b"))
    assert for_task(data, "diagnosis") is data


def test_ones_own_classes_stay_and_get_the_task_s_order() -> None:
    data = labelled("malignant", "benign", classes=("malignant", "benign"))
    asked = for_task(data, "malignant")
    assert asked.classes == ("benign", "malignant")
    assert asked.records == data.records


@pytest.mark.parametrize(
    ("data", "task", "message"),
    [
        (labelled("nv"), "tumour", r"task: expected one of diagnosis, malignant, melanoma, keratosis, found 'tumour'"),
        (
            labelled("nv", "mole", classes=("mole", "nv")),
            "malignant",
            r"task malignant: expected diagnoses among akiec, .*found mole in drawn.*label the images benign and malignant",
        ),
    ],
)
def test_what_does_not_fit_is_refused(data: Dataset, task: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        for_task(data, task)


@pytest.mark.parametrize("name", ["diagnosis", "malignant", "melanoma", "keratosis"])
def test_every_task_can_be_named_in_a_recipe_and_means_what_it_says(name: str) -> None:
    task = find_task(name)
    assert DataRecipe(task=name).task == name
    assert set(task.class_of) <= set(SEVEN)
    assert set(task.class_of.values()) == set(task.classes)
    assert task.malignant == {
        name
        for name in task.classes
        if all(dx in HAM10000.malignant for dx, answer in task.class_of.items() if answer == name)
    }


def test_a_recipe_with_an_unknown_task_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"data.task: expected one of diagnosis, malignant, .*found 'tumour'"):
        DataRecipe(task="tumour")
