"""Training: parts of a network that stay as they are — parameters without gradients, batch norm with its statistics."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from dermaviz.errors import RecipeError


def freeze(network: nn.Module, names: Iterable[str]) -> None:
    """Exclude the named modules' parameters from training.

    Raises:
        RecipeError: the network has no module of that name.
    """
    for module in named_modules(network, names):
        module.requires_grad_(False)


def still(network: nn.Module, names: Iterable[str], batch_norm: bool) -> None:
    """Put the frozen modules, and with ``batch_norm`` every batch norm, in eval mode: their statistics stay."""
    for module in named_modules(network, names):
        module.eval()
    if batch_norm:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def named_modules(network: nn.Module, names: Iterable[str]) -> list[nn.Module]:
    """The modules of these dotted names."""
    modules = dict(network.named_modules())
    absent = [name for name in names if name not in modules]
    if absent:
        top = ", ".join(name for name, _ in network.named_children())
        raise RecipeError(f"model.frozen: expected names of modules, found {absent}. This network's outermost: {top}.")
    return [modules[name] for name in names]
