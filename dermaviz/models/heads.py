"""Models: put a report's head in the place of a published network's classifier."""

from __future__ import annotations

from timm.models.vgg import VGG
from torch import nn

from dermaviz.errors import WeightsError
from dermaviz.models.names import HEADS
from dermaviz.models.report_networks import start_as_keras


def attach_head(network: nn.Module, head: str) -> nn.Module:
    """Replace the last linear layer of ``network`` by a row of ``HEADS`` with as many outputs; returns the network.

    The layer's name stays and becomes a sequence, so modules before it, such as the attention layer, keep theirs. The
    head starts with Keras's weights.

    Raises:
        WeightsError: there is no such layer, or maps are to be averaged and the network has layers between them and it.
    """
    row = HEADS[head]
    linear = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear or (row.average and len(linear) > 1):
        expected = "one linear layer, behind pooling" if row.average else "a linear layer at its end"
        raise WeightsError(
            f"head {head}: expected a network with {expected}, found {len(linear)} in {type(network).__name__}. "
            "Choose another network, such as resnet50, inception_v3 or timm's vgg16."
        )
    name, last = linear[-1]
    inputs = last.in_features
    if row.average and isinstance(network, VGG):  # its two layers of 4,096 units are convolutions before the pooling
        network.set_submodule("pre_logits", nn.Identity())
        inputs = [module for module in network.features.modules() if isinstance(module, nn.Conv2d)][-1].out_channels
    layers: list[nn.Module] = []
    for width in row.widths:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        layers += [nn.BatchNorm1d(width)] if row.batch_norm else []
        layers += [nn.Dropout(row.dropout)] if row.dropout else []
        inputs = width
    sequence = nn.Sequential(*layers, nn.Linear(inputs, last.out_features))
    start_as_keras(sequence)
    network.set_submodule(name, sequence)
    return network
