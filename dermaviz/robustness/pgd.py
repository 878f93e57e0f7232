"""Robustness: PGD, many small steps along the sign of the gradient, each projected back into the L∞ ball (Madry et al. 2018).

The best point met is kept for each image: one that reaches the goal before one that does not, then the larger loss. The
image itself and its FGSM point are among the points, so at every ε PGD fools at least the images that FGSM fools.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dermaviz.errors import AttackError
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacked import Attacked, Cost
from dermaviz.robustness.bounds import Box, require_epsilon
from dermaviz.robustness.fgsm import along
from dermaviz.robustness.goals import Goal
from dermaviz.robustness.losses import DEFAULT_LOSS
from dermaviz.robustness.noise import image_seeds, unit_noise
from dermaviz.robustness.probe import Probe, Slope, Standing


@dataclass(frozen=True)
class Climb:
    """How PGD climbs.

    Args:
        steps: gradients per run.
        way: length of all steps of a run together, in ε; the step size is ``way`` · ε / ``steps`` (Madry et al.: 2.5).
        restarts: further runs from random points of the ball, for the images that withstood the runs before.
        early_stop: leave an image alone once it has reached the goal; otherwise its loss is driven further up.

    Raises:
        AttackError: a value means nothing.
    """

    steps: int = 20
    way: float = 2.5
    restarts: int = 0
    early_stop: bool = True

    def __post_init__(self) -> None:
        if self.steps < 1 or self.restarts < 0 or not self.way > 0:
            raise AttackError(
                f"expected steps ≥ 1, restarts ≥ 0 and way > 0, found {self.steps}, {self.restarts} and {self.way}. "
                "The defaults (20, 0, 2.5) are the usual choice."
            )


DEFAULT_CLIMB = Climb()


def pgd(
    classifier: Classifier,
    images: Tensor,
    goal: Goal,
    epsilon: float,
    climb: Climb = DEFAULT_CLIMB,
    *,
    loss: str = DEFAULT_LOSS,
    seeds: Sequence[int] | None = None,
) -> Attacked:
    """PGD at one ε; the first run starts at the images. At ε = 0 the images and their logits, exactly.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1].
        goal: the class of each image to leave, or to arrive at.
        epsilon: L∞ radius in [0, 1] pixels.
        climb: steps, step size, restarts.
        loss: name of a row of ``LOSSES``; ``margin`` still has a gradient where the softmax is saturated.
        seeds: one per image, for the restarts; by default the image's place in the batch.

    Raises:
        AttackError: images, goal, ε, loss or seeds are none that can be attacked with.
    """
    probe = Probe(classifier, images, goal, loss)
    epsilon = require_epsilon(epsilon)
    slope = probe.slope(images)
    best = Best(images, slope)
    if epsilon:
        box = Box.around(images, epsilon)
        everyone = torch.arange(len(images), device=images.device)
        points = along(images, slope, epsilon)
        best.offer(everyone, points, probe.standing(points))
        _run(probe, box, best, _Front(everyone, images, slope.direction), epsilon, climb)
        _restart(probe, box, best, images, epsilon, climb, seeds)
    return probe.attacked(best.images, best.standing, slope, epsilon, Cost())


def pgd_path(
    probe: Probe, images: Tensor, slope: Slope, fgsm_points: Iterable[Attacked], climb: Climb = DEFAULT_CLIMB
) -> Iterator[Attacked]:
    """PGD over growing ε, each starting where the one before ended; one outcome for each FGSM outcome given.

    A point within a ball lies within every larger one. So an image that reached the goal stays there and is climbed no
    further, and another goes on from the best point known: the best of the smaller ε, or its FGSM point at this ε. What
    is reported of an image beyond the ε at which it was first fooled is therefore the point that fooled it, or an FGSM
    point that does so by more, and not the worst one of the larger ball.

    Args:
        probe, images, slope: the view of the classifier, the clean images, and the slope measured at them.
        fgsm_points: what :func:`dermaviz.robustness.fgsm.sweep_along` gave for growing ε.
        climb: with ``early_stop``; restarts are not made on the way.

    Raises:
        AttackError: ε do not grow.
    """
    best, reached_epsilon = Best(images, slope), 0.0
    for candidate in fgsm_points:
        if candidate.epsilon < reached_epsilon:
            raise AttackError(
                f"expected growing ε, found {candidate.epsilon} after {reached_epsilon}. Sort them first."
            )
        reached_epsilon, since = candidate.epsilon, probe.cost
        everyone = torch.arange(len(images), device=images.device)
        best.offer(everyone, candidate.images, probe.judge(candidate.logits))
        rows = (~best.standing.reached).nonzero().squeeze(1)
        if candidate.epsilon and len(rows):
            box, start = Box.around(images, candidate.epsilon), best.images[rows]
            direction = probe.slope(start, rows).direction
            _run(probe, box, best, _Front(rows, start, direction), candidate.epsilon, climb)
        yield probe.attacked(best.images.clone(), best.standing, slope, candidate.epsilon, since)


class Best:
    """The best point met so far for each image, and how it stands."""

    def __init__(self, images: Tensor, standing: Standing) -> None:
        self.images = images.clone()
        self.standing = Standing(standing.logits.clone(), standing.loss.clone(), standing.reached.clone())

    def offer(self, rows: Tensor, points: Tensor, here: Standing) -> None:
        """Keep those of ``points``, which belong to these ``rows``, that are better than what is known."""
        known = self.standing
        there = known.reached[rows]
        better = (here.reached & ~there) | ((here.reached == there) & (here.loss > known.loss[rows]))
        chosen = rows[better]
        self.images[chosen] = points[better]
        known.logits[chosen] = here.logits[better]
        known.loss[chosen] = here.loss[better]
        known.reached[chosen] = here.reached[better]


@dataclass(frozen=True, eq=False)
class _Front:
    """Where the images of these ``rows`` have got to, and in which ``direction`` they go next."""

    rows: Tensor
    points: Tensor
    direction: Tensor


def _run(probe: Probe, box: Box, best: Best, front: _Front, epsilon: float, climb: Climb) -> None:
    """One climb of ``front``, whose direction is measured already; the last point needs no gradient any more."""
    length = climb.way * epsilon / climb.steps
    for remaining in reversed(range(climb.steps)):
        if climb.early_stop:
            going = ~best.standing.reached[front.rows]
            if not going.all():
                front = _Front(front.rows[going], front.points[going], front.direction[going])
        if not len(front.rows):
            return
        points = box.take(front.rows).clamp(front.points + length * front.direction)
        if remaining:
            slope = probe.slope(points, front.rows)
            best.offer(front.rows, points, slope)
            front = _Front(front.rows, points, slope.direction)
        else:
            best.offer(front.rows, points, probe.standing(points, front.rows))


def _restart(
    probe: Probe, box: Box, best: Best, images: Tensor, epsilon: float, climb: Climb, seeds: Sequence[int] | None
) -> None:
    own = [str(seed) for seed in (range(len(images)) if seeds is None else seeds)]
    for run in range(climb.restarts):
        rows = (~best.standing.reached).nonzero().squeeze(1)
        if not len(rows):
            return
        drawn = unit_noise(images, image_seeds(own, run))
        start = box.clamp(images + epsilon * drawn)[rows]
        slope = probe.slope(start, rows)
        best.offer(rows, start, slope)
        _run(probe, box, best, _Front(rows, start, slope.direction), epsilon, climb)
