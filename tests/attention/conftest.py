"""Tiny classifiers with random weights, and images for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from dermaviz.models.card import Card
from dermaviz.models.classifier import Classifier
from dermaviz.models.specs import create

CLASSES = ("akiec", "bcc", "bkl", "df", "mel")


def wrap(network: nn.Module, layer: str, size: int = 64) -> Classifier:
    """A classifier around ``network``, as a loaded checkpoint would be."""
    card = Card(
        name="tiny",
        architecture="tiny",
        classes=CLASSES,
        input_size=size,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        attention_layer=layer,
        temperature=1.7,
        split_sha256="",
        weights_sha256="",
        recipe={},
        metrics={},
        data={},
        licence="",
        intended_use="",
        not_for="",
        malignant=("mel",),
    )
    network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return Classifier(card, network, torch.device("cpu"))


def settle(network: nn.Module) -> nn.Module:
    """Give batch norms the statistics and shifts of a trained network; fresh ones let nothing through to the maps."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.normal_(module.bias, 0.2, 0.3)
        if isinstance(module, nn.Linear) and not module.weight.any():  # heads that start at zero have no gradient
            nn.init.normal_(module.weight, std=0.02)
    return network


@pytest.fixture
def build_classifier() -> Callable[..., Classifier]:
    """``build_classifier(architecture, layer, size)``: any timm or torchvision network with seeded random weights."""

    def build(architecture: str, layer: str, size: int = 64) -> Classifier:
        torch.manual_seed(1)
        return wrap(
            settle(create(architecture, len(CLASSES), dropout=0.0 if ":" in architecture else 0.2)), layer, size
        )

    return build


@pytest.fixture
def wrap_network() -> Callable[..., Classifier]:
    """:func:`wrap`, for networks that a test writes itself."""
    return wrap


@pytest.fixture
def draw_images() -> Callable[..., torch.Tensor]:
    """``draw_images(count, size)``: float32 images in [0, 1], seeded."""

    def draw(count: int, size: int = 64, seed: int = 0) -> torch.Tensor:
        return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))

    return draw
