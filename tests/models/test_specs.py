"""Tests of the table of architectures and of names that are not in it."""

from __future__ import annotations

import pytest
import timm
import torch

from dermaviz.errors import WeightsError
from dermaviz.models.specs import ARCHITECTURES, TORCHVISION, architecture, create, skeleton

TIMM = [name for name in ARCHITECTURES if not name.startswith(TORCHVISION)]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_row_names_a_network_and_one_of_its_modules(name: str) -> None:
    row = architecture(name)
    assert row.name == name
    skeleton(name).get_submodule(row.attention_layer)


@pytest.mark.parametrize("name", TIMM)
def test_every_row_agrees_with_timm_on_the_input(name: str) -> None:
    row, published = architecture(name), timm.get_pretrained_cfg(name)
    assert published is not None
    assert (3, row.input_size, row.input_size) == tuple(published.input_size)
    assert (row.mean, row.std) == (tuple(published.mean), tuple(published.std))


@pytest.mark.parametrize(
    ("name", "size", "layer"),
    [
        ("test_resnet", 160, "layer4"),
        ("test_convnext", 160, "stages"),
        ("test_efficientnet", 160, "bn2"),
        ("twins_svt_small", 224, "norm"),
        ("test_vit", 160, "blocks.5.norm1"),  # after the last block only the class token goes on
        ("torchvision:resnet18", 224, "layer4"),
        ("torchvision:vit_b_16", 224, "encoder.layers.encoder_layer_11.ln_1"),
        ("torchvision:swin_t", 224, "permute"),
        ("torchvision:vgg11", 224, "features"),  # not the pooling after it
        ("torchvision:squeezenet1_0", 224, "features"),
        ("torchvision:regnet_y_400mf", 224, "trunk_output"),  # its initialisation needs real memory
        ("torchvision:maxvit_t", 224, "blocks.3"),  # a list of modules has no output of its own
    ],
)
def test_a_name_without_a_row_is_looked_up(name: str, size: int, layer: str) -> None:
    row = architecture(name)
    assert (row.input_size, row.attention_layer) == (size, layer)
    skeleton(name).get_submodule(layer)


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_efficientnet", "torchvision:squeezenet1_0"])
def test_the_attention_layer_gives_a_spatial_map_where_the_network_has_one(name: str) -> None:
    network = create(name, 4).eval()
    shapes = []
    layer = network.get_submodule(architecture(name).attention_layer)
    layer.register_forward_hook(lambda module, inputs, output: shapes.append(output.shape))
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 96, 96)).shape == (1, 4)
    assert len(shapes[0]) == 4
    assert shapes[0][-1] > 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet_eighteen", "found 'resnet_eighteen'. Try one of: "),
        ("tf_efficientnet_lite9", "Try one of: tf_efficientnet"),
        ("", "torchvision's are written torchvision:NAME"),
        ("torchvision:resnet19", "expected a classifier of torchvision.models, found 'resnet19'"),
        ("torchvision:fcn_resnet50", "found 'fcn_resnet50'"),
    ],
)
def test_an_unknown_name_is_answered_with_near_ones(name: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        architecture(name)


def test_a_skeleton_takes_no_memory() -> None:
    assert {parameter.device.type for parameter in skeleton("vgg16").parameters()} == {"meta"}


@pytest.mark.parametrize(
    ("name", "settings"), [("vgg16", {"drop_path": 0.2}), ("torchvision:resnet18", {"dropout": 0.2})]
)
def test_a_setting_that_the_family_does_not_know_is_refused(name: str, settings: dict[str, float]) -> None:
    with torch.device("meta"), pytest.raises(WeightsError, match=f"{name}: expected settings that this family has"):
        create(name, 3, **settings)


def test_dropout_and_stochastic_depth_reach_the_network() -> None:
    network = create("test_efficientnet", 3, dropout=0.3, drop_path=0.2)
    assert network.drop_rate == 0.3
    assert [m.drop_prob for m in network.modules() if type(m).__name__ == "DropPath"][-1] > 0.1
