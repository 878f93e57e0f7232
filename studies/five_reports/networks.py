"""The networks and heads that the five reports describe themselves, as printed or as near to it as a network can be.

They take pixels in [0, 1] less the mean and by the deviation in ``names.OWN_NETWORKS``: none for the reports that state no
more than "converted to tensors". They give logits; the softmax belongs to the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from timm.models.vgg import VGG
from torch import Tensor, nn

from dermaviz.errors import WeightsError
from dermaviz.models.specs import Architecture, Family, architecture, skeleton
from studies.five_reports.names import HEADS, OWN, take_apart


class FixedFlatten(nn.Flatten):
    """Maps ``[N, K, side, side]`` as vectors ``[N, K · side²]``, for networks whose next layer has a weight per place.

    Raises:
        WeightsError: the maps are of another size, so the images were.
    """

    def __init__(self, side: int, size: int) -> None:
        super().__init__()
        self.side, self.size = side, size

    def forward(self, maps: Tensor) -> Tensor:
        if maps.shape[2:] != (self.side, self.side):
            found = " × ".join(map(str, maps.shape[2:]))
            raise WeightsError(
                f"expected images of {self.size} × {self.size} pixels, as the network's name says, found some whose maps "
                f"are {found} instead of {self.side} × {self.side}. Change the input size, or the size in the name."
            )
        return super().forward(maps)


class LeNet(nn.Module):
    """Gupta et al., section 6: the baseline, layer by layer as in the report's code; at 224 px it flattens 10 · 54 · 54.

    The code prints the size for 224 px only; here it follows from ``size``. The activations are modules, so that maps can
    be taken after them: the code's one pooling layer runs twice and is no place to cut.
    """

    def __init__(self, n_classes: int, size: int) -> None:
        super().__init__()
        side = ((size - 2) // 2 - 2) // 2
        self.conv1 = nn.Conv2d(3, 5, kernel_size=5, padding=1)
        self.relu1 = nn.ReLU()
        self.pool = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv2 = nn.Conv2d(5, 10, kernel_size=5, padding=1)
        self.relu2 = nn.ReLU()
        self.flatten = FixedFlatten(side, size)
        self.fc1 = nn.Linear(10 * side * side, 120)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(120, 84)
        self.relu4 = nn.ReLU()
        self.fc3 = nn.Linear(84, n_classes)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.pool(self.relu1(self.conv1(images)))
        maps = self.pool(self.relu2(self.conv2(maps)))
        hidden = self.relu3(self.fc1(self.flatten(maps)))
        return self.fc3(self.relu4(self.fc2(hidden)))


class Blocks(nn.Module):
    """Bezzon and Carraro, section 4.3 and the notes below Table 1: one to five blocks, then one dense layer and dropout.

    Block k: two 3×3 convolutions of 32 · 2^(k−1) maps, max-pooling, dropout. The dense layer has twice the last block's
    maps as units, and dropout of one half. Not printed, and decided here:

    - padding: the maps keep their size in a convolution. Without padding 75 pixels are gone in the fourth block, and the
      report has five;
    - the "increasing percentage" of dropout: 0.1 · k after block k, as in the notes below Table 1 of the report's LaTeX
      source (github.com/albertobezzon/cognitiveservices, report/sections/method.tex);
    - the initial weights: Keras's;
    - "normalization of images": to zero mean and unit variance of each channel, as measured on the training photos of
      HAM10000. With pixels in [0, 1] as they are, four blocks were hardly past "always nevus" after four epochs.

    Inputs are square here: the report's 100 × 75 have the area of about 88 × 88.
    """

    def __init__(self, n_classes: int, size: int, *, count: int) -> None:
        super().__init__()
        widths = [3, *(32 * 2**k for k in range(count))]
        self.blocks = nn.Sequential(*(_block(widths[k], widths[k + 1], 0.1 * (k + 1)) for k in range(count)))
        side, units = size // 2**count, 2 * widths[-1]
        self.flatten = FixedFlatten(side, size)
        self.fc1 = nn.Linear(widths[-1] * side * side, units)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.5)
        self.fc2 = nn.Linear(units, n_classes)
        start_as_keras(self)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.relu(self.fc1(self.flatten(self.blocks(images))))
        return self.fc2(self.dropout(hidden))


def _block(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(dropout),
    )


class CNN512(nn.Module):
    """HAM10000 CNN and transfer report, Table 1: the nearest network that can exist to the one printed.

    Printed are 32 maps of 510, 508 and 506, max-pooling to 253, 64 of 251, then 256 of 57 and, by a 5×5 convolution, of
    53; global pooling, 4,096 dense units, 5 outputs with a sigmoid. It cannot be so:

    - a ReLU is said to turn 508 × 508 into 252 × 252; a ReLU changes no size, so this is read as 508;
    - no 3×3 convolution leads from 251 to 57. The fewest layers that make it possible are max-pooling (125), a 3×3
      convolution (123), max-pooling (61) and another (59). Their width is not printed: 128, between 64 and 256;
    - five outputs cannot answer for seven classes: there is one per class, and softmax in place of the sigmoid.

    Of the two kinds of global pooling it is the average. Dropout is mentioned without place or rate: ``dropout`` is the
    probability before the last layer. The network takes any size from 90 px; the one in its name is the default input.
    """

    def __init__(self, n_classes: int, size: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        stages = (
            ((3, 32, 3), (32, 32, 3), (32, 32, 3)),
            ((32, 64, 3),),
            ((64, 128, 3),),
            ((128, 128, 3), (128, 256, 3), (256, 256, 5)),
        )
        layers: list[nn.Module] = []
        for stage in stages:
            layers += [nn.MaxPool2d(2)] if layers else []
            for inputs, outputs, kernel in stage:
                layers += [nn.Conv2d(inputs, outputs, kernel), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(256, 4096)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(4096, n_classes)
        start_as_keras(self)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.relu(self.fc1(self.flatten(self.pool(self.features(images)))))
        return self.fc2(self.dropout(hidden))


def start_as_keras(network: nn.Module) -> None:
    """Keras's initial weights: uniform as Glorot and Bengio 2010, biases 0.

    The reports were written in Keras; PyTorch's own are smaller and let the signal fade in ten plain convolutions.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


BUILDERS: MappingProxyType[str, Callable[..., nn.Module]] = MappingProxyType(
    {"lenet": LeNet, "cnn512": CNN512, **{f"blocks{count}": partial(Blocks, count=count) for count in range(1, 6)}}
)
"""A network for ``(n_classes, size)`` by the name it has in ``OWN_NETWORKS``."""


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


def _architecture(name: str) -> Architecture:
    """The row of one of the study's names.

    Raises:
        WeightsError: the name does not follow the grammar, or the network has no place for the head.
    """
    parts = take_apart(name)
    if parts.head:
        row = architecture(parts.body)
        skeleton(name)  # refuses a head that the network has no place for
        return replace(row, name=name)
    assert parts.own is not None  # else it were a published network's name
    return Architecture(name, parts.size, parts.own.mean, parts.own.std, parts.own.attention_layer)


def _create(name: str, n_classes: int, **settings: float) -> nn.Module:
    parts = take_apart(name)
    return BUILDERS[parts.base.removeprefix(OWN)](n_classes, parts.size, **settings)


def _attach(network: nn.Module, name: str) -> nn.Module:
    return attach_head(network, take_apart(name).head)


FAMILY = Family(
    knows=lambda name: name.startswith(OWN) or "@" in name or "+" in name,
    architecture=_architecture,
    create=_create,
    body=lambda name: take_apart(name).body,
    attach=_attach,
)
"""What the library asks of names that follow this study's grammar."""
