"""Robustness: what came of an attack, and what it took. Frozen; the tensors lie on the classifier's device."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Cost:
    """Images passed forward through the network, and images whose gradient was then passed back."""

    forwards: int = 0
    backwards: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.forwards + other.forwards, self.backwards + other.backwards)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.forwards - other.forwards, self.backwards - other.backwards)


@dataclass(frozen=True, eq=False)
class Attacked:
    """Images after an attack of radius ``epsilon``, and what the classifier says of them.

    ``images`` is float32 ``[N, 3, S, S]`` in [0, 1], nowhere further than ε from the originals. ``logits`` is float32
    ``[N, C]``, untempered. ``reached`` (bool ``[N]``) says where the goal is reached. ``zero_gradient`` (bool ``[N]``)
    marks images whose loss had no gradient at the starting point: an attack that follows gradients had nothing to follow
    there, so an image that withstood it shows no robustness. Noise follows none and marks none.
    """

    images: Tensor
    logits: Tensor
    reached: Tensor
    zero_gradient: Tensor
    epsilon: float
    cost: Cost

    @property
    def predicted(self) -> Tensor:
        """Index of the most probable class of each image, int64 ``[N]``."""
        return self.logits.argmax(dim=1)

    @property
    def success_rate(self) -> float:
        """Share of images that reached the goal, those that were there before the attack included; NaN without images."""
        return float(self.reached.float().mean())

    @property
    def zero_gradient_share(self) -> float:
        """Share of images without a gradient, in [0, 1]; NaN without images."""
        return float(self.zero_gradient.float().mean())
