"""The Confusion page's questions, and what its sentences say at the edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dermaviz.app.bar import cohort_sentence
from dermaviz.app.checkpoints import Checkpoint, audited
from dermaviz.app.confusion.confidence import sets_sentence
from dermaviz.app.confusion.matrix import mistake_sentence
from dermaviz.app.confusion.metrics import lowest_sentence, training_sentence
from dermaviz.app.confusion.view import MALIGNANCY, question_label, questions, view_of
from dermaviz.app.text import group_label, p_value
from dermaviz.app.widgets.chart import intervals
from dermaviz.evidence.predictions import Audited
from dermaviz.evidence.store import DataSplit
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.metrics.confusion import Mistake
from dermaviz.models.card import Card
from dermaviz.plots.theme import percent

NAN = float("nan")


@pytest.fixture
def images(audit: Callable[..., Checkpoint]) -> Audited:
    return audited(audit())


def test_questions_of_a_card(card: Card) -> None:
    assert questions(card)[:3] == ("every class", MALIGNANCY, "akiec")
    assert MALIGNANCY not in questions(replace(card, malignant=()))
    assert [question_label(card, name) for name in ("every class", MALIGNANCY, "mel")] == [
        "which of the 7 classes?", "malignant or benign?", "melanoma (mel) or not?",
    ]  # fmt: skip
    assert [group_label(card, group) for group in view_of(card, "mel").groups] == ["melanoma (mel)", "all others"]


def test_malignancy_sums_the_malignant_classes(images: Audited) -> None:
    truth, score = view_of(images.checkpoint.card, MALIGNANCY).sides(images)
    assert truth.tolist() == [True, True, False, False]
    assert score.tolist() == [0.75, 0.25, 0.625, 0.0]


def test_a_cohort_says_how_many_remain(images: Audited) -> None:
    assert cohort_sentence(images, images) == "All 4 images of 3 lesions of the test split."
    undivided = replace(images, of=DataSplit("clinic", "all"))
    assert cohort_sentence(undivided, undivided) == "All 4 images of 3 lesions."
    some, none = images.take(np.array([2, 3])), images.take(np.zeros(4, dtype=bool))
    assert cohort_sentence(some, images) == "This cohort: 2 images of 1 lesion, 50% of the 4 images."
    assert "None of the 4 images is in this cohort" in cohort_sentence(none, images)


def test_shares_and_figures_have_their_interval_where_there_is_one() -> None:
    assert Estimate(0.14, 0.09, 0.19).text(percent) == "14% (95% interval 9% to 19%)"
    assert Estimate(0.14, NAN, NAN).text(percent) == "14%"
    columns = {"gap": [-0.25, NAN], "gap_low": [-0.5, NAN], "gap_high": [0.0, NAN]}
    assert intervals(pd.DataFrame(columns), "gap", change=True) == ["−0.250 (−0.500 to 0)", "–"]
    assert (p_value(0.0001), p_value(0.031)) == ("< 0.001", "= 0.031")


def test_sets_are_said_of_all_and_of_the_malignant() -> None:
    def table(everything: float, malignant: float, size: float) -> pd.DataFrame:
        return pd.DataFrame(
            {"class": ["", "malignant"], "coverage": [everything, malignant], "mean_size": size, "n_images": [100, 20]}
        )

    said = sets_sentence({"marginal": table(0.9, 0.7, 1.2), "class-conditional": table(0.9, 0.9, 1.8)}, 50)
    assert said.endswith("n = 100 images, fitted on 50 validation images.")
    assert "With a threshold for each class: **90%** of all, **90%** of the malignant ones; 1.8 diagnoses" in said


def test_mistakes_and_classes_that_are_equal_are_all_named() -> None:
    names = {name: name.upper() for name in "abcde"}
    mistakes = [Mistake(true, "e", 28, 30) for true in "abcd"]
    assert mistake_sentence(mistakes[:1], names).endswith("**28 of 30** images of A are classified as E.")
    assert mistake_sentence(mistakes[:2], names).endswith("are classified as E; as often 28 of 30 of B.")
    assert mistake_sentence(mistakes, names).endswith("; as often 28 of 30 of B, 28 of 30 of C and 1 more.")
    assert mistake_sentence([mistakes[0], Mistake("b", "c", 28, 30)], names).endswith("; as often 28 of 30 of B as C.")
    rows = pd.DataFrame(
        {"class": list("abcde"), "value": [0, 0, 1, 0, 0], "low": 0, "high": 1, "n_positives": [8, 7, 6, 5, 4]}
    )
    assert lowest_sentence(rows, "Sensitivity", names) == (
        "Sensitivity is lowest for A, B, D and 1 more: 0.000 each, with 24 images of them."
    )
    assert "is lowest for B: 0.000 (95% interval 0.000 to 1.000), with 7 images" in lowest_sentence(
        rows[1:3], "Sensitivity", names
    )
    assert lowest_sentence(rows[:2], "Sensitivity", names) == "Sensitivity is the same for all classes here: 0.000."


def test_the_kept_epoch_is_named_with_its_figure() -> None:
    curve = pd.DataFrame({"epoch": [1, 2, 3], "balanced_accuracy": [0.5, 0.7, 0.6], "accuracy": [0.8, 0.7, 0.9]})
    assert "epoch 2 are kept: balanced accuracy 0.700 on 1,004 images of the" in training_sentence(curve, 2, 1004)
    assert training_sentence(curve, 1, None, "accuracy").endswith(
        "accuracy 0.800 on validation, the highest being 0.900."
    )
    assert training_sentence(curve[:1], None, None) == "It was trained for 1 epoch."
