"""Right × looking: the report's nine photos, cells counted by hand, intervals on resamples written out, and what has no place."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermaviz.errors import FairnessError
from dermaviz.fairness.effects import right_and_looking
from dermaviz.metrics.bootstrap import lesion_weights

CELL = ["group", "right", "looking"]


def test_a_model_that_is_right_with_its_attention_in_a_corner_is_caught() -> None:
    """Eight of nine right; the lesion covers .3 of each photo and holds .1 of the map's energy."""
    correct = np.arange(9) < 8
    table = right_and_looking(correct, np.full(9, 0.1), np.full(9, 0.3), ["brown"] * 9, None).set_index(CELL[1:])
    row = table.loc[(True, False)]
    assert (row.n_images, row.n_group, row.share_of_answers) == (8, 9, 1)
    assert (row.share, row.low, row.high) == pytest.approx((8 / 9, 0.518, 0.997), abs=5e-4)
    assert (row.share_of_answers_low, row.share_of_answers_high) == pytest.approx((0.025 ** (1 / 8), 1))
    assert table.loc[(True, True), ["n_images", "share", "low"]].tolist() == [0, 0, 0]
    assert table.loc[(False, False), "n_images"] == 1


def test_cells_counted_by_hand_and_the_line_is_chance() -> None:
    correct = np.array([True, True, True, False, False, True])
    energy = np.array([0.5, 0.2, 0.3, 0.9, 0.2, 0.9])
    area = np.array([0.3, 0.3, 0.3, 0.3, 0.3, 0.3])  # the third is at chance, which is not looking
    table = right_and_looking(correct, energy, area, ["a"] * 5 + ["b"], [1, 1, 2, 3, 4, 5], draws=20)
    assert list(table.group.unique()) == ["a", "b"]
    assert table.set_index(CELL).n_images.to_dict() == {
        ("a", True, True): 1, ("a", True, False): 2, ("a", False, True): 1, ("a", False, False): 1,
        ("b", True, True): 1, ("b", True, False): 0, ("b", False, True): 0, ("b", False, False): 0,
    }  # fmt: skip
    row = table.set_index(CELL).loc[("a", True, False)]
    assert (row.share, row.share_of_answers, row.n_lesions) == pytest.approx((2 / 5, 2 / 3, 2))
    assert np.isnan(table.set_index(CELL).loc[("b", False, True), "share_of_answers"])  # of no wrong answers


def test_intervals_are_of_whole_lesions() -> None:
    rng = np.random.default_rng(0)
    correct, energy, lesions = rng.random(200) < 0.7, rng.random(200), rng.integers(0, 90, 200)
    groups = rng.choice(["a", "b"], 200)
    table = right_and_looking(correct, energy, np.full(200, 0.4), groups, lesions, draws=100).set_index(CELL)
    shares, of_right = [], []
    for times in lesion_weights(lesions, 100):
        rows = pd.DataFrame({"right": correct, "away": energy <= 0.4, "group": groups}).loc[
            np.repeat(np.arange(200), times.astype(int))
        ]
        rows = rows[rows.group == "a"]
        shares.append((rows.right & rows.away).mean())
        of_right.append(rows.away[rows.right].mean())
    row = table.loc[("a", True, False)]
    assert [row.low, row.high] == pytest.approx(list(np.percentile(shares, [2.5, 97.5])))
    bounds = [row.share_of_answers_low, row.share_of_answers_high]
    assert bounds == pytest.approx(list(np.percentile(of_right, [2.5, 97.5])))


def test_all_images_of_a_few_lesions_have_the_exact_interval_of_the_lesions() -> None:
    """Twelve images of six lesions, all alike: a bootstrap would be sure of it."""
    table = right_and_looking(
        np.ones(12, bool), np.full(12, 0.9), np.full(12, 0.2), ["a"] * 12, np.repeat(range(6), 2), draws=50
    ).set_index(CELL)
    row, none = table.loc[("a", True, True)], table.loc[("a", True, False)]
    assert (row.share, row.low, row.high) == pytest.approx((1, 0.025 ** (1 / 6), 1))
    assert (none.share, none.low, none.high) == pytest.approx((0, 0, 1 - 0.025 ** (1 / 6)))


@pytest.mark.parametrize(("energy", "area"), [(np.nan, 0.3), (0.5, np.nan), (0.0, 0.0), (1.0, 1.0)])
def test_without_map_or_lesion_an_image_has_no_place(energy: float, area: float) -> None:
    table = right_and_looking(np.array([True, True]), np.array([0.5, energy]), np.array([0.3, area]), ["a", "a"], None)
    assert table.n_group.unique().tolist() == [1]
    assert table.n_unplaced.unique().tolist() == [1]
    assert table.n_images.sum() == 1


def test_unknown_groups_are_left_out() -> None:
    table = right_and_looking(np.ones(3, bool), np.ones(3), np.full(3, 0.5), ["a", "", "a"], None)
    assert set(table.group) == {"a"}
    assert table.n_images.sum() == 2


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(FairnessError, match=r"found 3, 3, 2, 3, 3\. Take all from the same rows"):
        right_and_looking(np.ones(3, bool), np.ones(3), np.ones(2), ["a"] * 3, None)
