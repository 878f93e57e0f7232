"""Classifiers whose answers to an attack are known in closed form, and images for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from dermaviz.models.card import Card
from dermaviz.models.classifier import Classifier


class Linear(nn.Module):
    """Logits that are linear in the pixels."""

    def __init__(self, weights: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weights", weights)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.weights.T + self.bias


@pytest.fixture
def wrap_network(make_card: Callable[..., Card]) -> Callable[..., Classifier]:
    """``wrap_network(network, classes=3, size=4)``: a classifier round ``network`` that does not normalise."""

    def wrap(network: nn.Module, classes: int = 3, size: int = 4) -> Classifier:
        names = ("mel", *(f"c{i}" for i in range(1, classes)))
        card = make_card(classes=names, input_size=size, mean=(0.0,) * 3, std=(1.0,) * 3)
        return Classifier(card, network.eval().requires_grad_(False), torch.device("cpu"))

    return wrap


@pytest.fixture
def linear_classifier(wrap_network: Callable[..., Classifier]) -> Callable[..., Classifier]:
    """``linear_classifier(classes=2, scale=1.0)``: 4 px, seeded weights; the logits of grey 0.5 are 0, or ``bias``."""

    def make(classes: int = 2, scale: float = 1.0, bias: tuple[float, ...] | None = None) -> Classifier:
        weights = scale * torch.randn(classes, 48, generator=torch.Generator().manual_seed(1))
        centre = -weights.sum(dim=1) / 2
        shift = torch.zeros(classes) if bias is None else torch.tensor(bias)
        return wrap_network(Linear(weights, centre + shift), classes)

    return make


@pytest.fixture
def draw_images() -> Callable[..., Tensor]:
    """``draw_images(count, size=4, seed=0)``: 8-bit images as float32 in [0, 1]."""

    def draw(count: int, size: int = 4, seed: int = 0, low: int = 0, high: int = 256) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randint(low, high, (count, 3, size, size), generator=generator).float() / 255

    return draw


class Watched(nn.Module):
    """A network that writes down of how many images each pass is, and whether their gradient is asked for."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.passes = network, []
        self.training = network.training

    def forward(self, x: Tensor) -> Tensor:
        self.passes.append((len(x), x.requires_grad))
        return self.network(x)


@pytest.fixture
def cost_of() -> Callable[..., tuple[int, int]]:
    """``cost_of(attack, classifier, *more)``: images passed forward, and images whose gradient was then passed back."""

    def cost(
        attack: Callable[..., object], classifier: Classifier, *more: object, **options: object
    ) -> tuple[int, int]:
        watched = Watched(classifier.network)
        attack(replace(classifier, network=watched), *more, **options)
        return sum(n for n, _ in watched.passes), sum(n for n, back in watched.passes if back)

    return cost


class Wavy(nn.Module):
    """Logits that rise and fall within a few grey levels."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(2)
        self.register_buffer("inner", 10 * torch.randn(16, 48, generator=generator))
        self.register_buffer("outer", torch.randn(3, 16, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(x.flatten(1) @ self.inner.T) @ self.outer.T


@pytest.fixture
def wavy_classifier(wrap_network: Callable[..., Classifier]) -> Classifier:
    """4 px, three classes, of which the first is malignant; bent so much that FGSM overshoots."""
    return wrap_network(Wavy())
