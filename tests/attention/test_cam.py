"""Fast methods: against pytorch-grad-cam, against closed forms, and at the edges."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from dermaviz.attention import methods
from dermaviz.attention.maps import attention_maps, explain, maps_per_class, maps_per_image
from dermaviz.models.specs import architecture as row_of

ORACLES = {
    "GradCAM": methods.grad_cam,
    "GradCAMPlusPlus": partial(methods.grad_cam_plus_plus, eps=1e-6, relative=False),
    "LayerCAM": methods.layer_cam,
    "HiResCAM": methods.hires_cam,
    "XGradCAM": methods.x_grad_cam,
}
NETWORKS = [
    ("test_efficientnet", "bn2"),
    ("test_efficientnet", "blocks.2"),
    ("test_resnet", "layer4"),
    ("test_convnext", "stages.3"),
    ("tf_efficientnet_lite0", "bn2"),
    ("tf_efficientnet_lite0", "blocks.4"),
    ("resnet18", "layer4"),
    ("densenet121", "features.norm5"),
    ("torchvision:mobilenet_v3_small", "features"),
    ("torchvision:squeezenet1_1", "features.12"),
]


def library_raw(
    name: str, network: nn.Module, layer: str, images: torch.Tensor, classes: list[int], reshape: Any = None
) -> np.ndarray:
    """What pytorch-grad-cam computes before it clips and scales."""
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    module = network.get_submodule(layer)
    network.requires_grad_(True)
    method = getattr(pytorch_grad_cam, name)(network, [module], reshape)
    targets = [ClassifierOutputTarget(index) for index in classes]
    method(images, targets)
    kept = method.activations_and_grads
    raw = method.get_cam_image(images, module, targets, kept.activations[0].numpy(), kept.gradients[0].numpy(), False)
    kept.release()
    return raw


@pytest.mark.parametrize(("architecture", "layer"), NETWORKS)
@pytest.mark.parametrize("name", ORACLES)
def test_agrees_with_pytorch_grad_cam(build_classifier, draw_images, architecture, layer, name):
    classifier = build_classifier(architecture, layer)
    images = classifier.normalise(draw_images(3))
    classes = [4, 0, 2]
    ours, _ = maps_per_image(classifier.network, layer, images, classes, ORACLES[name])
    theirs = library_raw(name, classifier.network, layer, images, classes)
    assert ours.shape == theirs.shape
    assert np.abs(theirs).max() > 0
    # blocks.4 ends in a batch norm, so sums of features are negative too, denominators pass 0 and magnify rounding.
    tolerance = 1e-4 if (name, layer) == ("GradCAMPlusPlus", "blocks.4") else 1e-5
    largest = np.abs(theirs).max()
    np.testing.assert_allclose(ours.numpy() / largest, theirs / largest, rtol=0, atol=tolerance)


class Pooled(nn.Module):
    """A linear classifier behind global average pooling of its features: every map has a closed form."""

    def __init__(self, weight: torch.Tensor, features: nn.Module | None = None) -> None:
        super().__init__()
        self.features = features or nn.Conv2d(3, weight.shape[1], 4, 4)
        self.act = nn.ReLU(inplace=True)
        self.fc = nn.Linear(weight.shape[1], weight.shape[0])
        self.fc.weight.data = weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.act(self.features(x)).mean((2, 3)))


@pytest.fixture
def pooled(wrap_network):
    torch.manual_seed(3)
    return wrap_network(Pooled(torch.randn(5, 6) * 1e-3), "act")


def test_gradcampp_of_a_pooled_linear_head_has_its_closed_form(pooled, draw_images):
    # g = w/(h·w) everywhere, so α = 1/(2 + ε + mean(A)·w) and the weight is relu(w)·α: no h·w and no scale of g in it.
    images = draw_images(2)
    network = pooled.network
    with torch.no_grad():
        features = network.act(network.features(pooled.normalise(images)))
    for index in range(5):
        w = network.fc.weight[index]
        weights = w.relu() / (2 + 1e-6 + features.mean((2, 3)) * w)
        expected = (weights[:, :, None, None] * features).sum(1)
        found = np.stack([one.raw for one in explain(pooled, images, index, "gradcam++")])
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4)


@pytest.mark.parametrize("method", ["gradcam", "hirescam"])
def test_gradcam_of_a_pooled_linear_head_is_the_class_activation_map(pooled, draw_images, method):
    images = draw_images(2)
    with torch.no_grad():
        features = pooled.network.act(pooled.network.features(pooled.normalise(images)))
    expected = torch.einsum("k,nkhw->nhw", pooled.network.fc.weight[2], features) / features[0, 0].numel()
    found = np.stack([one.raw for one in explain(pooled, images, 2, method)])
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-10)


def test_relative_eps_keeps_alpha_where_the_absolute_one_loses_it():
    features, gradients = torch.ones(1, 1, 2, 2), torch.full((1, 1, 2, 2), 1e-5)
    relative = methods.grad_cam_plus_plus(features, gradients)
    absolute = methods.grad_cam_plus_plus(features, gradients, eps=1e-6, relative=False)
    assert relative[0, 0, 0] == pytest.approx(4 * 1e-5 / (2 + 4e-5), rel=1e-5)
    assert absolute[0, 0, 0] < 1e-3 * relative[0, 0, 0]


def test_classes_of_one_image_equal_one_call_per_class(build_classifier, draw_images):
    classifier = build_classifier("test_resnet", "layer4")
    image = draw_images(1)
    together = attention_maps(classifier, image, [3, 0, 4, 3])
    apart = [explain(classifier, image, index)[0] for index in (3, 0, 4, 3)]
    assert [one.class_index for one in together] == [3, 0, 4, 3]
    assert all(np.array_equal(a.raw, b.raw) for a, b in zip(together, apart, strict=True))


def test_images_of_a_batch_do_not_mix(build_classifier, draw_images):
    classifier = build_classifier("test_efficientnet", "bn2")
    images = draw_images(3)
    together = explain(classifier, images, [1, 2, 3])
    for i, one in enumerate(together):
        alone = explain(classifier, images[i : i + 1], i + 1)[0]
        np.testing.assert_allclose(one.raw, alone.raw, rtol=1e-4, atol=1e-5 * np.abs(alone.raw).max())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_gives_the_same_in_every_gradient_mode(build_classifier, draw_images, mode):
    classifier = build_classifier("test_resnet", "layer4")
    expected = explain(classifier, draw_images(1), 1)[0]
    with mode():
        found = explain(classifier, draw_images(1), 1)[0]
    assert np.array_equal(found.raw, expected.raw)


def test_stays_in_fp32_under_the_callers_autocast(build_classifier, draw_images):
    classifier = build_classifier("test_resnet", "layer4")
    images = classifier.normalise(draw_images(1))
    expected = maps_per_class(classifier.network, "layer4", images, [1], methods.grad_cam)
    with torch.autocast("cpu", torch.bfloat16):
        found = maps_per_class(classifier.network, "layer4", images, [1], methods.grad_cam)
    assert torch.equal(found, expected)


def tokens_after(prefix: int, side: int) -> Any:
    """The library's ``vit_reshape_transform``, for other counts of tokens."""
    return lambda x: x[:, prefix:].reshape(len(x), side, side, x.shape[2]).permute(0, 3, 1, 2)


FAMILIES = [
    ("test_vit", 160, tokens_after(1, 10)),
    ("test_vit3", 160, tokens_after(1, 10)),
    ("deit_tiny_distilled_patch16_224", 224, tokens_after(2, 14)),
    ("cait_xxs24_224", 224, tokens_after(1, 14)),
    ("mixer_s32_224", 224, tokens_after(0, 7)),
    ("swin_tiny_patch4_window7_224", 224, lambda x: x.permute(0, 3, 1, 2)),
    ("maxvit_rmlp_pico_rw_256", 256, None),
    ("convnext_atto", 64, None),
    ("mobilenetv3_small_050", 64, None),
    ("regnetx_002", 64, None),
    ("efficientvit_b0", 224, None),
    ("xcit_nano_12_p16_224", 224, tokens_after(1, 14)),
    ("torchvision:inception_v3", 139, None),
]


@pytest.mark.parametrize(("name", "size", "reshape"), FAMILIES, ids=[name for name, *_ in FAMILIES])
def test_every_family_has_a_map_of_its_own_layer_that_is_the_librarys(
    build_classifier, draw_images, name, size, reshape
):
    layer = row_of(name).attention_layer
    classifier = build_classifier(name, layer, size)
    images, classes = classifier.normalise(draw_images(2, size)), [4, 0]
    ours, _ = maps_per_image(classifier.network, layer, images, classes, ORACLES["GradCAM"])
    theirs = library_raw("GradCAM", classifier.network, layer, images, classes, reshape)
    assert ours.shape == theirs.shape
    assert min(ours.shape[1:]) > 1
    largest = np.abs(theirs).max()
    assert largest > 0
    assert np.ptp(theirs) > 0
    np.testing.assert_allclose(ours.numpy() / largest, theirs / largest, rtol=0, atol=1e-4)
