"""Which parts of a network stay as they are: those named, or all but those named; and how large a share learns."""

from __future__ import annotations

import pytest
from torch import nn

from dermaviz.errors import RecipeError
from dermaviz.models.specs import create
from dermaviz.training.optimisation import freeze, frozen_names, trained_share
from dermaviz.training.recipe import ModelRecipe

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
