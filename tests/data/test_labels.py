"""What labels mean to a classifier: by spelling, by a map, or as groups of its classes; and what is refused."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from dermaviz.data.labels import ANY, fit_labels, label_maps, nearest, parse_map
from dermaviz.data.records import HAM10000, Dataset, Record
from dermaviz.diagnoses import spelt
from dermaviz.errors import DatasetError

CLASSES = tuple(HAM10000.classes)
MALIGNANT = ("akiec", "bcc", "mel")


def data(*labels: str, name: str = "mine") -> Dataset:
    records = tuple(Record(f"i{i}", Path(f"{i}.png"), label, f"i{i}") for i, label in enumerate(labels))
    return Dataset(name, (*dict.fromkeys(labels), "never"), records)


def labels_of(dataset: Dataset) -> list[str]:
    return [record.label for record in dataset.records]


@pytest.mark.parametrize(
    ("labels", "given", "expected"),
    [
        (["mel", "nv"], {}, ["mel", "nv"]),
        (["Melanoma", "NEVUS "], {}, ["mel", "nv"]),
        (["Melanoma"], {}, ["mel"]),
        (["mole", "mel"], {"Mole": "nv"}, ["nv", "mel"]),
        (["mole", "mel"], {"mole": ""}, ["mel"]),
        (["mel", "nv"], {"nv": "bkl"}, ["mel", "bkl"]),
    ],
)
def test_labels_of_single_classes_are_renamed(labels: list[str], given: dict[str, str], expected: list[str]) -> None:
    found = fit_labels(data(*labels), CLASSES, MALIGNANT, given)
    assert (labels_of(found.dataset), found.dataset.classes, found.groups) == (expected, CLASSES, {})


@pytest.mark.parametrize(
    ("labels", "given", "groups"),
    [
        (
            ["benign", "malignant"],
            {},
            {"benign": ("bkl", "df", "nv", "vasc"), "malignant": MALIGNANT},
        ),
        (
            ["melanoma", "not melanoma"],
            {},
            {"not melanoma": tuple(c for c in CLASSES if c != "mel"), "mel": ("mel",)},
        ),
        (
            ["gutartig", "bösartig"],
            {},
            {"gutartig": ("bkl", "df", "nv", "vasc"), "bösartig": MALIGNANT},
        ),
        (["Malignant"], {}, {"other": ("bkl", "df", "nv", "vasc"), "Malignant": MALIGNANT}),
        (
            ["a", "b"],
            {"a": "nv+bkl", "b": "bcc"},
            {"other": ("akiec", "df", "mel", "vasc"), "a": ("bkl", "nv"), "bcc": ("bcc",)},
        ),
    ],
)
def test_coarser_labels_are_groups_of_classes(
    labels: list[str], given: dict[str, str], groups: dict[str, tuple[str, ...]]
) -> None:
    found = fit_labels(data(*labels), CLASSES, MALIGNANT, given)
    assert dict(found.groups) == groups
    assert found.dataset.classes == tuple(found.groups)
    assert len(found.said) == len(groups)


def test_a_classifier_of_two_sides_takes_diagnoses_and_the_shipped_map_is_known_by_the_sets_name() -> None:
    assert labels_of(fit_labels(data("melanoma", "nevus"), ("benign", "malignant")).dataset) == ["malignant", "benign"]
    uda1 = data("benign", "malignant", name="isic-uda1")
    assert labels_of(fit_labels(uda1, CLASSES, MALIGNANT).dataset) == ["nv", "mel"]
    assert labels_of(fit_labels(uda1, ("benign", "malignant"), ("malignant",)).dataset) == ["benign", "malignant"]


@pytest.mark.parametrize(
    ("labels", "given", "malignant", "message"),
    [
        (["mel", "x"], {}, MALIGNANT, r"found x \(1 images\)\. Say what they stand for, --map x=CLASS"),
        (["x"], {"x": "scc"}, MALIGNANT, "expected classes among .* found scc"),
        (["x"], {"x": ""}, MALIGNANT, "found none after labels were left out"),
        (["benign", "malignant"], {}, (), "found none named on its card"),
        (["benign", "nv"], {}, MALIGNANT, "found nv under more than one of benign, nv"),
        (["x"], {"x": "all but mel", "y": "mel"}, MALIGNANT, None),
        (["x"], {"x": "+".join(CLASSES)}, MALIGNANT, "found one that stands for all of them"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    labels: list[str], given: dict[str, str], malignant: tuple[str, ...], message: str | None
) -> None:
    if message is None:
        assert list(fit_labels(data(*labels), CLASSES, malignant, given).groups) == ["x", "other"]
        return
    with pytest.raises(DatasetError, match=message):
        fit_labels(data(*labels), CLASSES, malignant, given)


@pytest.mark.parametrize(
    ("label", "classes", "proposed"),
    [
        ("Seborrhoische Keratose", ("Melanom", "Nävus", "Basaliom", "Keratose"), "Keratose"),
        ("SK", ("Melanom", "Keratose"), "Keratose"),
        ("melanoma in situ", ("mel", "nv"), "mel"),
        ("Nävus", ("dysplastic nevus", "mel"), "dysplastic nevus"),
        ("melody", ("mel", "nv"), ""),
        ("x", ("a", "b"), ""),
    ],
)
def test_the_nearest_class_is_proposed(label: str, classes: tuple[str, ...], proposed: str) -> None:
    assert nearest(label, classes) == proposed
    words = f"{'perhaps ' * bool(proposed)}--map {shlex.quote('='.join((label, proposed or 'CLASS')))}, or"
    with pytest.raises(DatasetError, match=re.escape(f"Say what they stand for, {words}")):
        fit_labels(data(label), classes)


def test_maps_are_read_from_the_command_line_and_from_the_shipped_file() -> None:
    assert parse_map(" melanoma=mel, x=all but mel,y=") == {"melanoma": "mel", "x": "all but mel", "y": ""}
    with pytest.raises(DatasetError, match="expected LABEL=CLASS, parted by commas, found 'mel'"):
        parse_map("mel,nv=nv")
    assert all(spelt(label) == label for label in label_maps()[ANY].labels)
