"""A checkpoint as small as they get, for tests of the app's parts."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch

from dermaviz.models.card import Card, read_card
from dermaviz.models.checkpoint import save_checkpoint
from dermaviz.ui.resources import Checkpoint

CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")


def tiny_card(name: str) -> Card:
    """A card of a tiny model over HAM10000's classes."""
    return Card(
        name=name,
        architecture="test_efficientnet",
        classes=CLASSES,
        input_size=64,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        attention_layer="bn2",
        temperature=1.0,
        split_sha256="",
        weights_sha256="",
        recipe={},
        metrics={},
        data={"dataset": "ham10000"},
        licence="CC BY-NC 4.0",
        intended_use="Teaching",
        not_for="Diagnosis",
        malignant=("akiec", "bcc", "mel"),
    )


@pytest.fixture
def card() -> Card:
    """The card of a tiny model."""
    return tiny_card("tiny")


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoints' root with two tiny checkpoints and one broken folder."""
    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        network = timm.create_model("test_efficientnet", num_classes=len(CLASSES))
        save_checkpoint(tmp_path / name, network, tiny_card(name))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "card.json").write_text("{}")
    monkeypatch.setenv("DERMAVIZ_CHECKPOINTS", str(tmp_path))
    return tmp_path


@pytest.fixture
def checkpoint(checkpoints: Path) -> Checkpoint:
    """The first of them."""
    return Checkpoint(checkpoints / "first", read_card(checkpoints / "first" / "card.json"))
