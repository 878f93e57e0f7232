"""Tests of the optical model of skin against closed forms and against what is known of skin."""

from __future__ import annotations

import numpy as np
import pytest

from dermaviz.colour import ita_of_linear
from dermaviz.synthetic import optics as spectra
from dermaviz.synthetic.optics import (
    blood_for_ita,
    infinite_layer,
    linear_rgb,
    melanin_for_ita,
    reflectance,
    root_rgb,
    thin_layer,
)


def test_a_layer_on_its_own_material_changes_nothing() -> None:
    """Kubelka's own check: R + T²·R∞ / (1 − R·R∞) = R∞ for a layer of the same material, whatever its thickness."""
    absorption, scattering = np.array([0.1, 2.0, 50.0]), np.array([30.0, 20.0, 10.0])
    deep = infinite_layer(absorption, scattering)
    for thickness in (0.001, 0.02, 0.3):
        r, t = thin_layer(absorption, scattering, thickness)
        assert r + t**2 * deep / (1 - r * deep) == pytest.approx(deep, rel=1e-9)


def test_infinite_layer_by_hand() -> None:
    assert infinite_layer(np.array([1.0]), np.array([2.0])) == pytest.approx(1.5 - np.sqrt(1.25))  # K/S = 1/2


def test_white_is_white() -> None:
    assert linear_rgb(np.ones(31)) == pytest.approx(np.ones(3))


def test_chromophores_take_the_colours_they_are_known_to_take() -> None:
    plain, brown, red, blue = linear_rgb(reflectance([0.0, 0.2, 0.0, 0.0], [0.005, 0.005, 0.2, 0.005], [0, 0, 0, 0.3]))
    assert (brown < plain).all()
    assert brown[2] / plain[2] < brown[1] / plain[1] < brown[0] / plain[0]  # melanin absorbs most at short wavelengths
    assert red[1] / plain[1] < 0.5 * red[0] / plain[0]
    assert blue[2] / plain[2] > blue[0] / plain[0]  # the Tyndall effect


def test_blood_has_the_bands_of_oxyhaemoglobin() -> None:
    band = {int(nm): value for nm, value in zip(spectra.WAVELENGTHS, spectra.BLOOD, strict=True)}
    assert band[540] > band[560] < band[580]  # the two bands and the dip between them
    assert band[420] == max(band.values())  # the Soret band


@pytest.mark.parametrize("ita", [-60, -20, 0, 30, 55, 65])
def test_melanin_for_ita_goes_round(ita: float) -> None:
    blood = blood_for_ita(ita, 0.02)
    assert ita_of_linear(linear_rgb(reflectance(melanin_for_ita(ita, blood), blood))) == pytest.approx(ita, abs=0.1)


def test_table_agrees_with_the_model() -> None:
    rng = np.random.default_rng(0)
    m, b, d = (rng.uniform(0, limit, (8, 8)).astype(np.float32) for limit in (0.8, 0.4, 0.3))
    assert root_rgb(m, b, d) == pytest.approx(np.sqrt(linear_rgb(reflectance(m, b, d))), abs=0.006)
