"""Tests of `evaluate`: figures land on the card, and only those of the split and classes that it was trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dermaviz.data.readers import read_ham10000
from dermaviz.data.records import HAM10000
from dermaviz.data.split import split_by_group, write_manifest
from dermaviz.errors import CheckpointError, DatasetError
from dermaviz.evidence.evaluate import evaluate_checkpoint
from dermaviz.evidence.images import split_of_checkpoint
from dermaviz.models.card import CARD, read_card
from dermaviz.models.checkpoint import WEIGHTS, load_checkpoint, save_checkpoint
from dermaviz.models.classifier import Classifier


@pytest.fixture
def root(write_ham10000: Callable[..., Path], tmp_path: Path) -> Path:
    return write_ham10000(tmp_path / "data", {f"{dx}{i}": (dx, 1) for dx in HAM10000.classes for i in range(5)})


@pytest.fixture
def save(root: Path, tmp_path: Path, make_classifier: Callable[..., Classifier]) -> Callable[..., Path]:
    """``save(…)``: a checkpoint trained on the split of ``root``, with other values on its card."""
    manifest = write_manifest(split_by_group(read_ham10000(root)), tmp_path / "split.csv")

    def make(**changes: Any) -> Path:
        known = {
            "classes": tuple(HAM10000.classes),
            "split_sha256": manifest.sha256,
            "data": {"dataset": "ham10000", "manifest": str(tmp_path / "split.csv")},
            "metrics": {"validation": {"n_images": 7}},
        }
        classifier = make_classifier(**known | changes)
        save_checkpoint(tmp_path / "tiny", classifier.network, classifier.card)
        return tmp_path / "tiny"

    return make


def test_figures_join_those_on_the_card(save: Callable[..., Path], root: Path) -> None:
    folder = save()
    weights = (folder / WEIGHTS).read_bytes()
    card = evaluate_checkpoint(folder, root, "test", draws=10)
    assert card == read_card(folder / CARD)
    assert card.metrics["validation"] == {"n_images": 7}
    assert card.metrics["test"]["n_images"] == sum(card.metrics["test"]["n_by_class"].values()) > 0
    assert 0 <= card.metrics["test"]["balanced_accuracy"]["value"] <= 1
    assert (folder / WEIGHTS).read_bytes() == weights
    load_checkpoint(folder)


def test_evaluating_again_gives_the_same_figures(save: Callable[..., Path], root: Path) -> None:
    folder = save()
    assert evaluate_checkpoint(folder, root, draws=10) == evaluate_checkpoint(folder, root, draws=10)


def test_a_checkpoint_is_measured_on_the_question_and_the_images_that_its_card_names(
    save: Callable[..., Path], root: Path
) -> None:
    """As many melanomas as keratoses and nevi together, counted here from the labels of the test images."""
    folder = save(
        classes=("other", "mel"),
        malignant=("mel",),
        data={"dataset": "ham10000", "manifest": str(root.parent / "split.csv"), "task": "melanoma", "balance": True},
    )
    counts = split_by_group(read_ham10000(root))
    test = [r.label for r in read_ham10000(root).records if counts[r.image_id] == "test"]
    each = min(test.count("mel"), test.count("bkl") + test.count("nv"))
    card = evaluate_checkpoint(folder, root, "test", draws=10)
    assert card.metrics["test"]["n_by_class"] == {"other": each, "mel": each}
    chosen = split_of_checkpoint(card, root, "test")
    assert {record.metadata["diagnosis"] for record in chosen.records} <= {"mel", "bkl", "nv"}
    assert chosen == split_of_checkpoint(card, root, "test")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"split_sha256": "0" * 64}, DatasetError, r"tiny: expected the split 000000000000… that it was trained on"),
        ({"data": {"dataset": "ham10000"}}, CheckpointError, r"expected `data` to name .*found \['dataset'\]"),
        ({"classes": tuple(reversed(HAM10000.classes))}, DatasetError, "expected the classes .*vasc.* in this order"),
    ],
)
def test_other_data_than_the_cards_are_refused(
    save: Callable[..., Path], root: Path, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    folder = save(**changes)
    before = (folder / CARD).read_bytes()
    with pytest.raises(error, match=message):
        evaluate_checkpoint(folder, root)
    assert (folder / CARD).read_bytes() == before
