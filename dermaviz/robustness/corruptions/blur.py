"""Robustness, corruptions: a lens out of focus and a hand that moves. Lengths are given at a side of 224 px and scaled."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

REFERENCE_SIDE = 224
"""Side in pixels of the images for which MedMNIST-C and ImageNet-C state radii."""
_SUBPIXELS = 9
_REACH = 2.5
_LARGEST_ANGLE = 45


def defocus(images: Tensor, radius: float, seeds: Sequence[int]) -> Tensor:
    """Every point spread evenly over a disc of ``radius`` px at a side of 224 px; the image is mirrored beyond its edges.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1]. seeds: unused, nothing here is random.
    """
    side = images.shape[-1]
    kernel = disc(radius * side / REFERENCE_SIDE).to(images.device)
    half = kernel.shape[-1] // 2
    padded = F.pad(images, (half, half, half, half), mode="reflect")
    size = padded.shape[-2:]
    spread = torch.fft.rfft2(padded) * torch.fft.rfft2(kernel, s=size)  # a convolution this wide is 20 times slower
    return torch.fft.irfft2(spread, s=size)[..., 2 * half :, 2 * half :].clamp_(0, 1)


@lru_cache(maxsize=16)
def disc(radius: float) -> Tensor:
    """A disc with the share of each pixel that it covers, of sum 1: float32 ``[k, k]``, k odd."""
    half = math.ceil(radius)
    steps = (torch.arange((2 * half + 1) * _SUBPIXELS) + 0.5) / _SUBPIXELS - (half + 0.5)
    inside = (torch.hypot(steps[:, None], steps[None]) <= radius).float()
    covered = F.avg_pool2d(inside[None, None], _SUBPIXELS)[0, 0]
    return covered / covered.sum()


def motion(images: Tensor, sigma: float, seeds: Sequence[int]) -> Tensor:
    """Every point drawn out on one side into half a Gaussian of ``sigma`` px at a side of 224 px, cut at 2.5 σ.

    The direction, within ±45° of the rows, is the image's own. Beyond the edges the border pixels go on.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1]. seeds: one per image.
    """
    side = images.shape[-1]
    sigma = sigma * side / REFERENCE_SIDE
    reach = math.ceil(_REACH * sigma)
    padded = F.pad(images, (reach, reach, reach, reach), mode="replicate")
    moved = torch.zeros_like(images)
    for image, source, seed in zip(moved, padded, seeds, strict=True):
        turn = 2 * float(torch.rand((), generator=Generator().manual_seed(seed))) - 1
        for across, down, weight in _trail(sigma, math.radians(_LARGEST_ANGLE * turn)):
            left, top = reach + across, reach + down
            image.add_(source[:, top : top + side, left : left + side], alpha=weight)
    return moved.clamp_(0, 1)


def _trail(sigma: float, angle: float) -> Iterator[tuple[int, int, float]]:
    """The pixels of a line from the origin, one in each column, and their weights, of sum 1."""
    steps = range(math.floor(_REACH * sigma * math.cos(angle)) + 1)
    weights = [math.exp(-((i / math.cos(angle) / sigma) ** 2) / 2) for i in steps]
    for i, weight in zip(steps, weights, strict=True):
        yield i, round(i * math.tan(angle)), weight / sum(weights)
