"""Models: a layer's features and the logits made of them, by one forward and for any network; and the layers that give maps.

A layer is listened to in a shallow copy of the modules on the way to it: parameters and all other modules are the network's
own, and nothing is hooked or kept on it. So threads may share a network, and whatever passes the layer by (a skip connection,
another branch) goes on as in the network itself.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dermaviz.errors import AttentionError

_TRIED = 8
"""Layers from the last one on of which one may be explained; earlier ones say ever less of the classes."""
_ATTENTION = re.compile(r"att|mha|msa", re.IGNORECASE)


def features_and_logits(network: nn.Module, layer: str, images: Tensor) -> tuple[Tensor, Tensor]:
    """The output of a layer, cut off from what made it, and the network's logits, which depend on it.

    Args:
        network: in evaluation mode; it is not changed.
        layer: a dotted module name, such as ``layer4`` or ``blocks.11.norm1``.
        images: normalised, float32 ``[N, 3, S, S]``.

    Returns:
        The features as the layer gives them, a leaf that requires a gradient, and logits float32 ``[N, C]``: bit for bit
        those of ``network(images)``. Differentiable where gradients are enabled.

    Raises:
        AttentionError: the network is in training mode, has no such layer, does not run it exactly once, or gives no logits.
    """
    if network.training:
        raise AttentionError(
            f"expected {type(network).__name__} in evaluation mode, found training mode, in which batch statistics and "
            "dropout would change the map. Call network.eval() first."
        )
    require_layer(network, layer)
    found: list[Tensor | None] = []

    def listen(_: nn.Module, __: Any, output: Any) -> Any:
        first, *rest = output if isinstance(output, tuple) else (output,)
        if not isinstance(first, Tensor):
            found.append(None)
            return output
        leaf = first.detach().requires_grad_(True)
        found.append(leaf)
        passed = leaf.clone()  # else an activation in place right after the layer would overwrite the features
        return (passed, *rest) if isinstance(output, tuple) else passed

    copied = _copy_of_the_way(network, layer.split("."), listen)
    logits = copied(images.clone() if images.is_inference() else images)
    if len(found) != 1 or found[0] is None:
        runs = "an output that is no tensor" if len(found) == 1 else f"a layer that runs {len(found)} times"
        raise AttentionError(
            f"expected a layer of {type(network).__name__} that runs once and gives a tensor, found {layer!r}, {runs}. "
            "Choose another layer."
        )
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        shape = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise AttentionError(f"expected logits [N, C] from the network, found {shape}. Use a classification network.")
    return found[0], logits.float()


def _copy_of_the_way(module: nn.Module, way: list[str], listen: Any) -> nn.Module:
    """A shallow copy of the modules on the way to a layer, which alone is listened to."""
    copied = copy.copy(module)
    if way:
        children = OrderedDict(module._modules)
        children[way[0]] = _copy_of_the_way(module.get_submodule(way[0]), way[1:], listen)
        copied.__dict__["_modules"] = children
    else:
        copied.__dict__["_forward_hooks"] = OrderedDict(module._forward_hooks)
        copied.register_forward_hook(listen)
    return copied


def require_layer(network: nn.Module, layer: str) -> None:
    """Check that a network has a layer of this name.

    Raises:
        AttentionError: it has none; the message names those that are spelt alike.
    """
    names = [name for name, _ in network.named_modules() if name]
    if layer in names:
        return
    near = difflib.get_close_matches(layer, names, n=5) or [name for name, _ in network.named_children()]
    raise AttentionError(
        f"expected the name of a layer of {type(network).__name__}, found {layer!r}. Try one of: {', '.join(near)}."
    )


def as_map(features: Tensor, prefix: int | None = None) -> Tensor | None:
    """Features as a map ``[N, K, h, w]`` of equal sides; None where they have no places.

    ``[N, h, w, K]``, as Swin's, is told by its two equal sides. Tokens ``[N, T, K]`` are laid out row by row, without the
    ``prefix`` tokens before them (class, distillation and register tokens); where that is not known or leaves no square, as
    few are left out as make one.
    """
    if features.ndim == 4:
        _, a, b, c = features.shape
        features = features.permute(0, 3, 1, 2) if a == b != c else features
        return features if features.shape[2] == features.shape[3] else None
    if features.ndim != 3:
        return None
    for skipped in (prefix or 0, *range(17)):
        places = features.shape[1] - skipped
        side = int(max(places, 0) ** 0.5)
        if side and side * side == places:
            return features[:, skipped:].transpose(1, 2).unflatten(2, (side, side))
    return None


def prefix_tokens(network: nn.Module) -> int | None:
    """How many tokens a network of timm has before those of the image; None where it does not say."""
    known = getattr(network, "num_prefix_tokens", None)
    return known if isinstance(known, int) else None


def map_layers(network: nn.Module, images: Tensor) -> list[str]:
    """Layers whose output is a map of places, from the last one on, after which only pooling and the classifier follow.

    Where one holds a class token, only this may go on to the classifier, and the places no longer matter: in its stead stands
    what the last attention reads.

    Args:
        network: in evaluation mode and the caller's own: it is hooked for the time of one forward.
        images: normalised, ``[N, 3, S, S]``; on the meta device, nothing is computed.
    """
    ended: list[tuple[str, Tensor]] = []
    readers: list[
        tuple[torch.Size, int]
    ] = []  # of attention: the shape that is read, how many layers had ended by then

    def end(name: str, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) and output else output
        if isinstance(first, Tensor) and len(first) == len(images):  # windows are cut into more
            ended.append((name, first))

    def begin(args: Any) -> None:
        if args and isinstance(args[0], Tensor):
            readers.append((args[0].shape, len(ended)))

    handles = []
    for name, module in network.named_modules():
        if name:
            handles.append(module.register_forward_hook(lambda _, __, output, name=name: end(name, output)))
        if _ATTENTION.search(name.rpartition(".")[2]):
            handles.append(module.register_forward_pre_hook(lambda _, args: begin(args)))
    try:
        with torch.no_grad():
            logits = network(images)
    finally:
        for handle in handles:
            handle.remove()
    names, prefix = [name for name, _ in ended], prefix_tokens(network)
    pooled = {name for name, module in network.named_modules() if isinstance(module, nn.AdaptiveAvgPool2d)}
    maps = {name: found for name, output in ended if (found := as_map(output, prefix)) is not None}
    usable = [
        (name, output)
        for name, output in ended
        if name in maps
        and name not in pooled
        and names.count(name) == 1
        and maps[name].shape[2] > 1
        and maps[name].shape[1] != logits.shape[1]
    ]
    if not usable:
        return []
    chosen: dict[str, None] = {}
    for name, output in reversed(usable):
        if output.ndim == 3 and output.shape[1] > maps[name][0, 0].numel():
            read = next((at for shape, at in reversed(readers) if shape == output.shape), 0)
            before = {name for name, _ in ended[:read]}
            name, output = next(
                (one for one in reversed(usable) if one[0] in before and one[1].shape == output.shape), (name, output)
            )
        same = [one for one, other in usable if other is output]  # as a block, and the stage that it is the last of
        chosen[min(same, key=lambda one: one.count("."))] = None
    return list(chosen)


def attention_layer(network: nn.Module, images: Tensor, first: Sequence[str] = ()) -> str:
    """The layer to explain: of those named ``first`` and those of :func:`map_layers`, the first whose places the classes
    depend on; "" where there is none. Network and images as there; on the meta device only whether classes can depend on it.
    """
    for layer in dict.fromkeys([*first, *map_layers(network, images)[:_TRIED]]):
        try:
            with torch.enable_grad():
                features, logits = features_and_logits(network, layer, images)
                (gradient,) = torch.autograd.grad(logits[:, 0].sum(), features, allow_unused=True)
        except AttentionError:
            continue
        places = None if gradient is None else as_map(gradient, prefix_tokens(network))
        if places is not None and (places.is_meta or bool(places.flatten(1).any(dim=1).all())):
            return layer
    return ""
