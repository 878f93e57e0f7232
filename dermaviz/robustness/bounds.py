"""Robustness: how far an attack may go — the L∞ ball of radius ε round an image, cut at black and white."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dermaviz.errors import AttackError


@dataclass(frozen=True, eq=False)
class Box:
    """The lowest and the highest value that each pixel may take: two tensors float32 ``[N, 3, S, S]`` within [0, 1]."""

    low: Tensor
    high: Tensor

    @classmethod
    def around(cls, images: Tensor, epsilon: float | Tensor) -> Box:
        """All images within ε of ``images`` and within [0, 1]; ``epsilon`` is one number, or one per image ``[N]``."""
        radius = per_pixel(epsilon)
        return cls((images - radius).clamp(min=0), (images + radius).clamp(max=1))

    def clamp(self, candidates: Tensor) -> Tensor:
        """The nearest points of the box."""
        return torch.minimum(torch.maximum(candidates, self.low), self.high)

    def take(self, rows: Tensor) -> Box:
        """The boxes of some of the images."""
        return Box(self.low[rows], self.high[rows])


def per_pixel(epsilon: float | Tensor) -> float | Tensor:
    """One ε per image, ``[N]``, in a shape that broadcasts over ``[N, 3, S, S]``; a single ε as it is."""
    return epsilon.view(-1, 1, 1, 1) if isinstance(epsilon, Tensor) else epsilon


def require_epsilon(epsilon: float) -> float:
    """``epsilon``, when it is a radius in [0, 1].

    Raises:
        AttackError: it is not; most likely it was given in grey levels.
    """
    if not (math.isfinite(epsilon) and 0 <= epsilon <= 1):
        raise AttackError(
            f"expected ε from 0 to 1, as pixels are in [0, 1]; found {epsilon}. For n grey levels of 255 pass n / 255."
        )
    return float(epsilon)
