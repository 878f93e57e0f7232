"""The entry points: every method, eight threads, a network left as it was, maps with nothing in them, refusals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from dermaviz.attention.maps import attention_maps, explain
from dermaviz.attention.methods import METHODS
from dermaviz.errors import AttentionError

FAST = [name for name, row in METHODS.items() if row.fast]
SLOW = [name for name, row in METHODS.items() if not row.fast]


def traces(network: nn.Module) -> tuple[object, ...]:
    """Everything about a network that an explanation might leave changed."""
    state = {name: value.clone() for name, value in network.state_dict().items()}
    modules = {
        name: (module.training, id(module), len(module._forward_hooks), len(module._backward_hooks))
        for name, module in network.named_modules()
    }
    parameters = [(p.requires_grad, p.grad, p.data_ptr()) for p in network.parameters()]
    return state, modules, parameters


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_a_map_and_leaves_the_network_alone(build_classifier, draw_images, method, capfd):
    classifier = build_classifier("test_resnet", "layer4")
    state, modules, parameters = traces(classifier.network)
    (found,) = explain(classifier, draw_images(1), 2, method, "layer3")
    assert found.raw.shape == (4, 4)
    assert found.raw.dtype == np.float32
    assert np.isfinite(found.raw).all()
    assert np.ptp(found.raw) > 0
    assert (found.method, found.class_index, found.layer) == (method, 2, "layer3")
    assert found.seconds > 0
    after = traces(classifier.network)
    assert after[1:] == (modules, parameters)
    assert all(torch.equal(value, after[0][name]) for name, value in state.items())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "method", [name for name in METHODS if name != "scorecam"]
)  # as Ablation-CAM, but five seconds
def test_every_method_lays_out_the_tokens_of_a_transformer(build_classifier, draw_images, method, capfd):
    (found,) = explain(build_classifier("test_vit", "blocks.5.norm1", 160), draw_images(1, 160), 2, method)
    assert found.raw.shape == (10, 10)
    assert np.isfinite(found.raw).all()
    assert np.ptp(found.raw) > 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("method", METHODS)
def test_class_specific_is_true_to_its_name(build_classifier, draw_images, method):
    first, second = attention_maps(build_classifier("test_resnet", "layer4"), draw_images(1), [0, 3], method)
    assert np.array_equal(first.raw, second.raw) != METHODS[method].class_specific


@pytest.mark.parametrize("method", ["gradcam++", "gradcam", "layercam", "gradcam-elementwise"])
def test_eight_threads_get_the_answers_of_one(build_classifier, draw_images, method):
    classifier = build_classifier("test_efficientnet", "bn2")
    questions = [(draw_images(1, seed=i % 10), i % 5) for i in range(40)]
    expected = [explain(classifier, image, index, method)[0] for image, index in questions]
    fresh = build_classifier("test_efficientnet", "bn2")  # whose split is then made under the threads' rush
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda question: explain(fresh, *question, method)[0], questions))
    assert all(np.array_equal(a.raw, b.raw) for a, b in zip(found, expected, strict=True))
    assert [one.class_index for one in found] == [index for _, index in questions]


@pytest.mark.parametrize("method", ["layercam", "gradcam-elementwise"])
def test_without_a_class_each_images_prediction_is_explained(build_classifier, draw_images, method):
    classifier = build_classifier("test_resnet", "layer4")
    images = draw_images(4) * torch.tensor([0.1, 0.4, 0.7, 1.0]).view(4, 1, 1, 1)
    predicted = classifier.probabilities(images).argmax(axis=1).tolist()
    assert [one.class_index for one in explain(classifier, images, method=method)] == predicted


def test_another_layer_gives_its_own_resolution(build_classifier, draw_images):
    (found,) = explain(build_classifier("test_resnet", "layer4"), draw_images(1), 0, layer="layer2")
    assert (found.layer, found.raw.shape) == ("layer2", (8, 8))


class Painted(nn.Module):
    """Features are the image's channels, the score of class 0 their weighted mean: the map is known beforehand."""

    def __init__(self, weights: list[float]) -> None:
        super().__init__()
        self.features = nn.Identity()
        self.register_buffer("weights", torch.tensor([weights, [0.0] * 3, [0.0] * 3, [0.0] * 3, [0.0] * 3]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.features(x).mean((2, 3)) @ self.weights.T


@pytest.mark.parametrize(
    ("weights", "image", "status"),
    [
        ([1.0, 0, 0], "ramp", "ok"),
        ([-1.0, 0, 0], "white", "empty"),
        ([0.0, 0, 0], "ramp", "empty"),
        ([1.0, 0, 0], "white", "constant"),
        ([float("nan"), 0, 0], "ramp", "non-finite"),
        ([float("inf"), 0, 0], "ramp", "non-finite"),
    ],
)
@pytest.mark.parametrize("method", ["gradcam", "layercam"])
def test_a_map_with_nothing_in_it_says_so(wrap_network, weights, image, status, method):
    ramp = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8).expand(1, 3, 8, 8)
    classifier = wrap_network(Painted(weights), "features", 8)
    (found,) = explain(classifier, ramp if image == "ramp" else torch.ones(1, 3, 8, 8), 0, method)
    assert found.status == status
    assert found.normalised.max() == (1 if status == "ok" else 0)


@pytest.mark.parametrize(
    ("images", "class_index", "method", "layer", "message"),
    [
        ((1, 3, 64, 64), 5, "gradcam", None, r"class indices from 0 to 4, found \[5\]"),
        ((1, 3, 64, 64), -1, "eigencam", None, r"class indices from 0 to 4, found \[-1\]"),
        ((2, 3, 64, 64), [0, 1, 2], "gradcam", None, r"one class for all images or 2, one per image; found 3"),
        ((1, 3, 32, 32), 0, "gradcam", None, r"images \[N, 3, 64, 64\], found \[1, 3, 32, 32\].*prepare"),
        ((3, 64, 64), 0, "gradcam", None, r"found \[3, 64, 64\]"),
        ((1, 1, 64, 64), 0, "gradcam", None, r"found \[1, 1, 64, 64\]"),
        ((0, 3, 64, 64), 0, "gradcam", None, r"found \[0, 3, 64, 64\]"),
        ((1, 3, 64, 64), 0, "grad-cam", None, r"method among gradcam\+\+, .*; found 'grad-cam'"),
        ((1, 3, 64, 64), 0, "gradcam", "layer9", r"name of a layer of ResNet, found 'layer9'.*layer4"),
        ((1, 3, 64, 64), 0, "eigencam", "layer9", r"name of a layer of ResNet, found 'layer9'.*layer4"),
        ((1, 3, 64, 64), 0, "gradcam", "fc", r"a feature map .* from layer 'fc', found \[1, 5\]"),
    ],
)
def test_refuses_what_gives_no_map(build_classifier, images, class_index, method, layer, message):
    with pytest.raises(AttentionError, match=message):
        explain(build_classifier("test_resnet", "layer4"), torch.zeros(images), class_index, method, layer)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (torch.full((1, 3, 64, 64), 2.0), r"values in \[0, 1\], found 2 to 2.*before normalisation"),
        (torch.full((1, 3, 64, 64), float("nan")), r"found nan to nan"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), r"float32 images, found torch.uint8"),
    ],
)
def test_refuses_pixels_that_are_not_what_it_takes(build_classifier, values, message):
    with pytest.raises(AttentionError, match=message):
        explain(build_classifier("test_resnet", "layer4"), values, 0)


def test_several_classes_are_of_one_image(build_classifier, draw_images):
    classifier = build_classifier("test_resnet", "layer4")
    with pytest.raises(AttentionError, match=r"one image .* found 2. Use explain\(\)"):
        attention_maps(classifier, draw_images(2), [0])
    assert attention_maps(classifier, draw_images(1), []) == []


@pytest.mark.parametrize("method", ["ablationcam", "scorecam", "eigencam"])
def test_what_takes_a_forward_per_channel_tells_how_far_it_is(build_classifier, draw_images, method):
    told: list[float] = []
    explain(build_classifier("test_resnet", "layer1"), draw_images(1), 0, method, progress=told.append)
    assert told == sorted(told)
    assert told[-1:] == ([] if method == "eigencam" else [1.0])
