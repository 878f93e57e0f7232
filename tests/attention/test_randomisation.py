"""The cascade: layers in order, repeatable, other maps, a map that shows only the image, and a classifier left as it was."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from dermaviz.attention.faithfulness import STAGES, cascade, randomised, stages
from dermaviz.errors import AttentionError
from dermaviz.models.classifier import Classifier
from dermaviz.models.specs import skeleton


class Seen(nn.Module):
    """The attention layer hands on the image itself, so what needs no gradient there knows nothing of the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.eye = nn.Identity()
        self.body = nn.Conv2d(3, 8, 3, padding=1)
        self.head = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.eye(x)).relu().mean((2, 3)))


@pytest.mark.parametrize(
    ("name", "head", "lowest"),
    [
        ("test_resnet", "fc", "conv1.0"),
        ("tf_efficientnet_lite0", "classifier", "conv_stem"),
        ("resnet18", "fc", "conv1"),
        ("torchvision:vgg16", "classifier.6", "features.0"),
        ("densenet121", "classifier", "features.conv0"),
    ],
)
def test_every_weight_of_an_architecture_is_reached_once_head_first(name: str, head: str, lowest: str) -> None:
    network = skeleton(name)
    runs = stages(network)
    assert runs[0] == [head]
    assert runs[-1][-1] == lowest
    assert len(runs) == STAGES
    reached = [id(weights) for run in runs for layer in run for weights in network.get_submodule(layer).parameters()]
    assert sorted(reached) == sorted(id(weights) for weights in network.parameters())


def test_each_stage_keeps_what_was_random_and_the_classifier_stays_as_it_was(
    build_classifier: Callable[..., Classifier],
) -> None:
    classifier = build_classifier("test_resnet", "layer3")
    before = {name: value.clone() for name, value in classifier.network.state_dict().items()}
    runs = stages(classifier.network)
    forgotten: set[str] = set()
    last: dict[str, torch.Tensor] = before
    for run, (name, private) in zip(runs, randomised(classifier), strict=True):
        assert name == run[-1]
        assert private.network is not classifier.network
        now = {key: value.clone() for key, value in private.network.state_dict().items()}
        changed = {key for key in now if not torch.equal(now[key], last[key])}
        assert changed
        assert all(key.startswith(tuple(f"{layer}." for layer in run)) for key in changed)
        forgotten |= changed
        last = now
    weights = {key for key, value in before.items() if value.ndim > 1}
    assert weights <= forgotten
    assert all(torch.equal(value, before[key]) for key, value in classifier.network.state_dict().items())


def test_random_weights_give_another_map_and_the_same_seed_the_same(build_classifier, draw_images) -> None:
    classifier = build_classifier("test_resnet", "layer2")
    images, methods = draw_images(4), ["gradcam", "layercam"]
    state = torch.get_rng_state()
    first, again = (cascade(classifier, images, methods, seed=1) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert first.rank_correlation.shape == (len(first.stages), 2, 4)
    np.testing.assert_array_equal(first.rank_correlation, again.rank_correlation)
    other = cascade(classifier, images, methods, seed=2)
    assert not np.array_equal(first.rank_correlation, other.rank_correlation, equal_nan=True)
    assert np.nanmean(first.rank_correlation[-1]) < 0.5
    assert first.classes == tuple(classifier.probabilities(images).argmax(axis=1).tolist())


def test_a_map_that_shows_only_the_image_stays_whatever_the_weights(wrap_network, draw_images) -> None:
    found = cascade(wrap_network(Seen(), "eye", 16), draw_images(2, 16), ["eigencam", "gradcam"])
    assert found.stages == ("head", "body")
    np.testing.assert_allclose(found.rank_correlation[:, 0], 1, atol=1e-6)
    assert np.nanmean(found.rank_correlation[-1, 1]) < 0.9


def test_a_network_without_weights_has_nothing_to_forget(wrap_network, draw_images) -> None:
    network = nn.Sequential(nn.Identity(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(AttentionError, match="layers with weights in Sequential, found none"):
        next(randomised(wrap_network(network, "0", 16)))
    with pytest.raises(AttentionError, match=r"images \[N, 3, 16, 16\], found \[1, 3, 8, 8\]"):
        cascade(wrap_network(network, "0", 16), draw_images(1, 8), ["gradcam"])
