"""Data: random views of training images, one affine resampling and one colour jitter for a whole batch."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from dermaviz.errors import RecipeError
from dermaviz.schema import Flag, Number, validated


@validated(RecipeError, "augmentation")
class Augmentation:
    """How training views vary. All draws are uniform.

    ``scale``: side of the square that is seen, as a share of the image's short side. ``rotate``: degrees either way.
    ``shift``: share of the short side, either way. ``shear``: degrees either way. ``flip``: mirror with probability .5
    along both axes. ``brightness``, ``contrast``, ``saturation``: factors in 1 ± value. ``hue``: share of the colour circle,
    either way.
    """

    scale: tuple[Number, Number] = (1.0, 1.0)
    rotate: Number = 0.0
    shift: Number = 0.0
    shear: Number = 0.0
    flip: Flag = False
    brightness: Number = 0.0
    contrast: Number = 0.0
    saturation: Number = 0.0
    hue: Number = 0.0

    def __post_init__(self) -> None:
        low, high = self.scale
        if not 0 < low <= high < math.inf:
            raise RecipeError(f"augmentation.scale: expected 0 < low <= high, found {list(self.scale)}.")
        for name in ("rotate", "shift", "shear", "brightness", "contrast", "saturation", "hue"):
            if not 0 <= getattr(self, name) < math.inf:
                raise RecipeError(f"augmentation.{name}: expected 0 or more, found {getattr(self, name)}.")
        if self.hue > 0.5:
            raise RecipeError(f"augmentation.hue: expected at most 0.5, half the circle, found {self.hue}.")


_COLUMNS = ("scale", "angle", "shift_x", "shift_y", "shear", "flip_x", "flip_y", "brightness", "contrast", "saturation")
_HUE = len(_COLUMNS)
"""Came later: it is drawn after the others, so that runs which were made without it can be made again."""


def draw_views(n: int, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """Draw the parameters of ``n`` views: float32 ``[n, 11]``.

    They are drawn for a whole global batch, on the CPU, so that a view does not depend on the number of processes
    or on the device that computes it.
    """
    u = torch.rand(n, len(_COLUMNS), generator=generator)
    either = 2 * torch.cat([u, torch.rand(n, 1, generator=generator)], dim=1) - 1
    low, high = settings.scale
    side = torch.where(u[:, 5:7] < 0.5, -1.0, 1.0) if settings.flip else torch.ones(n, 2)
    columns = [
        low + (high - low) * u[:, 0],
        math.radians(settings.rotate) * either[:, 1],
        2 * settings.shift * either[:, 2],
        2 * settings.shift * either[:, 3],
        math.radians(settings.shear) * either[:, 4],
        side[:, 0],
        side[:, 1],
        1 + settings.brightness * either[:, 7],
        1 + settings.contrast * either[:, 8],
        1 + settings.saturation * either[:, 9],
        settings.hue * either[:, _HUE],
    ]
    return torch.stack(columns, dim=1)


def render_views(images: Tensor, views: Tensor, size: int) -> Tensor:
    """Resample ``images`` (uint8 ``[N, H, W, 3]``) as ``views`` say: float32 ``[N, 3, size, size]`` in [0, 1].

    Coordinates outside the image are mirrored. Images much larger than ``size`` are first shrunk with antialiasing.
    """
    pictures = images.permute(0, 3, 1, 2).float().div_(255)
    short = min(pictures.shape[-2:])
    if short > 1.5 * size:
        pictures = F.interpolate(pictures, scale_factor=1.25 * size / short, mode="bilinear", antialias=True)
    affine = _affine(views, *pictures.shape[-2:]).to(pictures.device)
    grid = F.affine_grid(affine, [len(views), 3, size, size], align_corners=False)
    seen = F.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    views = views.to(seen.device)
    brightness, contrast, saturation = (views[:, i, None, None] for i in (7, 8, 9))
    weights = torch.tensor([0.299, 0.587, 0.114], device=seen.device)
    # The three in one pass, colour' = M · colour + o: contrast is about the mean grey, saturation about each pixel's own.
    colours = seen.flatten(2)
    grey = brightness * (colours.mean(2) @ weights)[:, None, None]
    mixing = saturation * torch.eye(3, device=seen.device) + (1 - saturation) * weights
    jittered = torch.baddbmm((1 - contrast) * grey, brightness * contrast * mixing, colours)
    seen = jittered.clamp_(0, 1).view_as(seen)
    return turn_hue(seen, views[:, _HUE]) if views[:, _HUE].any() else seen


def _affine(views: Tensor, height: int, width: int) -> Tensor:
    """Output coordinates → input coordinates (both in [-1, 1]): float32 ``[N, 2, 3]``."""
    scale, angle, shift_x, shift_y, shear, flip_x, flip_y = views[:, :7].unbind(1)
    cos, sin, slant = angle.cos() * scale, angle.sin() * scale, shear.tan()
    x_share, y_share = min(height, width) / width, min(height, width) / height
    row_x = torch.stack([cos * flip_x, (cos * slant - sin) * flip_y, shift_x], dim=1) * x_share
    row_y = torch.stack([sin * flip_x, (sin * slant + cos) * flip_y, shift_y], dim=1) * y_share
    return torch.stack([row_x, row_y], dim=1)


def turn_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Turn the colours of each image on the circle of HSV; saturation and value stay.

    Args:
        images: float32 ``[N, 3, H, W]`` in [0, 1].
        turns: ``[N]``, shares of the circle.

    Returns:
        float32 ``[N, 3, H, W]`` in [0, 1].
    """
    red, green, blue = images.split(1, dim=1)
    value = images.amax(1, keepdim=True)
    chroma = value - images.amin(1, keepdim=True)
    whole = chroma.clamp(min=1e-8)  # grey has no hue; any will do
    green_or_blue = torch.where(value == green, 2 + (blue - red) / whole, 4 + (red - green) / whole)
    sixths = torch.where(value == red, (green - blue) / whole, green_or_blue) + 6 * turns[:, None, None, None]
    # back in closed form: a channel is value − chroma · max(0, min(k, 4 − k, 1)), k = (n + sixths) mod 6, n = 5, 3, 1
    k = (sixths + torch.tensor([5.0, 3.0, 1.0], device=images.device).view(1, 3, 1, 1)) % 6
    return value - chroma * torch.minimum(k, 4 - k).clamp(0, 1)
