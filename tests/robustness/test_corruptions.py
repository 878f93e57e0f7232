"""Corruptions: the promises that all of them keep, and each against what it says it does."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image, ImageEnhance
from scipy.ndimage import convolve
from torch import Tensor

from dermaviz.errors import AttackError
from dermaviz.evidence.tables.robustness import corruption_table
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.corruptions import (
    CLEAN,
    CORRUPTIONS,
    SEVERITIES,
    corrupt,
    disc,
    joined_layer,
    motion,
    round_field,
    to_pictures,
)
from dermaviz.synthetic import Parameters, draw

SIDE = 64
IDS = ("ISIC_0000001", "ISIC_0000002", "ISIC_0000003")
GREY = torch.full((1, 3, 128, 128), 0.5)


@pytest.fixture(scope="module")
def lesions() -> Tensor:
    """Three drawn lesions, float32 ``[3, 3, 64, 64]`` in [0, 1]."""
    drawn = [draw(Parameters(dx=dx, seed=seed, size=SIDE)).image for seed, dx in enumerate(("nv", "mel", "bkl"))]
    return torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2).float().div(255)


def distance(first: Tensor, second: Tensor) -> float:
    return float((first - second).abs().mean())


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_severity_0_is_the_image_exactly(name: str, lesions: Tensor) -> None:
    found = corrupt(lesions, name, 0, IDS)
    assert torch.equal(found, lesions)
    assert found.data_ptr() != lesions.data_ptr()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_severity_changes_every_image_more_than_the_one_before(name: str, lesions: Tensor) -> None:
    before = lesions.clone()
    so_far = [0.0] * len(lesions)
    for severity in SEVERITIES:
        found = corrupt(lesions, name, severity, IDS)
        assert found.shape == lesions.shape
        assert found.dtype == torch.float32
        assert 0 <= float(found.min()) <= float(found.max()) <= 1
        now = [distance(one, clean) for one, clean in zip(found, lesions, strict=True)]
        assert np.median(now) > np.median(so_far)
        assert min(now) > 0
        so_far = now
    assert torch.equal(lesions, before)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_an_image_meets_the_same_corruption_whatever_the_batch(name: str, lesions: Tensor) -> None:
    together = corrupt(lesions, name, 3, IDS)
    assert torch.equal(corrupt(lesions, name, 3, IDS), together)
    turned = corrupt(lesions.flip(0), name, 3, IDS[::-1]).flip(0)
    torch.testing.assert_close(turned, together, rtol=0, atol=1e-6)  # the blur sums in another order
    alone = torch.cat([corrupt(lesions[i : i + 1], name, 3, IDS[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(alone, together, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["gaussian_noise", "uniform_noise", "salt_and_pepper", "motion_blur", "hair", "ink", "bubbles", "ruler"]
)
def test_chance_follows_the_image_id(name: str, lesions: Tensor) -> None:
    same = lesions[:1].expand(3, -1, -1, -1)
    found = corrupt(same, name, 5, ("a", "b", "c"))
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[1], found[2])


def test_two_corruptions_of_an_image_draw_apart() -> None:
    values = [corrupt(GREY, name, 1, ["one"]) - 0.5 for name in ("gaussian_noise", "faint_noise")]
    correlation = np.corrcoef(*(value.flatten().numpy() for value in values))[0, 1]
    assert abs(correlation) < 0.02


@pytest.mark.parametrize(
    ("name", "sigmas"),
    [("gaussian_noise", (0.04, 0.08, 0.12, 0.18, 0.26)), ("faint_noise", (3e-3, 6e-3, 0.012, 0.02, 0.03))],
)
def test_gaussian_noise_has_the_stated_sigma(name: str, sigmas: tuple[float, ...]) -> None:
    assert CORRUPTIONS[name].values == sigmas
    for severity, sigma in zip(SEVERITIES, sigmas, strict=True):
        noise = corrupt(GREY, name, severity, ["one"]) - 0.5
        inside = noise[noise.abs() < 0.5]
        cut = 0.5 / sigma  # the variance of a normal cut at ±c is 1 − 2cφ(c) / (2Φ(c) − 1)
        density, within = math.exp(-(cut**2) / 2) / math.sqrt(2 * math.pi), math.erf(cut / math.sqrt(2))
        expected = sigma * math.sqrt(1 - 2 * cut * density / within)
        assert float(inside.std()) == pytest.approx(expected, rel=0.01)
        assert float(noise.mean()) == pytest.approx(0, abs=4 * sigma / math.sqrt(noise.numel()))


def test_uniform_noise_is_as_large_as_an_attack_and_evenly_spread() -> None:
    for severity, levels in zip(SEVERITIES, (1, 2, 4, 8, 16), strict=True):
        noise = corrupt(GREY, "uniform_noise", severity, ["one"]) - 0.5
        epsilon = levels / 255
        assert 0.999 * epsilon < float(noise.abs().max()) <= epsilon + 1e-6
        assert float(noise.std()) == pytest.approx(epsilon / math.sqrt(3), rel=0.01)


def test_salt_and_pepper_takes_the_stated_share_of_values_half_white_half_black() -> None:
    for severity, share in zip(SEVERITIES, (0.01, 0.03, 0.06, 0.09, 0.17), strict=True):
        found = corrupt(GREY, "salt_and_pepper", severity, ["one"])
        n, spread = found.numel(), 4 * math.sqrt(share / GREY.numel())
        assert float((found == 1).sum()) / n == pytest.approx(share / 2, abs=spread)
        assert float((found == 0).sum()) / n == pytest.approx(share / 2, abs=spread)
        assert int((found == 0.5).sum() + (found == 1).sum() + (found == 0).sum()) == n


@pytest.mark.parametrize(
    ("name", "enhance", "factors"),
    [
        ("brightness_up", ImageEnhance.Brightness, (1.1, 1.2, 1.3, 1.4, 1.5)),
        ("brightness_down", ImageEnhance.Brightness, (0.9, 0.8, 0.7, 0.6, 0.5)),
        ("contrast", ImageEnhance.Contrast, (0.8, 0.7, 0.6, 0.5, 0.4)),
        ("saturation", ImageEnhance.Color, (0.8, 0.6, 0.4, 0.2, 0.0)),
    ],
)
def test_light_is_pillows(
    name: str, enhance: Callable[..., ImageEnhance._Enhance], factors: tuple[float, ...], lesions: Tensor
) -> None:
    """Pillow rounds to grey levels and its mean to a whole one."""
    for severity, factor in zip(SEVERITIES, factors, strict=True):
        found = to_pictures(corrupt(lesions, name, severity, IDS))
        for one, picture in zip(found, to_pictures(lesions), strict=True):
            expected = np.asarray(enhance(Image.fromarray(picture)).enhance(factor))
            np.testing.assert_allclose(one.astype(int), expected.astype(int), atol=1)


def test_light_by_hand() -> None:
    pixel = torch.tensor([0.2, 0.4, 0.8]).view(1, 3, 1, 1)
    luma = 0.2989 * 0.2 + 0.587 * 0.4 + 0.114 * 0.8
    expected = {
        ("brightness_up", 5): [0.3, 0.6, 1.0],
        ("brightness_down", 5): [0.1, 0.2, 0.4],
        ("contrast", 5): [luma + 0.4 * (v - luma) for v in (0.2, 0.4, 0.8)],
        ("saturation", 5): [luma] * 3,
    }
    for (name, severity), values in expected.items():
        assert corrupt(pixel, name, severity, ["one"]).flatten().tolist() == pytest.approx(values, abs=1e-4), name


def test_jpeg_is_pillows(lesions: Tensor) -> None:
    for severity, quality in zip(SEVERITIES, (30, 20, 15, 10, 7), strict=True):
        file = io.BytesIO()
        Image.fromarray(to_pictures(lesions)[1]).save(file, "JPEG", quality=quality)
        assert np.array_equal(to_pictures(corrupt(lesions, "jpeg", severity, IDS))[1], np.asarray(Image.open(file)))


def test_pixelation_shows_blocks_of_the_mean_colour(lesions: Tensor) -> None:
    quarter = corrupt(lesions, "pixelation", 5, IDS)  # blocks of exactly 4 × 4
    blocks = lesions.unflatten(3, (16, 4)).unflatten(2, (16, 4)).mean(dim=(3, 5))
    shown = blocks.repeat_interleave(4, 2).repeat_interleave(4, 3)
    torch.testing.assert_close(quarter, shown, rtol=0, atol=1.01 / 255)  # grey levels, rounded once each way
    for severity, share in zip(SEVERITIES, (0.7, 0.5, 0.4, 0.3, 0.25), strict=True):
        found = corrupt(lesions, "pixelation", severity, IDS)
        across = 1 + int((found.diff(dim=3).abs().amax(dim=(0, 1, 2)) > 0).sum())
        assert across == int(SIDE * share)


def test_defocus_spreads_a_point_over_a_disc() -> None:
    point = torch.zeros(1, 3, 224, 224)
    point[:, :, 112, 112] = 1
    for severity, radius in zip(SEVERITIES, (4, 5, 6, 7, 8), strict=True):
        found = corrupt(point, "defocus", severity, ["one"])[0, 0]
        assert float(found.sum()) == pytest.approx(1, abs=1e-4)
        assert float(found.max()) == pytest.approx(1 / (math.pi * radius**2), rel=0.01)
        rows, columns = torch.where(found > 1e-5)
        assert float(torch.hypot(rows - 112.0, columns - 112.0).max()) <= radius + math.sqrt(0.5)


def test_defocus_is_a_mirrored_convolution(lesions: Tensor) -> None:
    found = corrupt(lesions, "defocus", 3, IDS)[0, 1].numpy()
    kernel = disc(6 * SIDE / 224).numpy()
    np.testing.assert_allclose(found, convolve(lesions[0, 1].numpy(), kernel, mode="mirror"), atol=1e-5)


def test_a_moving_hand_draws_a_point_into_half_a_gaussian() -> None:
    point = torch.zeros(1, 3, 224, 224)
    point[:, :, 112, 112] = 1
    slopes = set()
    for seed in range(4):
        found = motion(point, 8, [seed])[0, 0]
        rows, columns = torch.where(found > 0)
        away, aside = 112 - columns, 112 - rows
        assert sorted(away.tolist()) == list(range(len(away)))  # one pixel in each column, on one side
        slope = float(aside[away.argmax()] / away.max())
        assert abs(slope) <= 1
        assert (aside - slope * away).abs().max() <= 1  # a line, on whole pixels
        length = away * math.hypot(1, slope)
        assert float(length.max()) == pytest.approx(2.5 * 8, abs=1.5)
        torch.testing.assert_close(
            found[rows, columns] / found[112, 112], torch.exp(-((length / 8) ** 2) / 2), atol=0.04, rtol=0
        )
        assert float(found.sum()) == pytest.approx(1, abs=1e-4)
        slopes.add(round(slope, 2))
    assert len(slopes) == 4


def test_dark_corners_leave_the_circle_and_blacken_the_rest(lesions: Tensor) -> None:
    for severity, radius in zip(SEVERITIES, (1.1, 1.05, 1.0, 0.95, 0.9), strict=True):
        found = corrupt(lesions, "dark_corner", severity, IDS)
        steps = (torch.arange(SIDE) + 0.5) / (SIDE / 2) - 1
        away = torch.hypot(steps[:, None], steps[None])
        inside, outside = away < radius - 0.04, away > radius
        assert torch.equal(found[..., inside], lesions[..., inside])
        assert float(found[..., outside].max()) < 0.05
    assert round_field(0.9, SIDE).mask.mean() > round_field(1.1, SIDE).mask.mean()


def test_layers_pile_up() -> None:
    for artefact in ("hair", "ink", "gel"):
        masks = [joined_layer(artefact, count, 96, 7).mask for count in SEVERITIES]
        for fewer, more in pairwise(masks):
            assert more[fewer].all()
            assert more.sum() > fewer.sum()


def test_pixels_beside_a_hair_are_untouched(lesions: Tensor) -> None:
    found = corrupt(lesions, "hair", 1, IDS)
    same = (found == lesions).all(dim=1).float().mean(dim=(1, 2))
    assert (same > 0.5).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("snow", 1, IDS), "expected one of gaussian_noise, .*found 'snow'"),
        (("hair", 6, IDS), "severity: expected a whole number from 0 to 5, found 6"),
        (("hair", 1.5, IDS), "severity: expected a whole number"),
        (("hair", 1, IDS[:2]), "expected 3 image ids, one per image; found 2"),
    ],
)
def test_what_means_nothing_is_refused(arguments: tuple, message: str, lesions: Tensor) -> None:
    with pytest.raises(AttackError, match=message):
        corrupt(lesions, *arguments)


def test_every_row_has_its_function_and_says_what_its_severities_mean() -> None:
    assert all(name == row.name and callable(row.function) for name, row in CORRUPTIONS.items())
    assert CORRUPTIONS["gaussian_noise"].in_words(3) == "σ = 0.12"
    assert CORRUPTIONS["defocus"].in_words(1) == "radius = 4 px of 224"
    assert CORRUPTIONS["uniform_noise"].in_words(5) == "ε = 16 grey levels"
    for corruption in CORRUPTIONS.values():
        assert corruption.in_words(0) == "clean"
        assert len(set(map(corruption.in_words, SEVERITIES))) == 5
        assert corruption.source
        assert all(np.isfinite(corruption.values))


def test_the_table_says_what_the_classifier_says(tiny_classifier: Classifier) -> None:
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = np.array([0, 1, 2])
    table = corruption_table(tiny_classifier, images, labels, IDS, ("jpeg", "hair"))
    assert len(table) == 3 * (1 + 2 * 5)
    assert list(table.columns) == ["image_id", "corruption", "severity", "predicted", "p_true", "p_malignant"]
    for name, severity in ((CLEAN, 0), ("jpeg", 2), ("hair", 5)):
        mine = table[(table["corruption"] == name) & (table["severity"] == severity)]
        shown = images if severity == 0 else corrupt(images, name, severity, IDS)
        said = tiny_classifier.probabilities(shown)
        assert list(mine["image_id"]) == list(IDS)
        assert list(mine["predicted"]) == [tiny_classifier.classes[i] for i in said.argmax(axis=1)]
        np.testing.assert_array_equal(mine["p_true"], said[[0, 1, 2], labels])
        np.testing.assert_array_equal(mine["p_malignant"], said[:, 1])  # melanoma alone is malignant there
    assert table["p_true"].dtype == table["p_malignant"].dtype == np.float32
    assert table["severity"].dtype == np.int8


def test_the_table_of_a_batch_is_that_of_its_parts(tiny_classifier: Classifier) -> None:
    images, labels = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)), np.array([0, 1, 2])
    whole = corruption_table(tiny_classifier, images, labels, IDS, ("gaussian_noise", "ink"))
    parts = pd.concat(
        corruption_table(
            tiny_classifier, images[i : i + 1], labels[i : i + 1], IDS[i : i + 1], ("gaussian_noise", "ink")
        )
        for i in range(3)
    )
    keys = ["image_id", "corruption", "severity"]
    first, second = (frame.sort_values(keys, ignore_index=True) for frame in (whole, parts))
    pd.testing.assert_frame_equal(first, second, rtol=1e-4, atol=1e-6)


def test_a_classifier_without_malignant_classes_has_no_such_probability(
    make_classifier: Callable[..., Classifier],
) -> None:
    classifier = make_classifier(malignant=())
    table = corruption_table(classifier, torch.rand(1, 3, 32, 32), np.array([0]), ["one"], ())
    assert table["p_malignant"].isna().all()
    assert len(table) == 1
