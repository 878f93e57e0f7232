"""Optimisation: losses, optimisers, schedules, frozen modules and adversarial training, each checked by hand or by torch."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dermaviz.errors import RecipeError
from dermaviz.models.specs import create
from dermaviz.training.batches import generator_at
from dermaviz.training.loop import Trainer
from dermaviz.training.optimisation import (
    after_epoch,
    class_weights,
    freeze,
    frozen_names,
    harden,
    learning_rate_factor,
    loss_per_image,
    make_optimiser,
    trained_share,
)
from dermaviz.training.recipe import DefenceRecipe, LossRecipe, ModelRecipe, OptimiserRecipe, Recipe, Stage

LABELS = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 2, 2])
LOGITS = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
EVEN = torch.ones(3)


def test_class_weights_are_inverse_frequencies_with_mean_one_over_images() -> None:
    weights = class_weights(LABELS, 3, power=1.0)
    torch.testing.assert_close(weights, torch.tensor([10 / 18, 10 / 6, 10 / 6]))
    assert weights[LABELS].mean().item() == pytest.approx(1)


@pytest.mark.parametrize("power", [0.0, 0.5, 0.6, 1.0, 2.0])
def test_a_power_of_the_ratio_of_counts_is_the_ratio_of_weights(power: float) -> None:
    weights = class_weights(LABELS, 3, power)
    assert (weights[1] / weights[0]).item() == pytest.approx(3**power)
    assert weights[LABELS].mean().item() == pytest.approx(1)


def test_a_class_without_images_weighs_nothing() -> None:
    assert class_weights(LABELS, 4, power=0.5)[3] == 0
    assert class_weights(LABELS, 4, power=0.0)[3] == 0


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_torch_s_with_mean_weights(smoothing: float) -> None:
    weights = class_weights(LABELS, 3, power=1.0)
    ours = loss_per_image(LOGITS, LABELS, weights, LossRecipe(label_smoothing=smoothing))
    plain = F.cross_entropy(LOGITS, LABELS, reduction="none", label_smoothing=smoothing)
    torch.testing.assert_close(ours, plain * weights[LABELS])
    if not smoothing:  # torch divides by the sum of weights, which is the number of images here
        torch.testing.assert_close(ours.mean(), F.cross_entropy(LOGITS, LABELS, weight=weights))


def test_label_smoothing_by_hand() -> None:
    """p = (1/2, 1/4, 1/4), smoothing 0.3: targets 0.8, 0.1, 0.1."""
    logits = torch.tensor([[0.5, 0.25, 0.25]]).log()
    (loss,) = loss_per_image(logits, torch.tensor([0]), EVEN, LossRecipe(label_smoothing=0.3))
    assert loss.item() == pytest.approx(0.8 * math.log(2) + 0.2 * math.log(4))


@pytest.mark.parametrize(("gamma", "factor"), [(0.0, 1.0), (1.0, 0.75), (2.0, 0.5625)])
def test_focal_loss_by_hand(gamma: float, factor: float) -> None:
    """p = 1/4 for the true class: (3/4)^gamma · ln 4, twice for a weight of 2."""
    logits = torch.tensor([[0.5, 0.25, 0.25]]).log()
    settings = LossRecipe(name="focal", gamma=gamma)
    (loss,) = loss_per_image(logits, torch.tensor([1]), torch.tensor([1.0, 2.0, 1.0]), settings)
    assert loss.item() == pytest.approx(2 * factor * math.log(4))


def test_half_precision_logits_are_taken_to_full_precision() -> None:
    loss = loss_per_image(LOGITS.bfloat16(), LABELS, EVEN, LossRecipe())
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, F.cross_entropy(LOGITS.bfloat16().float(), LABELS, reduction="none"))


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


STAGES = {
    "conv5_x open": (("layer4", "fc"), {"conv1", "bn1", "act1", "maxpool", "layer1", "layer2", "layer3", "global_pool"}),
    "conv4_x and conv5_x open": (
        ("layer3", "layer4", "fc"),
        {"conv1", "bn1", "act1", "maxpool", "layer1", "layer2", "global_pool"},
    ),
    "head only": (
        ("fc",),
        {"conv1", "bn1", "act1", "maxpool", "layer1", "layer2", "layer3", "layer4", "global_pool"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("trained", "frozen"), STAGES.values(), ids=STAGES)
def test_all_but_the_trained_stages_of_a_resnet_are_frozen(trained: tuple[str, ...], frozen: set[str]) -> None:
    network = create("resnet18", 2)
    assert set(frozen_names(network, ModelRecipe("resnet18", trained=trained))) == frozen


def test_a_trained_module_within_another_leaves_only_its_neighbours_frozen() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), nn.Linear(2, 2))
    assert frozen_names(network, ModelRecipe("x", trained=("1.1", "2"))) == ("0", "1.0")
    assert frozen_names(network, ModelRecipe("x", trained=("1", "1.0"))) == ("0", "2")
    assert frozen_names(network, ModelRecipe("x", frozen=("1.1",))) == ("1.1",)


@pytest.mark.parametrize(
    ("settings", "key"), [({"trained": ("0", "head")}, "trained"), ({"frozen": ("head",)}, "frozen")]
)
def test_a_module_that_is_not_there_is_named_with_the_key(settings: dict[str, tuple[str, ...]], key: str) -> None:
    network = nn.Sequential(nn.Linear(2, 2))
    with pytest.raises(
        RecipeError, match=rf"model\.{key}: expected names of modules, found \['head'\].*outermost: 0\."
    ):
        frozen_names(network, ModelRecipe("x", **settings))  # type: ignore[arg-type]


def test_the_share_counts_layers_not_parameters() -> None:
    """Ten layers with parameters, of which three learn: a frozen share of exactly 70%."""
    network = nn.Sequential(
        nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.ReLU(), *(nn.Linear(2, 2) for _ in range(7)), nn.Linear(2, 900)
    )
    assert trained_share(network) == 1.0
    freeze(network, [str(i) for i in (0, 1, 3, 4, 5, 6, 7)])
    assert trained_share(network) == pytest.approx(0.3)
    assert trained_share(nn.ReLU()) == 0.0


def test_most_layers_of_vgg16_are_frozen_where_its_last_block_and_classifier_learn() -> None:
    """13 convolutions and 3 fully connected layers. The 10 before the last block are less than 70%, as a report says that
    freezes "more than 70%"; two more of that block are."""
    network = create("torchvision:vgg16", 2)
    before_last = tuple(f"features.{i}" for i in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21))
    freeze(network, before_last)
    assert trained_share(network) == pytest.approx(6 / 16)
    freeze(network, ("features.24", "features.26"))
    assert 1 - trained_share(network) > 0.7


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
