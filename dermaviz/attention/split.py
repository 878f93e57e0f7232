"""Attention: cut a network at a named layer into ``features`` and ``head``, without hooks and without touching the network.

The network's forward is recorded once with ``torch.fx`` proxies, and only along the way to the layer: modules beside that
way are recorded as single calls, whatever their code does. The record is cut at the layer's output. Both halves call the
network's own modules, so parameters are shared, nothing is copied, and features followed by head do exactly what the
network does.

``torch.fx.symbolic_trace`` is not used: while it runs it replaces ``nn.Module.__call__`` for the whole process, and a
forward in another thread would end up in the record.
"""

from __future__ import annotations

import copy
import difflib
import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, fx, nn

from dermaviz.errors import AttentionError

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_SPLITS: weakref.WeakKeyDictionary[nn.Module, dict[str, Split]] = weakref.WeakKeyDictionary()
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Split:
    """A network in two halves: ``head(features(x))`` equals ``network(x)`` bit for bit.

    ``features`` maps normalised images ``[N, 3, S, S]`` to the output of ``layer``; ``head`` maps that to the network's
    output ``[N, C]`` and leaves its argument as it is, also where the network works in place. Both are stateless, so
    threads may share them. Neither disables gradients.
    """

    layer: str
    features: fx.GraphModule
    head: fx.GraphModule


def split(network: nn.Module, layer: str, example: Tensor) -> Split:
    """The two halves of ``network`` at the module called ``layer`` (a dotted name, such as ``layer4`` or ``blocks.4``).

    A split is made once per network and layer and kept for as long as the network lives. When it is made, both halves
    and the network are run on ``example`` (normalised images, ``[N, 3, S, S]``) and have to agree.

    Raises:
        AttentionError: the network is in training mode, has no such module, cannot be recorded faithfully, or more than
            the layer's output is needed after the layer (a skip connection passes it by, say).
    """
    if network.training:
        raise AttentionError(
            f"expected {type(network).__name__} in evaluation mode, found training mode, in which batch statistics and "
            "dropout would change the map. Call network.eval() first."
        )
    with _LOCK:
        known = _SPLITS.setdefault(network, {})
        if layer not in known:
            known[layer] = _verified(network, _cut(network, layer), example)
        return known[layer]


def _cut(network: nn.Module, layer: str) -> Split:
    require_layer(network, layer)
    graph, skeleton = _record(network, layer)
    nodes = list(graph.nodes)
    dependent: set[fx.Node] = set()  # on the input
    for node in nodes:
        if node.op == "placeholder" or any(source in dependent for source in node.all_input_nodes):
            dependent.add(node)
    calls = [node for node in nodes if node.op == "call_module" and node.target == layer]
    if len(calls) != 1:
        raise _unclean(network, layer, f"one that runs {len(calls)} times", nodes, dependent)
    at = nodes.index(calls[0])
    passing = _passing(nodes, at, dependent)
    if passing:
        names = ", ".join(str(node.target) for node in passing[:3])
        reason = f"one that {len(passing)} other value(s) pass by (from {names})"
        raise _unclean(network, layer, reason, nodes, dependent)
    features = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for node in nodes[: at + 1]:
        copies[node] = features.node_copy(node, copies.__getitem__)
    features.output(copies[nodes[at]])
    head = _head_graph(nodes, at, dependent)
    return Split(layer, _module(network, skeleton, features), _module(network, skeleton, head))


def _verified(network: nn.Module, halves: Split, example: Tensor) -> Split:
    """The halves, once they have done what the network does; a record misses what forwards do beside tensors (lists)."""
    cause: Exception | None = None
    try:
        with torch.no_grad():
            expected, found = network(example), halves.head(halves.features(example))
            if torch.allclose(found, expected, rtol=1e-3, atol=1e-5, equal_nan=True):
                return halves
            problem = f"logits that differ by {float((found - expected).abs().max()):.2g}"
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        problem, cause = f"{type(error).__name__}: {error}", error
    raise AttentionError(
        f"expected {type(network).__name__} in two halves at {halves.layer!r} to give its own logits, found {problem}. "
        "Choose another layer, or a method that runs on a copy of the network, such as eigencam."
    ) from cause


def require_layer(network: nn.Module, layer: str) -> None:
    names = [name for name, _ in network.named_modules() if name]
    if layer in names:
        return
    near = difflib.get_close_matches(layer, names, n=5) or [name for name, _ in network.named_children()]
    raise AttentionError(
        f"expected the name of a layer of {type(network).__name__}, found {layer!r}. Try one of: {', '.join(near)}."
    )


class _Recorder(nn.Module):
    """Stands in for a module while the way to the layer is recorded: a call becomes one node of the graph."""

    def __init__(self, name: str, module: nn.Module, tracer: fx.Tracer) -> None:
        super().__init__()
        self.__dict__.update(_name=name, _original=module, _tracer=tracer)

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self.__dict__["_original"], attribute)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.__dict__["_tracer"].create_proxy("call_module", self.__dict__["_name"], args, kwargs)


def _record(network: nn.Module, layer: str) -> tuple[fx.Graph, nn.Module]:
    """Run the forward along the way to ``layer`` with a proxy; the graph, and the shell whose attributes it names."""
    tracer = fx.Tracer()
    tracer.graph = fx.Graph()
    tracer.tensor_attrs = {}
    parts = layer.split(".")
    opened = {".".join(parts[:depth]) for depth in range(len(parts))}
    shell = _shell(network, "", opened, layer, tracer)
    tracer.root = shell
    try:
        output = shell(tracer.create_proxy("placeholder", "images", (), {}))
        tracer.create_node("output", "output", (tracer.create_arg(output),), {})
    except Exception as error:  # whatever a network's code raises when it meets a proxy instead of a tensor
        raise AttentionError(
            f"expected a forward of {type(network).__name__} that can be recorded down to {layer!r}, found code that "
            f"needs real tensors ({type(error).__name__}: {error}). Choose a layer nearer to the root, such as "
            f"{', '.join(name for name, _ in network.named_children())}."
        ) from error
    return tracer.graph, shell


def _shell(module: nn.Module, name: str, opened: set[str], layer: str, tracer: fx.Tracer) -> nn.Module:
    """A shallow copy of ``module``: same parameters, own children, each a shell or a recorder."""
    shell = copy.copy(module)
    children: OrderedDict[str, nn.Module | None] = OrderedDict()
    for key, child in module._modules.items():
        path = f"{name}.{key}" if name else key
        if child is None:
            children[key] = None
        elif path != layer and (path in opened or type(child) in _CONTAINERS):
            children[key] = _shell(child, path, opened, layer, tracer)
        else:
            children[key] = _Recorder(path, child, tracer)
    shell.__dict__.update(_modules=children, _forward_hooks=OrderedDict(), _forward_pre_hooks=OrderedDict())
    return shell


def _passing(nodes: list[fx.Node], at: int, dependent: set[fx.Node]) -> list[fx.Node]:
    """Values other than ``nodes[at]`` that are computed from the input before it and used after it."""
    after = set(nodes[at + 1 :])
    return [node for node in nodes[:at] if node in dependent and any(user in after for user in node.users)]


def _unclean(
    network: nn.Module, layer: str, found: str, nodes: list[fx.Node], dependent: set[fx.Node]
) -> AttentionError:
    times = [node.target for node in nodes if node.op == "call_module"]
    clean = [
        str(node.target)
        for at, node in enumerate(nodes)
        if node.op == "call_module" and times.count(node.target) == 1 and not _passing(nodes, at, dependent)
    ]
    return AttentionError(
        f"expected a layer of {type(network).__name__} through which everything passes once, found {layer!r}, {found}. "
        f"Layers that cut cleanly: {', '.join(clean) or 'none on this way'}."
    )


def _head_graph(nodes: list[fx.Node], at: int, dependent: set[fx.Node]) -> fx.Graph:
    graph = fx.Graph()
    # The head works on a copy: an activation in place right after the cut would overwrite the features.
    features = graph.call_method("clone", (graph.placeholder("features"),))
    copies = {nodes[at]: features}
    for node in nodes[:at]:
        if node not in dependent:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    for node in nodes[at + 1 :]:
        copies[node] = graph.node_copy(node, copies.__getitem__)
    return graph


def _module(network: nn.Module, shell: nn.Module, graph: fx.Graph) -> fx.GraphModule:
    graph.eliminate_dead_code(lambda node: node.op != "get_attr")
    targets: dict[str, nn.Module | Tensor] = {}
    for node in graph.nodes:
        if node.op == "call_module":
            targets[node.target] = network.get_submodule(node.target)
        elif node.op == "get_attr":
            targets[node.target] = attrgetter(node.target)(shell)
    graph.lint()
    module = fx.GraphModule(targets, graph, class_name=f"{type(network).__name__}Half")
    module.training = False
    return module


def run_features(halves: Split, images: Tensor) -> Tensor:
    """The features of normalised images without gradient history, float32, ready to be differentiated.

    Raises:
        AttentionError: the layer's output is no feature map.
    """
    with torch.no_grad():
        features = halves.features(images)
    is_map = isinstance(features, Tensor) and features.ndim == 4
    if not is_map or len({*channels_first(features).shape[2:]}) > 1:
        found = list(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise AttentionError(
            f"expected a feature map [N, K, h, w] from layer {halves.layer!r}, found {found}. "
            "Choose a layer before pooling and flattening."
        )
    return features.detach().requires_grad_(True)


def channels_first(features: Tensor) -> Tensor:
    """A feature map as ``[N, K, h, w]``; networks such as Swin hold theirs as ``[N, h, w, K]``.

    Images are square, so the two equal sides of the map tell the layouts apart.
    """
    _, a, b, c = features.shape
    return features.permute(0, 3, 1, 2) if a == b != c else features
