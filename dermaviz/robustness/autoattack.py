"""Robustness: AutoAttack (Croce and Hein 2020) through the optional package ``pyautoattack``.

Four attacks in turn, each on the images that withstood those before: APGD on cross-entropy, targeted APGD on the DLR loss,
targeted FAB, Square. The library takes nine target classes for granted and drives the process-wide random state; here the
targets are those that the classifier has, and the state is put back.
"""

from __future__ import annotations

import copy
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType

import torch
from torch import Tensor

from dermaviz.errors import AttackError, DependencyError
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacked import Attacked, Cost
from dermaviz.robustness.bounds import Box, require_epsilon
from dermaviz.robustness.goals import Goal
from dermaviz.robustness.probe import Probe

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
