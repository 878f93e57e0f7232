"""What the page says of a report's questions."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from studies.five_reports.claims.answers import (
    AS_CLAIMED,
    CANNOT_BE_TOLD,
    DIRECTION,
    NO_VERDICT,
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    OTHER_WAY,
    DifferenceAnswer,
    QuestionAnswer,
    RowAnswer,
    Verdict,
)
from studies.five_reports.claims.sentences import difference_sentence
from studies.five_reports.page_questions import (
    charted_differences,
    difference_rows,
    differences_sentence,
    is_of_one_pair,
    judged_sentence,
    measured_sentence,
    questions_sentence,
    row_rows,
    rows_sentence,
    run_differences,
)

ROWS = (
    RowAnswer("lite0", "Lite0", (0, 1, 2), 0.8, 0.77, 0.83, 782, 640, 0.5, (0.79, 0.8, 0.81)),
    RowAnswer("lite1", "Lite1", (0, 1, 2), 0.52, 0.49, 0.55, 782, 640, 0.5, (0.5, 0.51, 0.55)),
    RowAnswer("lite2", "Lite2"),
)
CLEAR = DifferenceAnswer(
    "lite0",
    "lite1",
    "accuracy",
    "",
    (0, 1, 2),
    0.28,
    0.24,
    0.32,
    (0.29, 0.29, 0.26),
    True,
    0.02,
    AS_CLAIMED,
    "Lite0",
    "Lite1",
)
OPEN = replace(
    CLEAR,
    metric="f1",
    label="mel",
    value=-0.01,
    low=-0.03,
    high=0.02,
    by_seed=(0.01, -0.01, -0.03),
    finding=CANNOT_BE_TOLD,
)
ABSENT = DifferenceAnswer("lite1", "lite2", "accuracy")
DEEPER = QuestionAnswer(
    *("gupta-et-al", "deeper", "Do deeper networks do better?", "Shallower ones do.", "accuracy", "", "laptop"),
    ROWS, (CLEAR, ABSENT, OPEN), "It is so.", DIRECTION, "All pairs.",
)  # fmt: skip
LEAK = replace(DEEPER, says="", verdict=NO_VERDICT, differences=(CLEAR, OPEN), rows=ROWS[:2])


def test_the_tally_counts_questions_by_verdict() -> None:
    said = questions_sentence([DEEPER, DEEPER, replace(DEEPER, verdict=NOT_REPRODUCED), LEAK])
    assert said.startswith("**4 questions**")
    assert said.endswith("2 direction reproduced, 1 not reproduced, 1 on which the report claims nothing.")


def test_rows_that_have_not_been_run_are_named_and_not_drawn() -> None:
    assert [(row["label"], row["seeds"]) for row in row_rows(DEEPER)] == [("Lite0", 3), ("Lite1", 3)]
    said = rows_sentence(DEEPER)
    assert said.startswith("Accuracy: **0.800** for Lite0, **0.520** for Lite1, on 782 test photos.")
    assert "1 of 2 lie above the constant answer with all of their interval. Not yet run: Lite2. Intervals" in said


def test_a_single_row_is_told_once_and_different_photos_are_counted_apart() -> None:
    assert "**0.800** for Lite0, on 782 test photos" in rows_sentence(replace(DEEPER, rows=ROWS[:1]))
    assert rows_sentence(DEEPER).endswith("not that of training: for it, look at how far the seeds lie apart.")
    alone = replace(ROWS[0], seeds=(0,), by_seed=(0.8,))
    assert rows_sentence(replace(DEEPER, rows=(alone,))).endswith("not that of training.")
    apart = replace(DEEPER, rows=(ROWS[0], replace(ROWS[1], n=2003)))
    assert "on 782 and 2,003 test photos" in rows_sentence(apart)


def test_a_figure_that_is_undefined_is_not_told() -> None:
    rows = (ROWS[0], replace(ROWS[1], value=math.nan))
    assert "**0.800** for Lite0, on 782" in rows_sentence(replace(DEEPER, rows=rows))
    assert rows_sentence(replace(DEEPER, rows=rows[1:])).startswith("The photos are too few for this figure.")


def test_of_several_pairs_the_first_metric_is_drawn_and_of_one_pair_all() -> None:
    assert not is_of_one_pair(DEEPER)
    assert charted_differences(DEEPER) == (CLEAR,)
    assert is_of_one_pair(LEAK)
    assert charted_differences(LEAK) == (CLEAR, OPEN)


def test_what_has_not_been_run_has_no_difference() -> None:
    assert run_differences(DEEPER) == (CLEAR, OPEN)
    assert [(row["label"], row["metric"], row["trainings"]) for row in difference_rows(run_differences(DEEPER))] == [
        ("Lite0 minus Lite1", "accuracy", "3 of 3 trainings agree"),
        ("Lite0 minus Lite1", "F1 of mel", "2 of 3 trainings agree"),
    ]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (DEEPER, "1 difference: **1 as claimed**."),
        (replace(LEAK, says="Something."), "2 differences: **1 as claimed**, **1 cannot be told**."),
        (LEAK, "2 differences: **1 above 0**, **1 not to be told from 0**."),
        (
            replace(DEEPER, differences=(replace(CLEAR, value=-0.3, finding=OTHER_WAY), ABSENT)),
            "1 difference: **1 the other way**. The largest: accuracy −0.300, Lite0 minus Lite1; 0 of 3 trainings agree.",
        ),
    ],
)
def test_differences_go_the_claimed_way_only_where_something_is_claimed(question: QuestionAnswer, said: str) -> None:
    assert differences_sentence(question).startswith(said)


def test_what_was_measured_is_of_the_trainings_that_both_rows_have() -> None:
    one = replace(CLEAR, seeds=(2,), value=0.26, low=0.2, high=0.3, by_seed=(0.26,))
    assert measured_sentence(replace(DEEPER, differences=(one,))) == (
        "Accuracy: 0.810 with Lite0, 0.550 with Lite1. Difference: **+0.260** (95% interval +0.200 to +0.300; 782 photos; one "
        "training)."
    )
    against = replace(CLEAR, worse="constant", worse_label="the constant answer")
    assert "0.500 with the constant answer" in measured_sentence(replace(DEEPER, differences=(against,)))
    fall = replace(one, better_label="clean photos", worse_label="FGSM at ε = 3e-3", low=-0.01)
    said = measured_sentence(replace(DEEPER, differences=(fall,)))
    assert "with FGSM at ε = 3e-3 (0.77/255). Fall: **0.260** (95% interval −0.010 to 0.300;" in said
    lite = replace(one, better_label="EfficientNet-Lite0 (ImageNet weights)", worse_label="a random forest")
    for says, ending in (
        ("ResNet-18 is best.", " In place of ResNet-18: EfficientNet-Lite0."),
        ("It is best.", "one training)."),
    ):
        assert measured_sentence(replace(DEEPER, says=says, differences=(lite,))).endswith(ending)


@pytest.mark.parametrize(
    ("change", "verdict", "why", "said"),
    [
        ({}, DIRECTION, "", "The whole interval lies above 0, as claimed."),
        (
            {"value": -0.28, "low": -0.3, "high": -0.2, "finding": OTHER_WAY},
            NOT_REPRODUCED,
            "",
            "below 0: the opposite",
        ),
        ({"low": -0.01, "high": 0.03, "finding": CANNOT_BE_TOLD}, NOT_REPRODUCED, "", "narrow (0.04 wide)"),
        ({"by_seed": (0.9, -0.1, 0.04), "finding": CANNOT_BE_TOLD}, NOT_REPRODUCED, "", "2 of 3 trainings agree"),
        (
            {},
            NOT_COMPARABLE,
            "Lite1 saw less. Ours had a laptop's budget: 64 px.",
            "the test is not fair. Lite1 saw less.",
        ),
    ],
)
def test_where_verdict_and_interval_differ_it_is_said_why(
    change: dict[str, object], verdict: Verdict, why: str, said: str
) -> None:
    question = replace(DEEPER, differences=(replace(CLEAR, **change),), verdict=verdict, why=why)
    assert said in judged_sentence(question)


def test_one_training_is_judged_by_what_another_would_move() -> None:
    one = replace(CLEAR, seeds=(0,), by_seed=(0.28,), spread=0.4, finding=CANNOT_BE_TOLD)
    question = replace(
        DEEPER, differences=(one,), verdict=NOT_COMPARABLE, why=f"{difference_sentence(one)} Too little."
    )
    assert judged_sentence(question).endswith("leaves out training again, which alone moves a figure by up to 0.400.")
    wide = replace(question, differences=(replace(one, low=-0.1, high=0.6),))
    wide = replace(wide, why=difference_sentence(wide.differences[0]))
    assert judged_sentence(wide) == "The interval holds 0, and it is too wide to say more."
    assert not judged_sentence(LEAK)
