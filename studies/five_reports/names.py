"""Names of the study's networks, BASE[@SIZE][+HEAD], and the tables of the reports' own networks and heads. Free of torch.

A card's ``architecture`` is such a name, and the name alone rebuilds the network: ``resnet18`` (timm's),
``torchvision:alexnet``, ``dermaviz:blocks4@88`` (a report's own network for inputs of 88 × 88 pixels),
``inception_v3+dense64`` (a published network whose classifier gives way to a report's head).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

from dermaviz.errors import WeightsError

OWN = "dermaviz:"
RGBTriple = tuple[float, float, float]
_GRAMMAR = re.compile(r"(?P<body>(?P<base>[^@+]*)(?:@(?P<size>[1-9][0-9]*))?)(?:\+(?P<head>[^@+]+))?")


@dataclass(frozen=True)
class OwnNetwork:
    """A network that a report describes itself.

    ``report`` is the report's file name, ``smallest`` the least side of the input in pixels that leaves a map,
    ``attention_layer`` the last ReLU before the maps are flattened or averaged. ``about`` says what it is, ``changed``
    what had to be decided or changed because the report leaves it open or cannot be followed ("" where nothing). ``mean``
    and ``std`` are those that it subtracts from, and divides, the channels of pixels in [0, 1] by.
    """

    name: str
    report: str
    smallest: int
    attention_layer: str
    about: str
    changed: str = ""
    mean: RGBTriple = (0.0, 0.0, 0.0)
    std: RGBTriple = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Head:
    """Dense layers in place of a network's classifier, each with ReLU, then batch norm and dropout where there are any.

    ``average`` puts global average pooling before them also where the network has layers of its own after its maps.
    ``changed`` is as in :class:`OwnNetwork`.
    """

    name: str
    reports: tuple[str, ...]
    widths: tuple[int, ...]
    about: str
    changed: str
    batch_norm: bool = False
    dropout: float = 0.0
    average: bool = False


def _blocks(count: int, words: str) -> OwnNetwork:
    return OwnNetwork(
        f"blocks{count}",
        "bezzon-carraro",
        2**count,
        f"blocks.{count - 1}.3",
        f"{words} of two 3×3 convolutions and max-pooling, {32 * 2 ** (count - 1)} maps at last, then a dense layer of "
        f"{64 * 2 ** (count - 1)} units.",
        "The convolutions are padded, dropout after block k is k · 0.1, and normalised means zero mean and unit variance, none "
        "of which is printed; inputs are square.",
        mean=(0.764, 0.538, 0.561),
        std=(0.136, 0.156, 0.173),
    )


OWN_NETWORKS = MappingProxyType(
    {
        row.name: row
        for row in (
            OwnNetwork(
                "lenet",
                "gupta-et-al",
                10,
                "relu2",
                "The LeNet-like baseline: two 5×5 convolutions with max-pooling and three fully connected layers.",
            ),
            *(
                _blocks(count, words)
                for count, words in enumerate(
                    ("One block", "Two blocks", "Three blocks", "Four blocks", "Five blocks"), start=1
                )
            ),
            OwnNetwork(
                "cnn512",
                "ham10000-cnn-transfer",
                90,
                "features.18",
                "The nearest network that can exist to the report's own: eight convolutions, global pooling, 4,096 dense units.",
                "Twice max-pooling and a 3×3 convolution of 128 maps join 251 × 251 to 57 × 57, the fewest layers that can; "
                "it ends in as many outputs as there are classes, not in five with a sigmoid.",
            ),
        )
    }
)
HEADS = MappingProxyType(
    {
        row.name: row
        for row in (
            Head(
                "dense64",
                ("sagar-jacob",),
                (64,),
                "64 dense units, batch norm, dropout of one half, then the outputs.",
                "The order of the layers between the two dense ones is not printed, nor is the activation: ReLU.",
                batch_norm=True,
                dropout=0.5,
            ),
            Head(
                "pool-dense512-256",
                ("bezzon-carraro", "ham10000-cnn-transfer"),
                (512, 256),
                "Global average pooling, two dense layers, then the outputs.",
                "Neither report prints the widths ('two fully connected layers', 'a few'): 512 and 256 are ours.",
                average=True,
            ),
        )
    }
)


@dataclass(frozen=True)
class NetworkName:
    """A name taken apart: ``body`` is all but the head, ``base`` all but size and head; ``size`` is 0 and ``head`` ""
    where the name has none."""

    body: str
    base: str
    size: int
    head: str

    @property
    def own(self) -> OwnNetwork | None:
        """The row of a report's own network; None for a network of timm's or torchvision's."""
        return OWN_NETWORKS[self.base.removeprefix(OWN)] if self.base.startswith(OWN) else None


def take_apart(name: str) -> NetworkName:
    """The parts of a name. Whether timm or torchvision know the base is not asked here.

    Raises:
        WeightsError: the name does not follow the grammar, or names a head, own network or size that is none.
    """
    match = _GRAMMAR.fullmatch(name)
    if match is None:
        raise WeightsError(
            f"expected a network's name as BASE[@SIZE][+HEAD], found {name!r}. "
            "Examples: resnet18, dermaviz:blocks4@88, inception_v3+dense64."
        )
    parts = NetworkName(match["body"], match["base"], int(match["size"] or 0), match["head"] or "")
    if parts.head and parts.head not in HEADS:
        raise WeightsError(
            f"{name}: expected a head among {', '.join(HEADS)}, found {parts.head!r}. Choose one of them."
        )
    if parts.base.startswith(OWN):
        _check_own(name, parts)
    elif parts.size:
        raise WeightsError(
            f"{name}: expected a size only in names that begin with {OWN}, found @{parts.size}. Leave it out: the size of "
            "the input is the recipe's."
        )
    return parts


def _check_own(name: str, parts: NetworkName) -> None:
    short = parts.base.removeprefix(OWN)
    if short not in OWN_NETWORKS:
        raise WeightsError(
            f"{name}: expected a network among {', '.join(OWN_NETWORKS)}, found {short!r}. Choose one of them."
        )
    least = OWN_NETWORKS[short].smallest
    if parts.size < least:
        found = f"@{parts.size}" if parts.size else "no size"
        raise WeightsError(
            f"{name}: expected the side of its square input, {least} or more pixels, found {found}. "
            f"Write {parts.base}@224, say."
        )
