"""The rows of the robustness tables over a data set: every image, in order, as the tables of single batches say."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from dermaviz.data.readers import read_ham10000
from dermaviz.evidence.evaluate import prediction_rows
from dermaviz.evidence.tables import robustness as rows
from dermaviz.evidence.tables.robustness import EPSILONS, SLOW_EPSILONS, evidence_methods
from dermaviz.robustness.corruptions import CORRUPTIONS

TABLES = {
    "attacks": (rows.attack_rows, rows.attack_parameters, 2 * len(EPSILONS) + len(SLOW_EPSILONS)),
    "flips": (rows.flip_rows, rows.flip_parameters, 1),
    "corruptions": (rows.corruption_rows, rows.corruption_parameters, 1 + 5 * len(CORRUPTIONS)),
}


@pytest.fixture
def dataset(write_ham10000, tmp_path):
    """Seven photos of three lesions; batches of two make one that is left over."""
    return read_ham10000(write_ham10000(tmp_path, {"L1": ("mel", 2), "L2": ("nv", 3), "L3": ("bkl", 2)}))


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(rows, "BATCH", 2)


@pytest.mark.parametrize("table", TABLES)
def test_slices_together_are_the_whole(make_classifier, dataset, table):
    classifier = make_classifier(classes=dataset.classes, malignant=("mel",))
    make, _, per_image = TABLES[table]
    whole = pd.concat(make(classifier, dataset, [slice(0, 7)]))
    parts = list(make(classifier, dataset, [slice(0, 3), slice(3, 7)]))
    assert [part["image_id"].nunique() for part in parts] == [3, 4]
    order = [record.image_id for record in dataset.records]
    assert whole["image_id"].value_counts().reindex(order).tolist() == [per_image] * 7
    keys = [name for name in ("image_id", "method", "epsilon", "corruption", "severity") if name in whole]
    together = pd.concat(parts).sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(together, whole.sort_values(keys, ignore_index=True), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("table", TABLES)
def test_settings_can_be_written_as_an_address(table):
    parameters = TABLES[table][1]()
    assert parameters
    assert json.loads(json.dumps(parameters)) is not None


def test_what_is_not_attacked_is_what_the_model_says(make_classifier, dataset):
    """ε = 0 and severity 0 are the clean answers, as the table of predictions has them."""
    classifier = make_classifier(classes=dataset.classes, malignant=("mel",))
    clean = next(prediction_rows(classifier, dataset, [slice(0, 7)])).set_index("image_id")
    expected = {image_id: clean.loc[image_id, f"p_{dx}"] for image_id, dx in clean["dx"].items()}
    attacks = next(rows.attack_rows(classifier, dataset, [slice(0, 7)]))
    for method in evidence_methods():
        at_zero = attacks[(attacks["method"] == method) & (attacks["epsilon"] == 0)].set_index("image_id")["p_true"]
        assert at_zero.to_dict() == pytest.approx(expected, rel=1e-5)
    spoilt = next(rows.corruption_rows(classifier, dataset, [slice(0, 7)]))
    at_zero = spoilt[spoilt["severity"] == 0].set_index("image_id")["p_true"]
    assert at_zero.to_dict() == pytest.approx(expected, rel=1e-5)
