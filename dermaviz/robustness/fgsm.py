"""Robustness: FGSM, one step of size ε along the sign of the gradient; a sweep over ε shares one gradient.

Goodfellow, Shlens and Szegedy 2015; with a random start as in Wong, Rice and Kolter 2020.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacked import Attacked, Cost
from dermaviz.robustness.bounds import Box, per_pixel, require_epsilon
from dermaviz.robustness.goals import Goal
from dermaviz.robustness.losses import DEFAULT_LOSS
from dermaviz.robustness.noise import unit_noise
from dermaviz.robustness.probe import Probe, Slope

RANDOM_START_STEP = 1.25
"""Step after a random start, in ε: Wong et al. 2020, section 5."""


def fgsm(classifier: Classifier, images: Tensor, goal: Goal, epsilon: float, *, loss: str = DEFAULT_LOSS) -> Attacked:
    """FGSM at one ε, untargeted or targeted as the goal says. At ε = 0 the images and their logits, exactly.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1].
        goal: the class of each image to leave, or to arrive at.
        epsilon: L∞ radius in [0, 1] pixels.
        loss: name of a row of ``LOSSES``.

    Raises:
        AttackError: images, goal, ε or loss are none that can be attacked with.
    """
    return next(fgsm_sweep(classifier, images, goal, [epsilon], loss=loss))


def fgsm_sweep(
    classifier: Classifier, images: Tensor, goal: Goal, epsilons: Sequence[float], *, loss: str = DEFAULT_LOSS
) -> Iterator[Attacked]:
    """FGSM at any number of ε for one gradient and one forward per ε, lazily and in the order given.

    Each outcome equals that of :func:`fgsm` bit for bit. The gradient is counted in the cost of the first.
    Arguments and errors are those of :func:`fgsm`; errors come at once.
    """
    probe = Probe(classifier, images, goal, loss)
    radii = [require_epsilon(epsilon) for epsilon in epsilons]
    return sweep_along(probe, images, probe.slope(images), radii)


def fgsm_random_start(
    classifier: Classifier,
    images: Tensor,
    goal: Goal,
    epsilon: float,
    *,
    seeds: Sequence[int],
    loss: str = DEFAULT_LOSS,
) -> Attacked:
    """FGSM from a uniformly drawn point of the ball, image i by ``seeds[i]``, with a step of 1.25 ε.

    Arguments and errors are otherwise those of :func:`fgsm`. At ε = 0 the images and their logits, exactly.
    """
    probe = Probe(classifier, images, goal, loss)
    epsilon = require_epsilon(epsilon)
    box = Box.around(images, epsilon)
    start = box.clamp(images + epsilon * unit_noise(images, seeds)) if epsilon else images
    slope = probe.slope(start)
    points = box.clamp(start + RANDOM_START_STEP * epsilon * slope.direction) if epsilon else images
    here = probe.standing(points) if epsilon else slope
    return probe.attacked(points, here, slope, epsilon, Cost())


def along(images: Tensor, slope: Slope, epsilon: float | Tensor) -> Tensor:
    """The FGSM points at ε, one number or one per image ``[N]``, for a slope measured at ``images``."""
    return Box.around(images, epsilon).clamp(images + per_pixel(epsilon) * slope.direction)


def sweep_along(probe: Probe, images: Tensor, slope: Slope, epsilons: Sequence[float]) -> Iterator[Attacked]:
    """The outcomes along a slope that ``probe`` has measured at ``images``: one forward per ε, none where ε is 0."""
    since = probe.cost - Cost(len(images), len(images))
    for epsilon in epsilons:
        points = along(images, slope, epsilon) if epsilon else images
        here = probe.standing(points) if epsilon else slope
        yield probe.attacked(points, here, slope, epsilon, since)
        since = probe.cost
