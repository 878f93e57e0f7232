"""Robustness: an attack as a picture file can hold it, in whole grey levels, still within ε.

A PNG holds grey levels of 1/255. Within an ε below 1/255 there is only the original: the attack is then lost in the file,
and no way of rounding helps, since moving even one pixel by one level (at random, or outwards) leaves the ball. To take
such an attack home, make it at the next whole grey level and say so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacked import Attacked
from dermaviz.robustness.bounds import Box
from dermaviz.robustness.goals import Goal

_SLACK = 1e-4
"""In grey levels: 255 · (k / 255) is not k in fp32."""


@dataclass(frozen=True, eq=False)
class EightBit:
    """What is left of an attack in 8 bits, beside what it was.

    ``pixels`` is uint8 ``[N, S, S, 3]``: shown, saved as PNG and uploaded again, it gives these very ``logits`` (``[N, C]``;
    preparing a square picture of the input's size changes nothing). ``reached`` says where the goal is still reached.
    ``grey_levels`` (int64 ``[N]``) is the largest change of a pixel; 0 where the picture is the original. ``exact`` is the
    attack before rounding.
    """

    pixels: NDArray[np.uint8]
    logits: Tensor
    reached: Tensor
    grey_levels: NDArray[np.int64]
    exact: Attacked

    @property
    def predicted(self) -> Tensor:
        """Index of the most probable class of each picture, int64 ``[N]``."""
        return self.logits.argmax(dim=1)


def whole_levels(epsilon: float) -> int:
    """The grey levels that fit into ε: 0 below 1/255."""
    return math.floor(255 * epsilon + _SLACK)


def eight_bit(classifier: Classifier, images: Tensor, attacked: Attacked, goal: Goal) -> EightBit:
    """The attack in whole grey levels within its ε of ``images``, reaching the goal still where a rounding does.

    Two roundings are tried: each pixel to the nearest level and, for images that this loses, each changed pixel as far in
    its direction as ε allows (for FGSM the same thing). The second is kept only where it reaches the goal.

    Args:
        images: the originals, float32 ``[N, 3, S, S]``; of 8-bit pictures, as :meth:`Classifier.to_tensor` gives them.
        attacked: the outcome of an attack on them.
        goal: that of the attack.
    """
    goal = goal.fitted(images, len(classifier.classes))
    box = _level_box(images, attacked.epsilon)
    levels = box.clamp((attacked.images * 255).round())
    logits = _logits(classifier, levels)
    lost = (attacked.reached & ~goal.reached(logits)).nonzero().squeeze(1)
    if len(lost) and whole_levels(attacked.epsilon):
        direction = (attacked.images - images)[lost].sign()
        furthest = box.take(lost).clamp((images[lost] * 255).round() + direction * whole_levels(attacked.epsilon))
        there = _logits(classifier, furthest)
        regained = goal.take(lost).reached(there)
        levels[lost[regained]], logits[lost[regained]] = furthest[regained], there[regained]
    change = (levels - (images * 255).round()).abs().flatten(1).amax(dim=1)
    return EightBit(_pixels(levels), logits, goal.reached(logits), change.to(torch.int64).cpu().numpy(), attacked)


def _level_box(images: Tensor, epsilon: float) -> Box:
    """The grey levels that lie within ε; where none does, as between two levels, the nearest."""
    box = Box.around(images, epsilon)
    nearest = (images * 255).round()
    low, high = (box.low * 255 - _SLACK).ceil(), (box.high * 255 + _SLACK).floor()
    return Box(torch.minimum(low, nearest), torch.maximum(high, nearest))


def _pixels(levels: Tensor) -> NDArray[np.uint8]:
    return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def _logits(classifier: Classifier, levels: Tensor) -> Tensor:
    """Logits of pictures, on exactly the way that an uploaded picture takes."""
    with torch.no_grad():
        return classifier.logits(classifier.to_tensor(list(_pixels(levels))))
