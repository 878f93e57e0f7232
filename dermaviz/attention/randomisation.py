"""Explain: does an attention map notice that the network was made random — the cascading test of Adebayo et al. 2018.

From the head down, stage after stage of a private copy of the network forgets its weights, and the class that the intact
network predicted is explained again. A map that stays as it was shows the image, not what the network has learnt.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from dermaviz.attention.localisation import rank_correlation
from dermaviz.attention.maps import explain
from dermaviz.errors import AttentionError
from dermaviz.models.classifier import Classifier, require_images

STAGES = 6
"""At most so many: the head, and the layers below it in runs of nearly equal length."""


@dataclass(frozen=True, eq=False)
class Cascade:
    """How much of each map was left as stage after stage was made random.

    ``rank_correlation``: float64 ``[stages, methods, images]``, Spearman's ρ of the map with that of the intact network, in
    [−1, 1]; NaN where one of the two shows nothing. ``classes``: the explained class of each image, as an index.
    ``stages`` are named after the lowest layer that is random: all layers above it are so, too.
    """

    stages: tuple[str, ...]
    methods: tuple[str, ...]
    classes: tuple[int, ...]
    rank_correlation: NDArray[np.float64]


def cascade(classifier: Classifier, images: Tensor, methods: Sequence[str], seed: int = 0) -> Cascade:
    """Maps of the predicted classes by several methods, through the cascade from head to first layer.

    Args:
        classifier: is not changed in any way; a copy of its network is made random.
        images: float32 ``[N, 3, S, S]`` in [0, 1].
        methods: names of rows of ``METHODS``.
        seed: decides the random weights.

    Raises:
        AttentionError: a method or the images are none that give a map, or the network has no weights.
    """
    require_images(images, classifier.input_size, AttentionError)
    with torch.no_grad():
        classes = classifier.logits(images).argmax(dim=1).tolist()
    intact = {method: explain(classifier, images, classes, method) for method in methods}
    names, correlations = [], []
    for name, private in randomised(classifier, seed):
        names.append(name)
        found = {method: explain(private, images, classes, method) for method in methods}
        correlations.append(
            [
                [rank_correlation(a.raw, b.raw) for a, b in zip(intact[method], found[method], strict=True)]
                for method in methods
            ]
        )
    return Cascade(tuple(names), tuple(methods), tuple(classes), np.array(correlations))


def randomised(classifier: Classifier, seed: int = 0) -> Iterator[tuple[str, Classifier]]:
    """The lowest random layer and the classifier, head first, until all weights are random.

    One private copy is changed from step to step, so use each classifier before asking for the next. Weights are drawn by
    He et al.'s rule (2015), which keeps activations from fading whatever the depth; norms and biases go back to where
    training starts.

    Raises:
        AttentionError: the network has no weights.
    """
    network = copy.deepcopy(classifier.network)
    private = replace(classifier, network=network)
    generator = Generator().manual_seed(seed)
    for run in stages(network):
        for name in run:
            _forget(network.get_submodule(name), generator)
        yield run[-1], private


def stages(network: nn.Module) -> list[list[str]]:
    """The network's layers with weights, head first, in at most ``STAGES`` runs; the first is the head alone.

    Layers are the network's children, and instead of a child that is a plain sequence, that one's children.

    Raises:
        AttentionError: no child of the network has weights.
    """
    layers = [
        name
        for top, child in network.named_children()
        for name, layer in _opened(top, child)
        if any(True for _ in layer.parameters())
    ]
    if not layers:
        raise AttentionError(
            f"expected layers with weights in {type(network).__name__}, found none. There is nothing to make random."
        )
    head, *below = reversed(layers)
    runs = np.array_split(below, min(STAGES - 1, len(below))) if below else []
    return [[head], *([str(name) for name in run] for run in runs)]


def _opened(name: str, child: nn.Module) -> list[tuple[str, nn.Module]]:
    if isinstance(child, nn.Sequential | nn.ModuleList):
        return [(f"{name}.{key}", layer) for key, layer in child.named_children()]
    return [(name, child)]


def _forget(layer: nn.Module, generator: Generator) -> None:
    for module in layer.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_running_stats()
        for name, weights in module.named_parameters(recurse=False):
            with torch.no_grad():
                if weights.ndim > 1:
                    drawn = torch.empty(weights.shape)
                    weights.copy_(nn.init.kaiming_normal_(drawn, nonlinearity="relu", generator=generator))
                else:
                    weights.fill_(0 if name == "bias" else 1)
