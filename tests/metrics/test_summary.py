"""Tests of the figures on a card: which they are, the constant answer, and a split that does not define them all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    cohen_kappa_score,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

from dermaviz.evidence.predictions import Predictions, read_audited
from dermaviz.evidence.store import DataSplit
from dermaviz.metrics.bootstrap import cluster_weights, over_draws
from dermaviz.metrics.calibration import expected_calibration_error
from dermaviz.metrics.summary import OF_GROUP, ON_CARD, figures_for, measure, metrics_for, summarise
from dermaviz.models.card import Checkpoint, read_card

CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "ham10000-efficientnet-lite0"
CLASSES = ("bkl", "mel", "nv")
MALIGNANT = frozenset({"bkl", "mel"})
COLUMNS = [
    "metric",
    "label",
    "class",
    "value",
    "low",
    "high",
    "exact",
    "n_images",
    "n_clusters",
    "n_positives",
    "constant",
]


def of_calls(score, **options):
    """scikit-learn's score of the called classes."""
    return lambda y, p: score(y, p.argmax(1), **options)


def against_rest(score):
    """scikit-learn's score of each class's probability."""
    return lambda y, p: [score(y == i, p[:, i]) for i in range(3)]


def of_sum(score, classes):
    """scikit-learn's score of the summed probability of some classes."""
    return lambda y, p: score(np.isin(y, classes), p[:, classes].sum(1))


def best_of_curve(sought: str, other_at_least: float):
    """The best point of scikit-learn's ROC curve whose other rate is high enough."""

    def best(positive: np.ndarray, score: np.ndarray) -> float:
        fpr, tpr, _ = roc_curve(positive, score, drop_intermediate=False)
        found, other = (tpr, 1 - fpr) if sought == "sensitivity" else (1 - fpr, tpr)
        return found[other >= other_at_least - 1e-9].max()

    return best


BY_SKLEARN = {
    "balanced_accuracy": of_calls(balanced_accuracy_score),
    "macro_f1": of_calls(f1_score, average="macro"),
    "weighted_f1": of_calls(f1_score, average="weighted"),
    "accuracy": of_calls(accuracy_score),
    "cohen_kappa": of_calls(cohen_kappa_score),
    "brier": lambda y, p: brier_score_loss(y, p, scale_by_half=False),
    "negative_log_likelihood": log_loss,
    "expected_calibration_error": expected_calibration_error,  # by hand in test_calibration.py
    "melanoma_sensitivity": lambda y, p: recall_score(y, p.argmax(1), average=None)[1],
    "sensitivity": of_calls(recall_score, average=None),
    "precision": of_calls(precision_score, average=None),
    "f1": of_calls(f1_score, average=None),
    "specificity": lambda y, p: [recall_score(y != i, p.argmax(1) != i) for i in range(3)],
    "roc_auc": against_rest(roc_auc_score),
    "average_precision": against_rest(average_precision_score),
    **{
        f"{group}_{slug}": of_sum(score, classes)
        for group, classes in {"melanoma": [1], "malignant": [0, 1]}.items()
        for slug, score in {
            "auc": roc_auc_score,
            "average_precision": average_precision_score,
            "sensitivity_at_specificity_90": best_of_curve("sensitivity", 0.90),
            "sensitivity_at_specificity_95": best_of_curve("sensitivity", 0.95),
            "specificity_at_sensitivity_90": best_of_curve("specificity", 0.90),
            "specificity_at_sensitivity_95": best_of_curve("specificity", 0.95),
        }.items()
    },
}


def predictions(labels: list[int], classes: tuple[str, ...] = CLASSES) -> Predictions:
    n = len(labels)
    logits = np.random.default_rng(0).normal(size=(n, len(classes))).astype(np.float32)
    ids = tuple(f"im{i}" for i in range(n))
    return Predictions(classes, ids, tuple(f"lesion{i // 2}" for i in range(n)), np.array(labels), logits)


def summarised(said: Predictions, temperature: float, malignant: frozenset[str], draws: int) -> dict[str, Any]:
    return summarise(said.labels, said.probabilities(temperature), said.lesion_ids, said.classes, malignant, draws)


def test_probabilities_are_tempered() -> None:
    said = predictions([0, 1, 2, 2])
    np.testing.assert_allclose(said.probabilities(2.5), softmax(said.logits / 2.5, axis=1), rtol=1e-6)


def test_the_figures_of_a_split() -> None:
    said = predictions([0] * 5 + [1] * 10 + [2] * 25)
    figures = summarised(said, 1.5, frozenset({"mel"}), draws=20)
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
    row = summarised(predictions([0] * 5 + [1] * 10 + [2] * 25), 1.0, frozenset({"mel"}), draws=5)["constant_answer"]
    assert row == {
        "class": "nv",
        "balanced_accuracy": pytest.approx(1 / 3),
        "macro_f1": pytest.approx(50 / 65 / 3),
        "accuracy": pytest.approx(25 / 40),
    }


def test_what_the_split_does_not_define_is_left_out() -> None:
    figures = summarised(predictions([0] * 5 + [2] * 7), 1.0, frozenset({"mel"}), draws=20)
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


def test_every_figure_in_every_draw_is_scikit_learns_on_the_rows_written_out(guesses, lesions_of) -> None:
    labels, probabilities = guesses(0, n=150, classes=3, decimals=2)  # with ties
    probabilities /= probabilities.sum(1, keepdims=True)
    figures = figures_for(CLASSES, MALIGNANT)
    assert {figure.slug for figure in figures} == set(BY_SKLEARN)
    weights = cluster_weights(lesions_of(150), draws=20)
    samples = over_draws([figure.metric for figure in figures], labels, probabilities, weights)
    table = measure(labels, probabilities, lesions_of(150), CLASSES, MALIGNANT, draws=20).set_index(["metric", "class"])
    for figure, drawn in zip(figures, samples, strict=True):
        theirs = BY_SKLEARN[figure.slug]
        rows = [np.repeat(np.arange(150), w.astype(int)) for w in weights]
        expected = np.array([theirs(labels[r], probabilities[r]) for r in rows])
        np.testing.assert_allclose(drawn, expected, rtol=1e-9, err_msg=figure.slug)
        values, bounds = np.atleast_1d(theirs(labels, probabilities)), np.percentile(expected, [2.5, 97.5], axis=0)
        for i, name in enumerate(CLASSES if figure.by_class else ("",)):
            row = table.loc[(figure.slug, name)]
            assert row.value == pytest.approx(values[i])
            assert [row.low, row.high] == pytest.approx(list(bounds.reshape(2, -1)[:, i]))


def test_the_page_of_figures() -> None:
    said = predictions([0] * 5 + [1] * 10 + [2] * 25)
    table = measure(said.labels, said.probabilities(1.0), said.lesion_ids, CLASSES, frozenset({"mel"}), draws=20)
    assert list(table) == COLUMNS
    assert len(table) == 8 + 2 * len(OF_GROUP) + 1 + 6 * 3
    assert not table.duplicated(["metric", "class"]).any()
    assert (table.n_images.unique(), table.n_clusters.unique()) == ([40], [20])
    rows = table.set_index(["metric", "class"])
    assert rows.n_positives[[("sensitivity", "bkl"), ("roc_auc", "nv"), ("melanoma_auc", "")]].tolist() == [5, 25, 10]
    assert rows.n_positives.isna()[("balanced_accuracy", "")]
    constant = rows.constant
    assert constant[("accuracy", "")] == pytest.approx(25 / 40)
    assert constant[("balanced_accuracy", "")] == pytest.approx(1 / 3)
    assert constant[("sensitivity", "nv")] == 1
    assert (constant[("melanoma_auc", "")], constant[("average_precision", "mel")]) == (0.5, pytest.approx(10 / 40))
    assert np.isnan(constant[("precision", "mel")])
    assert np.isnan(constant[("negative_log_likelihood", "")]), "certainty that errs has none"
    assert constant[("cohen_kappa", "")] == 0
    assert constant[("brier", "")] == pytest.approx(2 * 15 / 40)


def test_a_cohort_without_a_class_leaves_its_figures_undefined_and_never_0() -> None:
    said = predictions([0] * 5 + [2] * 15)
    table = measure(said.labels, said.probabilities(1.0), said.lesion_ids, CLASSES, frozenset({"mel"}), draws=20)
    table = table[(table["class"] == "mel") | table.metric.str.startswith(("melanoma", "malignant"))]
    undefined = table[~table.metric.isin(["precision", "specificity"])]  # others can be called it, or not
    assert len(undefined) == 4 + 2 * len(OF_GROUP) + 1
    assert undefined[["value", "low", "high", "constant"]].isna().all(axis=None)
    assert (table.n_positives == 0).all()


def test_no_images_give_a_page_of_nothing() -> None:
    table = measure(np.zeros(0, np.int64), np.zeros((0, 3)), (), CLASSES, frozenset({"mel"}), draws=5)
    assert table[["value", "low", "high", "constant"]].isna().all(axis=None)
    assert (table.n_images == 0).all()


def test_a_card_shows_some_of_the_page() -> None:
    assert tuple(metrics_for(CLASSES, frozenset({"mel"}))) == ON_CARD


@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_default_checkpoints_card_agrees_with_its_evidence(split: str) -> None:
    """The card was written by a loop over draws; the same resamples give the same figures here."""
    card = read_card(CHECKPOINT / "card.json")
    said = read_audited(Checkpoint(CHECKPOINT, card), DataSplit("ham10000", split))
    found = summarise(said.labels, said.probabilities, said.clusters, card.classes, frozenset(card.malignant))
    for name, expected in card.metrics[split].items():
        assert found[name] == (pytest.approx(expected, rel=1e-6) if name in ON_CARD else expected)
