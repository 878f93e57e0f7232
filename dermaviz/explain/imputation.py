"""Explain: fill in removed pixels from their surroundings, so that a picture does not betray by its holes what was removed.

Noisy linear imputation (Rong et al. 2022, "A consistent and efficient evaluation strategy for attribution methods"): a
removed pixel is the weighted mean of its eight neighbours, removed ones among them, plus a little noise. That is one
sparse linear system for each picture. Here those of a batch are solved together by full multigrid on the pixels' own grid
(Briggs, Henson and McCormick 2000); pytorch-grad-cam factorises one system after another, at 3 to 8 times the cost for
192 px, and draws its noise from torch's global generator.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from dermaviz.errors import AttentionError

NOISE = 0.01
"""Standard deviation of the noise, in [0, 1] pixels."""
CYCLES = 2
"""V-cycles after the first solution: they leave less than a tenth of NOISE on average, and at worst about one NOISE."""
_SWEEPS = 2
_SMALLEST = 3


def impute(images: Tensor, known: Tensor, noise: Tensor | None = None) -> Tensor:
    """The images with every unknown pixel filled in.

    Args:
        images: float32 ``[N, C, H, W]`` in [0, 1]; their values at unknown pixels are not used.
        known: bool ``[N, H, W]``, at least one pixel of each image.
        noise: added to what was filled in, ``[C, H, W]`` or the images' own shape; none by default.

    Returns:
        float32 ``[N, C, H, W]`` in [0, 1], equal to ``images`` at known pixels.

    Raises:
        AttentionError: an image has no known pixel, or the shapes do not fit.
    """
    expected = [len(images), *images.shape[2:]]
    if known.dtype != torch.bool or list(known.shape) != expected:
        raise AttentionError(
            f"expected known pixels bool {expected}, found {known.dtype} {list(known.shape)}. Compare with a level first."
        )
    if not known.flatten(1).any(dim=1).all():
        raise AttentionError("expected a known pixel in every image, found an image without. Remove fewer pixels.")
    with torch.no_grad():
        hole = (~known)[:, None].to(images.dtype)
        filled = _first_solution(images * (1 - hole), hole)
        for _ in range(CYCLES):
            filled = filled + _cycle(_residual(filled, None, hole), hole)
        if noise is not None:
            filled = filled + noise
        return torch.where(known[:, None], images, filled.clamp(0, 1))


def seeded_noise(shape: tuple[int, ...], seed: int) -> Tensor:
    """Normal noise of standard deviation ``NOISE``, float32 of ``shape``: the same for the same seed."""
    return NOISE * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _first_solution(values: Tensor, hole: Tensor) -> Tensor:
    """From coarse to fine: the hole filled with what fills it at half the resolution, then one cycle."""
    known = 1 - hole
    if min(hole.shape[2:]) <= _SMALLEST or not hole.any():
        mean = values.sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True)
        return values + mean * hole
    share = _halved(known)
    coarse = _first_solution(_halved(values) / share.clamp(min=torch.finfo(share.dtype).tiny), (share == 0).to(share))
    filled = values + hole * _doubled(coarse, hole)
    return filled + _cycle(_residual(filled, None, hole), hole)


def _cycle(residual: Tensor, hole: Tensor) -> Tensor:
    """An approximate correction e, 0 outside the hole, with e − (mean of its neighbours) = ``residual`` in it."""
    correction = _smooth(hole * residual, residual, hole, _SWEEPS - 1)
    if min(hole.shape[2:]) > _SMALLEST:
        left = _residual(correction, residual, hole)
        coarse_hole = (_halved(hole) == 1).to(hole)
        # Twice the distance between pixels makes a second difference four times as large.
        correction = correction + hole * _doubled(_cycle(4 * coarse_hole * _halved(left), coarse_hole), hole)
    return _smooth(correction, residual, hole, _SWEEPS)


def _smooth(values: Tensor, source: Tensor, hole: Tensor, sweeps: int) -> Tensor:
    for _ in range(sweeps):
        values = values + _residual(values, source, hole)
    return values


def _residual(values: Tensor, source: Tensor | None, hole: Tensor) -> Tensor:
    difference = _neighbours(values).div_(_weight(*values.shape[2:]).to(values)).sub_(values)
    return (difference if source is None else difference.add_(source)).mul_(hole)


@cache
def _weight(height: int, width: int) -> Tensor:
    """The sum of the weights of the neighbours that each pixel has: 12, and less at the border."""
    return _neighbours(torch.ones(1, 1, height, width))


def _neighbours(values: Tensor) -> Tensor:
    """The sum of each pixel's neighbours, direct ones counted twice (Rong et al., section 4.2); outside is 0."""
    padded = F.pad(values, (1, 1, 1, 1))
    rows = padded[..., :-2, :] + padded[..., 2:, :] + 2 * padded[..., 1:-1, :]
    return rows[..., :-2] + rows[..., 2:] + 2 * rows[..., 1:-1] - 4 * values


def _halved(values: Tensor) -> Tensor:
    return F.avg_pool2d(values, 2, ceil_mode=True)


def _doubled(values: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(values, like.shape[2:], mode="bilinear", align_corners=False)
