"""Robustness: what an attack increases, one value per image. Each is a row of ``LOSSES``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from dermaviz.errors import AttackError
from dermaviz.robustness.goals import Goal

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


def find_loss(name: str) -> Loss:
    """The loss of this name.

    Raises:
        AttackError: there is none.
    """
    if name not in LOSSES:
        raise AttackError(f"expected a loss among {', '.join(LOSSES)}; found {name!r}.")
    return LOSSES[name]
