"""Robustness: how an attack looks at points — logits, loss and the direction in which the loss grows — and counts it.

Only pixels are differentiated (``autograd.grad`` of the summed loss): the shared network gathers no gradients.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from dermaviz.errors import AttackError
from dermaviz.models.classifier import Classifier
from dermaviz.models.inputs import require_images
from dermaviz.robustness.attacked import Attacked, Cost
from dermaviz.robustness.goals import Goal
from dermaviz.robustness.losses import DEFAULT_LOSS, find_loss


@dataclass(frozen=True, eq=False)
class Standing:
    """How points stand: ``logits`` ``[N, C]``, ``loss`` ``[N]``, and whether the goal is ``reached``, bool ``[N]``."""

    logits: Tensor
    loss: Tensor
    reached: Tensor


@dataclass(frozen=True, eq=False)
class Slope(Standing):
    """Standing, with the sign of the loss's gradient for each pixel: ``direction``, −1, 0 or 1, ``[N, 3, S, S]``.

    ``zero_gradient`` (bool ``[N]``) marks images without any; a gradient that is not finite counts as none.
    """

    direction: Tensor
    zero_gradient: Tensor

    def take(self, rows: Tensor) -> Slope:
        """The slopes of some of the images."""
        return Slope(*(getattr(self, field.name)[rows] for field in fields(self)))


class Probe:
    """One attack's view of the classifier. It counts as it goes, so every attack makes its own.

    Args:
        classifier: in eval mode; it is not changed in any way.
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
        self._classifier = classifier
        self._loss = find_loss(loss)
        self.goal = goal.fitted(images, len(classifier.classes))
        self.cost = Cost()

    def standing(self, points: Tensor, rows: Tensor | None = None) -> Standing:
        """One forward of ``points``; they belong to these ``rows`` of the images, or to all of them."""
        self.cost += Cost(forwards=len(points))
        with torch.no_grad():
            return self.judge(self._classifier.logits(points), rows)

    def slope(self, points: Tensor, rows: Tensor | None = None) -> Slope:
        """One forward and one backward of ``points``, as for :meth:`standing`."""
        self.cost += Cost(forwards=len(points), backwards=len(points))
        with torch.enable_grad():
            at = points.detach().requires_grad_(True)
            here = self.judge(self._classifier.logits(at), rows)
            (gradient,) = torch.autograd.grad(here.loss.sum(), at)
        finite = gradient.isfinite().flatten(1).all(dim=1)
        direction = torch.where(finite[:, None, None, None], gradient.sign(), 0)
        zero_gradient = ~direction.flatten(1).any(dim=1)
        return Slope(here.logits.detach(), here.loss.detach(), here.reached, direction, zero_gradient)

    def attacked(self, points: Tensor, here: Standing, slope: Slope | None, epsilon: float, since: Cost) -> Attacked:
        """The outcome of an attack on all images that ended at ``points``; ``slope`` is that of the originals, if any."""
        none = torch.zeros_like(here.reached)
        zero_gradient = slope.zero_gradient if slope else none
        return Attacked(points, here.logits, here.reached, zero_gradient, epsilon, self.cost - since)

    def judge(self, logits: Tensor, rows: Tensor | None = None) -> Standing:
        """How points of these logits stand; nothing is passed through the network."""
        goal = self.goal if rows is None else self.goal.take(rows)
        return Standing(logits, self._loss(logits, goal), goal.reached(logits))
