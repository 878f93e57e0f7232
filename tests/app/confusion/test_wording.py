"""What the Confusion page says, word for word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.confusion.text import (
    abstaining_sentence,
    area_sentence,
    case_sentence,
    cell_sentence,
    class_sentence,
    complement,
    difference_sentence,
    figure,
    mcnemar_sentence,
    p_words,
    sets_sentence,
    threshold_sentence,
    training_sentence,
)
from dermaviz.app.confusion.view import MALIGNANCY, group_label, question_label, questions, view_of
from dermaviz.app.evidence import Audited, audited
from dermaviz.app.text import cohort_sentence, share
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.metrics.comparison import McNemar
from dermaviz.metrics.ranking import OperatingPoint
from dermaviz.models.answer import Prediction
from dermaviz.models.card import Card

NAN = float("nan")
NAMES = {"mel": "melanoma", "df": "dermatofibroma", "nv": "melanocytic nevus"}
NOTHING = Estimate(NAN, NAN, NAN)


@pytest.fixture
def images(audit: Callable[..., Checkpoint]) -> Audited:
    return audited(audit())


def point(tp: int, fp: int, fn: int, tn: int) -> OperatingPoint:
    rates = (Estimate(192 / 223, 0.8, 0.91), Estimate(0.88, 0.86, 0.9), NOTHING)
    return OperatingPoint(0.5, tp, fp, fn, tn, *rates, n_lesions=None)


def test_the_threshold_in_words(card: Card) -> None:
    assert threshold_sentence(card, view_of(card, "mel"), point(192, 210, 31, 1570)) == (
        "At this threshold it misses **31 of 223** images of melanoma: 14% (95% interval 9% to 20%); and it alarms on "
        "**210 of 1,780** others: 12% (95% interval 10% to 14%)."
    )


def test_a_threshold_without_melanomas_or_without_others_says_so(card: Card) -> None:
    view = view_of(card, "mel")
    assert "There are no images of melanoma here" in threshold_sentence(card, view, point(0, 1, 0, 1))
    assert "no other images here to alarm on" in threshold_sentence(card, view, point(1, 0, 1, 0))


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


@pytest.mark.parametrize(
    ("true", "called", "sentence"),
    [
        ("mel", "nv", "**1 image** of melanoma that it calls melanocytic nevus: a mistake."),
        ("mel", "mel", "**1 image** of melanoma that it calls melanoma: no mistake."),
        (
            "mel",
            None,
            "**2 images** of melanoma: **1** mistake, the most confident first, then the 1 called what they are.",
        ),
        (None, None, "**4 images**: **2** mistakes, the most confident first, then the 2 called what they are."),
        ("df", None, "There are no images of dermatofibroma here."),
    ],
)
def test_a_cell_in_words(images: Audited, true: str | None, called: str | None, sentence: str) -> None:
    card = images.checkpoint.card
    assert cell_sentence(card, view_of(card, "every class").verdicts(images), true, called) == sentence


def test_a_cohort_says_how_many_remain(images: Audited) -> None:
    assert cohort_sentence(images, images) == "All 4 images of 3 lesions of the test split."
    some, none = images.take(np.array([2, 3])), images.take(np.zeros(4, dtype=bool))
    assert cohort_sentence(some, images) == "This cohort: 2 images of 1 lesion, 50% of the 4 test images."
    assert "None of the 4 test images is in this cohort" in cohort_sentence(none, images)


def test_a_case_in_words(card: Card) -> None:
    said = Prediction(card.classes, np.array([0, 0, 0, 0, 0.25, 0.75, 0], dtype=np.float32), frozenset())
    assert case_sentence(card, "nv", said) == (
        "It is **melanocytic nevus**, and the model says so with probability **75%**."
    )
    assert case_sentence(card, "mel", said) == (
        "It is **melanoma**; the model says **melanocytic nevus** with probability **75%**, and gives 25% to melanoma."
    )


def test_shares_and_figures_have_their_interval_where_there_is_one() -> None:
    assert share(Estimate(0.14, 0.09, 0.19)) == "14% (95% interval 9% to 19%)"
    assert share(Estimate(0.14, NAN, NAN)) == "14%"
    assert share(NOTHING) == "undefined"
    assert complement(Estimate(0.75, 0.5, 1.0)) == Estimate(0.25, 0.0, 0.5)
    assert area_sentence("Area", Estimate(0.9118, 0.8911, 0.9309)) == "Area: 0.912 (95% interval 0.891 to 0.931)."
    assert area_sentence("Area", Estimate(0.9118, NAN, NAN)) == "Area: 0.912."
    assert figure({"value": 0.5, "low": NAN, "high": NAN}) == "0.500"


def test_the_class_with_the_lowest_figure() -> None:
    rows = pd.DataFrame(
        {"class": ["mel", "df", "nv"], "value": [0.4, NAN, 0.9], "low": [0.3, NAN, 0.8], "high": [0.5, NAN, 1.0]}
    ).assign(n_positives=[223, 0, 1341])
    assert class_sentence(NAMES, "Sensitivity", rows) == (
        "Sensitivity is lowest for melanoma: 0.400 (95% interval 0.300 to 0.500), with 223 images of it."
    )
    assert "none of the classes" in class_sentence(NAMES, "Sensitivity", rows.iloc[[1]])


def test_abstaining_in_words() -> None:
    curve = pd.DataFrame({"coverage": [0.5, 0.79, 1.0], "risk": [0.02, 0.1, 0.2], "low": [0.01] * 3, "high": [0.3] * 3})
    assert abstaining_sentence(curve, 200) == (
        "Answering only the 79% of 200 images on which it is surest, it is wrong on 10% (95% interval 1% to 30%); answering "
        "all, on 20%."
    )


def test_sets_in_words() -> None:
    def table(everything: float, malignant: float, size: float) -> pd.DataFrame:
        return pd.DataFrame(
            {"class": ["", "malignant"], "coverage": [everything, malignant], "mean_size": size, "n_images": [100, 20]}
        )

    said = sets_sentence({"marginal": table(0.9, 0.7, 1.2), "class-conditional": table(0.9, 0.9, 1.8)}, 50, 0.9)
    assert "fitted on 50 validation images to hold the true one 90% of the time. On these 100 images" in said
    assert "a threshold for each class, they hold the true one on **90%** of all and **90%** of the malignant" in said


def test_training_in_words() -> None:
    curve = pd.DataFrame({"epoch": [1, 2, 3], "balanced_accuracy": [0.5, 0.7, 0.6], "accuracy": [0.8, 0.7, 0.9]})
    assert training_sentence(curve, 2, 1004) == (
        "It learned for 3 epochs; the weights of epoch 2 are kept: balanced accuracy 0.700 on 1,004 images of the "
        "validation split, the highest of all."
    )
    assert "the highest being 0.700" in training_sentence(curve, 3, None)
    assert training_sentence(curve, 1, None, "accuracy") == (
        "It learned for 3 epochs; the weights of epoch 1 are kept: accuracy 0.800 on validation, the highest being 0.900."
    )
    assert training_sentence(curve, None, None) == "It learned for 3 epochs."
    assert training_sentence(curve[:1], None, None) == "It learned for 1 epoch."


def test_two_checkpoints_in_words(images: Audited) -> None:
    row = {"label": "Accuracy", "first": 0.8, "second": 0.7, "difference": -0.1, "difference_low": -0.2}
    assert difference_sentence(("a", "b"), row | {"difference_high": 0.05}) == (
        "Accuracy is 0.800 for a and 0.700 for b: a difference of −0.100 (95% interval −0.200 to +0.050)."
    )
    assert mcnemar_sentence(("a", "b"), McNemar(80, 95, 0.29), images) == (
        "On 4 images of 3 lesions, only a is right on **80** and only b on **95**. If both were right equally often, a split "
        "at least as uneven would come about in 29% of such comparisons (McNemar's exact test, p = 0.290, images counted as "
        "independent)."
    )
    assert "nothing to test" in mcnemar_sentence(("a", "b"), McNemar(0, 0, 1.0), images)
    assert p_words(0.0001) == "< 0.001"
