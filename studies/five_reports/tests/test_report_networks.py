"""Tests of the reports' networks: as printed where that can be, and every one trains, is saved, explained and attacked."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.nn import functional as F

from dermaviz.attention.maps import explain
from dermaviz.data.readers import read_dataset
from dermaviz.data.split import apply_split, named_manifest
from dermaviz.errors import DatasetError, WeightsError
from dermaviz.models.card import Card
from dermaviz.models.checkpoint import load_checkpoint, save_checkpoint
from dermaviz.models.classifier import Classifier
from dermaviz.models.layers import features_and_logits
from dermaviz.models.specs import ARCHITECTURES, architecture, create, skeleton
from dermaviz.robustness.gradients import Goal
from dermaviz.robustness.linf import fgsm
from studies.five_reports.names import OWN_NETWORKS

OWN = ["dermaviz:lenet@32", *(f"dermaviz:blocks{count}@32" for count in range(1, 6)), "dermaviz:cnn512@96"]
HEADED = [
    *(
        f"{body}+dense64"
        for body in ("resnet50", "inception_v3", "inception_resnet_v2", "mobilenetv1_100", "densenet169")
    ),
    *(f"{body}+pool-dense512-256" for body in ("resnet50", "inception_v3", "vgg16")),
]
SMALLEST = {  # side in pixels that still leaves maps to pool; 32 elsewhere
    "inception_v3": 75, "inception_resnet_v2": 75, "torchvision:inception_v3": 75, "torchvision:alexnet": 64,
    "dermaviz:cnn512": 96,
}  # fmt: skip
GIANT = "vgg16"  # 138 million parameters, most of them a 7×7 convolution; its maps are explained under the other heads


def side_of(name: str) -> int:
    return SMALLEST.get(name.split("+")[0].split("@")[0], 32)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


# As printed


class PrintedCNN(nn.Module):
    """The baseline's code, as Gupta et al. print it in section 6."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels=3, out_channels=5, kernel_size=5, padding=1)
        self.pool = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv2 = nn.Conv2d(in_channels=5, out_channels=10, kernel_size=5, padding=1)
        self.fc1 = nn.Linear(10 * 54 * 54, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 2)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.view(-1, 10 * 54 * 54)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def test_lenet_is_the_printed_code() -> None:
    torch.manual_seed(0)
    printed, ours = PrintedCNN(), create("dermaviz:lenet@224", 2)
    ours.load_state_dict(printed.state_dict())
    images = torch.rand(2, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(ours(images), printed(images))
    assert count(ours) == (75 + 1) * 5 + (125 + 1) * 10 + (29_160 + 1) * 120 + 121 * 84 + 85 * 2


@pytest.mark.parametrize(
    ("blocks", "side", "dense"), [(1, 44, 64), (2, 22, 128), (3, 11, 256), (4, 5, 512), (5, 2, 1024)]
)
def test_the_blocks_have_the_maps_units_and_dropout_of_table_1(blocks: int, side: int, dense: int) -> None:
    network = skeleton(f"dermaviz:blocks{blocks}@88", 7)
    maps = [32, 64, 128, 256, 512][:blocks]
    inputs = [3, *maps[:-1]]
    convolutions = sum((9 * i + 1) * o + (9 * o + 1) * o for i, o in zip(inputs, maps, strict=True))
    assert count(network) == convolutions + (maps[-1] * side**2 + 1) * dense + (dense + 1) * 7
    rates = [module.p for module in network.modules() if isinstance(module, nn.Dropout)]
    assert rates == pytest.approx([*[0.1, 0.2, 0.3, 0.4, 0.5][:blocks], 0.5])


def test_the_four_blocks_have_these_many_parameters() -> None:
    by_hand = 896 + 9_248 + 18_496 + 36_928 + 73_856 + 147_584 + 295_168 + 590_080 + 3_277_312 + 3_591
    assert count(skeleton("dermaviz:blocks4@88", 7)) == by_hand == 4_453_159


def test_cnn512_has_every_printed_size_that_can_be() -> None:
    network, sizes = skeleton("dermaviz:cnn512@512", 7), []
    for layer in network.features:
        if not isinstance(layer, nn.ReLU):
            layer.register_forward_hook(lambda module, inputs, output: sizes.append(tuple(output.shape[1:3])))
    assert network(torch.zeros(1, 3, 512, 512, device="meta")).shape == (1, 7)
    printed = [(32, 510), (32, 508), (32, 506), (32, 253), (64, 251), (256, 57), (256, 53)]
    assert [size for size in sizes if size in printed] == printed
    assert [size[1] for size in sizes if size not in printed] == joining(
        251, 59
    )  # a 3×3 convolution leads from 59 to 57
    widths = [(layer.in_features, layer.out_features) for layer in network.modules() if isinstance(layer, nn.Linear)]
    assert widths == [(256, 4096), (4096, 7)]
    by_hand = 896 + 2 * 9_248 + 18_496 + 73_856 + 147_584 + 295_168 + 1_638_656 + 1_052_672 + 28_679
    assert count(network) == by_hand == 3_274_503


def joining(start: int, end: int) -> list[int]:
    """The sizes along the one shortest way by 3×3 convolutions and 2×2 max-pooling."""
    steps = {"convolution": lambda side: side - 2, "pooling": lambda side: side // 2}
    for length in itertools.count(1):
        ways = []
        for way in itertools.product(steps, repeat=length):
            sides = list(itertools.accumulate(way, lambda side, step: steps[step](side), initial=start))[1:]
            ways += [sides] if sides[-1] == end else []
        if ways:
            (only,) = ways
            return only
    raise AssertionError


@pytest.mark.parametrize("row", OWN_NETWORKS.values(), ids=OWN_NETWORKS)
def test_the_smallest_size_is_the_smallest(row) -> None:
    side = row.smallest
    network = skeleton(f"dermaviz:{row.name}@{side}", 3)
    assert network(torch.zeros(1, 3, side, side, device="meta")).shape == (1, 3)
    with pytest.raises(WeightsError, match=f"{side} or more pixels"):
        create(f"dermaviz:{row.name}@{side - 1}", 3)


def test_images_of_another_size_than_the_names_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"expected images of 32 × 32 pixels.*maps are 10 × 10 instead of 8 × 8"):
        create("dermaviz:blocks2@32", 3)(torch.zeros(1, 3, 40, 40))
    assert create("dermaviz:cnn512@128", 3)(torch.zeros(1, 3, 96, 96)).shape == (1, 3)  # averages, so any size will do


def test_keras_weights_keep_a_signal_through_ten_convolutions() -> None:
    """Glorot: variance 2 / (inputs + outputs), here 2 / (9 · 512 + 9 · 512), biases 0."""
    torch.manual_seed(0)
    last = create("dermaviz:blocks5@32", 7).blocks[4][2]
    assert float(last.weight.detach().var()) == pytest.approx(1 / (9 * 512), rel=0.01)
    assert not last.bias.any()


@pytest.mark.parametrize("settings", [{"dropout": 0.2}, {"drop_path": 0.2}])
def test_dropout_of_a_printed_network_is_not_the_recipes(settings: dict[str, float]) -> None:
    with pytest.raises(WeightsError, match=r"dermaviz:lenet@32: expected settings that this family has"):
        create("dermaviz:lenet@32", 2, **settings)


def test_cnn512_takes_the_dropout_that_its_report_gives_no_rate_for() -> None:
    assert create("dermaviz:cnn512@96", 2, dropout=0.3).dropout.p == 0.3


# Every row trains, explains itself and can be attacked


def take_a_step(network: nn.Module, side: int) -> None:
    """One step of gradient descent on two images, which reaches every parameter."""
    device = next(network.parameters()).device
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0)).to(device)
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-6)
    logits = network.train()(images)
    assert isinstance(logits, Tensor)  # no auxiliary outputs beside it
    F.cross_entropy(logits, torch.tensor([0, 1], device=device)).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    optimiser.step()


def test_the_giant_trains_and_has_a_map_to_explain() -> None:
    network, row = skeleton(GIANT, 3), architecture(GIANT)
    assert row.attention_layer == architecture(f"{GIANT}+pool-dense512-256").attention_layer
    shapes: list[torch.Size] = []
    layer = network.get_submodule(row.attention_layer)
    layer.register_forward_hook(lambda module, inputs, output: shapes.append(output.shape))
    take_a_step(network, 64)
    assert shapes == [(2, 512, 4, 4)]


@pytest.mark.parametrize("name", [*OWN, *HEADED, *(name for name in ARCHITECTURES if name != GIANT)])
def test_every_row_explains_itself_is_attacked_and_trains(name: str, make_card: Callable[..., Card]) -> None:
    torch.manual_seed(0)
    side, row = side_of(name), architecture(name)
    network = create(name, 3)
    images = torch.rand(1, 3, side, side)
    card = make_card(
        architecture=name, input_size=side, mean=row.mean, std=row.std, attention_layer=row.attention_layer
    )
    classifier = Classifier(card, network.eval().requires_grad_(False), torch.device("cpu"))

    (attention,) = explain(classifier, images, class_index=1)
    assert attention.layer == row.attention_layer
    assert attention.status != "non-finite"
    with torch.no_grad():
        features, logits = features_and_logits(network, row.attention_layer, classifier.normalise(images))
        assert features.min() >= 0  # after its activation, as Grad-CAM++ wants them
        assert attention.raw.shape == features.shape[2:]

    goal = Goal.towards(logits.argmin(dim=1))  # its loss has a gradient however sure random weights may be
    attacked = fgsm(classifier, images, goal, 2 / 255)
    assert not attacked.zero_gradient.any()
    assert 0 < float((attacked.images - images).abs().max()) <= 2 / 255 + 1e-6

    take_a_step(network.requires_grad_(True), side)


@pytest.mark.parametrize(
    "name", ["dermaviz:lenet@32", "dermaviz:blocks2@32", "dermaviz:cnn512@96", "test_resnet+dense64"]
)
def test_the_name_on_a_card_rebuilds_the_network(name: str, make_card: Callable[..., Card], tmp_path: Path) -> None:
    torch.manual_seed(0)
    side, row = side_of(name), architecture(name)
    network = create(name, 3)
    take_a_step(network, side)
    card = make_card(
        architecture=name, input_size=side, mean=row.mean, std=row.std, attention_layer=row.attention_layer
    )
    save_checkpoint(tmp_path / "own", network, card, half=False)
    loaded = load_checkpoint(tmp_path / "own")
    images = torch.rand(2, 3, side, side)
    own = Classifier(card, network.eval(), torch.device("cpu"))
    torch.testing.assert_close(loaded.logits(images), own.logits(images))
    assert {attention.layer for attention in explain(loaded, images)} == {row.attention_layer}


def test_the_maps_have_the_resolution_of_the_last_activation(make_card: Callable[..., Card]) -> None:
    """LeNet at 224: 222 after the first convolution, 111 pooled, 109 after the second; four blocks at 88: 88 / 2³."""
    for name, side, resolution in (("dermaviz:lenet@224", 224, 109), ("dermaviz:blocks4@88", 88, 11)):
        row = architecture(name)
        card = make_card(architecture=name, input_size=side, attention_layer=row.attention_layer)
        classifier = Classifier(card, create(name, 3).eval().requires_grad_(False), torch.device("cpu"))
        (attention,) = explain(classifier, torch.rand(1, 3, side, side))
        assert attention.raw.shape == (resolution, resolution)


@pytest.mark.data
def test_the_blocks_normalise_by_the_mean_and_deviation_of_ham10000() -> None:
    """On 400 training photos, each brought to 32 px as for training; the table's figures are from all 7,010."""
    try:
        train = apply_split(read_dataset("ham10000", None), named_manifest("ham10000"))["train"]
    except DatasetError as error:
        pytest.skip(str(error))
    spec = architecture("dermaviz:blocks4@32")
    seen = np.stack(
        [
            np.asarray(ImageOps.fit(Image.open(record.path).convert("RGB"), (32, 32), Image.Resampling.BOX)) / 255
            for record in train.records[:: len(train) // 400]
        ]
    )

    assert seen.mean(axis=(0, 1, 2)) == pytest.approx(spec.mean, abs=0.015)
    assert seen.std(axis=(0, 1, 2)) == pytest.approx(spec.std, abs=0.015)
