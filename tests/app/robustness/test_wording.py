"""What the charts of the robustness page say: figures, drops, intervals and counts, with the right sign."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from dermaviz.app.robustness.attacks import further_sentence, noise_sentence, overshoot_sentence
from dermaviz.app.robustness.corruptions import corruption_sentence
from dermaviz.app.robustness.defence import defence_sentence
from dermaviz.app.robustness.flips import flip_distance_sentence
from dermaviz.app.robustness.question import (
    decline_sentence,
    epsilon_words,
    extremes_sentence,
    gradient_sentence,
    join_sentence,
    points,
)

NAN = math.nan
NONE = {"value": NAN, "low": NAN, "high": NAN, "drop": NAN, "drop_low": NAN, "drop_high": NAN}


def figure(value: float, drop: float = 0.0, n: int = 200) -> pd.Series:
    return pd.Series(
        {
            "value": value,
            "low": value - 0.05,
            "high": value + 0.05,
            "drop": drop,
            "drop_low": drop - 0.01,
            "drop_high": drop + 0.02,
            "n_images": n,
            "n_lesions": n // 2,
        }
    )


def few(n: int = 3) -> pd.Series:
    return pd.Series(NONE | {"n_images": n, "n_lesions": n})


@pytest.mark.parametrize(
    ("row", "turned", "words"),
    [
        ({"d": 0.25, "d_low": 0.2, "d_high": 0.3}, False, "+25.0 points (95% interval +20.0 to +30.0)"),
        ({"d": 0.25, "d_low": 0.2, "d_high": 0.3}, True, "−25.0 points (95% interval −30.0 to −20.0)"),
        ({"d": -0.01, "d_low": -0.02, "d_high": 0.0}, False, "−1.0 point (95% interval −2.0 to 0)"),
        ({"d": 0.5, "d_low": NAN, "d_high": NAN}, False, "+50.0 points"),
    ],
)
def test_a_drop_turned_is_a_change_with_its_bounds_in_order(row: dict[str, float], turned: bool, words: str) -> None:
    assert points(row, "d", turned=turned) == words


def test_baseline_drop_and_n_are_in_the_sentence() -> None:
    said = decline_sentence("accuracy", figure(0.8), figure(0.3, 0.5), "under FGSM")
    assert said.startswith("Accuracy is **80% (95% interval 75% to 85%)** on the photos as they are and **30% (95%")
    assert (
        "under FGSM: a change of **−50.0 points (95% interval −52.0 to −49.0)**. n = 200 images of 100 lesions." in said
    )
    assert noise_sentence(figure(0.8, 0.001)).startswith("Noise of the same size changes it by −0.1 points")
    assert further_sentence(figure(0.2, 0.6), "under noise").startswith("Under noise, it is **20%")


def test_a_longer_step_that_does_less_is_said_and_one_that_does_more_is_not() -> None:
    rows = pd.DataFrame({"epsilon": [0.0, 1 / 255, 8 / 255], "value": [0.8, 0.25, 0.65]})
    said = overshoot_sentence("accuracy", rows)
    assert "FGSM does most at ε = 1/255 (25% accuracy), and at 8/255 it walks past" in said
    assert overshoot_sentence("accuracy", rows.assign(value=[0.8, 0.25, 0.1])) == ""
    assert overshoot_sentence("accuracy", rows.assign(value=NAN)) == ""


def test_too_few_photos_give_no_figure() -> None:
    assert decline_sentence("accuracy", few(), few(), "under FGSM") == (
        "Accuracy under FGSM: too few photos to say (n = 3 images)."
    )
    assert further_sentence(few(), "under noise") == ""


def test_the_group_that_loses_most_is_told_from_the_one_that_loses_least() -> None:
    rows = {"a": figure(0.5, 0.1), "b": figure(0.4, 0.4), "c": figure(0.6, 0.2), "d": few()}
    said = extremes_sentence("accuracy", rows, "under PGD at ε = 1/255")
    assert "Under PGD at ε = 1/255, accuracy changes most for **b**, by −40.0 points" in said
    assert "and least for **a**, by −10.0 points" in said
    assert said.endswith("Left out: d (too few photos to say).")
    assert extremes_sentence("accuracy", {"d": few()}, "under PGD") == "There are too few photos in every group."


def test_the_reported_epsilon_is_said_in_grey_levels_too() -> None:
    assert epsilon_words(3e-3) == "ε = 3e-3 (0.77 of one grey level)"
    assert epsilon_words(2 / 255) == "ε = 2/255"


def test_a_line_that_only_joins_two_points_says_so() -> None:
    assert join_sentence("PGD", None) == ""
    assert join_sentence("PGD", 1 / 255).startswith("PGD was made from ε = 1/255 on;")


def test_images_without_a_gradient_are_counted() -> None:
    assert gradient_sentence(0, 40) == "Every one of the 40 images has a gradient that the attacks could follow."
    assert gradient_sentence(4, 40).startswith("**4 of 40 images** (10.0%) have no gradient")


def test_what_a_defence_costs_stands_before_what_it_buys() -> None:
    def both(first: float, second: float) -> pd.Series:
        difference = second - first
        bounds = {"difference_low": difference - 0.01, "difference_high": difference + 0.01}
        return pd.Series(
            {"first": first, "second": second, "difference": difference, "n_images": 2, "n_lesions": 1} | bounds
        )

    said = defence_sentence(("a", "b"), "accuracy", both(0.8, 0.75), both(0.1, 0.5), "under PGD")
    assert said == (
        "On the photos as they are, accuracy is 80.0% for a and 75.0% for b: **−5.0 points (95% interval −6.0 to −4.0)**. "
        "Under PGD, it is 10.0% and 50.0%: **+40.0 points (95% interval +39.0 to +41.0)**. n = 2 images of 1 lesion."
    )


@pytest.mark.parametrize(
    ("value", "low", "high", "sentence"),
    [
        (
            0.5 / 255,
            0.25 / 255,
            1 / 255,
            "by **0.5 of one grey level** (95% interval 0.25 to 1) along FGSM's direction",
        ),
        (4 / 255, 1 / 255, math.inf, "(95% interval 1 to more than was tried)"),
        (
            math.inf,
            math.inf,
            math.inf,
            "More than half of the 30 images that it calls rightly withstand a change of 16 grey",
        ),
        (math.nan, math.nan, math.nan, "nothing to flip"),
    ],
)
def test_the_median_smallest_change(value: float, low: float, high: float, sentence: str) -> None:
    found = pd.Series({"value": value, "low": low, "high": high, "n": 30})
    assert sentence in flip_distance_sentence(found, 16 / 255)


def test_the_mean_corruption_error_counts_the_corruptions_that_it_averages() -> None:
    rows = [
        {"corruption": name, "metric": metric, "value": value, "low": value, "high": value}
        for name in ("jpeg", "hair", "faint_noise", "mean")
        for metric, value in (("error", 0.5), ("extra_error", 0.125), ("ce", 0.75), ("relative_ce", 1.25))
    ]
    table = pd.DataFrame(rows)
    alone = corruption_sentence(table[table["metric"].isin(["error", "extra_error"])], None)
    assert alone.startswith("Over 2 corruptions and their severities, the mean balanced error")
    assert "0.500 (95% interval 0.500 to 0.500)**, which is 0.125" in alone
    both = corruption_sentence(table, "b")
    assert "Held against b, the mean corruption error is **0.750" in both
    assert "only what corruptions add, is **1.250" in both
    table.loc[table["metric"] == "relative_ce", "value"] = math.nan
    assert corruption_sentence(table, "b").endswith("has no value: some corruption takes nothing from b.")
