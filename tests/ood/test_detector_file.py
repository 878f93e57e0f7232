"""Tests of a detector on disk: it comes back as it was, and one that is stale or damaged is refused by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dermaviz.errors import EvidenceError
from dermaviz.models.card import Card, read_card
from dermaviz.ood import (
    FACTS,
    WEIGHTS,
    Detector,
    DetectorFacts,
    Share,
    detector_bytes,
    read_detector,
    write_detector,
)

ROOT = Path(__file__).parents[2]
STORED = Detector(
    np.arange(4, dtype=np.float32), np.eye(4, 2, dtype=np.float32), np.array([2, 3], np.float32), 0.5, limit=1.7
)
SHARE = Share("test photos of lesions", "refused", 100, 80, 0.01, 0.0, 0.03)


@pytest.fixture
def card(make_card: Callable[..., Card]) -> Card:
    return make_card()


@pytest.fixture
def folder(tmp_path: Path, card: Card) -> Path:
    """A folder with a detector of the card's weights."""
    digest = hashlib.sha256(detector_bytes(STORED)).hexdigest()
    facts = DetectorFacts(card.weights_sha256, card.split_sha256, digest, "by hand", 2, 100, 0.015, 1.7, (SHARE,))
    write_detector(tmp_path, STORED, facts)
    return tmp_path


def test_a_detector_comes_back_as_it_was(folder: Path, card: Card) -> None:
    read = read_detector(folder, card)
    assert read is not None
    detector, facts = read
    features = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    np.testing.assert_array_equal(detector.distance(features), STORED.distance(features))
    assert (detector.limit, facts.shares) == (1.7, (SHARE,))
    assert sorted(path.name for path in folder.iterdir()) == [FACTS, WEIGHTS]


def test_a_checkpoint_without_a_detector_has_none(tmp_path: Path, card: Card) -> None:
    assert read_detector(tmp_path, card) is None


def test_a_detector_of_other_weights_is_stale(folder: Path, make_card: Callable[..., Card]) -> None:
    with pytest.raises(
        EvidenceError, match=r"expected a detector of the weights bbbbbbbbbbbb… on the card, found .* aaaa"
    ):
        read_detector(folder, make_card(weights_sha256="b" * 64))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (WEIGHTS, b"short", r"gate\.safetensors: expected sha256 .* as in gate\.json, found"),
        (WEIGHTS, None, r"gate\.safetensors: expected sha256 .* found no file"),
        (FACTS, b"{", r"gate\.json: expected JSON, .* Fit it again with `dermaviz gate`"),
        (FACTS, b"[]", r"gate\.json: expected the facts of a detector"),
        (FACTS, b'{"shares": [], "colour": 1}', r"gate\.json: expected the facts of a detector"),
    ],
)
def test_a_damaged_detector_is_named(folder: Path, card: Card, name: str, content: bytes | None, message: str) -> None:
    (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
    with pytest.raises(EvidenceError, match=message):
        read_detector(folder, card)


def test_tensors_that_are_no_detector_are_named(folder: Path, card: Card) -> None:
    from safetensors.numpy import save

    content = save({"mean": np.zeros(3, np.float32)})
    (folder / WEIGHTS).write_bytes(content)
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    facts["gate_sha256"] = hashlib.sha256(content).hexdigest()
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(EvidenceError, match="expected the tensors of a detector, found others"):
        read_detector(folder, card)


def test_the_default_checkpoints_detector_is_its_own_and_small() -> None:
    home = ROOT / "checkpoints" / "ham10000-efficientnet-lite0"
    read = read_detector(home, read_card(home / "card.json"))
    assert read is not None
    refused = next(share for share in read[1].shares if share.of == "test photos of lesions")
    assert refused.value <= 0.02
    assert refused.pictures == 2001
    assert (home / WEIGHTS).stat().st_size <= 2**20
