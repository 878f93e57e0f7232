"""Tests of random views: geometry against torch and torchvision, colour against torchvision, and what must not matter."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as V

from dermaviz.data.augment import Augmentation, draw_views, render_views, turn_hue
from dermaviz.errors import RecipeError
from dermaviz.models.classifier import central_square

SCALE, ANGLE, SHIFT_X, SHIFT_Y, SHEAR, FLIP_X, FLIP_Y, BRIGHTNESS, CONTRAST, SATURATION, HUE = range(11)
STRONG = Augmentation((0.5, 1.2), 180, 0.2, 15, True, 0.3, 0.4, 0.5, 0.1)


def view(n: int = 1, **changes: float) -> Tensor:
    """The view that changes nothing, or all but what is named by its column."""
    views = torch.tensor([1.0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0]).repeat(n, 1)
    for name, value in changes.items():
        views[:, globals()[name]] = value
    return views


def noise(n: int, height: int, width: int, seed: int = 0) -> Tensor:
    return torch.randint(
        0, 256, (n, height, width, 3), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8
    )


def unit(images: Tensor) -> Tensor:
    """uint8 [N, H, W, 3] → float32 [N, 3, H, W] in [0, 1]."""
    return images.permute(0, 3, 1, 2).float() / 255


# Geometry


def test_the_plain_view_of_a_square_is_the_square() -> None:
    images = noise(2, 48, 48)
    torch.testing.assert_close(render_views(images, view(2), 48), unit(images), atol=2e-5, rtol=0)


@pytest.mark.parametrize(("height", "width", "size"), [(60, 80, 48), (80, 60, 60), (61, 81, 50), (40, 40, 64)])
def test_the_plain_view_is_the_central_square(height: int, width: int, size: int) -> None:
    images = noise(2, height, width)
    short = min(height, width)
    expected = V.resize(V.center_crop(unit(images), [short, short]), [size, size], antialias=False)
    torch.testing.assert_close(render_views(images, view(2), size), expected, atol=1e-4, rtol=0)


def test_a_large_image_is_shrunk_without_aliasing() -> None:
    checkerboard = (torch.arange(240)[:, None] + torch.arange(320) + 0) % 2 * 255
    images = checkerboard.to(torch.uint8)[None, :, :, None].expand(1, 240, 320, 3)
    seen = render_views(images, view(), 64)
    assert (seen - 0.5).abs().max() < 0.02


def test_a_large_image_looks_as_the_classifier_will_see_it() -> None:
    y, x = torch.meshgrid(torch.linspace(0, 3, 240), torch.linspace(0, 4, 320), indexing="ij")
    smooth = ((torch.stack([x, y, x * y]).sin() + 1) * 127).to(torch.uint8).permute(1, 2, 0)[None]
    expected = unit(central_square(smooth, 64))
    assert (render_views(smooth, view(), 64) - expected).abs().mean() < 0.01


@pytest.mark.parametrize(("column", "axis"), [("FLIP_X", 3), ("FLIP_Y", 2)])
def test_flips_mirror(column: str, axis: int) -> None:
    images = noise(2, 32, 32)
    torch.testing.assert_close(
        render_views(images, view(2, **{column: -1.0}), 32), unit(images).flip(axis), atol=2e-5, rtol=0
    )


@pytest.mark.parametrize("quarter", [-1, 1, 2])
def test_quarter_turns(quarter: int) -> None:
    images = noise(1, 32, 32)
    seen = render_views(images, view(ANGLE=quarter * math.pi / 2), 32)
    torch.testing.assert_close(seen, unit(images).rot90(quarter, (2, 3)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("angle", [10.0, -35.0])
def test_other_angles_turn_as_torchvision_does(angle: float) -> None:
    images = noise(1, 64, 64)
    seen = render_views(images, view(ANGLE=math.radians(angle)), 64)
    turned = V.rotate(unit(images), angle, V.InterpolationMode.BILINEAR)
    torch.testing.assert_close(seen[..., 20:44, 20:44], turned[..., 20:44, 20:44], atol=1e-3, rtol=0)


def test_half_the_scale_sees_the_central_half() -> None:
    images = noise(1, 64, 64)
    expected = F.interpolate(unit(images)[..., 15:49, 15:49], size=(68, 68), mode="bilinear")[..., 2:66, 2:66]
    torch.testing.assert_close(render_views(images, view(SCALE=0.5), 64), expected, atol=1e-4, rtol=0)


def test_a_shift_moves_by_that_share_of_the_short_side() -> None:
    images = noise(1, 40, 60)
    seen = render_views(images, view(SHIFT_X=2 * 4 / 40, SHIFT_Y=2 * -3 / 40), 40)
    torch.testing.assert_close(seen[..., 3:, :], unit(images)[..., :-3, 14:54], atol=1e-4, rtol=0)


def test_beyond_the_edge_the_image_is_mirrored() -> None:
    images = noise(1, 32, 32)
    seen = render_views(images, view(SHIFT_X=2 * 5 / 32), 32)
    torch.testing.assert_close(seen[..., 27:], unit(images)[..., 27:].flip(3), atol=1e-4, rtol=0)


# Colour


@pytest.mark.parametrize(
    ("column", "adjust", "factor"),
    [
        ("BRIGHTNESS", V.adjust_brightness, 0.6),
        ("BRIGHTNESS", V.adjust_brightness, 1.5),
        ("CONTRAST", V.adjust_contrast, 0.4),
        ("CONTRAST", V.adjust_contrast, 1.7),
        ("SATURATION", V.adjust_saturation, 0.3),
        ("SATURATION", V.adjust_saturation, 1.6),
        ("HUE", V.adjust_hue, -0.1),
        ("HUE", V.adjust_hue, 0.35),
    ],
)
def test_colours_vary_as_torchvision_varies_them(column: str, adjust: object, factor: float) -> None:
    images = noise(2, 32, 32)
    expected = adjust(unit(images), factor)  # type: ignore[operator]
    torch.testing.assert_close(render_views(images, view(2, **{column: factor}), 32), expected, atol=1e-3, rtol=0)


def test_hue_turns_the_primary_colours_into_each_other_and_leaves_grey() -> None:
    red, green, blue, grey = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.3, 0.3, 0.3]])
    colours = torch.stack([red, green, blue, grey]).T[None, :, None]
    turned = turn_hue(colours.repeat(2, 1, 1, 1), torch.tensor([1 / 3, 0.5]))
    torch.testing.assert_close(turned[0, :, 0].T, torch.stack([green, blue, red, grey]))
    torch.testing.assert_close(turned[1, :, 0].T, torch.stack([1 - red, 1 - green, 1 - blue, grey]))


# What is drawn


@given(st.integers(1, 40), st.integers(0, 2**32))
def test_draws_stay_within_their_ranges(n: int, seed: int) -> None:
    views = draw_views(n, STRONG, torch.Generator().manual_seed(seed))
    assert views.shape == (n, 11)
    assert views.dtype == torch.float32
    low = torch.tensor([0.5, -math.pi, -0.4, -0.4, -math.radians(15), -1, -1, 0.7, 0.6, 0.5, -0.1])
    high = torch.tensor([1.2, math.pi, 0.4, 0.4, math.radians(15), 1, 1, 1.3, 1.4, 1.5, 0.1])
    assert (views >= low - 1e-6).all()
    assert (views <= high + 1e-6).all()
    assert set(views[:, FLIP_X : FLIP_Y + 1].unique().tolist()) <= {-1.0, 1.0}


def test_draws_are_uniform_and_independent() -> None:
    views = draw_views(20_000, STRONG, torch.Generator().manual_seed(0))
    assert views[:, SCALE].mean() == pytest.approx(0.85, abs=0.01)
    assert views[:, SCALE].std() == pytest.approx(0.7 / math.sqrt(12), rel=0.02)
    assert (views[:, FLIP_X] < 0).float().mean() == pytest.approx(0.5, abs=0.02)
    assert (torch.corrcoef(views.T) - torch.eye(11)).abs().max() < 0.04


def test_without_settings_nothing_varies() -> None:
    torch.testing.assert_close(draw_views(5, Augmentation(), torch.Generator()), view(5))


def test_hue_is_drawn_after_all_else_so_that_earlier_runs_can_be_made_again() -> None:
    """The first numbers of the generator, ten for each view, are those of the columns that were there before."""
    views = draw_views(3, replace(STRONG, scale=(1.0, 2.0)), torch.Generator().manual_seed(5))
    u = torch.rand(3, 10, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(views[:, SCALE], 1 + u[:, 0])
    torch.testing.assert_close(views[:, SATURATION], 1 + 0.5 * (2 * u[:, 9] - 1))


def test_the_same_generator_draws_the_same_views() -> None:
    first, second = (draw_views(7, STRONG, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)


@given(st.integers(0, 2**32))
def test_pixels_stay_in_range_and_finite(seed: int) -> None:
    seen = render_views(noise(2, 30, 40), draw_views(2, STRONG, torch.Generator().manual_seed(seed)), 24)
    assert seen.shape == (2, 3, 24, 24)
    assert seen.dtype == torch.float32
    assert seen.min() >= 0
    assert seen.max() <= 1


@pytest.mark.parametrize("size", [16, 40])
def test_a_view_does_not_depend_on_how_the_batch_is_sliced(size: int) -> None:
    images, views = noise(6, 60, 80), draw_views(6, STRONG, torch.Generator().manual_seed(1))
    whole = render_views(images, views, size)
    parts = [render_views(images[i : i + n], views[i : i + n], size) for i, n in ((0, 1), (1, 3), (4, 2))]
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scale": (0.0, 1.0)}, r"augmentation\.scale: expected 0 < low <= high, found \[0\.0, 1\.0\]"),
        ({"scale": (1.2, 0.8)}, r"augmentation\.scale: .*found \[1\.2, 0\.8\]"),
        ({"rotate": -1.0}, r"augmentation\.rotate: expected 0 or more, found -1\.0"),
        ({"saturation": -0.1}, r"augmentation\.saturation: expected 0 or more"),
        ({"hue": 0.6}, r"augmentation\.hue: expected at most 0\.5, half the circle, found 0\.6"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Augmentation(**settings)  # type: ignore[arg-type]
