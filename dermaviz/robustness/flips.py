"""Robustness: the smallest ε that flips an answer, and what is left of an attack in a picture of 8 bits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dermaviz.models.classifier import Classifier
from dermaviz.robustness.gradients import Attacked, Box, Goal, Probe, require_epsilon
from dermaviz.robustness.linf import fgsm_points

RESOLUTION = 1 / 8 / 255
CAP = 16 / 255
_EVERY = 8
"""The scan tries every step up to this many, and from there on strides of a quarter of the way gone."""


@dataclass(frozen=True, eq=False)
class Flips:
    """Where each image's answer flips along its FGSM direction.

    ``epsilon`` is float64 ``[N]``: 0 where the goal was reached before any attack, ``inf`` where it is not up to
    ``cap``. ``predicted`` (int64 ``[N]``) is the answer there, the clean one for images that did not flip.
    ``zero_gradient`` (bool ``[N]``) marks images without a direction; they cannot flip.
    """

    epsilon: NDArray[np.float64]
    predicted: NDArray[np.int64]
    zero_gradient: NDArray[np.bool_]
    cap: float


def flip_distance(classifier: Classifier, images: Tensor, goal: Goal, *, cap: float = CAP) -> Flips:
    """The smallest ε in steps of ``RESOLUTION`` at which FGSM reaches the goal, for each image by itself.

    First a scan outwards, up to the first point at which the image is flipped: every step up to one grey level, then
    strides that grow by a quarter of the way gone; then bisection within that stride. The answer at the ε found is
    flipped and one step below it is not. Answers may flip to and fro: a gradient holds near the image only, and a step
    too long overshoots. Up to the eighth step the smallest ε is found whatever they do. Beyond it, a flip that comes and
    goes within one stride can be missed, and of several crossings in a stride one is found: there the true smallest ε may
    be smaller, never larger.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1].
        goal: the class of each image to leave, or to arrive at.
        cap: the largest ε tried, rounded to a whole number of steps.

    Raises:
        AttackError: images, goal or cap are none that can be attacked with.
    """
    probe, step, last = Probe(classifier, images, goal), 0, round(require_epsilon(cap) / RESOLUTION)
    gradient = probe.gradient(images)
    predicted = gradient.logits.argmax(dim=1)
    # In steps: the largest known not to flip an image, and the smallest known to, or −1.
    low, high = torch.zeros_like(predicted), torch.where(gradient.reached, 0, -1)

    def attempt(chosen: Tensor, steps: Tensor) -> None:
        rows = chosen.nonzero().squeeze(1)
        here = probe.evaluate(fgsm_points(images[rows], gradient.take(rows), steps[rows] * RESOLUTION), rows)
        flipped, kept = rows[here.reached], rows[~here.reached]
        low[kept], high[flipped] = steps[kept], steps[flipped]
        predicted[flipped] = here.logits.argmax(dim=1)[here.reached]

    while step < last and (rows := (high < 0) & ~gradient.zero_gradient).any():
        step = min(last, step + (1 if step < _EVERY else step // 4))
        attempt(rows, torch.full_like(high, step))
    while (rows := high - low > 1).any():
        attempt(rows, (low + high) // 2)
    found = high.cpu().numpy()
    epsilon = np.where(found < 0, np.inf, found * RESOLUTION)
    return Flips(epsilon, predicted.cpu().numpy(), gradient.zero_gradient.cpu().numpy(), cap)


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
    ball, nearest = Box.around(images, attacked.epsilon), (images * 255).round()
    low, high = (ball.low * 255 - _SLACK).ceil(), (ball.high * 255 + _SLACK).floor()
    # Where no level lies within ε, as between two levels, the nearest is allowed.
    box = Box(torch.minimum(low, nearest), torch.maximum(high, nearest))
    levels = box.clamp((attacked.images * 255).round())
    logits = _logits(classifier, levels)
    lost = (attacked.reached & ~goal.reached(logits)).nonzero().squeeze(1)
    if len(lost) and whole_levels(attacked.epsilon):
        direction = (attacked.images - images)[lost].sign()
        furthest = box.take(lost).clamp(nearest[lost] + direction * whole_levels(attacked.epsilon))
        there = _logits(classifier, furthest)
        regained = goal.take(lost).reached(there)
        levels[lost[regained]], logits[lost[regained]] = furthest[regained], there[regained]
    change = (levels - nearest).abs().flatten(1).amax(dim=1)
    return EightBit(_pixels(levels), logits, goal.reached(logits), change.to(torch.int64).cpu().numpy(), attacked)


def _pixels(levels: Tensor) -> NDArray[np.uint8]:
    return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def _logits(classifier: Classifier, levels: Tensor) -> Tensor:
    """Logits of pictures, on exactly the way that an uploaded picture takes."""
    with torch.no_grad():
        return classifier.logits(classifier.to_tensor(list(_pixels(levels))))
