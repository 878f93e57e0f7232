"""Training: loss, class weights, optimiser and its schedule, frozen modules, and adversarial or noisy images to learn from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from dermaviz.errors import RecipeError
from dermaviz.training.recipe import DefenceRecipe, LossRecipe, ModelRecipe, OptimiserRecipe, Recipe


def class_weights(labels: Tensor, n_classes: int, power: float) -> Tensor:
    """Weight of each class, float32 ``[C]``: (N / (C · n_c)) ** ``power``, scaled so that the mean over images is 1.

    A class without images has weight 0.
    """
    counts = torch.bincount(labels, minlength=n_classes).float()
    raw = torch.where(counts > 0, (len(labels) / (n_classes * counts.clamp(min=1))) ** power, 0.0)
    return raw * len(labels) / (raw * counts).sum()


def loss_per_image(logits: Tensor, labels: Tensor, weights: Tensor, settings: LossRecipe) -> Tensor:
    """Loss of each image, float32 ``[N]``, times its class weight.

    Cross-entropy with label smoothing (Szegedy et al. 2016), or focal loss −(1 − p)^γ log p (Lin et al. 2017).
    The weight is that of the image's own class also where labels are smoothed.
    """
    logits = logits.float()
    loss = F.cross_entropy(logits, labels, reduction="none", label_smoothing=settings.label_smoothing)
    if settings.name == "focal":
        p_true = logits.softmax(1).gather(1, labels[:, None]).squeeze(1)
        loss = (1 - p_true) ** settings.gamma * loss
    return loss * weights[labels]


def make_optimiser(network: nn.Module, settings: OptimiserRecipe) -> Optimizer:
    """The optimiser over all trainable parameters; weight decay spares biases and norms (parameters of one dimension).

    Raises:
        RecipeError: every parameter is frozen.
    """
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
    if not listed:
        raise RecipeError("model.frozen: expected modules that are left to learn, found none. Freeze fewer of them.")
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


def frozen_names(network: nn.Module, settings: ModelRecipe) -> tuple[str, ...]:
    """Dotted names of the outermost modules that stay as they are: those named, or all but those that are to be trained.

    Raises:
        RecipeError: the network has no module of a name.
    """
    if settings.trained:
        named_modules(network, settings.trained, "model.trained")
        return tuple(_all_but(network, frozenset(settings.trained)))
    named_modules(network, settings.frozen)
    return settings.frozen


def freeze(network: nn.Module, names: Iterable[str]) -> None:
    """Exclude the named modules' parameters from training.

    Raises:
        RecipeError: the network has no module of that name.
    """
    for module in named_modules(network, names):
        module.requires_grad_(False)


def frozen_in_eval(network: nn.Module, names: Iterable[str], batch_norm: bool) -> None:
    """Put the frozen modules, and with ``batch_norm`` every batch norm, in eval mode: their statistics stay."""
    for module in named_modules(network, names):
        module.eval()
    if batch_norm:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def trained_share(network: nn.Module) -> float:
    """Share of the layers with parameters of their own that learn, 0 to 1: "70% frozen" is .3.

    A convolution, a linear layer and a norm count one each, whatever their size, as in reports that freeze "layers".
    """
    layers = [own for module in network.modules() if (own := list(module.parameters(recurse=False)))]
    return sum(any(parameter.requires_grad for parameter in own) for own in layers) / max(len(layers), 1)


def named_modules(network: nn.Module, names: Iterable[str], key: str = "model.frozen") -> list[nn.Module]:
    """The modules of these dotted names; ``key`` is where the recipe has them."""
    modules = dict(network.named_modules())
    absent = [name for name in names if name not in modules]
    if absent:
        top = ", ".join(name for name, _ in network.named_children())
        raise RecipeError(f"{key}: expected names of modules, found {absent}. This network's outermost: {top}.")
    return [modules[name] for name in names]


def _all_but(module: nn.Module, trained: frozenset[str], prefix: str = "") -> Iterator[str]:
    """Names of the outermost modules below ``module`` that neither are, hold nor lie in one of the trained."""
    for name, child in module.named_children():
        dotted = f"{prefix}{name}"
        if dotted in trained:
            continue
        if any(other.startswith(f"{dotted}.") for other in trained):
            yield from _all_but(child, trained, f"{dotted}.")
        else:
            yield dotted


def harden(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    mean: Tensor,
    std: Tensor,
    defence: DefenceRecipe,
    generator: torch.Generator,
) -> Tensor:
    """Noise of a random size, then one signed gradient step from a random start, within ε and within [0, 1].

    Single-step adversarial training with a random start: Wong, Rice and Kolter, "Fast is better than free", ICLR 2020,
    algorithm 3. The step is taken on the network in eval mode: batch statistics and dropout are not affected.

    Args:
        network: takes normalised images; its mode and its gradients are left as they were.
        images: float32 ``[N, 3, S, S]`` in [0, 1]. labels: int64 ``[N]``.
        mean, std: float32 ``[1, 3, 1, 1]``.
        generator: draws noise and start, on the CPU, so that every device trains on the same images.

    Returns:
        float32 ``[N, 3, S, S]`` in [0, 1].
    """

    if defence.noise:
        sizes = torch.rand((len(images), 1, 1, 1), generator=generator) * defence.noise
        normal = torch.randn(images.shape, generator=generator)
        images = (images + sizes.to(images.device) * normal.to(images.device)).clamp(0, 1)
    if not defence.epsilon:
        return images
    start = (2 * torch.rand(images.shape, generator=generator).to(images.device) - 1) * defence.epsilon
    start.requires_grad_(True)
    training = network.training
    network.eval()
    with torch.enable_grad():
        seen = (((images + start).clamp(0, 1) - mean) / std).contiguous(memory_format=torch.channels_last)
        loss = F.cross_entropy(network(seen).float(), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, start)
    network.train(training)
    change = (start.detach() + defence.step * defence.epsilon * gradient.sign()).clamp(
        -defence.epsilon, defence.epsilon
    )
    return (images + change).clamp(0, 1)
