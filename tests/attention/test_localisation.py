"""A map over its image: scores by hand, what chance would give, colours and mixing by hand, and where the outline lies."""

from __future__ import annotations

import math

import numpy as np
import plotly.colors
import pytest
from scipy.ndimage import distance_transform_edt
from scipy.special import erf
from torch import from_numpy
from torch.nn import functional as F

from dermaviz.attention.localisation import (
    CENTRE_SIGMA,
    COLOUR_MAPS,
    centre_gaussian_map,
    colourise,
    energy_in_lesion,
    enlarge,
    localise,
    outlined,
    overlay,
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


PIXELS = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "raw",
    [[[-1, -2], [0, -3]], [[0, 0], [0, 0]], [[2, 2], [2, 2]], [[1, float("nan")], [0, 0]], [[1, float("inf")], [0, 0]]],
)
def test_a_map_with_nothing_in_it_leaves_the_image_as_it_is(raw):
    found = overlay(PIXELS, attention(raw), 1.0)
    assert np.array_equal(found, PIXELS)
    assert not np.shares_memory(found, PIXELS)


@pytest.mark.parametrize(
    ("colour_map", "lowest", "highest"),
    [
        ("viridis", (0x44, 0x01, 0x54), (0xFD, 0xE7, 0x25)),
        ("magma", (0x00, 0x00, 0x04), (0xFC, 0xFD, 0xBF)),
        ("cividis", (0x00, 0x22, 0x4E), (0xFE, 0xE8, 0x38)),
    ],
)
def test_the_colours_run_from_dark_to_bright_and_match_plotly(colour_map, lowest, highest):
    ramp = colourise(np.linspace(0, 1, 256, dtype=np.float32)[None], colour_map)[0].astype(int)
    assert tuple(ramp[0]) == lowest
    assert tuple(ramp[255]) == highest
    brightness = ramp @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(brightness) > -1).all()
    for value in (60, 131, 200):
        (plotly_says,) = plotly.colors.sample_colorscale(colour_map, [value / 255], colortype="tuple")
        np.testing.assert_allclose(ramp[value], np.array(plotly_says) * 255, atol=0.51)


def test_jet_and_turbo_are_not_offered():
    assert set(COLOUR_MAPS) == {"viridis", "magma", "cividis"}


def test_opacity_mixes_image_and_colours():
    one = attention([[0, 1], [0.25, -7]])
    colours = colourise(enlarge(one.normalised, 12, 12))
    assert np.array_equal(overlay(PIXELS, one, 0), PIXELS)
    assert np.array_equal(overlay(PIXELS, one, 1), colours)
    half = overlay(PIXELS, one, 0.5).astype(float)
    np.testing.assert_allclose(half, (PIXELS.astype(float) + colours) / 2, atol=0.5)


def test_opacity_follows_the_map():
    one = attention([[0, 1], [0.25, -7]])
    values = enlarge(one.normalised, 12, 12)[..., None]
    expected = (1 - 0.8 * values) * PIXELS + 0.8 * values * colourise(values[..., 0])
    found = overlay(PIXELS, one, 0.8, follow=True)
    np.testing.assert_allclose(found.astype(float), expected, atol=0.5)
    assert np.array_equal(found[values[..., 0] == 0], PIXELS[values[..., 0] == 0])


@pytest.mark.parametrize("size", [(224, 224), (12, 30)])
def test_enlarges_bilinearly_between_pixel_centres(size):
    values = np.random.default_rng(1).random((7, 7), dtype=np.float32)
    expected = F.interpolate(from_numpy(values)[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
    np.testing.assert_allclose(enlarge(values, *size), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("pixels", "opacity", "colour_map", "message"),
    [
        (PIXELS, 1.2, "viridis", r"opacity from 0 to 1, found 1.2"),
        (PIXELS, 0.5, "jet", r"colour map among viridis, magma, cividis; found 'jet'"),
        (PIXELS / 255, 0.5, "magma", r"uint8 pixels \[H, W, 3\], found float64"),
        (PIXELS[..., 0], 0.5, "magma", r"found uint8 \[12, 12\]"),
    ],
)
def test_refuses_what_it_cannot_lay_over(pixels, opacity, colour_map, message):
    with pytest.raises(AttentionError, match=message):
        overlay(pixels, attention([[0, 1]]), opacity, colour_map)


SQUARE = np.zeros((40, 40), dtype=bool)
SQUARE[10:30, 12:32] = True
GREY = np.full((40, 40, 3), 128, dtype=np.uint8)


def contrast(a: np.ndarray, b: np.ndarray) -> float:
    """The contrast of two sRGB colours by WCAG 2.2: (L₁ + .05) / (L₂ + .05), from 1 to 21."""

    def luminance(colour: np.ndarray) -> float:
        share = np.asarray(colour, dtype=float) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    brighter, darker = sorted((luminance(a), luminance(b)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def test_the_line_follows_the_border_and_nothing_else_is_touched():
    found = outlined(GREY, SQUARE)
    changed = (found != GREY).any(axis=-1)
    assert changed[10, 20]  # the outermost row of the mask
    assert changed[9, 20]  # the row beside it
    assert (found[10, 20] == 255).all()
    assert (found[9, 20] == 255).all()
    assert found[8, 20].max() < 30  # dark on the outside …
    assert found[11, 20].max() < 30  # … and on the inside
    assert not changed[14:26, 16:28].any()
    assert not changed[:6].any()
    assert not changed[:, 36:].any()


@pytest.mark.parametrize("value", [False, True])
def test_a_mask_without_a_border_draws_none(value):
    found = outlined(GREY, np.full((40, 40), value))
    assert np.array_equal(found, GREY)
    assert not np.shares_memory(found, GREY)


def test_the_picture_itself_is_kept():
    before = GREY.copy()
    outlined(GREY, SQUARE)
    assert np.array_equal(GREY, before)


@pytest.mark.parametrize("colour_map", list(COLOUR_MAPS))
def test_light_or_dark_stands_out_on_every_colour_of_a_map(colour_map):
    for value in np.linspace(0, 1, 11):
        flat = colourise(np.full((40, 40), value, dtype=np.float32), colour_map)
        found = outlined(flat, SQUARE)
        line = (found[10, 20], found[8, 20])
        assert max(contrast(colour, flat[20, 20]) for colour in line) > 4.5
        assert contrast(*line) > 15  # the two beside each other


def test_the_line_is_as_wide_in_proportion_on_a_larger_picture():
    def share(side: int) -> float:
        mask = np.zeros((side, side), dtype=bool)
        mask[side // 4 : -side // 4, side // 4 : -side // 4] = True
        return float((outlined(np.full((side, side, 3), 128, np.uint8), mask) != 128).any(axis=-1).mean())

    assert share(576) == pytest.approx(share(192), rel=0.25)


def test_refuses_a_mask_of_another_size():
    with pytest.raises(AttentionError, match=r"expected a mask of the picture's 40 × 40 pixels, found \[20, 20\]"):
        outlined(GREY, SQUARE[:20, :20])
