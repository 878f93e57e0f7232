"""Training: the optimiser of a recipe, and its learning rate as a function of the step alone."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from dermaviz.training.recipe import OptimiserRecipe, Recipe


def make_optimiser(network: nn.Module, settings: OptimiserRecipe) -> Optimizer:
    """The optimiser over all trainable parameters; weight decay spares biases and norms (parameters of one dimension)."""
    last = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)][-1:]
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            in_head = any(name.startswith(f"{module}.") for module in last)
            groups.setdefault((in_head, parameter.ndim > 1), []).append(parameter)
    listed: list[dict[str, Any]] = []
    for (in_head, decays), parameters in groups.items():
        rate = settings.learning_rate * (settings.head_factor if in_head else 1.0)
        decay = settings.weight_decay if decays else 0.0
        listed.append({"params": parameters, "lr": rate, "highest_lr": rate, "weight_decay": decay})
    if settings.name == "adamw":
        return torch.optim.AdamW(listed)
    if settings.name == "adam":
        return torch.optim.Adam(listed)
    if settings.name == "sgd":
        return torch.optim.SGD(listed, lr=settings.learning_rate, momentum=settings.momentum)
    return torch.optim.RMSprop(listed, momentum=settings.momentum)


def learning_rate_factor(step: int, steps_per_epoch: int, recipe: Recipe, plateau: float = 1.0) -> float:
    """Share of the highest learning rate at ``step``, counted over the whole run.

    ``plateau`` is what plateaus have left of it so far (:func:`after_epoch`): the only part that is no function of the step.
    """
    settings, total = recipe.optimiser, recipe.epochs * steps_per_epoch
    warm = settings.warm_up * total
    if step < warm:
        return (step + 1) / (warm + 1)
    if settings.schedule == "constant":
        return 1.0
    if settings.schedule == "step":
        return settings.factor ** sum(step // steps_per_epoch >= epoch for epoch in settings.steps)
    if settings.schedule == "plateau":
        return plateau
    share = (step - warm) / max(total - warm, 1)
    return settings.final_factor + (1 - settings.final_factor) * 0.5 * (1 + math.cos(math.pi * share))


def after_epoch(gained: bool, plateau: float, waited: int, settings: OptimiserRecipe) -> tuple[float, int]:
    """What plateaus leave of the highest learning rate after an epoch, and how many epochs went by without gain.

    As Keras' ReduceLROnPlateau: after ``plateau_epochs`` without gain the rate falls and the count starts anew; the best
    figure so far stays the one to beat.
    """
    if settings.schedule != "plateau" or gained:
        return plateau, 0
    if waited + 1 < settings.plateau_epochs:
        return plateau, waited + 1
    return max(plateau * settings.factor, settings.final_factor), 0
