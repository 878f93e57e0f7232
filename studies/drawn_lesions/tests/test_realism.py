"""Tests of what holds one set of pictures against another, with values known from elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from dermaviz.colour import lab_of_linear
from dermaviz.errors import DatasetError
from studies.drawn_lesions.realism import (
    BANDS,
    DISTANCES,
    Measured,
    area_distance,
    band_frequencies,
    central_square,
    colour_distance,
    distances,
    log_spectrum,
    measure_pictures,
    sliced_wasserstein,
    spectrum_distance,
)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((1.0, 1.0, 1.0), (100.0, 0.0, 0.0)),
        ((1.0, 0.0, 0.0), (53.24, 80.09, 67.20)),
        ((0.0, 1.0, 0.0), (87.73, -86.18, 83.18)),
        ((0.0, 0.0, 1.0), (32.30, 79.19, -107.86)),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    ],
)
def test_lab_of_the_primaries_is_as_published(rgb: tuple[float, ...], lab: tuple[float, ...]) -> None:
    """Values of sRGB's primaries under D65, as in Lindbloom's tables."""
    assert lab_of_linear(rgb) == pytest.approx(np.array(lab), abs=0.03)


@pytest.mark.parametrize("shift", [(6.0, 0.0, 0.0), (0.0, -3.0, 4.0), (2.0, 3.0, -6.0)])
def test_a_shifted_cloud_is_as_far_as_its_shift(shift: tuple[float, float, float]) -> None:
    cloud = np.random.default_rng(0).normal(0, (9, 4, 5), (4000, 3))
    assert sliced_wasserstein(cloud, cloud + shift) == pytest.approx(np.linalg.norm(shift), rel=0.02)
    assert sliced_wasserstein(cloud, cloud) == 0


def test_sliced_wasserstein_agrees_with_another_library_on_random_directions() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 3, (800, 3)), rng.normal((5, 0, 1), (3, 8, 2), (600, 3))
    directions = rng.normal(size=(400, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    expected = 2 * np.mean([wasserstein_distance(a @ d, b @ d) for d in directions])
    assert sliced_wasserstein(a, b) == pytest.approx(expected, rel=0.05)


def test_white_noise_has_a_flat_spectrum_at_its_own_level() -> None:
    rng = np.random.default_rng(2)
    mean = np.mean([log_spectrum(rng.normal(50, 3, (128, 128))) for _ in range(40)], axis=0)
    assert mean[3:] == pytest.approx(
        np.full(BANDS - 3, 10 * np.log10(9)), abs=0.7
    )  # few frequencies below: their log is low
    assert log_spectrum(np.full((128, 128), 60.0)).max() == -120  # nothing but the floor


def test_a_wave_is_found_in_its_band() -> None:
    waves = 20 * np.sin(2 * np.pi * 24 * np.arange(128) / 128)
    found = int(log_spectrum(np.tile(waves, (128, 1))).argmax())
    assert band_frequencies(128)[found] == pytest.approx(24, rel=0.2)


def test_spectra_and_areas_in_their_units() -> None:
    noise = np.random.default_rng(3).normal(0, 1, (128, 128))
    one, twice = (log_spectrum(k * noise)[None] for k in (1, 2))
    assert spectrum_distance(one, twice) == pytest.approx(20 * np.log10(2))  # twice the amplitude: 6.02 dB
    assert area_distance(np.array([0.1, 0.2]), np.array([0.2, 0.3])) == pytest.approx(10)


@pytest.mark.parametrize("side", [64, 150, 224])
def test_every_band_holds_some_frequency(side: int) -> None:
    assert np.isfinite(log_spectrum(np.random.default_rng(0).normal(size=(side, side)))).all()
    assert (np.diff(band_frequencies(side)) > 0).all()


def test_pictures_are_measured_where_the_mask_says() -> None:
    picture = np.full((100, 140, 3), 255, dtype=np.uint8)
    mask = np.zeros((200, 280), dtype=bool)  # masks come at twice the photograph's size
    mask[60:140, 100:180] = True
    picture[30:70, 50:90] = (255, 0, 0)
    found = measure_pictures([(picture, mask)], side=100, pixels=50)
    assert found.skin[0] == pytest.approx(np.tile([100.0, 0.0, 0.0], (50, 1)), abs=0.03)
    assert np.median(found.lesion[0], axis=0) == pytest.approx([53.24, 80.09, 67.20], abs=0.03)
    assert found.area == pytest.approx([0.16])


def test_a_picture_that_is_all_lesion_has_no_skin_and_is_left_out() -> None:
    picture = np.full((64, 64, 3), 90, dtype=np.uint8)
    some = np.zeros((64, 64), dtype=bool)
    some[:20] = True
    both = measure_pictures([(picture, np.ones((64, 64), dtype=bool)), (picture, some)], side=64, pixels=20)
    assert np.isnan(both.skin[0]).all()
    assert np.isfinite(both.skin[1]).all()
    assert colour_distance(both.skin, both.skin) == 0


def test_central_square_keeps_masks_hard_and_the_middle() -> None:
    mask = np.zeros((60, 100), dtype=bool)
    mask[:, 50:] = True
    square = central_square(mask, 30)
    assert square.dtype == bool
    assert square.mean() == 0.5
    assert central_square(np.zeros((60, 100, 3), dtype=np.uint8), 30).shape == (30, 30, 3)


def measured(rng: np.random.Generator, n: int, lightness: float = 60.0) -> Measured:
    skin, lesion = (rng.normal((lightness - dark, 10, 10), 4, (n, 30, 3)) for dark in (0, 20))
    return Measured(skin, lesion, rng.uniform(0.1, 0.5, n), rng.normal(10, 2, (n, BANDS)))


def test_distances_stand_beside_the_floor() -> None:
    rng = np.random.default_rng(4)
    table = distances(measured(rng, 200), measured(rng, 100, lightness=68), halvings=5).set_index("distance")
    assert list(table.index) == list(DISTANCES)
    assert (table["n"] == 100).all()
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    assert table.loc["skin_colour", "value"] == pytest.approx(8, abs=0.3)
    assert table.loc["skin_colour", "floor_high"] < 1
    same = distances(measured(rng, 200), measured(rng, 100), halvings=5).set_index("distance")
    assert same.loc["skin_colour", "value"] < 1.5 * same.loc["skin_colour", "floor_high"]


def test_too_little_to_measure_is_refused() -> None:
    rng = np.random.default_rng(5)
    with pytest.raises(DatasetError, match="expected pictures to measure, found none"):
        measure_pictures([])
    with pytest.raises(DatasetError, match="side: expected at least 64 pixels, found 32"):
        measure_pictures([], side=32)
    with pytest.raises(DatasetError, match="expected at least 2 photographs and 1 drawn lesion, found 1 and 3"):
        distances(measured(rng, 1), measured(rng, 3))
