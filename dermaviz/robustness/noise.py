"""Robustness: noise as large as an attack, drawn per image from its own seed, so that batches make no difference.

It shows what size alone does: an attack that fools the classifier where noise of the same ε does not owes it to direction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Generator, Tensor

from dermaviz.errors import AttackError
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacked import Attacked
from dermaviz.robustness.bounds import Box, require_epsilon
from dermaviz.robustness.goals import Goal
from dermaviz.robustness.probe import Probe, Standing


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
