"""The split: equal to the network, harmless to it, and refused where a layer does not cut."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dermaviz.attention.split import run_features, split
from dermaviz.errors import AttentionError
from dermaviz.models.specs import create

CLEAN = [
    ("tf_efficientnet_lite0", "bn2"),
    ("tf_efficientnet_lite0", "blocks.4"),
    ("resnet18", "layer4"),
    ("resnet50", "layer4.1"),
    ("densenet121", "features"),
    ("densenet121", "features.norm5"),
    ("convnext_atto", "stages.3"),
    ("mobilenetv3_small_050", "blocks.4"),
    ("torchvision:resnet18", "bn1"),  # followed by a ReLU in place
    ("torchvision:vgg11", "features.18"),  # a convolution followed by a ReLU in place
    ("torchvision:densenet121", "features"),  # followed by a functional ReLU in place
    ("torchvision:alexnet", "features.11"),
    ("torchvision:efficientnet_b0", "features"),
    ("torchvision:shufflenet_v2_x0_5", "conv5"),
]


@pytest.mark.parametrize(("architecture", "layer"), CLEAN)
def test_head_of_features_is_the_network(architecture, layer):
    torch.manual_seed(0)
    network = create(architecture, 4, dropout=0 if ":" in architecture else 0.5).eval()
    images = torch.rand(2, 3, 64, 64)
    halves = split(network, layer, images)
    with torch.no_grad():
        features = halves.features(images)
        kept = features.clone()
        assert torch.equal(halves.head(features), network(images))
    assert torch.equal(features, kept)


def test_halves_share_the_network_and_leave_no_trace_on_it():
    network = create("test_resnet", 4).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    attributes = {name: set(vars(module)) for name, module in network.named_modules()}
    halves = split(network, "layer4", torch.rand(1, 3, 64, 64))
    own = {id(parameter) for parameter in network.parameters()}
    assert {id(p) for half in (halves.features, halves.head) for p in half.parameters()} == own
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert {name: set(vars(module)) for name, module in network.named_modules()} == attributes
    assert not any(module._forward_hooks or module._backward_hooks for module in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_a_split_is_made_once_and_dies_with_its_network():
    network = create("test_resnet", 4).eval()
    images = torch.rand(1, 3, 64, 64)
    assert split(network, "layer4", images) is split(network, "layer4", images)
    assert split(network, "layer3", images) is not split(network, "layer4", images)
    alive = weakref.ref(network)
    del network
    gc.collect()
    assert alive() is None


def test_forwards_in_other_threads_stay_out_of_the_record():
    network = create("test_resnet", 4).eval()
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        expected = network(images)
    wrong: list[object] = []
    done = threading.Event()

    def forward() -> None:
        while not done.is_set():
            try:
                with torch.no_grad():
                    if not torch.equal(network(images), expected):
                        wrong.append("other logits")
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=forward) for _ in range(3)]
    for thread in threads:
        thread.start()
    names = [name for name, child in network.named_children() if name not in ("global_pool", "fc")]
    halves = [split(network, name, images) for name in names]
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    with torch.no_grad():
        assert all(torch.equal(half.head(half.features(images)), expected) for half in halves)


class Odd(nn.Module):
    """Layers that cannot be cut at, each for its own reason."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.twice = nn.Conv2d(4, 4, 3, padding=1)
        self.side = nn.Conv2d(4, 4, 3, padding=1)
        self.unused = nn.Conv2d(4, 4, 3)
        self.fc = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.twice(self.twice(self.stem(x)))
        x = F.relu(self.side(x)) + x
        return self.fc(x.mean((2, 3)))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("side", r"found 'side', one that 1 other value\(s\) pass by.*cut cleanly: stem, fc"),
        ("twice", r"found 'twice', one that runs 2 times.*cut cleanly: stem"),
        ("unused", r"found 'unused', one that runs 0 times"),
        ("sides", r"expected the name of a layer of Odd, found 'sides'. Try one of: side"),
        ("", r"found ''. Try one of: stem, twice"),
    ],
)
def test_a_layer_that_does_not_cut_is_refused_with_those_that_do(layer, message):
    with pytest.raises(AttentionError, match=message):
        split(Odd().eval(), layer, torch.rand(1, 3, 8, 8))


def test_inside_a_residual_block_is_refused_with_the_blocks():
    network = create("resnet18", 4).eval()
    with pytest.raises(AttentionError, match=r"pass by \(from layer4.0\).*cut cleanly: .*layer4\.0"):
        split(network, "layer4.1.conv1", torch.rand(1, 3, 64, 64))


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).mean((2, 3)) if x.sum() > 0 else x.mean((2, 3))


class Remembering(nn.Module):
    """Changes a list beside its tensors, which no record of tensors shows."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)
        self.pick = Pick()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [self.conv(x), x[:, :2]]
        self.pick(maps)
        return maps[0].mean((2, 3))


class Pick(nn.Module):
    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        maps[0] = maps[0] * 2 + 1
        return maps[0]


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Branching(), r"forward of Branching that can be recorded down to 'conv', found code that needs real tensors"),
        (Remembering(), r"pass by|give its own logits, found logits that differ"),
    ],
)
def test_a_forward_that_cannot_be_recorded_faithfully_is_refused(network, message):
    with pytest.raises(AttentionError, match=message):
        split(network.eval(), "conv", torch.rand(1, 3, 8, 8))


def test_training_mode_is_refused():
    with pytest.raises(AttentionError, match=r"in evaluation mode, found training mode.*network\.eval\(\)"):
        split(create("test_resnet", 4), "layer4", torch.rand(1, 3, 64, 64))


def test_features_without_places_are_refused():
    network = create("test_resnet", 4).eval()
    images = torch.rand(1, 3, 64, 64)
    with pytest.raises(AttentionError, match=r"expected a feature map .* from layer 'global_pool', found \[1, 96\]"):
        run_features(split(network, "global_pool", images), images)
