"""Tests of the checkpoint format: the round trip, half precision on disk, and everything that must be refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from dermaviz.errors import CheckpointError
from dermaviz.models.card import CARD, Card, shipped_checkpoints
from dermaviz.models.checkpoint import WEIGHTS, load_checkpoint, save_checkpoint
from dermaviz.models.classifier import Classifier


@pytest.fixture
def saved(tiny_classifier: Classifier, tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "tiny", tiny_classifier.network, tiny_classifier.card)
    return tmp_path / "tiny"


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def change_card(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / CARD).read_text(encoding="utf-8")) | changes
    (folder / CARD).write_text(json.dumps(content), encoding="utf-8")


def test_full_precision_comes_back_exactly(tiny_classifier: Classifier, tmp_path: Path, images: torch.Tensor) -> None:
    card = save_checkpoint(tmp_path / "full", tiny_classifier.network, tiny_classifier.card, half=False)
    loaded = load_checkpoint(tmp_path / "full")
    assert loaded.card == card
    state = loaded.network.state_dict()
    assert all(torch.equal(state[key], value) for key, value in tiny_classifier.network.state_dict().items())
    np.testing.assert_allclose(loaded.probabilities(images), tiny_classifier.probabilities(images), atol=1e-6)


def test_half_precision_is_half_the_size_and_rounds_each_tensor(
    tiny_classifier: Classifier, saved: Path, images: torch.Tensor
) -> None:
    stored, original = load_file(saved / WEIGHTS), tiny_classifier.network.state_dict()
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16, torch.int64}  # batch norms count in int64
    assert all(torch.equal(stored[key], value.to(stored[key].dtype)) for key, value in original.items())
    parameters = sum(value.numel() for value in original.values() if value.is_floating_point())
    assert (saved / WEIGHTS).stat().st_size < 2 * parameters + 20_000
    loaded = load_checkpoint(saved)
    np.testing.assert_allclose(loaded.probabilities(images), tiny_classifier.probabilities(images), atol=2e-3)


def test_a_loaded_classifier_is_ready_and_fixed(saved: Path) -> None:
    network = load_checkpoint(saved).network
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert not any(p.requires_grad for p in network.parameters())
    assert not any(module.training for module in network.modules())
    assert network.conv1[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_the_card_receives_the_hash_of_the_weights(saved: Path) -> None:
    expected = hashlib.sha256((saved / WEIGHTS).read_bytes()).hexdigest()
    assert load_checkpoint(saved).card.weights_sha256 == expected
    with safe_open(saved / WEIGHTS, framework="pt") as file:
        assert file.metadata() == {"format": "pt"}
    assert sorted(path.name for path in saved.iterdir()) == [CARD, WEIGHTS]


def test_weights_that_are_not_finite_are_refused(tiny_classifier: Classifier, saved: Path) -> None:
    """Their hash may match; a network of NaN would still name a diagnosis."""
    state = load_file(saved / WEIGHTS)
    state["fc.weight"] *= float("nan")
    save_file(state, saved / WEIGHTS)
    change_card(saved, weights_sha256=hashlib.sha256((saved / WEIGHTS).read_bytes()).hexdigest())
    with pytest.raises(CheckpointError, match=r"expected finite weights, found NaN or infinity in fc\.weight"):
        load_checkpoint(str(saved))


def test_saving_again_is_byte_for_byte_the_same(tiny_classifier: Classifier, saved: Path, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "again", tiny_classifier.network, tiny_classifier.card)
    for file in (WEIGHTS, CARD):
        assert (tmp_path / "again" / file).read_bytes() == (saved / file).read_bytes()


@pytest.mark.parametrize("position", [0, 1000, -1])
def test_a_flipped_byte_is_refused(saved: Path, position: int) -> None:
    content = bytearray((saved / WEIGHTS).read_bytes())
    content[position] ^= 1
    (saved / WEIGHTS).write_bytes(content)
    with pytest.raises(
        CheckpointError, match=r"expected sha256 .* as on the card, found .*copy the checkpoint folder again"
    ):
        load_checkpoint(saved)


def test_the_card_of_another_checkpoint_is_refused(saved: Path, make_classifier: Callable[..., Classifier]) -> None:
    other = make_classifier(architecture="test_efficientnet")
    save_checkpoint(saved.with_name("other"), other.network, other.card)
    shutil.copy(saved.with_name("other") / CARD, saved / CARD)
    with pytest.raises(CheckpointError, match="or the card belongs to others"):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "test_efficientnet"}, "checkpoint tiny: .*expected the .* tensors of this architecture"),
        ({"architecture": "test_vit_of_mine"}, "checkpoint tiny: expected an architecture that timm"),
        ({"classes": ["mel", "nv"]}, r"2 of another shape \(fc\.bias, fc\.weight\)"),  # never a random head
        ({"classes": ["mel", "nv", "bkl", "df"]}, r"2 of another shape \(fc\.bias, fc\.weight\)"),
    ],
)
def test_a_card_that_does_not_fit_its_weights_is_refused(saved: Path, changes: dict[str, Any], message: str) -> None:
    change_card(saved, **changes)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(saved)


def test_weights_that_are_no_safetensors_are_refused(saved: Path) -> None:
    (saved / WEIGHTS).write_bytes(b"no tensors")
    change_card(saved, weights_sha256=hashlib.sha256(b"no tensors").hexdigest())
    with pytest.raises(CheckpointError, match="checkpoint tiny: "):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    ("absent", "message"), [(WEIGHTS, "expected weights at"), (CARD, "expected a checkpoint's card at")]
)
def test_half_a_checkpoint_is_refused(saved: Path, absent: str, message: str) -> None:
    (saved / absent).unlink()
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(saved)


def test_new_weights_under_an_old_card_are_not_taken_for_a_checkpoint(
    saved: Path, make_classifier: Callable[..., Classifier], make_card: Callable[..., Card]
) -> None:
    """What a crash between the two files of a second export leaves behind."""
    state = make_classifier().network.state_dict() | {"fc.bias": torch.ones(3)}
    save_file(state, saved / WEIGHTS)
    with pytest.raises(CheckpointError, match="expected sha256"):
        load_checkpoint(saved)


SHIPPED = sorted(path.parent for path in shipped_checkpoints().glob(f"*/{CARD}"))


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_the_shipped_checkpoints_are_whole_and_give_probabilities(folder: Path) -> None:
    classifier = load_checkpoint(folder)
    assert classifier.card.name == folder.name
    classifier.network.get_submodule(classifier.attention_layer)
    prediction = classifier.predict(np.full((60, 80, 3), 128, np.uint8))
    assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert prediction.classes == classifier.classes
