"""Tests of single-step adversarial training: the closed form on a linear network, bounds, and a network that holds better."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from dermaviz.errors import RecipeError
from dermaviz.training.batches import generator_at
from dermaviz.training.loop import Trainer
from dermaviz.training.optimisation import harden
from dermaviz.training.recipe import DefenceRecipe, Recipe

MEAN, STD = torch.full((1, 3, 1, 1), 0.5), torch.full((1, 3, 1, 1), 0.25)


def linear() -> nn.Module:
    """Two classes; every pixel of weight ±1 for the second one, so the loss of class 1 rises against its sign."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2, bias=False))
    with torch.no_grad():
        network[1].weight[0] = 0
        network[1].weight[1] = torch.tensor([1.0, -1.0]).repeat(6)
    return network


def hardened(network: nn.Module, images: torch.Tensor, labels: list[int], **values: float) -> torch.Tensor:
    return harden(network, images, torch.tensor(labels), MEAN, STD, DefenceRecipe(**values), generator_at(0))


def test_a_step_of_twice_the_radius_ends_in_the_corner_that_hurts_most() -> None:
    images = torch.full((2, 3, 2, 2), 0.5)
    found = hardened(linear(), images, [1, 0], epsilon=0.1, step=2.0)
    away = -0.1 * torch.tensor([1.0, -1.0]).repeat(6).reshape(3, 2, 2)
    torch.testing.assert_close(found, images + torch.stack([away, -away]))


@pytest.mark.parametrize("epsilon", [0.02, 0.3, 1.0])
def test_images_stay_within_epsilon_and_are_pixels(epsilon: float) -> None:
    images = torch.rand(4, 3, 2, 2, generator=generator_at(1))
    found = hardened(linear(), images, [0, 1, 1, 0], epsilon=epsilon)
    assert (found - images).abs().max() <= epsilon + 1e-6
    assert 0 <= found.min() <= found.max() <= 1
    assert not torch.equal(found, images)


def test_noise_has_a_size_of_its_own_for_each_image() -> None:
    images = torch.full((200, 3, 16, 16), 0.5)
    sizes = (hardened(linear(), images, [0] * 200, noise=0.06) - images).flatten(1).std(1)
    assert 0.025 < sizes.mean() < 0.035  # uniform below 0.06
    assert sizes.max() < 0.065


def test_network_and_generator_alone_decide(tiny_recipe: Callable[..., Recipe], fit: Callable[..., Trainer]) -> None:
    network = linear().train()
    images = torch.rand(2, 3, 2, 2, generator=generator_at(2))
    first = hardened(network, images, [0, 1], epsilon=0.1, noise=0.1)
    assert network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    assert torch.equal(first, hardened(network, images, [0, 1], epsilon=0.1, noise=0.1))


def test_the_last_epoch_is_kept_and_its_run_repeats(
    tiny_recipe: Callable[..., Recipe], fit: Callable[..., Trainer]
) -> None:
    recipe = tiny_recipe(defence=DefenceRecipe(epsilon=0.02, noise=0.02), select_by="last")
    one, two = fit(recipe, "one"), fit(recipe, "two")
    assert one.progress.best_epoch == 1
    assert (one.run / "best.safetensors").read_bytes() == (two.run / "best.safetensors").read_bytes()


@pytest.mark.parametrize("values", [{"epsilon": -0.1}, {"epsilon": 1.1}, {"noise": 2.0}, {"step": 3.0}])
def test_values_without_meaning_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match=r"\w+: expected 0 to \d, found"):
        DefenceRecipe(**values)
