"""The optimiser: its groups, and the learning rate at given steps, worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from dermaviz.errors import RecipeError
from dermaviz.training.optimisation import after_epoch, learning_rate_factor, make_optimiser
from dermaviz.training.recipe import OptimiserRecipe, Recipe, Stage

# 4 epochs of 25 steps; a warm-up of 0.1 is steps 0 to 9
TABLE = [
    ({"schedule": "constant"}, {0: 1, 50: 1, 99: 1}),
    ({"schedule": "constant", "warm_up": 0.1}, {0: 1 / 11, 4: 5 / 11, 9: 10 / 11, 10: 1, 99: 1}),
    ({"schedule": "cosine"}, {0: 1, 25: (1 + math.sqrt(0.5)) / 2, 50: 0.5, 75: (1 - math.sqrt(0.5)) / 2}),
    ({"schedule": "cosine", "final_factor": 0.2}, {0: 1, 50: 0.6, 100: 0.2}),
    ({"schedule": "cosine", "warm_up": 0.1, "final_factor": 0.2}, {9: 10 / 11, 10: 1, 55: 0.6, 100: 0.2}),
    ({"schedule": "step", "steps": (1, 3)}, {0: 1, 24: 1, 25: 0.1, 74: 0.1, 75: 0.01, 99: 0.01}),
    ({"schedule": "step", "steps": (1, 3), "factor": 0.5}, {0: 1, 24: 1, 25: 0.5, 74: 0.5, 75: 0.25, 99: 0.25}),
    ({"schedule": "plateau", "plateau_epochs": 3, "warm_up": 0.1}, {0: 1 / 11, 9: 10 / 11, 10: 1, 99: 1}),
]


@pytest.mark.parametrize(("settings", "expected"), TABLE)
def test_learning_rate_factor(
    tiny_recipe: Callable[..., Recipe], settings: dict[str, object], expected: dict[int, float]
) -> None:
    recipe = tiny_recipe(stages=(Stage(32, 3), Stage(48, 1)), optimiser=OptimiserRecipe(**settings))  # type: ignore[arg-type]
    assert {step: learning_rate_factor(step, 25, recipe) for step in expected} == pytest.approx(expected)


def test_a_plateau_multiplies_the_rate_whatever_the_step(tiny_recipe: Callable[..., Recipe]) -> None:
    recipe = tiny_recipe(optimiser=OptimiserRecipe(schedule="plateau", plateau_epochs=1))
    assert [learning_rate_factor(step, 25, recipe, 0.3) for step in (0, 49)] == [0.3, 0.3]
    constant = tiny_recipe(optimiser=OptimiserRecipe(schedule="constant"))
    assert learning_rate_factor(0, 25, constant, 0.3) == 1.0


@pytest.mark.parametrize(
    ("settings", "gains", "expected"),
    [
        ({"plateau_epochs": 3}, "1000000", [1, 1, 1, 0.1, 0.1, 0.1, 0.01]),
        ({"plateau_epochs": 3, "factor": 0.5}, "10010001", [1, 1, 1, 1, 1, 1, 0.5, 0.5]),
        ({"plateau_epochs": 1, "factor": 0.5, "final_factor": 0.2}, "10000", [1, 0.5, 0.25, 0.2, 0.2]),
    ],
)
def test_the_rate_falls_after_so_many_epochs_without_gain(
    settings: dict[str, float], gains: str, expected: list[float]
) -> None:
    recipe = OptimiserRecipe(schedule="plateau", **settings)  # type: ignore[arg-type]
    plateau, waited, left = 1.0, 0, []
    for gained in gains:
        plateau, waited = after_epoch(gained == "1", plateau, waited, recipe)
        left.append(plateau)
    assert left == pytest.approx(expected)
    assert after_epoch(False, 1.0, 0, OptimiserRecipe()) == (1.0, 0)


@pytest.mark.parametrize("scores", [[0.5, 0.4, 0.4, 0.4, 0.6, 0.6, 0.5, 0.5, 0.5, 0.5], [0.1] * 9])
def test_plateaus_are_those_of_torch(scores: list[float]) -> None:
    """torch waits for more than ``patience`` epochs where Keras, and the reports with it, waits for as many."""
    settings = OptimiserRecipe(schedule="plateau", plateau_epochs=3, factor=0.5)
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    oracle = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, "max", factor=0.5, patience=2, threshold=0.0)
    plateau, waited, best = 1.0, 0, -math.inf
    for score in scores:
        oracle.step(score)
        plateau, waited = after_epoch(score > best, plateau, waited, settings)
        best = max(best, score)
        assert optimiser.param_groups[0]["lr"] == pytest.approx(plateau)
    assert plateau < 1


def network() -> nn.Module:
    layers = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 5), nn.Linear(5, 2))
    layers[0].requires_grad_(False)
    return layers


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adamw", torch.optim.AdamW),
        ("adam", torch.optim.Adam),
        ("sgd", torch.optim.SGD),
        ("rmsprop", torch.optim.RMSprop),
    ],
)
def test_groups_spare_norms_from_decay_and_give_the_head_its_own_rate(name: str, kind: type) -> None:
    layers = network()
    settings = OptimiserRecipe(name=name, learning_rate=0.1, head_factor=10, weight_decay=0.5)  # type: ignore[arg-type]
    optimiser = make_optimiser(layers, settings)
    assert isinstance(optimiser, kind)
    found = {id(p): (g["highest_lr"], g["weight_decay"]) for g in optimiser.param_groups for p in g["params"]}
    said = {key: found.get(id(p)) for key, p in layers.named_parameters()}
    assert said == {
        "0.weight": None,  # frozen: not in the optimiser
        "0.bias": None,
        "1.weight": (0.1, 0.0),
        "1.bias": (0.1, 0.0),
        "3.weight": (0.1, 0.5),
        "3.bias": (0.1, 0.0),
        "4.weight": (1.0, 0.5),
        "4.bias": (1.0, 0.0),
    }


def test_a_network_without_anything_to_learn_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"model\.frozen: expected modules that are left to learn, found none"):
        make_optimiser(nn.Linear(2, 2).requires_grad_(False), OptimiserRecipe())
