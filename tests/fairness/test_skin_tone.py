"""Skin tone against drawn skin of known ITA, plain colours worked out by hand, what must not move it, and what is plain skin."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from statistics import median

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermaviz.colour import decode_srgb, encode_srgb
from dermaviz.data.masks import lesion_mask
from dermaviz.data.readers import find_ham10000, read_ham10000
from dermaviz.errors import DatasetError, FairnessError
from dermaviz.fairness.skin_tone import (
    BORDER,
    FLAGS,
    NOT_SKIN,
    Tone,
    dark_corners,
    find_skin,
    hair,
    measure_tone,
    outside,
)
from dermaviz.fairness.tone_groups import ESTIMATORS
from dermaviz.images import read_image
from dermaviz.synthetic import Parameters, SyntheticLesion, draw

TONES = tuple(range(-60, 71, 13))
EVEN = {"uneven_light": 0.0, "vignette": 0.0}
ARTEFACTS = ("hair", "light_hair", "ruler", "ink", "dark_corners", "colour_patch")
few = settings(max_examples=8, deadline=None)


def drawn(ita: float, seed: int = 0, **changes: object) -> SyntheticLesion:
    dx = ("nv", "mel", "bkl", "bcc")[seed % 4]
    return draw(replace(Parameters(dx=dx, ita=float(ita), seed=seed, size=128), **changes))


def measured(lesion: SyntheticLesion) -> Tone:
    return measure_tone(lesion.image, lesion.mask)


@lru_cache
def over_all_tones(**changes: object) -> tuple[Tone, ...]:
    return tuple(measured(drawn(ita, seed, **changes)) for seed, ita in enumerate(TONES))


def errors(estimator: str, **changes: object) -> list[float]:
    """Degrees by which an estimator is off, for lesions drawn over the whole range of tones."""
    return [abs(getattr(tone, estimator) - ita) for tone, ita in zip(over_all_tones(**changes), TONES, strict=True)]


def plain(rgb: tuple[int, int, int], height: int = 60, width: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """A picture of one colour with a black disc for a lesion, and the disc's mask."""
    y, x = np.mgrid[:height, :width]
    lesion = np.hypot(y - height / 2, x - width / 2) < 10
    pixels = np.full((height, width, 3), rgb, dtype=np.uint8)
    pixels[lesion] = 0
    return pixels, lesion


@pytest.mark.parametrize(
    ("estimator", "changes", "most"),
    [
        ("ita", EVEN, 1.5),
        ("ita", {"uneven_light": 1.0, "vignette": 1.0}, 3),
        ("ita", {"artefacts": ARTEFACTS}, 3),
        ("ita_clusters", EVEN, 3),
        ("ita_clusters", {"uneven_light": 1.0, "vignette": 1.0}, 5),
        ("ita_constancy", EVEN, 9),
        ("ita_constancy", {"lamp": "violet"}, 9),
        ("ita_constancy", {"lamp": "orange"}, 9),
    ],
)
def test_drawn_skin_of_known_ita(estimator: str, changes: dict[str, object], most: float) -> None:
    assert median(errors(estimator, **changes)) <= most


@pytest.mark.parametrize("lamp", ["violet", "orange"])
def test_a_coloured_lamp_misleads_the_median_and_less_so_colour_constancy(lamp: str) -> None:
    assert median(errors("ita", lamp=lamp)) > median(errors("ita_constancy", lamp=lamp))


@pytest.mark.parametrize("rgb", [(224, 172, 158), (141, 85, 36), (60, 40, 30), (255, 224, 189)])
def test_plain_colour_as_opencv_has_it(rgb: tuple[int, int, int]) -> None:
    """OpenCV's float L*a*b* and atan2 by hand; on one colour every pixel says the same."""
    lightness, _, b = cv2.cvtColor(np.array([[rgb]], dtype=np.float32) / 255, cv2.COLOR_RGB2Lab)[0, 0]
    ita = np.degrees(np.arctan2(lightness - 50, b))
    tone = measure_tone(*plain(rgb))
    assert tone.ita == pytest.approx(ita, abs=0.6)
    assert tone.ita_clusters == pytest.approx(ita, abs=0.6)
    assert tone.b == pytest.approx(b, abs=0.1)
    assert tone.spread == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("cast", [(1.0, 0.8, 1.0), (0.9, 1.0, 1.2), (0.9, 0.9, 0.7)])
def test_colour_constancy_takes_a_lamps_colour_away(cast: tuple[float, ...]) -> None:
    """Gains on linear light, luminance kept: the picture under another lamp gets the same answer."""
    first, lesion = plain((190, 150, 130))
    linear = decode_srgb(first / 255)
    lit = linear * cast
    weights = (0.2126, 0.7152, 0.0722)
    lit *= (linear[0, 0] @ weights) / (lit[0, 0] @ weights)
    second = np.rint(encode_srgb(lit) * 255).astype(np.uint8)
    one, other = (measure_tone(pixels, lesion) for pixels in (first, second))
    assert other.ita_constancy == pytest.approx(one.ita_constancy, abs=1.5)
    assert abs(other.ita - one.ita) > 3


@few
@given(seed=st.integers(0, 1000), turn=st.sampled_from([1, 2, 3]), mirrored=st.booleans())
def test_turning_a_picture_changes_nothing(seed: int, turn: int, mirrored: bool) -> None:
    lesion = drawn(40, seed)
    image, mask = np.rot90(lesion.image, turn), np.rot90(lesion.mask, turn)
    if mirrored:
        image, mask = image[:, ::-1], mask[:, ::-1]
    again = measure_tone(np.ascontiguousarray(image), np.ascontiguousarray(mask))
    assert again.ita == pytest.approx(measured(lesion).ita, abs=0.5)
    assert again.skin_share == pytest.approx(measured(lesion).skin_share, abs=0.01)


@few
@given(seed=st.integers(0, 1000), colour=st.tuples(*[st.integers(0, 255)] * 3))
def test_what_lies_inside_the_lesion_does_not_count(seed: int, colour: tuple[int, int, int]) -> None:
    lesion = drawn(30, seed, artefacts=())
    inside = cv2.erode(lesion.mask.astype(np.uint8), np.ones((5, 5))).astype(bool)
    painted = lesion.image.copy()
    painted[inside] = colour
    assert measure_tone(painted, lesion.mask).ita == pytest.approx(measured(lesion).ita, abs=0.5)


@few
@given(pixels=st.integers(0, 2**32 - 1).map(np.random.default_rng), side=st.integers(8, 48))
def test_any_picture_gets_an_answer_or_a_reason(pixels: np.random.Generator, side: int) -> None:
    picture = pixels.integers(0, 256, (side, side + 5, 3), dtype=np.uint8)
    tone = measure_tone(picture, pixels.random((side, side + 5)) < 0.2)
    angles = [getattr(tone, field) for field in ESTIMATORS]
    assert np.isnan(angles).all() == bool(tone.excluded) == np.isnan(angles).any()
    assert set(tone.flags) <= set(FLAGS)
    assert 0 <= tone.skin_share <= 1


def test_large_photos_are_measured_as_their_reduced_copy() -> None:
    lesion = drawn(20)
    image, mask = (np.repeat(np.repeat(a, 8, axis=0), 8, axis=1) for a in (lesion.image, lesion.mask))
    assert measure_tone(image, mask).ita == pytest.approx(measured(lesion).ita, abs=1)


def test_without_a_mask_the_lesion_is_found() -> None:
    off = [abs(measure_tone(drawn(ita, seed).image).ita - ita) for seed, ita in enumerate(TONES)]
    assert median(off) <= 3


@pytest.mark.parametrize(
    ("rgb", "flag"),
    [((200, 180, 215), NOT_SKIN), ((255, 200, 190), "clipped"), ((224, 172, 158), None)],
)
def test_flags(rgb: tuple[int, int, int], flag: str | None) -> None:
    assert measure_tone(*plain(rgb)).flags == (() if flag is None else (flag,))


def test_uneven_light_is_flagged() -> None:
    pixels, lesion = plain((224, 172, 158))
    shade = np.linspace(0.75, 1, pixels.shape[1])[None, :, None]
    assert "uneven light" in measure_tone((pixels * shade).astype(np.uint8), lesion).flags


@pytest.mark.parametrize(
    ("rgb", "mask", "reason"),
    [
        ((224, 172, 158), np.ones((60, 80), dtype=bool), "too little skin: 0.0% of the picture, 0 pixels"),
        ((60, 60, 110), plain((0, 0, 0))[1], "off the scale: dim"),
    ],
)
def test_what_cannot_be_measured_is_excluded_with_its_reason(
    rgb: tuple[int, int, int], mask: np.ndarray, reason: str
) -> None:
    tone = measure_tone(plain(rgb)[0], mask)
    assert tone.excluded.startswith(reason)
    assert np.isnan([tone.ita, tone.ita_clusters, tone.ita_constancy, tone.spread]).all()


@pytest.mark.parametrize(
    ("pixels", "mask", "message"),
    [
        (np.zeros((9, 9), dtype=np.uint8), None, r"expected a picture uint8 \[H, W, 3\] .*, found uint8 \[9, 9\]"),
        (np.zeros((9, 9, 3)), None, r"expected a picture uint8 \[H, W, 3\] .*, found float64"),
        (
            np.zeros((9, 9, 3), np.uint8),
            np.zeros((8, 9), bool),
            r"mask bool \[H, W\], found uint8 \[9, 9, 3\] and bool \[8, 9\]",
        ),
        (np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9)), r"mask bool \[H, W\], found uint8 \[9, 9, 3\] and float64"),
    ],
)
def test_bad_input_is_refused(pixels: np.ndarray, mask: np.ndarray | None, message: str) -> None:
    with pytest.raises(FairnessError, match=message):
        measure_tone(pixels, mask)


@pytest.mark.data
def test_photographs_with_true_masks() -> None:
    """The median over photos, and the share of bluish ones, as docs/skin-tone.md has them."""
    try:
        root = find_ham10000()
    except DatasetError as reason:
        pytest.skip(str(reason))
    records = read_ham10000(root).records[::100]
    pictures = ((record, read_image(record.path).pixels) for record in records)
    tones = [measure_tone(pixels, lesion_mask(record, pixels).pixels) for record, pixels in pictures]
    assert 75 < np.nanmedian([tone.ita for tone in tones]) < 92
    assert 0.3 < np.mean([NOT_SKIN in tone.flags for tone in tones]) < 0.5


SIZE = 128


@pytest.mark.parametrize("artefact", ["ink", "colour_patch", "dark_corners", "hair", "light_hair", "ruler"])
@pytest.mark.parametrize("ita", [45.0, -20.0])
def test_artefacts_are_left_out(artefact: str, ita: float) -> None:
    """Few of an artefact's pixels stay, or where it hardly shows on this skin, few that differ from the skin by much."""
    clean = draw(Parameters(ita=ita, seed=3, size=SIZE))
    marked = draw(Parameters(ita=ita, seed=3, size=SIZE, artefacts=(artefact,)))
    changed = np.abs(marked.image.astype(int) - clean.image).max(axis=-1) > 40
    skin = find_skin(marked.image, marked.mask)
    assert changed.any()
    assert (skin & changed).sum() <= 0.1 * (changed & outside(marked.mask)).sum()
    assert skin.mean() > 0.15


@pytest.mark.parametrize("ita", [-60.0, -20.0, 20.0, 70.0])
def test_most_of_clean_skin_is_kept(ita: float) -> None:
    lesion = draw(Parameters(dx="df", ita=ita, seed=1, size=SIZE, vignette=0.0))
    assert find_skin(lesion.image, lesion.mask).sum() > 0.8 * outside(lesion.mask).sum()


def test_border_and_lesion_by_hand() -> None:
    mask = np.zeros((100, 100), dtype=bool)
    mask[50, 50] = True
    skin = outside(mask)
    assert (~skin[:3]).all()
    assert skin[round(BORDER * 100), 50]
    assert not skin[50, 55]  # the point, widened by a disc of radius 5
    assert skin[50, 56]


def test_only_dark_parts_at_a_corner_are_corners() -> None:
    lightness = np.full((60, 60), 70, dtype=np.float32)
    lightness[:6, :6] = lightness[30:36, 30:36] = 5
    corners = dark_corners(lightness)
    assert corners[:6, :6].all()
    assert not corners[30:36, 30:36].any()


def test_thin_lines_are_hair_and_broad_ones_not() -> None:
    lightness = np.full((100, 100), 70, dtype=np.float32)
    lightness[:, 20:22] = 40
    lightness[:, 60:80] = 40
    assert hair(lightness)[10:90, 20:22].all()
    assert not hair(lightness)[10:90, 65:75].any()


def test_nowhere_skin() -> None:
    assert not find_skin(np.zeros((20, 20, 3), dtype=np.uint8), np.ones((20, 20), dtype=bool)).any()
