"""Robustness: what every attack is made of: the ball that it stays in, its goal, the loss that it raises and its gradient.

The network stays in evaluation mode and fp32; gradients are taken of the pixels only, by ``torch.autograd.grad``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dermaviz.errors import AttackError
from dermaviz.models.card import no_maps_reason
from dermaviz.models.classifier import Classifier, require_images


@dataclass(frozen=True, eq=False)
class Box:
    """The lowest and the highest value that each pixel may take: two tensors float32 ``[N, 3, S, S]`` within [0, 1]."""

    low: Tensor
    high: Tensor

    @classmethod
    def around(cls, images: Tensor, epsilon: float | Tensor) -> Box:
        """All images within ε of ``images`` and within [0, 1]; ``epsilon`` is one number, or one per image ``[N]``."""
        radius = per_pixel(epsilon)
        return cls((images - radius).clamp(min=0), (images + radius).clamp(max=1))

    def clamp(self, candidates: Tensor) -> Tensor:
        """The nearest points of the box."""
        return torch.minimum(torch.maximum(candidates, self.low), self.high)

    def take(self, rows: Tensor) -> Box:
        """The boxes of some of the images."""
        return Box(self.low[rows], self.high[rows])


def per_pixel(epsilon: float | Tensor) -> float | Tensor:
    """One ε per image, ``[N]``, in a shape that broadcasts over ``[N, 3, S, S]``; a single ε as it is."""
    return epsilon.view(-1, 1, 1, 1) if isinstance(epsilon, Tensor) else epsilon


def require_epsilon(epsilon: float) -> float:
    """``epsilon``, a radius in [0, 1]; else an AttackError: most likely it was given in grey levels."""
    if not (math.isfinite(epsilon) and 0 <= epsilon <= 1):
        raise AttackError(
            f"expected ε from 0 to 1, as pixels are in [0, 1]; found {epsilon}. For n grey levels of 255 pass n / 255."
        )
    return float(epsilon)


@dataclass(frozen=True, eq=False)
class Goal:
    """One class per image, int64 ``[N]``: the one to get away from or, where ``targeted``, the one to arrive at."""

    classes: Tensor
    targeted: bool = False

    @classmethod
    def away_from(cls, labels: Sequence[int] | Tensor) -> Goal:
        """Any other answer than the image's label (or than the answer to the clean image) will do."""
        return cls(torch.as_tensor(labels, dtype=torch.int64))

    @classmethod
    def towards(cls, targets: Sequence[int] | Tensor) -> Goal:
        """Only this answer will do."""
        return cls(torch.as_tensor(targets, dtype=torch.int64), targeted=True)

    def reached(self, logits: Tensor) -> Tensor:
        """Whether each image is where the attack wants it, bool ``[N]``."""
        return (logits.argmax(dim=1) == self.classes) == self.targeted

    def take(self, rows: Tensor) -> Goal:
        """The goal for some of the images."""
        return Goal(self.classes[rows], self.targeted)

    def fitted(self, images: Tensor, n_classes: int) -> Goal:
        """The same goal on the images' device.

        Raises:
            AttackError: there is not one class per image, or one that the classifier does not know.
        """
        if self.classes.shape != (len(images),):
            raise AttackError(
                f"expected one class per image, {len(images)} of them, found the shape {list(self.classes.shape)}. "
                "Pass the label of each image, or its target."
            )
        if len(images) and not (int(self.classes.min()) >= 0 and int(self.classes.max()) < n_classes):
            raise AttackError(
                f"expected class indices from 0 to {n_classes - 1}, found {sorted(set(self.classes.tolist()))}. "
                "Take them from the order of the classifier's classes."
            )
        return Goal(self.classes.to(images.device), self.targeted)


Loss = Callable[[Tensor, Goal], Tensor]
DEFAULT_LOSS = "cross-entropy"


def cross_entropy(logits: Tensor, goal: Goal) -> Tensor:
    """Cross-entropy with the class to leave, float32 ``[N]``; with a target, minus that with the target.

    Temperature plays no part: logits enter as the network gives them (Goodfellow et al. 2015, equation 4).
    """
    loss = F.cross_entropy(logits, goal.classes, reduction="none")
    return -loss if goal.targeted else loss


def margin(logits: Tensor, goal: Goal) -> Tensor:
    """How far the logit of the best other class lies above that of the class to leave, float32 ``[N]``.

    With a target, how far the target lies above the best other class. Positive where the goal is reached. Its gradient
    does not fade where the softmax is sure of itself (Carlini and Wagner 2017, f₆).
    """
    chosen = goal.classes[:, None]
    own = logits.gather(1, chosen).squeeze(1)
    other = logits.scatter(1, chosen, -torch.inf).amax(dim=1)
    return own - other if goal.targeted else other - own


LOSSES: Mapping[str, Loss] = MappingProxyType({"cross-entropy": cross_entropy, "margin": margin})


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

    @property
    def predicted(self) -> Tensor:
        """Index of the most probable class of each image, int64 ``[N]``."""
        return self.logits.argmax(dim=1)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What the classifier says at points: ``logits`` ``[N, C]``, ``loss`` ``[N]``, whether the goal is ``reached`` ``[N]``."""

    logits: Tensor
    loss: Tensor
    reached: Tensor


@dataclass(frozen=True, eq=False)
class GradientSign(Evaluation):
    """An evaluation with the sign of the loss's gradient for each value: ``direction``, −1, 0 or 1, ``[N, 3, S, S]``.

    ``zero_gradient`` (bool ``[N]``) marks images without any; a gradient that is not finite counts as none.
    """

    direction: Tensor
    zero_gradient: Tensor

    def take(self, rows: Tensor) -> GradientSign:
        """Those of some of the images."""
        return GradientSign(*(getattr(self, field.name)[rows] for field in fields(self)))


class Probe:
    """One attack's view of the classifier.

    Args:
        classifier: in evaluation mode; it is not changed in any way.
        images: float32 ``[N, 3, S, S]`` in [0, 1], as :meth:`Classifier.to_tensor` gives them.
        goal: one class per image.
        loss: name of a row of ``LOSSES``.

    Raises:
        AttackError: images, goal or loss are none that can be attacked with, or the network is in training mode.
    """

    def __init__(self, classifier: Classifier, images: Tensor, goal: Goal, loss: str = DEFAULT_LOSS) -> None:
        require_images(images, classifier.input_size, AttackError)
        if classifier.network.training:
            raise AttackError(
                "expected a network in evaluation mode, found training mode, in which an image's answer depends on its "
                "neighbours and on chance. Call network.eval() first."
            )
        if classifier.card.opaque:
            raise AttackError(no_maps_reason(classifier.card.architecture))
        if loss not in LOSSES:
            raise AttackError(f"expected a loss among {', '.join(LOSSES)}; found {loss!r}.")
        self._classifier = classifier
        self._loss = LOSSES[loss]
        self.goal = goal.fitted(images, len(classifier.classes))

    def evaluate(self, points: Tensor, rows: Tensor | None = None) -> Evaluation:
        """One forward of ``points``; they belong to these ``rows`` of the images, or to all of them."""
        with torch.no_grad():
            return self.evaluate_logits(self._classifier.logits(points), rows)

    def evaluate_logits(self, logits: Tensor, rows: Tensor | None = None) -> Evaluation:
        """The same for points whose logits are known: nothing is passed through the network."""
        goal = self.goal if rows is None else self.goal.take(rows)
        return Evaluation(logits, self._loss(logits, goal), goal.reached(logits))

    def gradient(self, points: Tensor, rows: Tensor | None = None) -> GradientSign:
        """One forward and one backward of ``points``, as for :meth:`evaluate`."""
        with torch.enable_grad():
            at = points.detach().requires_grad_(True)
            here = self.evaluate_logits(self._classifier.logits(at), rows)
            (gradient,) = torch.autograd.grad(here.loss.sum(), at)
        finite = gradient.isfinite().flatten(1).all(dim=1)
        direction = torch.where(finite[:, None, None, None], gradient.sign(), 0)
        zero_gradient = ~direction.flatten(1).any(dim=1)
        return GradientSign(here.logits.detach(), here.loss.detach(), here.reached, direction, zero_gradient)


def outcome_of(points: Tensor, here: Evaluation, gradient: GradientSign | None, epsilon: float) -> Attacked:
    """What came of all images that ended at ``points``; ``gradient`` is that of the originals, if the attack followed any."""
    zero_gradient = gradient.zero_gradient if gradient else torch.zeros_like(here.reached)
    return Attacked(points, here.logits, here.reached, zero_gradient, epsilon)


def counting_passes(classifier: Classifier, on_pass: Callable[[int], None]) -> Classifier:
    """The same classifier, weights shared, that calls ``on_pass`` with the number of passes so far before each pass; what that
    raises ends the attack."""
    return replace(classifier, network=_CountingPasses(classifier.network, on_pass))


class _CountingPasses(nn.Module):
    def __init__(self, network: nn.Module, on_pass: Callable[[int], None]) -> None:
        super().__init__()
        self._network = network
        self._on_pass = on_pass
        self._passes = 0
        self.training = network.training

    def forward(self, images: Tensor) -> Tensor:
        self._on_pass(self._passes)
        self._passes += 1
        logits: Tensor = self._network(images)
        return logits
