"""Predictions as evidence keeps them; and two sets of images asked the same question, on the diagnoses that both hold."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from dermaviz.data.readers import read_ham10000
from dermaviz.data.records import Dataset
from dermaviz.errors import DatasetError, EvidenceError, ImageError
from dermaviz.evidence import evaluate
from dermaviz.evidence.evaluate import predict_dataset, prediction_rows
from dermaviz.evidence.predictions import Audited, alike, audited_from, compare_sets, external_drop, external_sets
from dermaviz.evidence.store import DataSplit, Source, write_evidence
from dermaviz.images import read_image
from dermaviz.metrics.comparison import differences_of_sets
from dermaviz.models.card import DEFAULT_CHECKPOINT, Checkpoint, read_card
from dermaviz.models.classifier import Classifier


@pytest.fixture
def data(write_ham10000: Callable[..., Path], tmp_path: Path) -> Dataset:
    return read_ham10000(write_ham10000(tmp_path, {"L1": ("mel", 2), "L2": ("nv", 3), "L3": ("bkl", 2)}))


def test_logits_are_those_that_the_app_shows(tiny_classifier: Classifier, data: Dataset) -> None:
    found = predict_dataset(tiny_classifier, data)
    assert found.classes == data.classes
    assert found.image_ids == tuple(r.image_id for r in data.records)
    assert found.lesion_ids == ("L1", "L1", "L2", "L2", "L2", "L3", "L3")
    assert found.labels.tolist() == [4, 4, 5, 5, 5, 2, 2]
    shown = [tiny_classifier.predict(read_image(r.path).pixels).probabilities for r in data.records]
    np.testing.assert_allclose(found.probabilities(tiny_classifier.card.temperature), np.stack(shown), atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_batches_do_not_matter(tiny_classifier: Classifier, data: Dataset, batch_size: int) -> None:
    found, expected = predict_dataset(tiny_classifier, data, batch_size), predict_dataset(tiny_classifier, data)
    assert found.logits.shape == (7, 3)
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-5)


def test_a_refused_photo_is_named(tiny_classifier: Classifier, data: Dataset) -> None:
    data.records[3].path.write_bytes(b"no photo")
    with pytest.raises(ImageError, match=r"L2-1\.png: expected a JPEG, PNG, WebP"):
        predict_dataset(tiny_classifier, data)


def test_each_picture_of_a_table_is_read_once_and_a_refused_one_costs_its_own_row(
    tiny_classifier: Classifier, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    slices, read = [slice(0, 2), slice(2, 5), slice(5, 7)], list[str]()
    whole = pd.concat(prediction_rows(tiny_classifier, data, slices), ignore_index=True)
    for i in (0, 1, 4):
        data.records[i].path.write_bytes(data.records[i].path.read_bytes()[:300])
    monkeypatch.setattr(evaluate, "read_image", lambda path: (read.append(path.stem), read_image(path))[1])
    first, *rest = prediction_rows(tiny_classifier, data, slices)
    assert read == [record.path.stem for record in data.records]
    assert (len(first), [len(part) for part in rest]) == (0, [2, 2])
    expected = whole.drop([0, 1, 4]).reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.concat(rest, ignore_index=True), expected, rtol=1e-5)
    data.records[5].path.unlink()
    with pytest.raises(ImageError, match="expected a picture file, found none"):
        list(prediction_rows(tiny_classifier, data, slices))


def test_an_empty_split_is_refused(tiny_classifier: Classifier, data: Dataset) -> None:
    with pytest.raises(DatasetError, match="expected images of ham10000 to predict, found none"):
        predict_dataset(tiny_classifier, data.take([]))


class Waiting(nn.Module):
    """A network that answers only once the readers have had ample time, and notes how far they came."""

    def __init__(self, read: list[str]) -> None:
        super().__init__()
        self.read, self.seen = read, []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        threading.Event().wait(0.1)
        self.seen.append(len(self.read))
        return images.new_zeros(len(images), 3)


def test_readers_do_not_run_away_from_a_slow_network(
    tiny_classifier: Classifier, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(evaluate, "read_image", lambda path: (read.append(path.name), read_image(path))[1])
    many = data.take(replace(data.records[i % 7], image_id=f"im{i}") for i in range(30))
    network = Waiting(read)
    predict_dataset(replace(tiny_classifier, network=network), many, batch_size=2)
    assert network.seen[0] <= 2 + 2 * 2 + 1
    assert len(read) == 30


SHIPPED = Path(__file__).parents[2] / "checkpoints" / DEFAULT_CHECKPOINT
CARD = read_card(SHIPPED / "card.json")
GROUPS = {"benign": ("bkl", "df", "nv", "vasc"), "malignant": ("akiec", "bcc", "mel")}


def answers(labels: list[str], seed: int) -> pd.DataFrame:
    """Random answers, a little better than chance, each image its own lesion."""
    drawn = np.random.default_rng(seed)
    said = drawn.dirichlet(np.ones(len(CARD.classes)), len(labels))
    said += 0.3 * np.eye(len(CARD.classes))[[CARD.classes.index(name) for name in labels]]
    said = pd.DataFrame(said / said.sum(1, keepdims=True), columns=[f"p_{name}" for name in CARD.classes])
    ids = [f"{seed}-{i}" for i in range(len(labels))]
    return pd.concat([pd.DataFrame({"image_id": ids, "lesion_id": ids, "dx": labels}), said], axis=1)


HOME = answers(["mel", "nv", "bcc", "nv"] * 100, seed=0)
AWAY = answers(["mel", "nv", "nv"] * 50, seed=1)


def audit(table: pd.DataFrame, checkpoint: Checkpoint | None = None) -> Audited:
    return audited_from(table, checkpoint or Checkpoint(SHIPPED, CARD), f"{len(table)}")


def test_both_sets_are_measured_on_the_diagnoses_that_both_hold() -> None:
    found = compare_sets(audit(HOME), audit(AWAY), draws=50).set_index("metric")
    pairs = HOME[HOME["dx"] != "bcc"]
    expected = [roc_auc_score(table["dx"] == "mel", table["p_mel"]) for table in (pairs, AWAY)]
    row = found.loc["melanoma_auc"]
    assert [row["first"], row["second"]] == pytest.approx(expected)
    assert row["difference"] == pytest.approx(expected[1] - expected[0])
    assert (row["n_first"], row["n_second"], row["diagnoses"]) == (300, 150, "melanoma and melanocytic nevus")


def test_a_set_labelled_by_groups_puts_its_question_to_the_other() -> None:
    coarse = pd.DataFrame(
        {f"p_{name}": AWAY[[f"p_{of}" for of in classes]].sum(axis=1) for name, classes in GROUPS.items()}
    )
    sides = AWAY["dx"].map({"mel": "malignant", "nv": "benign"})
    away = audit(
        pd.concat([AWAY[["image_id", "lesion_id"]], coarse], axis=1).assign(dx=sides),
        Checkpoint(SHIPPED, CARD).asked(GROUPS),
    )
    one, other = alike(audit(HOME), away)
    assert one.classes == other.classes == ("benign", "malignant")
    assert one.labels.tolist() == [int(name in GROUPS["malignant"]) for name in HOME["dx"]]
    np.testing.assert_allclose(one.probabilities[:, 1], HOME[["p_akiec", "p_bcc", "p_mel"]].sum(axis=1))
    found = compare_sets(audit(HOME), away, draws=50).set_index("metric").loc["malignant_auc"]
    scores = HOME[["p_akiec", "p_bcc", "p_mel"]].sum(axis=1)
    assert found["first"] == pytest.approx(roc_auc_score(HOME["dx"].isin(GROUPS["malignant"]), scores))


def test_the_interval_of_a_difference_holds_the_chance_of_both_sets() -> None:
    """The variance of a difference of two independent means is the sum of theirs."""
    right = [np.random.default_rng(seed).random(400) < 0.5 for seed in (0, 1)]
    labels = np.zeros(400, np.int64)
    said = [np.stack([value, ~value], axis=1).astype(float) for value in right]
    accuracy = {"accuracy": lambda y, p, w=None: (np.ones(len(y)) if w is None else w) @ (p.argmax(1) == y)
                / (len(y) if w is None else w.sum(-1))}  # fmt: skip
    samples = [(labels, one, [f"{i}" for i in range(400)]) for one in said]
    row = differences_of_sets(accuracy, *samples, draws=2000).iloc[0]  # type: ignore[arg-type]
    spread = np.sqrt(sum(one.var() / 400 for one in right))
    assert row["difference"] == pytest.approx(right[1].mean() - right[0].mean())
    assert row["difference_high"] - row["difference_low"] == pytest.approx(2 * 1.96 * spread, rel=0.07)


def test_sets_that_share_images_have_a_paired_interval() -> None:
    """All of a set beside most of it: what both hold cancels out, and where they are the same nothing is left."""
    row = compare_sets(audit(HOME), audit(HOME), draws=50).iloc[0]
    assert row["paired"]
    assert row["difference"] == 0
    assert 0 < row["difference_high"] == -row["difference_low"] < 0.2  # the exact bound of so many lesions
    found = [
        compare_sets(audit(HOME), audit(part), draws=200) for part in (HOME[:360], answers(["mel", "nv"] * 180, 3))
    ]
    widths = [(one["difference_high"] - one["difference_low"]).iloc[0] for one in found]
    assert [one["paired"].any() for one in found] == [True, False]
    assert widths[0] < widths[1] / 2


def test_sets_without_a_shared_diagnosis_are_not_compared() -> None:
    with pytest.raises(EvidenceError, match="expected a diagnosis that both sets hold"):
        compare_sets(audit(HOME), audit(answers(["df"] * 5, 2)))


def test_external_sets_are_those_of_another_name(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, CARD)
    source = Source("predictions", "ham10000", "test", CARD.answers_sha256, "")
    write_evidence(tmp_path, HOME, source, {})
    with pytest.raises(EvidenceError, match=r"found none. Make it: `dermaviz audit"):
        external_drop(checkpoint)
    for name, split, table in (("away", "all", AWAY), ("ham10000", "validation", HOME)):
        write_evidence(tmp_path, table, Source("predictions", name, split, CARD.answers_sha256, ""), {})
    assert external_sets(checkpoint) == [DataSplit("away", "all")]
    found = external_drop(checkpoint, draws=20).set_index("metric").loc["melanoma_sensitivity"]
    called = AWAY.filter(like="p_").idxmax(axis=1) == "p_mel"
    assert found["second"] == pytest.approx(called[AWAY["dx"] == "mel"].mean())
