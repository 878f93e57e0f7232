"""How attention maps drift: rank correlation against SciPy, energies by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from dermaviz.attention.localisation import drift, energy_in_lesion, rank_correlation
from dermaviz.attention.methods import AttentionMap
from dermaviz.errors import AttentionError


def attention(raw: object) -> AttentionMap:
    return AttentionMap(np.array(raw, dtype=np.float32), "gradcam", 1, "layer4", 0.1)


@pytest.mark.parametrize("seed", range(3))
def test_the_rank_correlation_is_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(6, 6)).round(1)  # with ties
    second = (first + rng.normal(size=(6, 6))).round(1)
    assert rank_correlation(first, second) == pytest.approx(spearmanr(first.ravel(), second.ravel()).statistic)


def test_only_the_order_of_places_counts() -> None:
    raw = np.array([[-2.0, 0.5], [3.0, 1.0]])
    assert rank_correlation(raw, np.exp(raw)) == pytest.approx(1)
    assert rank_correlation(raw, -raw) == pytest.approx(-1)


@pytest.mark.parametrize("raw", [[[1, 1], [1, 1]], [[1, np.nan], [0, 2]], [[np.inf, 0], [0, 1]]])
def test_a_map_without_order_correlates_with_nothing(raw: list[list[float]]) -> None:
    assert math.isnan(rank_correlation(np.array(raw, dtype=np.float32), np.array([[1.0, 2.0], [3.0, 4.0]])))


def test_energies_by_hand() -> None:
    mask = np.array([[True, False], [False, False]])
    assert energy_in_lesion(attention([[3, 1], [0, -5]]), mask) == pytest.approx(3 / 4)  # what is negative counts as 0
    found = drift(attention([[3, 1], [0, -5]]), attention([[1, 3], [0, -5]]), mask)
    assert (found.energy_before, found.energy_after) == pytest.approx((3 / 4, 1 / 4))
    assert found.rank_correlation == pytest.approx(spearmanr([3, 1, 0, -5], [1, 3, 0, -5]).statistic)


def test_an_even_map_has_the_lesions_share_of_the_picture() -> None:
    almost = attention(1 + 1e-4 * np.random.default_rng(0).random((4, 4)))
    mask = np.zeros((40, 40), dtype=bool)
    mask[:12] = True
    assert energy_in_lesion(almost, mask) == pytest.approx(0.3, abs=1e-3)


def test_a_map_that_shows_nothing_has_no_energy_anywhere() -> None:
    mask = np.ones((4, 4), dtype=bool)
    assert math.isnan(energy_in_lesion(attention([[-1, -2], [0, 0]]), mask))
    found = drift(attention([[1, 2], [3, 4]]), attention([[0, 0], [0, 0]]))
    assert math.isnan(found.rank_correlation)
    assert math.isnan(found.energy_before)


def test_maps_of_different_things_are_not_compared() -> None:
    one = attention([[1, 2], [3, 4]])
    with pytest.raises(AttentionError, match="expected two maps of one method, layer, class and size"):
        drift(one, replace(one, class_index=2))
    with pytest.raises(AttentionError, match=r"expected a mask bool \[H, W\], found uint8"):
        energy_in_lesion(one, np.ones((2, 2), dtype=np.uint8))
