"""What the tests of the pages share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
import torch

from dermaviz.app.checkpoints import Checkpoint
from dermaviz.evidence.store import Source, write_evidence
from dermaviz.models.card import Card, read_card
from dermaviz.models.checkpoint import save_checkpoint
from tests.app.audit_tables import OWN, SHIPPED, write_audit

N = 400


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """No data set is there, as on most users' machines."""
    monkeypatch.delenv("DERMAVIZ_DATA", raising=False)


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    """The first ``N`` photos of the test split with what the default model says of them."""
    return pd.read_parquet(SHIPPED / "evidence" / str(OWN) / "predictions.parquet").iloc[:N].reset_index(drop=True)


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: pd.DataFrame) -> Path:
    """A checkpoint without weights, with every table of the audit on N photos; see the functions ``…_table``."""
    monkeypatch.setattr("dermaviz.models.card.shipped_checkpoints", lambda: tmp_path)
    return write_audit(tmp_path / "first", answers)


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
    monkeypatch.setattr("dermaviz.models.card.shipped_checkpoints", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def checkpoint(checkpoints: Path) -> Checkpoint:
    """The first of them."""
    return Checkpoint(checkpoints / "first", read_card(checkpoints / "first" / "card.json"))


@pytest.fixture
def audit(tmp_path: Path) -> Callable[..., Checkpoint]:
    """``audit("first", rows=[0, 1], tones={…}, model=…)``: a checkpoint without weights, but with evidence on four images.

    Two melanomas, the second called a nevus, and two images of one nevus, the first called a melanoma.
    """

    def make(
        name: str = "first",
        rows: Sequence[int] = (0, 1, 2, 3),
        tones: Mapping[str, str] | None = None,
        model: str | None = None,
    ) -> Checkpoint:
        folder = tmp_path / name
        folder.mkdir()
        card = tiny_card(name)
        card.write(folder / "card.json")
        predictions = pd.DataFrame(
            {
                "image_id": ["ISIC_1", "ISIC_2", "ISIC_3", "ISIC_4"],
                "lesion_id": ["L1", "L2", "L3", "L3"],
                "dx": ["mel", "mel", "nv", "nv"],
                "dx_type": ["histo", "histo", "follow_up", "follow_up"],
                "age": ["30.0", "", "55.0", "80.0"],
                "sex": ["female", "male", "unknown", "female"],
                "localization": ["back", "back", "face", "face"],
                **{f"p_{dx}": np.zeros(4) for dx in CLASSES},
                "p_mel": [0.75, 0.25, 0.625, 0.0],
                "p_nv": [0.25, 0.75, 0.375, 1.0],
            }
        )
        source = Source("predictions", "ham10000", "test", model or card.answers_sha256, "data")
        write_evidence(folder, predictions.iloc[list(rows)].reset_index(drop=True), source, {})
        if tones:
            table = pd.DataFrame(
                {"image_id": tones.keys(), "tone_group": tones.values(), "mask": "true", "excluded": ""}
            )
            table = table.assign(ita=50.0, ita_clusters=50.0, ita_constancy=50.0, b=10.0)
            write_evidence(folder, table, replace(source, table="tone"), {})
        return Checkpoint(folder, card)

    return make
