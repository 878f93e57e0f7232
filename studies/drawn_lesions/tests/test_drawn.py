"""Tests of the tables that hold drawn lesions beside photographs, and of a classifier's answers on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dermaviz.data.records import HAM10000, Dataset, Record
from dermaviz.models.classifier import Classifier
from studies.drawn_lesions.drawn import (
    DRAWN,
    PHOTOGRAPHS,
    answers,
    colour_table,
    distance_table,
    draw_set,
    one_per_lesion,
    page,
    spectrum_table,
)
from studies.drawn_lesions.realism import BANDS, Measured, measure_pictures


@pytest.fixture(scope="module")
def sets() -> dict[str, Measured]:
    """Three drawn lesions of each set; those like HAM10000 stand in for photographs, too."""
    diagnoses = ("nv", "mel", "bkl")
    drawn = {name: measure_pictures(draw_set(name, diagnoses), side=64) for name in DRAWN}
    return {PHOTOGRAPHS: measure_pictures(draw_set(next(iter(DRAWN)), diagnoses * 2, seed=9), side=64)} | drawn


def test_lesions_with_many_images_count_once() -> None:
    images = {"a": 30, "b": 1, "c": 1}
    records = tuple(
        Record(f"{lesion}-{i}", Path(f"{lesion}-{i}.jpg"), "nv", lesion)
        for lesion, n in images.items()
        for i in range(n)
    )
    dataset = Dataset("ham10000", ("mel", "nv"), records)
    chosen = [one_per_lesion(dataset, 1, seed)[0].lesion_id for seed in range(150)]
    assert chosen.count("a") == pytest.approx(50, abs=17)  # a third of the lesions, though nearly all of the images
    assert {record.lesion_id for record in one_per_lesion(dataset, 9)} == {"a", "b", "c"}
    assert one_per_lesion(dataset, 2, seed=4) == one_per_lesion(dataset, 2, seed=4)


def test_colour_shares_add_up(sets: dict[str, Measured]) -> None:
    table = colour_table(sets)
    sums = table.groupby(["set", "part", "axis"])["share"].sum()
    assert len(sums) == 3 * 2 * 3
    assert sums.to_numpy() == pytest.approx(np.ones(18))


def test_spectra_and_distances_have_a_row_for_each_set(sets: dict[str, Measured]) -> None:
    spectra = spectrum_table(sets, 64)
    assert spectra.groupby("set").size().to_dict() == dict.fromkeys(sets, BANDS)
    assert (spectra["low"] <= spectra["high"]).all()
    assert distance_table(sets).groupby("set").size().to_dict() == dict.fromkeys(DRAWN, 4)


def test_drawings_are_fixed_by_seed_and_number() -> None:
    for name in DRAWN:
        (first, mask), again = next(draw_set(name, ["mel"], seed=3)), next(draw_set(name, ["mel"], seed=3))
        assert np.array_equal(first, again[0])
        assert first.shape[:2] == mask.shape


def test_answers_count_every_drawing(make_classifier: Callable[..., Classifier]) -> None:
    classifier = make_classifier(classes=("bkl", "mel", "nv"))
    table = answers(classifier, per_diagnosis=2)
    assert table.groupby(["set", "dx"])["n"].sum().eq(2).all()
    assert len(table) == len(DRAWN) * len(HAM10000.classes) * 3


def test_a_page_shows_its_pictures_in_rows() -> None:
    red, blue = (np.full((80, 120, 3), colour, dtype=np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))
    sheet = page([red, red, blue], columns=2, side=64)
    assert sheet.shape == (2 * 68 + 4, 2 * 68 + 4, 3)
    assert tuple(sheet[40, 40]) == tuple(sheet[40, 100]) == (255, 0, 0)
    assert tuple(sheet[100, 40]) == (0, 0, 255)
    assert tuple(sheet[100, 100]) == (255, 255, 255)
