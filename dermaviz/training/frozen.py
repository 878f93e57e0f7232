"""Training: parts of a network that stay as they are — parameters without gradients, batch norm with its statistics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import nn

from dermaviz.errors import RecipeError
from dermaviz.training.recipe import ModelRecipe


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


def still(network: nn.Module, names: Iterable[str], batch_norm: bool) -> None:
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
