"""Tests of other cameras: the changes do what they say, and the share of changed answers is counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermaviz.data.readers import read_ham10000
from dermaviz.errors import EvidenceError
from dermaviz.evidence.tables import TABLES
from dermaviz.evidence.tables.robustness import cameras_rows
from dermaviz.images import read_image
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.cameras import CHANGES, changed_answers, variants

PIXELS = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)


def test_changes_do_what_they_say() -> None:
    made = {(change, level): pixels for change, level, pixels in variants(PIXELS)}
    np.testing.assert_array_equal(made["none", 0], PIXELS)
    assert [level for change, level in made if change == "sharpness"] == [64, 100, 150]  # no sharper than it is
    assert min(made["sharpness", 100].shape[:2]) == 100
    np.testing.assert_array_equal(made["scale", 2], PIXELS[50:150, 75:225])
    assert made["scale", 0.5].shape == (400, 600, 3)
    np.testing.assert_array_equal(made["scale", 0.5][100:300, 150:450], PIXELS)
    np.testing.assert_array_equal(made["crop", 1], PIXELS[:170, :255])
    np.testing.assert_array_equal(made["crop", 4], PIXELS[30:, 45:])
    assert (np.ptp(made["grey", 1].astype(int), axis=2) == 0).all()
    assert np.abs(made["jpeg", 10].astype(int) - PIXELS).mean() > 0


def test_the_share_of_changed_answers_is_counted_by_hand() -> None:
    told = [("a", "none", 0, "mel", 0.9), ("a", "sharpness", 150, "mel", 0.8), ("a", "sharpness", 300, "nv", 0.2)]
    told += [("b", "none", 0, "nv", 0.1), ("b", "sharpness", 150, "nv", 0.3), ("b", "jpeg", 10, "mel", 0.6)]
    table = pd.DataFrame(told, columns=["image_id", "change", "level", "predicted", "p_malignant"])
    found = changed_answers(table, {"a": "1", "b": "2"}).set_index(["change", "level"])
    assert found.loc[("sharpness", 150), ["changed", "changed_low"]].tolist() == [0, 0]
    assert found.loc[("sharpness", 150), "changed_high"] == pytest.approx(1 - 0.025 ** (1 / 2))  # of two lesions
    assert found.loc[("sharpness", 150), "moved"] == pytest.approx(0.15)
    assert found.loc[("sharpness", 300), ["changed", "n_images"]].tolist() == [1, 1]
    assert found.loc[("sharpness", 0), "changed"] == 0.5  # of two lesions one has two answers from 150 px on
    assert found.loc[("jpeg", 10), "changed"] == 1
    with pytest.raises(EvidenceError, match="expected each image as it is"):
        changed_answers(table[table["change"] != "none"], {"a": "1"})


def test_rows_hold_the_models_own_answers(
    tiny_classifier: Classifier, write_ham10000: Callable[..., Path], tmp_path: Path
) -> None:
    dataset = read_ham10000(write_ham10000(tmp_path / "own", {"L1": ("mel", 2), "L2": ("nv", 1)}))
    dataset = type(dataset)(dataset.name, tiny_classifier.classes, dataset.records)
    (table,) = cameras_rows(tiny_classifier, dataset, [slice(0, 3)])
    TABLES["cameras"].check(table, "here")
    clean = table[table["change"] == "none"]
    assert clean["image_id"].tolist() == [record.image_id for record in dataset.records]
    prepared = [tiny_classifier.prepare(read_image(r.path).pixels) for r in dataset.records]
    said = tiny_classifier.probabilities(tiny_classifier.to_tensor(prepared))
    np.testing.assert_allclose(clean["p_malignant"], said[:, tiny_classifier.classes.index("mel")], atol=1e-6)
    assert set(table["change"]) == {"none", *CHANGES}
