"""Labels of skin tone: which scale a column is on, what its cells mean, and what is no scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermaviz.colour import decode_srgb, ita_of_lab, lab_of_linear
from dermaviz.data.tone_labels import CUTS, MONK, NAMED, tone_labels


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
    assert MONK.bands == tuple((ita[:, None] <= np.array(CUTS)).sum(axis=1))
