"""Tests of evened-out pictures: the histogram against its definition, colours kept, and a classifier that sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest

from dermaviz.models.card import Equalisation
from dermaviz.models.classifier import Classifier, equalise

METHODS = tuple(name for name in get_args(Equalisation) if name)


def greys(levels: np.ndarray) -> np.ndarray:
    """A grey picture, uint8 ``[1, H, W, 3]``."""
    return np.repeat(levels.astype(np.uint8)[None, ..., None], 3, axis=-1)


def test_nothing_is_done_unless_it_is_asked_for() -> None:
    images = greys(np.arange(64).reshape(8, 8))
    assert equalise(images, "") is images


def test_the_darkest_lightness_becomes_black_and_the_lightest_white_with_equal_shares_between() -> None:
    """Four levels that fill a quarter each: (cdf − cdf₀) / (1 − cdf₀) puts them at L* of 0, 1/3, 2/3 and 1."""
    seen = equalise(greys(np.repeat([100, 105, 111, 118], 16).reshape(8, 8)), "histogram")[0, ..., 0]
    levels = seen.reshape(4, 16)
    assert (levels == levels[:, :1]).all()
    lightness = np.array([0, 100 / 3, 200 / 3, 100])
    luminance = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.3)
    expected = 255 * np.where(luminance > 0.0031308, 1.055 * luminance ** (1 / 2.4) - 0.055, 12.92 * luminance)
    np.testing.assert_allclose(levels[:, 0].astype(float), expected, atol=1.5)


@pytest.mark.parametrize("method", METHODS)
def test_a_flat_picture_gains_contrast_and_keeps_its_hue(method: Equalisation) -> None:
    shade = np.random.default_rng(0).uniform(0.9, 1.1, (64, 64, 1))
    picture = np.clip(np.array([170.0, 120.0, 105.0]) * shade, 0, 255).astype(np.uint8)[None]
    seen = equalise(picture, method)
    assert (seen.shape, seen.dtype) == (picture.shape, np.uint8)
    assert seen.std(axis=(1, 2)).mean() > 1.2 * picture.std(axis=(1, 2)).mean()
    red, green, blue = seen[0].reshape(-1, 3).mean(0)
    assert red > green > blue


@pytest.mark.parametrize("method", METHODS)
def test_pictures_of_a_batch_do_not_see_each_other(method: Equalisation) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 24, 32, 3), dtype=np.uint8)
    before = images.copy()
    together = equalise(images, method)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(together, np.concatenate([equalise(images[i : i + 1], method) for i in range(3)]))


@pytest.mark.parametrize("method", METHODS)
def test_a_classifier_sees_the_square_of_the_evened_out_picture(
    make_classifier: Callable[..., Classifier], draw_photo: Callable[..., np.ndarray], method: Equalisation
) -> None:
    plain, evened = make_classifier(), make_classifier(equalise=method)
    pixels = draw_photo() // 2
    pixels.setflags(write=False)
    np.testing.assert_array_equal(evened.prepare(pixels), plain.prepare(equalise(pixels[None], method)[0]))
    assert not np.array_equal(evened.prepare(pixels), plain.prepare(pixels))
