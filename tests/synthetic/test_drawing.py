"""Drawn lesions: the requested tone, exact masks, and one parameter changed alone, which moves nothing else."""

from __future__ import annotations

from dataclasses import fields, replace
from math import atan2, degrees
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from dermaviz.data.records import HAM10000
from dermaviz.errors import DatasetError
from dermaviz.synthetic import (
    ARTEFACT_NAMES,
    FORMS,
    LAMPS,
    SAMPLES,
    Form,
    Parameters,
    draw,
    draw_layer,
    draw_skin,
    lay_over,
    soft_border,
)
from dermaviz.synthetic.artefacts import ARTEFACTS
from dermaviz.synthetic.lesions import STRUCTURES

SIZE = 96
LABELS = tuple(HAM10000.classes)
few = settings(max_examples=10, deadline=None)
seeds = st.integers(0, 2**40)
tones = st.floats(-60, 70)
labels = st.sampled_from(LABELS)


def median_ita(pixels: NDArray[np.uint8]) -> float:
    """ITA in degrees by the published formulas (IEC 61966-2-1, CIE 1976), pixel by pixel, without the package."""
    angles = []
    for red, green, blue in pixels.reshape(-1, 3)[::5] / 255.0:
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue))
        y = 0.2126 * r + 0.7152 * g + 0.0722 * b
        z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089
        fy, fz = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (y, z))
        angles.append(degrees(atan2(116 * fy - 16 - 50, 200 * (fy - fz))))
    return float(np.median(angles))


def grown(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """The mask and everything up to so many rows or columns from it."""
    return np.asarray(maximum_filter(mask, 2 * pixels + 1))


def changed(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels in which two pictures differ."""
    return np.asarray((a != b).any(axis=-1))


@few
@given(ita=tones, seed=seeds, redness=st.floats(0, 1), texture=st.floats(0, 1), light=st.floats(0, 1))
def test_skin_has_the_requested_ita(ita: float, seed: int, redness: float, texture: float, light: float) -> None:
    parameters = Parameters(
        ita=ita, seed=seed, size=SIZE, redness=redness, texture=texture, uneven_light=light, vignette=light
    )
    assert median_ita(draw_skin(parameters)) == pytest.approx(ita, abs=3)


@pytest.mark.parametrize("ita", [-60, -30, 0, 10, 28, 41, 55, 70])
def test_skin_has_the_requested_ita_at_limits_and_group_cuts(ita: float) -> None:
    assert median_ita(draw_skin(Parameters(ita=ita, seed=4, size=SIZE))) == pytest.approx(ita, abs=1.5)


def test_only_a_coloured_lamp_moves_the_measured_ita() -> None:
    assert set(LAMPS) == {"daylight", "pink", "violet", "orange"}
    assert median_ita(draw_skin(Parameters(ita=45, size=SIZE, lamp="violet"))) > 50
    assert median_ita(draw_skin(Parameters(ita=45, size=SIZE, lamp="orange"))) < 40


@few
@given(dx=labels, seed=seeds, ita=tones)
def test_same_parameters_draw_the_same_picture(dx: str, seed: int, ita: float) -> None:
    parameters = Parameters(dx=dx, seed=seed, ita=ita, size=SIZE, artefacts=("hair", "gel"))
    first, again = draw(parameters), draw(replace(parameters))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.mask, again.mask)
    assert all(np.array_equal(first.artefact_masks[name], again.artefact_masks[name]) for name in ("hair", "gel"))


@few
@given(dx=labels, seed=seeds, ita=tones, view=st.integers(0, 3))
def test_lesion_changes_only_its_mask_and_soft_border(dx: str, seed: int, ita: float, view: int) -> None:
    parameters = Parameters(dx=dx, seed=seed, ita=ita, size=SIZE, view=view)
    lesion = draw(parameters)
    difference = changed(lesion.image, draw_skin(parameters))
    assert not difference[~grown(lesion.mask, soft_border(SIZE))].any()
    # A faded edge may happen to match the skin in a few pixels.
    assert difference[lesion.mask].mean() > 0.9


@few
@given(dx=labels, seed=seeds, ita=tones, other=tones)
def test_tone_moves_no_mask(dx: str, seed: int, ita: float, other: float) -> None:
    parameters = Parameters(dx=dx, seed=seed, ita=ita, size=SIZE, artefacts=("ruler",))
    light, dark = draw(parameters), draw(replace(parameters, ita=other))
    assert np.array_equal(light.mask, dark.mask)
    assert np.array_equal(light.artefact_masks["ruler"], dark.artefact_masks["ruler"])


@few
@given(dx=labels, seed=seeds, name=st.sampled_from(ARTEFACT_NAMES))
def test_artefact_changes_only_its_mask(dx: str, seed: int, name: str) -> None:
    parameters = Parameters(dx=dx, seed=seed, size=SIZE)
    plain, marked = draw(parameters), draw(replace(parameters, artefacts=(name,)))
    assert np.array_equal(plain.mask, marked.mask)
    assert not changed(plain.image, marked.image)[~marked.artefact_masks[name]].any()


@pytest.mark.parametrize("structure", list(STRUCTURES))
def test_structure_can_be_taken_away_alone(structure: str) -> None:
    form = Form(diameter=0.6, **{structure: 0.9})
    parameters = Parameters(size=SIZE, seed=8, form=form)
    without = replace(parameters, form=replace(form, **{structure: 0.0}))
    lesion, bare = draw(parameters), draw(without)
    difference = changed(lesion.image, bare.image)
    assert difference.any()
    assert not difference[~grown(lesion.mask | bare.mask, soft_border(SIZE))].any()
    if structure != "streaks":  # streaks reach out of the lesion and belong to it
        assert np.array_equal(lesion.mask, bare.mask)


def test_abcd_shape_the_lesion() -> None:
    small, large = (draw(Parameters(size=SIZE, form=Form(diameter=d))).mask.sum() for d in (0.3, 0.6))
    assert large / small == pytest.approx(4, rel=0.2)  # twice the diameter, four times the area
    even, odd = (draw(Parameters(size=SIZE, seed=1, form=Form(asymmetry=a, border=a))).mask for a in (0, 1))

    def circumference(mask: NDArray[np.bool_]) -> float:
        return float((np.diff(mask.astype(int), axis=0) != 0).sum() / np.sqrt(mask.sum()))

    assert circumference(odd) > circumference(even)


@pytest.mark.parametrize("dx", LABELS)
def test_every_diagnosis_draws(dx: str) -> None:
    lesion = draw(Parameters(dx=dx, seed=2))
    assert lesion.image.shape == (224, 224, 3)
    assert lesion.image.dtype == np.uint8
    assert lesion.mask.shape == (224, 224)
    assert lesion.mask.dtype == bool
    assert 0.03 < lesion.mask.mean() < 0.6
    assert lesion.parameters.lesion_form == FORMS[dx]


def test_colours_follow_the_optics() -> None:
    def mean_colour(**structures: float) -> NDArray[np.float64]:
        lesion = draw(Parameters(size=SIZE, seed=3, ita=50, form=Form(pigment=0, blood=0, edge=0, **structures)))
        return np.asarray(lesion.image[lesion.mask].mean(axis=0), dtype=np.float64)

    skin = mean_colour()
    red, veil = mean_colour(red_lacunae=1), mean_colour(blue_white_veil=1)
    assert (red[1] / red[0]) < 0.8 * (skin[1] / skin[0])  # blood takes green, keeps red
    assert (veil[2] / veil[0]) > 1.1 * (skin[2] / skin[0])  # deep melanin looks blue
    brown = draw(Parameters(size=SIZE, seed=3, ita=50, form=Form(pigment=0.5))).image
    darker = draw(Parameters(size=SIZE, seed=3, ita=-30, form=Form(pigment=0.5))).image
    assert darker.mean() < brown.mean()


def test_views_show_the_same_lesion_on_other_skin() -> None:
    first, second = (draw(Parameters(dx="mel", seed=5, size=SIZE, view=view)) for view in (0, 1))
    assert np.array_equal(np.rot90(first.mask), second.mask)
    assert changed(first.image[:12], second.image[:12]).any()


def test_size_keeps_the_lesion() -> None:
    small, large = (draw(Parameters(dx="mel", seed=6, size=size)).mask for size in (112, 224))
    assert (small != large[::2, ::2]).mean() < 0.02


BAD_PARAMETERS = [
    ({"ita": 71}, r"ita: expected a number from -60 to 70, found 71"),
    ({"ita": float("nan")}, r"ita: expected a number from -60 to 70, found nan"),
    ({"ita": "fair"}, r"ita: expected a number from -60 to 70, found 'fair'"),
    ({"dx": "melanoma"}, r"dx: expected one of akiec, bcc, .*, found 'melanoma'"),
    ({"artefacts": ("hare",)}, r"artefacts: expected one of hair, .*, found 'hare'"),
    ({"lamp": "red"}, r"lamp: expected one of daylight, .*, found 'red'"),
    ({"size": 32}, r"size: expected a number from 64 to 1024, found 32"),
    ({"size": 100.5}, r"size: expected a whole number, found 100.5"),
    ({"seed": -1}, r"seed: expected a number from 0"),
    ({"view": 4}, r"view: expected a number from 0 to 3, found 4"),
    ({"texture": 1.1}, r"texture: expected a number from 0 to 1, found 1.1"),
]


@pytest.mark.parametrize(("values", "message"), BAD_PARAMETERS)
def test_bad_parameters_are_refused(values: dict, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        Parameters(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"diameter": 0.05}, r"form.diameter: expected a number from 0.15 to 0.9, found 0.05"),
        ({"colours": 0}, r"form.colours: expected a number from 1 to 6, found 0"),
        ({"colours": 2.5}, r"form.colours: expected a whole number, found 2.5"),
        ({"network": -0.1}, r"form.network: expected a number from 0 to 1, found -0.1"),
    ],
)
def test_bad_forms_are_refused(values: dict, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        Form(**values)


def test_tables_agree() -> None:
    assert tuple(ARTEFACTS) == ARTEFACT_NAMES
    assert tuple(FORMS) == LABELS
    assert set(STRUCTURES) <= {field.name for field in fields(Form)}


@pytest.mark.parametrize("name", ARTEFACT_NAMES)
def test_artefacts_lie_over_any_picture(name: str) -> None:
    picture = np.full((90, 120, 3), 128, dtype=np.uint8)
    layer = draw_layer(name, 90, 120, seed=3)
    marked = lay_over(picture, layer)
    assert marked.shape == picture.shape
    assert changed(marked, picture).any()
    assert not changed(marked, picture)[~layer.mask].any()
    assert (picture == 128).all()


def test_layers_refuse_what_they_cannot_do() -> None:
    with pytest.raises(DatasetError, match=r"artefact: expected one of hair, .*, found 'beard'"):
        draw_layer("beard", 64, 64)
    with pytest.raises(DatasetError, match=r"expected a layer of the picture's 64 × 64 pixels, found one of 32 × 64"):
        lay_over(np.zeros((64, 64, 3), dtype=np.uint8), draw_layer("hair", 32, 64))


def test_samples_cover_diagnoses_tones_and_artefacts() -> None:
    assert [sample.parameters.dx for sample in SAMPLES] == [dx for dx in LABELS for _ in range(2)]
    assert len({sample.slug for sample in SAMPLES}) == 14
    assert all(sample.caption.startswith("synthetic lesion (schematic) · ") for sample in SAMPLES)
    assert sum(bool(sample.parameters.artefacts) for sample in SAMPLES) == 3
    itas = sorted(sample.parameters.ita for sample in SAMPLES)
    assert itas[0] < -30 < 55 < itas[-1]


@pytest.mark.parametrize(
    ("slug", "area", "colour"),
    [
        ("akiec-very-light", 15033, (206.9, 167.4, 148.6)),
        ("bkl-dark-gel", 11976, (104.1, 61.4, 45.3)),
        ("mel-light", 12196, (184.1, 148.0, 124.4)),
        ("nv-very-light-hair", 7035, (197.5, 160.9, 139.8)),
        ("vasc-tan-ruler", 6807, (176.7, 125.3, 88.9)),
    ],
)
def test_a_sample_stays_the_picture_it_is(slug: str, area: int, colour: tuple[float, ...]) -> None:
    """Its mask to a pixel or two, its mean colour to half a level: what another stream of random numbers would change."""
    lesion = draw(next(sample.parameters for sample in SAMPLES if sample.slug == slug))
    assert lesion.mask.sum() == pytest.approx(area, abs=2)
    assert lesion.image.mean((0, 1)) == pytest.approx(colour, abs=0.5)


SMALL = 64
shares = st.floats(0, 1)
SURROUNDINGS = {
    "ita": st.floats(-60, 70),
    "redness": shares,
    "texture": shares,
    "uneven_light": shares,
    "vignette": shares,
    "lamp": st.sampled_from(list(LAMPS)),
    "artefacts": st.lists(st.sampled_from(ARTEFACT_NAMES), max_size=2, unique=True).map(tuple),
}
INSIDE = ("pigment", "blood", "edge", *(name for name in STRUCTURES if name != "streaks"))  # streaks reach out
one_of_the_surroundings = st.sampled_from(list(SURROUNDINGS)).flatmap(
    lambda name: SURROUNDINGS[name].map(lambda value: {name: value})
)
one_inside = st.one_of(
    st.builds(lambda name, value: {name: value}, st.sampled_from(INSIDE), shares),
    st.integers(1, 6).map(lambda value: {"colours": value}),
)
drawings = st.builds(
    Parameters, dx=st.sampled_from(list(HAM10000.classes)), seed=st.integers(0, 2**40), size=st.just(SMALL)
)


@settings(max_examples=20, deadline=None)
@given(parameters=drawings, change=one_of_the_surroundings)
def test_nothing_round_the_lesion_moves_its_mask(parameters: Parameters, change: dict[str, Any]) -> None:
    assert np.array_equal(draw(parameters).mask, draw(replace(parameters, **change)).mask)


@settings(max_examples=20, deadline=None)
@given(parameters=drawings, change=one_inside)
def test_nothing_inside_the_lesion_moves_its_mask(parameters: Parameters, change: dict[str, Any]) -> None:
    changed = replace(parameters, form=replace(FORMS[parameters.dx], **change))
    assert np.array_equal(draw(parameters).mask, draw(changed).mask)


@settings(max_examples=10, deadline=None)
@given(parameters=drawings, change=one_of_the_surroundings, names=st.sets(st.sampled_from(ARTEFACT_NAMES), min_size=2))
def test_artefacts_stay_where_they_are(parameters: Parameters, change: dict[str, Any], names: set[str]) -> None:
    change.pop("artefacts", None)
    both = draw(replace(parameters, artefacts=tuple(names)))
    for name in names:
        alone = draw(replace(parameters, artefacts=(name,), **change))
        assert np.array_equal(alone.artefact_masks[name], both.artefact_masks[name])
