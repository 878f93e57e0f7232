"""Colour conversions against published values, another library and their own inverses."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermaviz.colour import (
    decode_srgb,
    encode_srgb,
    ita_of_lab,
    ita_of_linear,
    lab_of_linear,
    linear_of_lab,
)

levels = st.tuples(*[st.integers(0, 255)] * 3)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.2408, 80.0925, 67.2032)),
        ((0, 255, 0), (87.7347, -86.1827, 83.1793)),
        ((0, 0, 255), (32.2970, 79.1875, -107.8602)),
        ((119, 119, 119), (50.0344, 0, 0)),
    ],
)
def test_lab_of_srgb_as_published(rgb: tuple[int, ...], lab: tuple[float, ...]) -> None:
    """Values of Bruce Lindbloom's colour calculator for sRGB under D65 (www.brucelindbloom.com)."""
    assert lab_of_linear(decode_srgb(np.array(rgb) / 255)) == pytest.approx(np.array(lab), abs=5e-3)


@given(rgb=st.lists(levels, min_size=1, max_size=32))
def test_lab_agrees_with_opencv(rgb: list[tuple[int, ...]]) -> None:
    """OpenCV interpolates its curves and rounds its matrix; the two stay within a third of a unit."""
    pixels = np.array([rgb], dtype=np.float32) / 255
    assert lab_of_linear(decode_srgb(pixels)) == pytest.approx(cv2.cvtColor(pixels, cv2.COLOR_RGB2Lab), abs=0.33)


@pytest.mark.parametrize(
    ("lab", "ita"),
    [
        ((70, 0, 20), 45),
        ((50, 0, 10), 0),
        ((30, 0, 20), -45),
        ((60, 12, 17.3205), 30),
        ((70, 5, 0), 90),
        ((70, 5, -20), 135),  # atan gives −45° here: a bright bluish picture would be called dark
        ((30, 5, -20), -135),
    ],
)
def test_ita_by_hand(lab: tuple[float, ...], ita: float) -> None:
    assert ita_of_lab(lab) == pytest.approx(ita, abs=1e-3)


@pytest.mark.parametrize(
    ("lab", "ita"), [((70.0, 20.0), 45.0), ((50.0, 10.0), 0.0), ((30.0, 20.0), -45.0), ((60.0, 17.3205), 30.0)]
)
def test_ita_of_linear_light_by_the_inverse_formulas(lab: tuple[float, float], ita: float) -> None:
    """L* and b* by hand, with a* = 0, taken back to linear sRGB by the inverse formulas."""
    fy = (lab[0] + 16) / 116
    f = np.array([fy, fy, fy - lab[1] / 200])
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * (0.95047, 1.0, 1.08883)
    to_rgb = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    assert ita_of_linear(to_rgb @ xyz) == pytest.approx(ita, abs=0.1)


def test_srgb_goes_round() -> None:
    values = np.linspace(0, 1, 256)
    assert encode_srgb(decode_srgb(values)) == pytest.approx(values, abs=1e-6)
    assert encode_srgb(0.214) == pytest.approx(0.5, abs=1e-3)


@given(rgb=levels)
def test_lab_goes_round(rgb: tuple[int, ...]) -> None:
    linear = decode_srgb(np.array(rgb) / 255)
    assert linear_of_lab(lab_of_linear(linear)) == pytest.approx(linear, abs=1e-9)


@given(level=st.integers(0, 255))
def test_grey_has_no_chroma(level: int) -> None:
    assert lab_of_linear(decode_srgb(np.full(3, level) / 255))[1:] == pytest.approx(np.zeros(2), abs=1e-9)
