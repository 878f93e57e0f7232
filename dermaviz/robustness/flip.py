"""Robustness: the smallest ε at which FGSM flips each image's answer, to 1/8 of a grey level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dermaviz.errors import AttackError
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacked import Cost
from dermaviz.robustness.bounds import require_epsilon
from dermaviz.robustness.fgsm import along
from dermaviz.robustness.goals import Goal
from dermaviz.robustness.losses import DEFAULT_LOSS
from dermaviz.robustness.probe import Probe, Slope

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
    resolution: float
    cost: Cost


def flip_distance(
    classifier: Classifier,
    images: Tensor,
    goal: Goal,
    *,
    cap: float = CAP,
    resolution: float = RESOLUTION,
    loss: str = DEFAULT_LOSS,
) -> Flips:
    """The smallest ε in steps of ``resolution`` at which FGSM reaches the goal, for each image by itself.

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
        resolution: in [0, 1] pixels.

    Raises:
        AttackError: images, goal or loss are none that can be attacked with, or ``resolution`` exceeds ``cap``.
    """
    probe = Probe(classifier, images, goal, loss)
    slope = probe.slope(images)
    last = _steps(require_epsilon(cap), resolution)
    search = _Search(probe, images, slope, resolution)
    for step in _scan(last):
        rows = (search.high < 0) & ~slope.zero_gradient
        if not rows.any():
            break
        search.look(rows, torch.full_like(search.high, step))
    while (rows := search.high - search.low > 1).any():
        search.look(rows, (search.low + search.high) // 2)
    high = search.high.cpu().numpy()
    return Flips(
        np.where(high < 0, np.inf, high * resolution),
        search.predicted.cpu().numpy(),
        slope.zero_gradient.cpu().numpy(),
        cap,
        resolution,
        probe.cost,
    )


class _Search:
    """For each image, in steps: the largest known not to be flipped (``low``), the smallest known to be (``high``, or −1)."""

    def __init__(self, probe: Probe, images: Tensor, slope: Slope, resolution: float) -> None:
        self._probe, self._images, self._slope, self._resolution = probe, images, slope, resolution
        self.low = torch.zeros(len(images), dtype=torch.int64, device=images.device)
        self.high = torch.where(slope.reached, 0, -1)
        self.predicted = slope.logits.argmax(dim=1)

    def look(self, chosen: Tensor, steps: Tensor) -> None:
        """Try the ``chosen`` images (bool ``[N]``) at so many ``steps`` each (int64 ``[N]``)."""
        rows = chosen.nonzero().squeeze(1)
        points = along(self._images[rows], self._slope.take(rows), steps[rows] * self._resolution)
        here = self._probe.standing(points, rows)
        self.low[rows] = torch.where(here.reached, self.low[rows], steps[rows])
        self.high[rows] = torch.where(here.reached, steps[rows], self.high[rows])
        self.predicted[rows] = torch.where(here.reached, here.logits.argmax(dim=1), self.predicted[rows])


def _scan(last: int) -> Iterator[int]:
    step = 0
    while step < last:
        step = min(last, step + (1 if step < _EVERY else step // 4))
        yield step


def _steps(cap: float, resolution: float) -> int:
    if not 0 < resolution <= cap:
        raise AttackError(
            f"expected a resolution above 0 and up to the cap of {cap:g}, found {resolution:g}. "
            f"1/8 of a grey level is {RESOLUTION:g}."
        )
    return round(cap / resolution)
