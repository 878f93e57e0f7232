"""Counterfactual tone: no shift is no change, the gains are Beer and Lambert's, and drawn lesions know the truth."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from dermaviz.colour import decode_srgb, ita_of_linear, lab_of_linear
from dermaviz.errors import FairnessError
from dermaviz.fairness.counterfactual import (
    AXES,
    BLOOD,
    LESION_CHOICES,
    counterfactual,
    tone_gain,
)
from dermaviz.fairness.skin_tone import skin_light
from dermaviz.synthetic import Parameters, SyntheticLesion, draw
from dermaviz.synthetic import optics as spectra
from dermaviz.synthetic.optics import EPIDERMIS_CM, melanin_for_ita

LINEAR = decode_srgb(np.arange(256) / 255)


def shift_tone(*given, **named) -> np.ndarray:
    return counterfactual(*given, **named).pixels


@cache
def drawn(dx: str, ita: float) -> SyntheticLesion:
    return draw(Parameters(dx=dx, ita=ita, seed=100, size=96))


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("lesion", LESION_CHOICES)
@pytest.mark.parametrize("ita", [-60.0, -12.3, 44.4, 70.0])
def test_no_shift_is_the_photo_bit_for_bit(draw_photo: Callable[..., np.ndarray], axis, lesion, ita) -> None:
    pixels = draw_photo(height=60, width=80)
    mask = np.zeros((60, 80), dtype=bool)
    mask[20:40, 30:55] = True
    before = pixels.copy()
    made = counterfactual(pixels, mask, ita, ita, lesion, axis)
    assert np.array_equal(made.pixels, pixels)
    assert made.clipped == 0
    shift_tone(pixels, mask, 5.0, ita, lesion, axis)
    assert np.array_equal(pixels, before)


def test_a_photo_lighter_than_any_skin_starts_at_the_lightest() -> None:
    assert tone_gain(70.0, 95.0) == pytest.approx(np.ones(3))
    assert tone_gain(20.0, 95.0) == pytest.approx(tone_gain(20.0, 70.0))


@pytest.mark.parametrize(("start", "end"), [(60.0, 44.0), (44.0, 10.0), (10.0, -20.0), (44.0, -50.0)])
def test_darker_skin_is_filtered_by_melanin(start: float, end: float) -> None:
    """Each channel loses less than Beer–Lambert's law takes at 450 nm and more than it takes at 700 nm."""
    gain = tone_gain(end, start)
    more = melanin_for_ita(end, BLOOD) - melanin_for_ita(start, BLOOD)
    passed = np.exp(-2 * EPIDERMIS_CM * more * (spectra.MELANOSOME - spectra.BASELINE))
    assert gain[2] < gain[1] < gain[0] < 1
    assert gain[0] < passed[spectra.WAVELENGTHS == 700]
    assert gain[1] > passed[spectra.WAVELENGTHS == 490]
    assert tone_gain(start, end) == pytest.approx(1 / gain)


@pytest.mark.parametrize(("start", "end"), [(70.0, 28.0), (44.0, 41.0), (44.0, -10.0), (50.0, -50.0), (20.0, 44.0)])
def test_the_control_is_as_large_and_leaves_the_ita(start: float, end: float) -> None:
    skin = skin_light(start, BLOOD)
    before, along, control = (
        lab_of_linear(skin * gain) for gain in (1, tone_gain(end, start), tone_gain(end, start, "control"))
    )
    assert np.linalg.norm(control - before) == pytest.approx(np.linalg.norm(along - before), rel=0.01)
    assert ita_of_linear(skin * tone_gain(end, start, "control")) == pytest.approx(ita_of_linear(skin), abs=0.3)
    assert ita_of_linear(skin * tone_gain(end, start)) == pytest.approx(end, abs=0.3)


def test_lamp_and_shade_are_kept() -> None:
    """Half the light before is half the light after, in every channel, within the rounding to 8 bits."""
    lesion = drawn("nv", 44.0)
    light = LINEAR[lesion.image]
    shaded = np.round(255 * np.interp(light * (0.5, 0.7, 0.6), LINEAR, np.arange(256) / 255)).astype(np.uint8)
    full, less = (LINEAR[shift_tone(one, lesion.mask, 10.0, 44.0, "re-pigmented")] for one in (lesion.image, shaded))
    assert less == pytest.approx(full * (0.5, 0.7, 0.6), abs=0.008)


@pytest.mark.parametrize("dx", ["nv", "mel", "bcc"])
@pytest.mark.parametrize(("start", "end"), [(55.0, 28.0), (41.0, -10.0), (41.0, -50.0), (10.0, 41.0), (-10.0, 28.0)])
def test_a_shifted_drawing_is_near_the_same_lesion_drawn_on_that_skin(dx: str, start: float, end: float) -> None:
    source, truth = drawn(dx, start), drawn(dx, end)
    shifted = shift_tone(source.image, source.mask, end, start, "re-pigmented")
    before, after, wanted = (lab_of_linear(LINEAR[one]) for one in (source.image, shifted, truth.image))
    left = np.linalg.norm(after - wanted, axis=-1)
    assert left.mean() < 5
    assert left.mean() < 0.25 * np.linalg.norm(before - wanted, axis=-1).mean()
    lab = np.median(after[:20].reshape(-1, 3), axis=0)
    aim = np.median(wanted[:20].reshape(-1, 3), axis=0)
    angles = [np.degrees(np.arctan2(one[0] - 50, one[2])) for one in (lab, aim)]
    assert angles[0] == pytest.approx(angles[1], abs=4)


@pytest.mark.parametrize("axis", AXES)
def test_a_fixed_lesion_keeps_its_middle_and_the_skin_goes(axis) -> None:
    lesion = drawn("nv", 44.0)
    fixed, pigmented = (shift_tone(lesion.image, lesion.mask, 0.0, 44.0, choice, axis) for choice in LESION_CHOICES)
    assert np.array_equal(fixed[~lesion.mask], pigmented[~lesion.mask])
    same = (fixed == lesion.image).all(axis=-1)
    assert same[lesion.mask].mean() > 0.5
    assert same[~lesion.mask].mean() < 0.02
    assert not np.array_equal(pigmented[lesion.mask], lesion.image[lesion.mask])


def test_a_lesion_that_fills_the_picture_is_kept_whole() -> None:
    pixels, mask = drawn("nv", 44.0).image, np.ones((96, 96), dtype=bool)
    assert np.array_equal(shift_tone(pixels, mask, 0.0, 44.0, "fixed"), pixels)


def test_clipped_counts_what_would_be_brighter_than_white() -> None:
    """Of four columns, dark, bright, white and bright: the two bright ones."""
    pixels = np.repeat(np.array([40, 240, 255, 240], dtype=np.uint8), 20)[None, :, None].repeat(80, 0).repeat(3, 2)
    mask = np.zeros((80, 80), dtype=bool)
    mask[:, 60:] = True
    assert counterfactual(pixels, mask, 60.0, 20.0, "re-pigmented").clipped == pytest.approx(0.5)
    assert counterfactual(pixels, mask, 20.0, 60.0, "re-pigmented").clipped == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"to_ita": 71.0}, "expected a tone from -60° to 70°"),
        ({"to_ita": float("nan")}, "expected a tone from"),
        ({"from_ita": float("nan")}, "without a measured ITA has no counterfactual"),
        ({"lesion": "kept"}, "lesion: expected one of fixed, re-pigmented; found 'kept'"),
        ({"axis": "hue"}, "axis: expected one of melanin, control; found 'hue'"),
        ({"mask": np.zeros((8, 9), dtype=bool)}, r"found uint8 \[8, 8, 3\] and bool \[8, 9\]"),
        ({"mask": np.zeros((8, 8), dtype=np.uint8)}, "with its mask bool"),
    ],
)
def test_what_means_nothing_is_refused(change: dict, message: str) -> None:
    asked = {"pixels": np.zeros((8, 8, 3), np.uint8), "mask": np.zeros((8, 8), bool), "to_ita": 20.0, "from_ita": 40.0}
    with pytest.raises(FairnessError, match=message):
        shift_tone(**{**asked, **change})
