"""Robustness, corruptions: noise, drawn on the CPU from one seed per image; a seed keeps its pattern and only grows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from dermaviz.robustness.noise import unit_noise


def gaussian(images: Tensor, sigma: float, seeds: Sequence[int]) -> Tensor:
    """Independent normal noise of standard deviation ``sigma`` on every value, cut at black and white.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1]. seeds: one per image.
    """
    shape = images.shape[1:]
    drawn = torch.stack([torch.randn(shape, generator=Generator().manual_seed(seed)) for seed in seeds])
    return (images + sigma * drawn.to(images.device)).clamp_(0, 1)


def uniform(images: Tensor, levels: float, seeds: Sequence[int]) -> Tensor:
    """Uniform noise of up to ``levels`` / 255 either way on every value, cut at black and white: as large as an attack."""
    return (images + levels / 255 * unit_noise(images, seeds)).clamp_(0, 1)


def salt_and_pepper(images: Tensor, share: float, seeds: Sequence[int]) -> Tensor:
    """A ``share`` of all values, each channel for itself, becomes 0 or 1 with equal chance."""
    drawn = unit_noise(images, seeds)
    return torch.where(drawn.abs() > 1 - share, (drawn > 0).float(), images)
