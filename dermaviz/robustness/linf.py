"""Robustness: FGSM, PGD, AutoAttack and random noise within an L∞ ball. The rows of the registry call them."""

from __future__ import annotations

import copy
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

import torch
from torch import Generator, Tensor

from dermaviz.errors import AttackError, DependencyError
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacks import DEFAULT_PGD, PGDSettings, image_seeds
from dermaviz.robustness.gradients import (
    DEFAULT_LOSS,
    Attacked,
    Box,
    Evaluation,
    Goal,
    GradientSign,
    Probe,
    outcome_of,
    per_pixel,
    require_epsilon,
)

NOISES: Mapping[str, Callable[[torch.Size, Generator], Tensor]] = MappingProxyType(
    {
        "uniform noise": lambda shape, generator: torch.rand(shape, generator=generator).mul_(2).sub_(1),
        "random signs": lambda shape, generator: (
            torch.randint(0, 2, shape, generator=generator).mul_(2).sub_(1).float()
        ),
    }
)
"""Noise within [−1, 1] to be scaled by ε. Random signs are as large as FGSM in every norm, uniform noise in L∞ only."""


def unit_noise(images: Tensor, seeds: Sequence[int], kind: str = "uniform noise") -> Tensor:
    """Noise in [−1, 1] of the images' shape, image i from ``seeds[i]``; the same on every device.

    Raises:
        AttackError: there is not one seed per image, or no such noise.
    """
    if len(seeds) != len(images):
        raise AttackError(f"expected one seed per image, {len(images)} of them, found {len(seeds)}. See image_seeds.")
    if kind not in NOISES:
        raise AttackError(f"expected a noise among {', '.join(NOISES)}; found {kind!r}.")
    drawn = [NOISES[kind](images.shape[1:], Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(drawn).to(images.device)


def noise(
    classifier: Classifier,
    images: Tensor,
    goal: Goal,
    epsilon: float,
    *,
    seeds: Sequence[int],
    kind: str = "uniform noise",
) -> Attacked:
    """Random noise within ε instead of an attack, clamped to [0, 1]; at ε = 0 the images as they are.

    A seed's noise keeps its pattern over ε and only grows.

    Raises:
        AttackError: as :class:`Probe`, :func:`unit_noise` and :func:`require_epsilon`.
    """
    probe = Probe(classifier, images, goal)
    return next(noise_outcomes(probe, images, unit_noise(images, seeds, kind), [require_epsilon(epsilon)]))


def noise_outcomes(
    probe: Probe, images: Tensor, drawn: Tensor, epsilons: Sequence[float], clean: Evaluation | None = None
) -> Iterator[Attacked]:
    """The outcomes of noise ``drawn`` in [−1, 1], grown to each ε: one forward per ε, none at 0 if ``clean`` is known."""
    for epsilon in epsilons:
        points = Box.around(images, epsilon).clamp(images + epsilon * drawn) if epsilon else images
        here = clean if clean and not epsilon else probe.evaluate(points)
        yield outcome_of(points, here, None, epsilon)


RANDOM_START_STEP = 1.25
"""Step after a random start, in ε: Wong et al. 2020, section 5."""


def fgsm(
    classifier: Classifier,
    images: Tensor,
    goal: Goal,
    epsilon: float,
    *,
    loss: str = DEFAULT_LOSS,
    seeds: Sequence[int] = (),
) -> Attacked:
    """FGSM at one ε, untargeted or targeted as the goal says. At ε = 0 the images and their logits, exactly.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1].
        goal: the class of each image to leave, or to arrive at.
        epsilon: L∞ radius in [0, 1] pixels.
        loss: name of a row of ``LOSSES``.
        seeds: make no difference; every attack is given some.

    Raises:
        AttackError: images, goal, ε or loss are none that can be attacked with.
    """
    return next(fgsm_sweep(classifier, images, goal, [epsilon], loss=loss))


def fgsm_sweep(
    classifier: Classifier, images: Tensor, goal: Goal, epsilons: Sequence[float], *, loss: str = DEFAULT_LOSS
) -> Iterator[Attacked]:
    """FGSM at any number of ε for one gradient and one forward per ε, lazily and in the order given.

    Each outcome equals that of :func:`fgsm` bit for bit.
    Arguments and errors are those of :func:`fgsm`; errors come at once.
    """
    probe = Probe(classifier, images, goal, loss)
    radii = [require_epsilon(epsilon) for epsilon in epsilons]
    return fgsm_outcomes(probe, images, probe.gradient(images), radii)


def fgsm_random_start(
    classifier: Classifier, images: Tensor, goal: Goal, epsilon: float, *, seeds: Sequence[int]
) -> Attacked:
    """FGSM from a uniformly drawn point of the ball, image i by ``seeds[i]``, with a step of 1.25 ε.

    Arguments and errors are otherwise those of :func:`fgsm`. At ε = 0 the images and their logits, exactly.
    """
    probe = Probe(classifier, images, goal)
    epsilon = require_epsilon(epsilon)
    box = Box.around(images, epsilon)
    start = box.clamp(images + epsilon * unit_noise(images, seeds)) if epsilon else images
    gradient = probe.gradient(start)
    points = box.clamp(start + RANDOM_START_STEP * epsilon * gradient.direction) if epsilon else images
    here = probe.evaluate(points) if epsilon else gradient
    return outcome_of(points, here, gradient, epsilon)


def fgsm_points(images: Tensor, gradient: GradientSign, epsilon: float | Tensor) -> Tensor:
    """The FGSM points at ε, one number or one per image ``[N]``, for the gradient at ``images``."""
    return Box.around(images, epsilon).clamp(images + per_pixel(epsilon) * gradient.direction)


def fgsm_outcomes(
    probe: Probe, images: Tensor, gradient: GradientSign, epsilons: Sequence[float]
) -> Iterator[Attacked]:
    """FGSM at each ε along the gradient that ``probe`` has found at ``images``: one forward per ε, none where ε is 0."""
    for epsilon in epsilons:
        points = fgsm_points(images, gradient, epsilon) if epsilon else images
        here = probe.evaluate(points) if epsilon else gradient
        yield outcome_of(points, here, gradient, epsilon)


def pgd(
    classifier: Classifier,
    images: Tensor,
    goal: Goal,
    epsilon: float,
    settings: PGDSettings = DEFAULT_PGD,
    *,
    loss: str = DEFAULT_LOSS,
    seeds: Sequence[int] | None = None,
) -> Attacked:
    """PGD at one ε (Madry et al. 2018); the first run starts at the images. At ε = 0 the images and their logits, exactly.

    The outcome of an image is the best point met on the way, its FGSM point among them, not the last one. ``seeds``, one per
    image, are for the restarts; by default the image's place in the batch. The other arguments and errors are those of
    :func:`fgsm`; the loss ``margin`` still has a gradient where the softmax is saturated.
    """
    probe = Probe(classifier, images, goal, loss)
    epsilon = require_epsilon(epsilon)
    gradient = probe.gradient(images)
    best = _Best(images, gradient)
    if not epsilon:
        return outcome_of(best.images, best.found, gradient, epsilon)
    box = Box.around(images, epsilon)
    everyone = torch.arange(len(images), device=images.device)
    points = fgsm_points(images, gradient, epsilon)
    best.offer(everyone, points, probe.evaluate(points))
    _climb(probe, box, best, (everyone, images, gradient.direction), epsilon, settings)
    own = [str(seed) for seed in (range(len(images)) if seeds is None else seeds)]
    for run in range(settings.restarts):
        rows = (~best.found.reached).nonzero().squeeze(1)
        if not len(rows):
            break
        start = box.clamp(images + epsilon * unit_noise(images, image_seeds(own, run)))[rows]
        here = probe.gradient(start, rows)
        best.offer(rows, start, here)
        _climb(probe, box, best, (rows, start, here.direction), epsilon, settings)
    return outcome_of(best.images, best.found, gradient, epsilon)


def pgd_path(
    probe: Probe, images: Tensor, gradient: GradientSign, fgsm_path: Iterable[Attacked], settings: PGDSettings
) -> Iterator[Attacked]:
    """PGD over growing ε, each starting where the one before ended; one outcome for each that :func:`fgsm_outcomes` gave.

    A point within a ball lies within every larger one. So an image that reached the goal stays there, and another goes on
    from the best point known: the best of the smaller ε, or its FGSM point at this ε. Beyond the ε at which an image was
    first fooled, the point reported is therefore the one that fooled it, or an FGSM point that does so by more, and not
    the worst one of the larger ball. No restarts are made. ``gradient`` is that at the clean images.

    Raises:
        AttackError: ε do not grow.
    """
    best, largest = _Best(images, gradient), 0.0
    for candidate in fgsm_path:
        if candidate.epsilon < largest:
            raise AttackError(f"expected growing ε, found {candidate.epsilon} after {largest}. Sort them first.")
        largest = candidate.epsilon
        everyone = torch.arange(len(images), device=images.device)
        best.offer(everyone, candidate.images, probe.evaluate_logits(candidate.logits))
        rows = (~best.found.reached).nonzero().squeeze(1)
        if candidate.epsilon and len(rows):
            box, start = Box.around(images, candidate.epsilon), best.images[rows]
            direction = probe.gradient(start, rows).direction
            _climb(probe, box, best, (rows, start, direction), candidate.epsilon, settings)
        yield outcome_of(best.images.clone(), best.found, gradient, candidate.epsilon)


class _Best:
    """The best point met so far for each image, and what the classifier says there."""

    def __init__(self, images: Tensor, found: Evaluation) -> None:
        self.images = images.clone()
        self.found = Evaluation(found.logits.clone(), found.loss.clone(), found.reached.clone())

    def offer(self, rows: Tensor, points: Tensor, here: Evaluation) -> None:
        """Keep those of ``points``, which belong to these ``rows``, that are better than what is known."""
        known = self.found
        there = known.reached[rows]
        better = (here.reached & ~there) | ((here.reached == there) & (here.loss > known.loss[rows]))
        chosen = rows[better]
        self.images[chosen] = points[better]
        known.logits[chosen] = here.logits[better]
        known.loss[chosen] = here.loss[better]
        known.reached[chosen] = here.reached[better]


def _climb(
    probe: Probe, box: Box, best: _Best, start: tuple[Tensor, Tensor, Tensor], epsilon: float, settings: PGDSettings
) -> None:
    """One run of PGD from ``start``: rows of the images, their points, and the direction measured there.

    The last point needs no gradient any more.
    """
    rows, points, direction = start
    length = settings.total_step_length * epsilon / settings.steps
    for remaining in reversed(range(settings.steps)):
        if settings.early_stop:
            going = ~best.found.reached[rows]
            if not going.all():
                rows, points, direction = rows[going], points[going], direction[going]
        if not len(rows):
            return
        points = box.take(rows).clamp(points + length * direction)
        if remaining:
            here = probe.gradient(points, rows)
            best.offer(rows, points, here)
            direction = here.direction
        else:
            best.offer(rows, points, probe.evaluate(points, rows))


FEWEST_CLASSES = 4
"""AutoAttack's targeted DLR loss divides by a difference of the third and the fourth largest logit."""
_ONE_AT_A_TIME = threading.Lock()


def autoattack(
    classifier: Classifier,
    images: Tensor,
    goal: Goal,
    epsilon: float,
    *,
    seeds: Sequence[int] = (0,),
    queries: int = 5000,
) -> Attacked:
    """AutoAttack's standard version, L∞ (Croce and Hein 2020). Slow: minutes per batch on a CPU. One call at a time.

    The arguments are those of :func:`fgsm`; the first of the ``seeds`` decides all random draws, ``queries`` are Square attack's.

    Returns:
        For images that withstood, the original; ``zero_gradient`` as of cross-entropy at the original.

    Raises:
        DependencyError: ``pyautoattack`` is not installed.
        AttackError: the goal is a target, the classifier has fewer than four classes, or images, goal or ε are none that
            can be attacked with.
    """
    if goal.targeted:
        raise AttackError("expected a class to leave, found a target: AutoAttack cannot aim. Use PGD towards a class.")
    if len(classifier.classes) < FEWEST_CLASSES:
        raise AttackError(
            f"expected a classifier of at least {FEWEST_CLASSES} classes, found {len(classifier.classes)}: AutoAttack's "
            "targeted loss compares the four largest logits. Use PGD with restarts and the margin loss instead."
        )
    try:
        from pyautoattack import AutoAttack
    except ImportError as error:
        raise DependencyError(
            "expected the package pyautoattack for AutoAttack, found none. Install it with "
            "`pip install 'dermaviz[attacks]'`, or use PGD, which is always there."
        ) from error
    probe = Probe(classifier, images, goal)
    epsilon = require_epsilon(epsilon)
    gradient = probe.gradient(images)
    if not epsilon:
        return outcome_of(images, gradient, gradient, epsilon)
    # A copy: the library's .backward() would leave gradients on weights that ask for them.
    private = replace(classifier, network=copy.deepcopy(classifier.network).requires_grad_(False))
    with _ONE_AT_A_TIME, _own_random_state(images), torch.enable_grad():
        attack = AutoAttack(private.logits, norm="Linf", eps=epsilon, seed=seeds[0], device=images.device)
        attack.apgd_targeted.n_target_classes = attack.fab.n_target_classes = len(classifier.classes) - 1
        attack.square.n_queries = queries
        found, _ = attack.run_standard_evaluation(images, probe.goal.classes, batch_size=len(images))
    points = Box.around(images, epsilon).clamp(found.detach())
    return outcome_of(points, probe.evaluate(points), gradient, epsilon)


@contextmanager
def _own_random_state(images: Tensor) -> Iterator[None]:
    """Let the library seed the process's generators and set a trace function, and put both back."""
    trace = sys.gettrace()
    devices = [images.device] if images.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        sys.settrace(trace)
