"""Tests of what labels mean: diagnoses as the classes of a classifier, and skin tone on its scales."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermaviz.colour import decode_srgb, ita_of_lab, lab_of_linear
from dermaviz.data.labels import ANY, MONK, NAMED, TONE_CUTS, fit_labels, label_maps, nearest, parse_map, tone_labels
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


@pytest.mark.parametrize(
    ("column", "cells", "levels", "scale"),
    [
        ("fitzpatrick_skin_type", ["I", "type IV", "vi", ""], ["type I", "type IV", "type VI", ""], "Fitzpatrick type"),
        ("fitspatrick", ["1.0", "3.0", "", "6.0"], ["type I", "type III", "", "type VI"], "Fitzpatrick type"),
        ("fitzpatrick_scale", ["2", "-1", "5", "3"], ["type II", "", "type V", "type III"], "Fitzpatrick type"),
        (
            "skin_tone",
            ["12", "34", "56", ""],
            ["types I–II", "types III–IV", "types V–VI", ""],
            "Fitzpatrick types in pairs",
        ),
        (
            "Skin Tone",
            ["I-II", "V–VI", "3-4"],
            ["types I–II", "types V–VI", "types III–IV"],
            "Fitzpatrick types in pairs",
        ),
        ("monk_skin_tone", ["1", "10", "MST 4"], ["Monk 1", "Monk 10", "Monk 4"], "Monk scale"),
        ("skin_tone", ["7", "1", "10"], ["Monk 7", "Monk 1", "Monk 10"], "Monk scale"),
        ("tone", ["Brown", "very light", "dark"], ["brown", "very light", "dark"], "group"),
        ("ita", ["56.0", "55", "-31.5", ""], ["very light", "light", "dark", ""], "measured ITA"),
        ("tone", ["1", "k.A.", "6", "not asked", "2"], ["type I", "", "type VI", "", "type II"], "Fitzpatrick type"),
        ("labelled_tone Hauttyp", ["I", "VI", "", "II"], ["type I", "type VI", "", "type II"], "Fitzpatrick type"),
        ("labelled_tone Monk scale", ["1", "4"], ["Monk 1", "Monk 4"], "Monk scale"),
        ("tone", ["fair", "deep", "fair"], ["fair", "deep", "fair"], "as given"),
    ],
)
def test_a_column_is_on_the_scale_that_reads_all_its_cells(
    column: str, cells: list[str], levels: list[str], scale: str
) -> None:
    found = tone_labels(pd.DataFrame({"image_id": range(len(cells)), column: cells}))
    assert found is not None
    assert (found.column, found.scale.name, list(found.levels)) == (column.removeprefix(NAMED), scale, levels)
    assert found.said.endswith("not read: 'k.A.', 'not asked'.") == ("k.A." in cells)


@pytest.mark.parametrize(
    "table",
    [
        {"age": ["50"]},
        {"tone": ["", "unknown"]},
        {"skin_tone": ["12", "13.7"]},
        {"ita": ["light", "50"]},
        {"tone": [f"word {i}" for i in range(13)]},
    ],
)
def test_what_is_on_no_scale_is_no_label(table: dict[str, list[str]]) -> None:
    assert tone_labels(pd.DataFrame(table)) is None


def test_the_bands_of_the_monk_scale_are_the_groups_of_its_published_colours() -> None:
    colours = ["f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96", "a07e56", "825c43", "604134", "3a312a", "292420"]
    srgb = np.array([[int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)] for colour in colours])
    ita = ita_of_lab(lab_of_linear(decode_srgb(srgb)))
    assert MONK.bands == tuple((ita[:, None] <= np.array(TONE_CUTS)).sum(axis=1))
