"""Differences in sentences: the sign, the interval, the trainings, the photos, and why something cannot be told."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from studies.five_reports.claims.answers import AS_CLAIMED, CANNOT_BE_TOLD, OTHER_WAY, DifferenceAnswer, RowAnswer
from studies.five_reports.claims.sentences import (
    difference_sentence,
    metric_words,
    photos_words,
    question_sentence,
    signed,
    tally_words,
    trainings,
)

MORE = DifferenceAnswer(
    "a", "b", "f1", "mel", (0, 1), 0.034, 0.012, 0.056, (0.03, 0.038), True, 0.01, AS_CLAIMED, "batches of 64", "of 32"
)  # fmt: skip
LESS = replace(MORE, value=-0.034, low=-0.056, high=-0.012, by_seed=(-0.03, -0.038), finding=OTHER_WAY)
ZERO = replace(MORE, value=0.004, low=-0.012, high=0.02, by_seed=(0.01, -0.002), finding=CANNOT_BE_TOLD)
ROWS = (RowAnswer("a", "A", (0, 1), n=782, lesions=700), RowAnswer("b", "B", (0, 1), n=782, lesions=700))
ON = "Both of a pair were tested on the same 782 photos of 700 lesions."


@pytest.mark.parametrize(
    ("value", "said"), [(0.0344, "+0.034"), (-0.0344, "−0.034"), (0.0, "0.000"), (-0.0001, "0.000"), (0.0004, "0.000")]
)
def test_a_difference_has_its_sign(value: float, said: str) -> None:
    assert signed(value) == said


def test_metrics_are_named() -> None:
    assert metric_words("f1", "mel") == "F1 of mel"
    assert metric_words("accuracy") == "accuracy"
    assert metric_words("brier_score") == "brier score"


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (MORE, "With batches of 64, F1 of mel is higher than with of 32: +0.034 (95% interval +0.012 to +0.056; 2 of 2 trainings "
               "agree)."),
        (LESS, "With batches of 64, F1 of mel is lower than with of 32: −0.034 (95% interval −0.056 to −0.012; 2 of 2 trainings "
               "agree)."),
        (ZERO, "With batches of 64 and with of 32, F1 of mel cannot be told apart: +0.004 (95% interval −0.012 to +0.020; 1 of 2 "
               "trainings agree); the interval holds 0."),
        (replace(MORE, finding=CANNOT_BE_TOLD, seeds=(0,), by_seed=(0.034,), spread=math.nan),
         "With batches of 64, F1 of mel came out higher than with of 32: +0.034 (95% interval +0.012 to +0.056; one training); "
         "but how much another training would differ is not known."),
        (DifferenceAnswer("a", "b", "f1", better_label="A", worse_label="B"), "With A and with B, not both have run."),
    ],
)  # fmt: skip
def test_a_pair_in_a_sentence(difference: DifferenceAnswer, said: str) -> None:
    assert difference_sentence(difference) == said


def test_one_network_with_and_without_an_attack_is_no_training_more() -> None:
    attacked = replace(MORE, better="resnet-18", worse="resnet-18/fgsm")
    assert trainings(attacked) == "2 networks"
    assert trainings(replace(attacked, seeds=(0,))) == "one network"
    assert trainings(replace(MORE, seeds=(0,))) == "one training"


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        ((MORE, MORE), "2 of 2 go so"),
        ((MORE, LESS), "1 of 2 go so and 1 the other"),
        ((LESS, ZERO), "none of 2 go so, 1 the other and 1 leaves it open"),
        ((ZERO,), "none of 1 go so and 1 leaves it open"),
    ],
)
def test_a_tally_names_what_there_is(differences: tuple[DifferenceAnswer, ...], said: str) -> None:
    assert tally_words(differences, "go so") == said


@pytest.mark.parametrize(
    ("paired", "worse", "said"),
    [
        (True, "b", ON),
        (False, "b", "They were tested on different photos: 782 photos of 700 lesions and 790 photos of 701 lesions."),
        (False, "a/fgsm", "Both were tested on the same 782 photos of 700 lesions; the interval is that of two sets of photos, "
                          "so rather too wide."),
    ],
)  # fmt: skip
def test_photos_are_counted_and_those_that_differ_are_named(paired: bool, worse: str, said: str) -> None:
    rows = (ROWS[0], replace(ROWS[1], n=782 if paired else 790, lesions=700 if paired else 701))
    assert photos_words(rows, (replace(MORE, worse=worse, paired=paired),)) == said


def test_a_question_is_answered_by_its_pairs() -> None:
    waiting = DifferenceAnswer("a", "b", "f1")
    assert question_sentence(True, ROWS, (waiting,)) == "Its pairs have not run yet."
    assert question_sentence(True, ROWS, (MORE, waiting)) == f"{difference_sentence(MORE)} {ON}"
    three = question_sentence(True, ROWS, (MORE, LESS, ZERO))
    assert three.startswith(
        "In F1 of mel, 1 of 3 pairs go the way that the report says, 1 the other and 1 leaves it open. With batches of 64, "
    )
    assert three.count("With batches of 64") == 3
    five = question_sentence(True, ROWS, (ZERO, ZERO, replace(LESS, value=-0.09), ZERO, MORE))
    assert "The largest difference: With batches of 64, F1 of mel is lower" in five
    assert five.count("With batches of 64") == 1
    assert question_sentence(False, ROWS, (MORE, LESS)).startswith("With batches of 64, F1 of mel is higher")
    assert (
        question_sentence(True, ROWS, (MORE,), ("A learnt nothing.",))
        == f"A learnt nothing. So our runs say nothing to it. {ON}"
    )


def test_what_has_no_interval_says_so() -> None:
    assert "no interval" in difference_sentence(replace(ZERO, low=math.nan, high=math.nan))
