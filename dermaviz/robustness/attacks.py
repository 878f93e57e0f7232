"""TODO docstring dermaviz.robustness.attacks"""

from __future__ import annotations

import copy
import hashlib
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType, ModuleType

import torch
from torch import Generator, Tensor

from dermaviz.errors import AttackError, DependencyError
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.gradients import (
    DEFAULT_LOSS,
    Attacked,
    Box,
    Cost,
    Goal,
    Probe,
    Slope,
    Standing,
    per_pixel,
    require_epsilon,
)


def _uniform(shape: torch.Size, generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator).mul_(2).sub_(1)


def _signs(shape: torch.Size, generator: Generator) -> Tensor:
    return torch.randint(0, 2, shape, generator=generator).mul_(2).sub_(1).float()


NOISES: Mapping[str, Callable[[torch.Size, Generator], Tensor]] = MappingProxyType(
    {"uniform noise": _uniform, "random signs": _signs}
)
"""Noise within [−1, 1] to be scaled by ε. Random signs are as large as FGSM in every norm, uniform noise in L∞ only."""


def image_seeds(image_ids: Sequence[str], seed: int = 0) -> list[int]:
    """A seed for each image that depends on its id and ``seed`` only, not on its place in a batch or a data set."""
    digests = (hashlib.sha256(f"{seed} {image_id}".encode()).digest() for image_id in image_ids)
    return [int.from_bytes(digest[:7], "big") for digest in digests]


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
    return next(noise_along(probe, images, unit_noise(images, seeds, kind), [require_epsilon(epsilon)]))


def noise_along(
    probe: Probe, images: Tensor, drawn: Tensor, epsilons: Sequence[float], clean: Standing | None = None
) -> Iterator[Attacked]:
    """The outcomes of noise ``drawn`` in [−1, 1], grown to each ε: one forward per ε, none at 0 if ``clean`` is known."""
    for epsilon in epsilons:
        since = probe.cost
        points = Box.around(images, epsilon).clamp(images + epsilon * drawn) if epsilon else images
        here = clean if clean and not epsilon else probe.standing(points)
        yield probe.attacked(points, here, None, epsilon, since)


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
        fgsm_points: what :func:`dermaviz.robustness.attacks.sweep_along` gave for growing ε.
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


FEWEST_CLASSES = 4
"""The targeted DLR loss divides by a difference that involves the third and the fourth largest logit."""

_LOCK = threading.Lock()


def autoattack(
    classifier: Classifier, images: Tensor, labels: Tensor, epsilon: float, *, seed: int = 0, queries: int = 5000
) -> Attacked:
    """AutoAttack's standard version, L∞, away from ``labels``. Slow: minutes per batch on a CPU. One call at a time.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1].
        labels: int64 ``[N]``.
        epsilon: L∞ radius in [0, 1] pixels, above 0.
        seed: of all its random draws.
        queries: of Square attack.

    Returns:
        For images that withstood, the original; ``zero_gradient`` as of cross-entropy at the original. ``cost`` counts
        every image passed through the network, and as backwards those passed with a gradient asked for.

    Raises:
        DependencyError: ``pyautoattack`` is not installed.
        AttackError: the classifier has fewer than four classes, or images, labels or ε are none that can be attacked with.
    """
    if len(classifier.classes) < FEWEST_CLASSES:
        raise AttackError(
            f"expected a classifier of at least {FEWEST_CLASSES} classes, found {len(classifier.classes)}: AutoAttack's "
            "targeted loss compares the four largest logits. Use PGD with restarts and the margin loss instead."
        )
    library = _library()
    goal = Goal.away_from(labels)
    probe = Probe(classifier, images, goal)
    epsilon = require_epsilon(epsilon)
    slope = probe.slope(images)
    counted = _Counted(_private(classifier))
    points = images
    if epsilon:
        with _LOCK, _own_random_state(images), torch.enable_grad():
            attack = library.AutoAttack(counted, norm="Linf", eps=epsilon, seed=seed, device=images.device)
            attack.apgd_targeted.n_target_classes = attack.fab.n_target_classes = len(classifier.classes) - 1
            attack.square.n_queries = queries
            found, _ = attack.run_standard_evaluation(images, probe.goal.classes, batch_size=len(images))
        points = Box.around(images, epsilon).clamp(found.detach())
    outcome = probe.attacked(points, probe.standing(points) if epsilon else slope, slope, epsilon, Cost())
    return Attacked(points, outcome.logits, outcome.reached, slope.zero_gradient, epsilon, outcome.cost + counted.cost)


def _private(classifier: Classifier) -> Classifier:
    """A copy for the library, whose ``.backward()`` would leave gradients on weights that ask for them."""
    return replace(classifier, network=copy.deepcopy(classifier.network).requires_grad_(False))


class _Counted:
    """The classifier's logits as the library calls them, with every image counted."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.cost = Cost()

    def __call__(self, images: Tensor) -> Tensor:
        self.cost += Cost(len(images), len(images) if images.requires_grad else 0)
        return self._classifier.logits(images)


def _library() -> ModuleType:
    try:
        import pyautoattack
    except ImportError as error:
        raise DependencyError(
            "expected the package pyautoattack for AutoAttack, found none. Install it with "
            "`pip install 'dermaviz[attacks]'`, or use PGD, which is always there."
        ) from error
    return pyautoattack


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


Run = Callable[[Classifier, Tensor, Goal, float, Sequence[int]], Attacked]


@dataclass(frozen=True)
class Attack:
    """An attack or a noise: ``run`` takes classifier, images ``[N, 3, S, S]``, goal, ε, and a seed per image.

    ``about`` is a sentence for the page. ``aims`` says whether it looks at the goal at all, ``random`` whether the seed
    plays a part.
    """

    name: str
    about: str
    run: Run
    aims: bool
    random: bool


def _fgsm(classifier: Classifier, images: Tensor, goal: Goal, epsilon: float, seeds: Sequence[int]) -> Attacked:
    return fgsm(classifier, images, goal, epsilon)


def _random_start(classifier: Classifier, images: Tensor, goal: Goal, epsilon: float, seeds: Sequence[int]) -> Attacked:
    return fgsm_random_start(classifier, images, goal, epsilon, seeds=seeds)


def _pgd(
    classifier: Classifier, images: Tensor, goal: Goal, epsilon: float, seeds: Sequence[int], loss: str, climb: Climb
) -> Attacked:
    return pgd(classifier, images, goal, epsilon, climb, loss=loss, seeds=seeds)


def _noise(
    classifier: Classifier, images: Tensor, goal: Goal, epsilon: float, seeds: Sequence[int], kind: str
) -> Attacked:
    return noise(classifier, images, goal, epsilon, seeds=seeds, kind=kind)


_ROWS = (
    Attack("fgsm", "One step along the gradient's sign, the whole way to ε.", _fgsm, True, False),
    Attack("fgsm random start", "One step from a random point of the ball.", _random_start, True, True),
    Attack(
        "pgd",
        "20 small steps along the gradient's sign, each kept within ε.",
        partial(_pgd, loss="cross-entropy", climb=DEFAULT_CLIMB),
        True,
        False,
    ),
    Attack(
        "pgd margin",
        "20 small steps that raise the best other class above the answer, then one more run from a random point.",
        partial(_pgd, loss="margin", climb=Climb(restarts=1)),
        True,
        True,
    ),
    Attack(
        "uniform noise",
        "No attack: each value moved at random by up to ε.",
        partial(_noise, kind="uniform noise"),
        False,
        True,
    ),
    Attack(
        "random signs",
        "No attack: each value moved by ε, up or down at random; as large as FGSM in every norm.",
        partial(_noise, kind="random signs"),
        False,
        True,
    ),
)
ATTACKS: Mapping[str, Attack] = MappingProxyType({row.name: row for row in _ROWS})


def find_attack(name: str) -> Attack:
    """The attack of this name.

    Raises:
        AttackError: there is none.
    """
    if name not in ATTACKS:
        raise AttackError(f"expected an attack among {', '.join(ATTACKS)}; found {name!r}.")
    return ATTACKS[name]
