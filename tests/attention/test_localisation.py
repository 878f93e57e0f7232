"""Is the map on the lesion: every score by hand on small pictures and drawn lesions, and what chance would give."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt
from scipy.special import erf

from dermaviz.attention.localisation import (
    CENTRE_SIGMA,
    centre_gaussian_map,
    energy_in_lesion,
    localise,
    random_map,
)
from dermaviz.attention.methods import AttentionMap
from dermaviz.data.masks import mask_as_seen
from dermaviz.errors import AttentionError
from dermaviz.synthetic import Parameters, draw


def attention(raw: object) -> AttentionMap:
    return AttentionMap(np.array(raw, dtype=np.float32), "gradcam", 1, "layer4", 0.1)


def square(side: int, top: int, left: int, size: int) -> np.ndarray:
    mask = np.zeros((side, side), dtype=bool)
    mask[top : top + size, left : left + size] = True
    return mask


RAW = [[8, 4, 1, -7], [4, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("mask", "energy", "pointing", "distance", "iou"),
    [
        # The map's energy is 20. Regions: at 2 of 8 four places, at 4 of 8 three.
        (square(4, 0, 0, 2), 18 / 20, True, 0, (4 / 4, 3 / 4)),
        (square(4, 1, 1, 2), 2 / 20, False, math.sqrt(2) / 4, (1 / 7, 0 / 7)),
        (square(4, 2, 2, 2), 0, False, math.sqrt(8) / 4, (0, 0)),
        (square(4, 0, 1, 3), (4 + 1 + 2) / 20, False, 1 / 4, (2 / 11, 1 / 11)),
        (square(4, 0, 0, 4), 1, True, 0, (4 / 16, 3 / 16)),
    ],
)
def test_scores_by_hand(mask, energy, pointing, distance, iou):
    for one in (attention(RAW), np.array(RAW, dtype=np.float64)):
        found = localise(one, mask)
        assert found.lesion_area == mask.mean()
        assert found.energy == pytest.approx(energy)
        assert found.energy == pytest.approx(energy)
        assert (found.pointing, found.peak_distance) == (pointing, pytest.approx(distance))
        assert found.iou == pytest.approx(iou)
    assert energy_in_lesion(attention(RAW), mask) == pytest.approx(energy)


def test_a_coarse_map_is_measured_as_it_is_shown():
    """2 × 2 on 4 × 4: the peak's share of a pixel is 1, 3/4, 1/4 or 0 in each direction; in 16ths, 49 of 64 lie inside."""
    found = localise(attention([[1, 0], [0, 0]]), square(4, 0, 0, 2))
    assert found.energy == pytest.approx(49 / 64)
    assert found.iou == pytest.approx(
        (4 / 6, 4 / 4)
    )  # 16, 12, 12, 9, 4, 4 sixteenths reach a quarter; four of them a half


@pytest.mark.parametrize("seed", range(3))
def test_the_peak_distance_is_scipys_distance_transform(seed):
    rng = np.random.default_rng(seed)
    mask = np.zeros((30, 50), dtype=bool)
    mask[rng.integers(30, size=20), rng.integers(50, size=20)] = True
    raw = rng.random((30, 50))
    place = np.unravel_index(raw.argmax(), raw.shape)
    assert localise(attention(raw), mask).peak_distance == pytest.approx(distance_transform_edt(~mask)[place] / 30)


def test_the_peak_is_the_middle_of_its_place():
    raw = np.zeros((4, 4))
    raw[1, 2] = 1  # its middle is row 12, column 20 of 32
    assert localise(attention(raw), square(32, 12, 20, 1)).pointing
    assert localise(attention(raw), square(32, 15, 24, 8)).peak_distance == pytest.approx(5 / 32)


@pytest.mark.parametrize("raw", [[[0, 0], [-1, 0]], [[1, 1], [1, 1]], [[np.nan, 1], [0, 0]]])
def test_a_map_that_shows_nothing_points_nowhere(raw):
    found = localise(attention(raw), square(2, 0, 0, 1))
    assert found.lesion_area == 0.25
    assert not found.pointing
    assert all(math.isnan(value) for value in (found.energy, found.peak_distance, *found.iou))
    assert np.isnan(found.energy)


def test_without_a_lesion_nothing_can_be_on_it():
    found = localise(attention(RAW), np.zeros((4, 4), dtype=bool))
    assert (found.lesion_area, found.pointing) == (0, False)
    assert all(math.isnan(value) for value in (found.energy, found.peak_distance, *found.iou))


def test_a_mask_that_is_none_is_refused():
    with pytest.raises(AttentionError, match=r"expected a mask bool \[H, W\], found float64 \[4, 4\]"):
        localise(attention(RAW), np.ones((4, 4)))


@pytest.fixture(scope="module")
def lesion() -> np.ndarray:
    """The mask of a drawn lesion as a model of 64 px sees it."""
    return mask_as_seen(draw(Parameters(size=128)).mask, 64)


def test_an_even_map_is_chance(lesion):
    found = localise(np.ones((8, 8), dtype=np.float32), lesion)
    assert found.energy == pytest.approx(found.lesion_area) == pytest.approx(lesion.mean())
    assert found.iou == pytest.approx((lesion.mean(),) * 2)


def test_a_map_that_is_the_lesion_is_on_it_entirely(lesion):
    found = localise(lesion.astype(np.float32), lesion)
    assert (found.energy, found.pointing, found.peak_distance, found.iou) == (1, True, 0, (1, 1))
    beside = localise((~lesion).astype(np.float32), lesion)
    assert (beside.energy, beside.pointing, beside.iou) == (0, False, (0, 0))


def test_a_map_in_the_corner_is_caught(lesion):
    corner = attention(np.pad([[1.0]], ((0, 7), (0, 7))))
    found = localise(corner, lesion)
    assert not found.pointing
    assert found.energy <= found.lesion_area
    rows, columns = np.nonzero(lesion)
    assert found.peak_distance == pytest.approx(np.hypot(rows - 4, columns - 4).min() / 64)


def test_the_centre_gaussian_has_the_energy_of_the_error_function():
    half = 0.25
    inside, whole = (erf(edge / CENTRE_SIGMA / math.sqrt(2)) ** 2 for edge in (half, 0.5))
    assert localise(centre_gaussian_map(200), square(200, 50, 50, 100)).energy == pytest.approx(
        inside / whole, rel=1e-3
    )
    region = centre_gaussian_map(200) >= 0.5  # a disc: its radius is σ√(2 ln 2)
    assert region.mean() == pytest.approx(math.pi * CENTRE_SIGMA**2 * 2 * math.log(2), rel=0.01)


def test_random_maps_are_chance_on_average_and_fixed_by_their_seed(lesion):
    np.testing.assert_array_equal(random_map(7, 3), random_map(7, 3))
    assert not np.array_equal(random_map(7, 3), random_map(7, 4))
    found = [localise(random_map(16, seed), lesion) for seed in range(200)]
    assert np.mean([one.energy for one in found]) == pytest.approx(lesion.mean(), abs=0.02)
    assert np.mean([one.pointing for one in found]) == pytest.approx(lesion.mean(), abs=0.12)
