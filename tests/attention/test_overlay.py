"""Overlays: colours and mixing against values worked out by hand."""

from __future__ import annotations

import numpy as np
import plotly.colors
import pytest
from torch import from_numpy
from torch.nn import functional as F

from dermaviz.attention.methods import AttentionMap
from dermaviz.attention.overlay import COLOUR_MAPS, colourise, enlarge, overlay
from dermaviz.errors import AttentionError

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)


def attention(raw: list[list[float]]) -> AttentionMap:
    return AttentionMap(np.array(raw, dtype=np.float32), "gradcam", 0, "layer4", 0.1)


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
