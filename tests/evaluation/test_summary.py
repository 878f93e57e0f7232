"""Tests of the figures on a card: which they are, the constant answer, and a split that does not define them all."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import roc_auc_score

from dermaviz.evaluation.predictions import Predictions
from dermaviz.evaluation.summary import metrics_for, summarise

CLASSES = ("bkl", "mel", "nv")


def predictions(labels: list[int], classes: tuple[str, ...] = CLASSES) -> Predictions:
    n = len(labels)
    logits = np.random.default_rng(0).normal(size=(n, len(classes))).astype(np.float32)
    ids = tuple(f"im{i}" for i in range(n))
    return Predictions(classes, ids, tuple(f"lesion{i // 2}" for i in range(n)), np.array(labels), logits)


def test_probabilities_are_tempered() -> None:
    said = predictions([0, 1, 2, 2])
    np.testing.assert_allclose(said.probabilities(2.5), softmax(said.logits / 2.5, axis=1), rtol=1e-6)


def test_the_figures_of_a_split() -> None:
    said = predictions([0] * 5 + [1] * 10 + [2] * 25)
    figures = summarise(said, 1.5, frozenset({"mel"}), draws=20)
    assert (figures["n_images"], figures["n_lesions"], figures["bootstrap_draws"]) == (40, 20, 20)
    assert figures["n_by_class"] == {"bkl": 5, "mel": 10, "nv": 25}
    auc = roc_auc_score(said.labels == 1, softmax(said.logits / 1.5, axis=1)[:, 1])
    assert figures["melanoma_auc"]["value"] == pytest.approx(auc)
    for name in metrics_for(CLASSES, frozenset({"mel"})):
        figure = figures[name]
        assert figure["low"] <= figure["value"] <= figure["high"] or name == "expected_calibration_error"
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_the_constant_answer_is_the_commonest_class() -> None:
    """Always "nv", 25 of 40: accuracy 25/40, balanced 1/3, F1 = 50/65 of one class in three."""
    row = summarise(predictions([0] * 5 + [1] * 10 + [2] * 25), 1.0, frozenset({"mel"}), draws=5)["constant_answer"]
    assert row == {
        "class": "nv",
        "balanced_accuracy": pytest.approx(1 / 3),
        "macro_f1": pytest.approx(50 / 65 / 3),
        "accuracy": pytest.approx(25 / 40),
    }


def test_what_the_split_does_not_define_is_left_out() -> None:
    figures = summarise(predictions([0] * 5 + [2] * 7), 1.0, frozenset({"mel"}), draws=20)
    assert not {"melanoma_auc", "melanoma_sensitivity", "malignant_auc"} & set(figures)
    assert figures["n_by_class"]["mel"] == 0
    json.dumps(figures, allow_nan=False)


@pytest.mark.parametrize(
    ("classes", "malignant", "present"),
    [
        (CLASSES, {"mel"}, {"melanoma_auc", "melanoma_sensitivity", "malignant_auc"}),
        (CLASSES, set(), {"melanoma_auc", "melanoma_sensitivity"}),
        (("benign", "malignant"), {"malignant"}, {"malignant_auc"}),
        (("a", "b"), {"a", "b"}, set()),
    ],
)
def test_metrics_of_melanoma_and_malignancy_need_such_classes(
    classes: tuple[str, ...], malignant: set[str], present: set[str]
) -> None:
    optional = {"melanoma_auc", "melanoma_sensitivity", "malignant_auc"}
    assert optional & set(metrics_for(classes, frozenset(malignant))) == present
