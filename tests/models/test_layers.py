"""Features and logits at a layer: equal to the network, harmless to it, and refused where a layer gives none."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dermaviz.errors import AttentionError
from dermaviz.models.layers import as_map, features_and_logits
from dermaviz.models.specs import create

LAYERS = [
    ("tf_efficientnet_lite0", "blocks.4"),
    ("resnet18", "layer4.1.conv1"),  # inside a residual block: the skip connection passes it by
    ("resnet50", "layer4.1"),
    ("densenet121", "features.norm5"),
    ("torchvision:resnet18", "bn1"),  # followed by a ReLU in place
    ("torchvision:vgg11", "features.18"),  # a convolution followed by a ReLU in place
    ("torchvision:densenet121", "features"),  # followed by a functional ReLU in place
    ("torchvision:shufflenet_v2_x0_5", "conv5"),
    ("test_vit", "blocks.5.norm1"),
]


@pytest.mark.parametrize(("architecture", "layer"), LAYERS)
def test_features_are_the_layers_and_logits_the_networks(architecture, layer):
    torch.manual_seed(0)
    size = 160 if "vit" in architecture else 64
    network = create(architecture, 4, dropout=0 if ":" in architecture else 0.5).eval()
    images = torch.rand(2, 3, size, size)
    with torch.no_grad():
        features, logits = features_and_logits(network, layer, images)
        assert torch.equal(logits, network(images))
        handle = network.get_submodule(layer).register_forward_hook(lambda _, __, output: seen.append(output.clone()))
        seen: list[torch.Tensor] = []
        network(images)
        handle.remove()
    assert torch.equal(features, seen[0])


def test_a_forward_leaves_no_trace_on_the_network():
    network = create("test_resnet", 4).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    attributes = {name: set(vars(module)) for name, module in network.named_modules()}
    identities = {name: id(module) for name, module in network.named_modules()}
    features_and_logits(network, "layer4.0", torch.rand(1, 3, 64, 64))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert {name: set(vars(module)) for name, module in network.named_modules()} == attributes
    assert {name: id(module) for name, module in network.named_modules()} == identities
    assert not any(module._forward_hooks or module._backward_hooks for module in network.modules())


def test_threads_share_a_network():
    network = create("test_resnet", 4).eval()
    images = [torch.rand(1, 3, 64, 64) for _ in range(3)]
    names = ["layer1", "layer2", "layer4"]
    with torch.no_grad():
        expected = {name: [features_and_logits(network, name, image)[0] for image in images] for name in names}
    wrong: list[object] = []

    def ask(name: str) -> None:
        for _ in range(10):
            for image, known in zip(images, expected[name], strict=True):
                with torch.no_grad():
                    if not torch.equal(features_and_logits(network, name, image)[0], known):
                        wrong.append(name)

    threads = [threading.Thread(target=ask, args=[name]) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


class Odd(nn.Module):
    """Layers that give no features, each for its own reason."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.twice = nn.Conv2d(4, 4, 3, padding=1)
        self.unused = nn.Conv2d(4, 4, 3)
        self.several = Several()
        self.fc = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.several(self.twice(self.twice(self.stem(x))))["map"]
        return self.fc(F.relu(x).mean((2, 3)))


class Several(nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"map": x}


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("twice", r"found 'twice', a layer that runs 2 times"),
        ("unused", r"found 'unused', a layer that runs 0 times"),
        ("several", r"found 'several', an output that is no tensor"),
        ("stems", r"expected the name of a layer of Odd, found 'stems'. Try one of: stem"),
        ("", r"found ''. Try one of: stem, twice"),
    ],
)
def test_a_layer_that_gives_no_features_is_refused(layer, message):
    with pytest.raises(AttentionError, match=message):
        features_and_logits(Odd().eval(), layer, torch.rand(1, 3, 8, 8))


def test_training_mode_and_other_outputs_than_logits_are_refused():
    with pytest.raises(AttentionError, match=r"in evaluation mode, found training mode.*network\.eval\(\)"):
        features_and_logits(create("test_resnet", 4), "layer4", torch.rand(1, 3, 64, 64))
    with pytest.raises(AttentionError, match=r"expected logits \[N, C\] from the network, found \[1, 4, 6, 6\]"):
        features_and_logits(nn.Sequential(nn.Conv2d(3, 4, 3)).eval(), "0", torch.rand(1, 3, 8, 8))


@pytest.mark.parametrize(
    ("shape", "prefix", "places"),
    [
        ((2, 8, 7, 7), None, (2, 8, 7, 7)),
        ((2, 7, 7, 8), None, (2, 8, 7, 7)),  # Swin
        ((2, 49, 8), None, (2, 8, 7, 7)),  # a mixer
        ((2, 197, 8), 1, (2, 8, 14, 14)),  # ViT
        ((2, 198, 8), None, (2, 8, 14, 14)),  # DeiT, distilled
        ((2, 196, 8), 1, (2, 8, 14, 14)),  # CaiT adds its class token later
        ((2, 9, 8), 5, (2, 8, 2, 2)),  # registers, which look like more places unless they are known
        ((2, 8, 7, 5), None, None),
        ((2, 30, 8), None, (2, 8, 5, 5)),
        ((2, 8), None, None),
    ],
)
def test_features_as_a_map_of_places(shape, prefix, places):
    found = as_map(torch.rand(shape), prefix)
    assert (None if found is None else tuple(found.shape)) == places


def test_tokens_are_laid_out_row_by_row_without_those_before_them():
    tokens = torch.arange(10.0).reshape(1, 10, 1)
    assert as_map(tokens, 1)[0, 0].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
