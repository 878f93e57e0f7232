"""What the skin-tone page says: the finding, groups, gaps and trends, with the right sign, n and interval."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from dermaviz.app.skin_tone.attention import attention_sentence, counts_sentence, maps_sentence
from dermaviz.app.skin_tone.groups import (
    changed_sentence,
    excluded_sentence,
    groups_sentence,
    spread_sentence,
    verdict_sentence,
)
from dermaviz.app.skin_tone.page import cannot_say, finding_sentence
from dermaviz.app.skin_tone.shortcuts import (
    angle,
    other_skin_sentence,
    parts_sentence,
    shortcut_sentence,
)
from dermaviz.app.skin_tone.trend import FOUND, RIGHT, trend_sentence
from dermaviz.app.skin_tone.trust import alike_sentence, faithfulness_sentence, twins_sentence
from dermaviz.fairness.trend import Trend
from dermaviz.metrics.bootstrap import Estimate

NAN = math.nan


def trend(value: float, low: float, high: float, suppressed: bool = False) -> Trend:
    """A trend with this odds ratio for 10° lighter skin."""
    return Trend(
        Estimate(*np.log((value, low, high))), Estimate(value, low, high), pd.DataFrame(), 100, 80, 70, 30, suppressed
    )


SIZE = "each 10° of ITA darker multiplies the odds of being right by"


@pytest.mark.parametrize(
    ("odds", "said"),
    [
        ((2.0, 1.25, 4.0), f"right **less often the darker the estimated tone** ({SIZE} 0.50, 95% interval 0.25 to 0.80)"),
        ((0.5, 0.25, 0.8), "right **more often the darker the estimated tone**"),
        ((1.25, 0.8, 2.0), f"**no trend with skin tone** stands out from chance ({SIZE} 0.80, 95% interval 0.50 to 1.25)"),
        ((1.25, NAN, NAN), "too few lesions to say whether skin tone plays a part"),
    ],
)  # fmt: skip
def test_a_slope_towards_lighter_skin_is_said_towards_darker_skin(odds: tuple[float, ...], said: str) -> None:
    assert said in finding_sentence(Estimate(0.8, 0.7, 0.9), 100, trend(*odds), ("the same", ""), None)


def test_a_trend_that_another_estimator_turns_is_inconclusive() -> None:
    verdict = ("inconclusive", "the sign changes under dominant colour")
    said = finding_sentence(Estimate(0.8, 0.7, 0.9), 100, trend(2.0, 1.25, 4.0), verdict, None)
    assert "whether it is right less often the darker the estimated tone is **inconclusive**: each 10° of ITA" in said
    assert said.endswith("0.80, but the sign changes under dominant colour.")


def test_the_finding_says_only_what_was_measured() -> None:
    right, none = Estimate(0.8, 0.7, 0.9), ("", "")
    assert finding_sentence(right, 100, None, none, None) == "It is right on **80%** of 100 images."
    few = trend(1, 1, 1, suppressed=True)
    assert "too few of them are right, or too few wrong" in finding_sentence(right, 100, few, none, None)
    seen = pd.DataFrame(
        {"right": [True, True, True, False], "ratio": [2.0, 0.5, NAN, 0.1], "ratio_centre": [3.0, 1.5, 1.5, 1.5]}
    )
    said = finding_sentence(right, 4, None, none, seen)
    assert (
        "and of 2 right answers, **1 (50%)** have a map that lies on the lesion no more than chance, **2 (100%)**"
        in said
    )
    assert "map" not in finding_sentence(right, 4, None, none, seen[~seen["right"]])


def test_what_cannot_be_said_has_its_counts() -> None:
    tone = pd.DataFrame({"b": [1.0, 0.0, -2.0, NAN]})
    groups, wanted = ["light", "brown", "brown", ""], np.array([True, True, False, True])
    agreed = pd.Series({"n": 3, "changed": 2, "difference": -38.0})
    said = " ".join(cannot_say(tone, groups, wanted, "colour constancy", agreed))
    assert "By colour constancy, **2 of 3 images (67%)** are in another group" in said
    assert "Of 3 images with an estimate, **2 brown** (1 of what is looked for) and **0 dark** (0 of" in said
    assert "in 2 of 4 images (50%) the skin's b* is 0 or below" in said


def test_the_spread_is_that_of_the_images_with_an_estimate() -> None:
    said = spread_sentence(np.array([10.0, 20.0, 30.0, 40.0, 50.0, NAN]), 0.4)
    assert said.startswith("Half of 5 images lie between 20° and 40°, the median is **30.0°**; **40%** lie within 2°")
    assert spread_sentence(np.array([NAN]), NAN) == "No image here has an estimate of tone."


def test_reasons_are_counted_without_their_numbers() -> None:
    reasons = ["", "little skin: 1%", "little skin: 2%", "off the scale: dim"]
    said = excluded_sentence(reasons, ["b* ≤ 0; clipped", "b* ≤ 0", "", ""])
    assert said == (
        "3 of 4 images have no estimate: little skin 2, off the scale 1. Flagged, but kept: b* ≤ 0 2, clipped 1."
    )
    assert excluded_sentence([""], [""]) == "0 of 1 image have no estimate."


def test_images_that_change_group_are_said_with_their_share() -> None:
    row = pd.Series({"n": 200, "changed": 50, "difference": -3.26})
    assert changed_sentence("dominant colour", row) == (
        "By dominant colour, **50 of 200 images (25%)** are in another group; the median difference is −3.3°."
    )
    assert "No image is measured" in changed_sentence("x", pd.Series({"n": 0}))


def groups(*rows: tuple[str, float, int, bool]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["group", "value", "n_images", "suppressed"])
    return table.assign(low=table["value"] - 0.1, high=table["value"] + 0.1, n_positives=3)


def test_the_lowest_and_the_highest_group_are_named_and_the_small_ones_too() -> None:
    table = groups(("light", 0.5, 300, False), ("tan", 0.7, 40, False), ("brown", NAN, 5, True))
    said = groups_sentence("Sensitivity", table, as_share=True)
    assert said.startswith(
        "Sensitivity is lowest for **light**, 50% (95% interval 40% to 60%), n = 300 images, and highest"
    )
    assert said.endswith("others: brown (3 of 5).")
    assert "0.500 (95% interval 0.400 to 0.600)" in groups_sentence("AUC", table, as_share=False)
    assert "in the one group that is large enough, light" in groups_sentence("AUC", table.iloc[[0, 2]], as_share=False)
    assert groups_sentence("AUC", table.iloc[[2]], as_share=False).startswith("No group is large enough")


def test_a_gap_is_said_with_its_verdict_and_reason() -> None:
    row = {
        "group": "tan", "reference": "light", "difference": -0.125, "difference_low": -0.25, "difference_high": 0.0,
        "verdict": "inconclusive", "reason": "the interval holds no difference",
    }  # fmt: skip
    assert verdict_sentence(row, as_share=True) == (
        "tan against light: −12.5 points (95% interval −25.0 to 0): **inconclusive** (the interval holds no difference)."
    )
    assert "−0.125 (95% interval −0.250 to 0)" in verdict_sentence(row | {"reason": ""}, as_share=False)


@pytest.mark.parametrize(
    ("outcome", "odds", "said"),
    [
        (RIGHT, (1.5, 1.2, 2.0), "of being called what it is are multiplied by **1.50, 95% interval 1.20 to 2.00** (it leaves"),
        (FOUND, (1.5, 0.9, 2.0), "of being found are multiplied by **1.50, 95% interval 0.90 to 2.00** (it holds 1: no trend)"),
    ],
)  # fmt: skip
def test_a_trend_is_said_with_n(outcome: str, odds: tuple[float, ...], said: str) -> None:
    found = trend_sentence(outcome, trend(*odds))
    assert said in found
    assert "n = 100 images of 80 lesions, 70 with and 30 without" in found
    assert (
        trend_sentence(outcome, trend(1, 1, 1, True)) == "Of 100 images, 70 with and 30 without: too few for a trend."
    )


def looked(*rows: tuple[str, int, int, float, float]) -> pd.DataFrame:
    """Right answers of groups: name, looking, elsewhere, share elsewhere, its lower bound."""
    parts = []
    for group, on, off, share, low in rows:
        bounds = {"share_of_answers_low": low, "share_of_answers_high": share + 0.1}
        for looking, n in ((True, on), (False, off)):
            row = {"group": group, "right": True, "looking": looking, "n_images": n, "share_of_answers": share}
            parts.append(row | bounds)
    return pd.DataFrame(parts)


def test_right_answers_that_looked_elsewhere_are_said_of_the_right_answers() -> None:
    light, tan, brown = ("light", 80, 20, 0.2, 0.1), ("tan", 60, 40, 0.4, 0.3), ("brown", 0, 1, 1.0, NAN)
    said = counts_sentence(looked(light, tan, brown))
    assert "**40% (95% interval 30% to 50%)** of the right answers for tan, the most; **20% (95%" in said
    assert counts_sentence(looked(brown)).startswith("No group is large enough")
    none = looked(("light", 80, 0, 0.0, 0.0), ("tan", 60, 0, 0.0, 0.0))
    assert counts_sentence(none) == "No right answer looked elsewhere: 0 of 140 in the groups that are large enough."


def test_predicted_masks_are_labelled_as_such() -> None:
    seen = pd.DataFrame({"ratio": [1.0, NAN, 2.0], "mask": ["true", "true", "predicted"]})
    assert maps_sentence(seen).startswith("1 image of 3 left out")
    assert "1 image with a lesion found by DermaViz, not outlined by people" in maps_sentence(seen)
    assert "DermaViz" not in maps_sentence(seen.iloc[:2])


@pytest.mark.parametrize(("low", "verdict"), [(0.6, "better than"), (0.4, "no better than")])
def test_a_map_beats_the_centre_only_by_its_whole_interval(low: float, verdict: str) -> None:
    ours = pd.DataFrame({"value": [0.7], "low": [low], "high": [0.8], "n_images": [9]})
    said = attention_sentence("Energy", {"ours": ours, "centre": ours.assign(value=0.5)})
    assert f"0.500 for a spot in the picture's centre: **{verdict}** a map" in said


def effect(value: float, beyond: float = NAN, **names: object) -> dict[str, object]:
    ends = {"low": value - 0.01, "high": value + 0.01, "beyond_low": beyond - 0.01, "beyond_high": beyond + 0.01}
    return {**names, "value": value, "beyond": beyond, "n_images": 50, **ends}


def test_the_strongest_shortcut_may_lower_the_probability() -> None:
    rows = pd.DataFrame([effect(0.05, 0.01, variant="ink"), effect(-0.1, -0.09, variant="hair")])
    said = shortcut_sentence(rows, {"ink": "Ink", "hair": "Hair"}, "accuracy")
    assert said.startswith(
        "**Hair** moves the accuracy most: by −10.0 points (95% interval −11.0 to −9.0); that is −9.0"
    )
    parts = pd.DataFrame([effect(0.5, variant="lesion only"), effect(0.25, variant="background only")])
    said = parts_sentence(parts, Estimate(0.8, 0.7, 0.9), 0.67)
    assert "80% (95% interval 70% to 90%) of whole photos, 50%" in said
    assert said.endswith("always giving the commonest diagnosis would be right on 67%.")


def test_the_darkest_skin_is_the_one_that_is_said() -> None:
    rows = pd.DataFrame(
        [effect(0.1 * i, 0.05, axis="melanin", lesion="fixed", ita_to=ita) for i, ita in enumerate((55.0, 10.0, -50.0))]
    )
    said = other_skin_sentence(rows, "accuracy", changes=True)
    assert "at ITA −50° and the lesion as it is, the accuracy changes by **+20.0 points (95%" in said
    assert "no tone: +5.0 points" in said
    assert "the accuracy is **0.200 (95%" in other_skin_sentence(rows, "accuracy", changes=False)
    assert "no shift of the skin alone" in other_skin_sentence(rows.iloc[:0], "accuracy", changes=True)
    assert angle(-9.6) == "−10°"


def test_a_warning_names_the_methods() -> None:
    left = pd.DataFrame({"n_images": [150]})
    assert alike_sentence(left, []) == "No method's map stays as it was once all weights are random. n = 150 images."
    assert alike_sentence(left, ["FEM"]).startswith("**Warning:** FEM shows much the same map")
    assert alike_sentence(left, ["FEM", "Eigen-CAM"]).startswith("**Warning:** FEM, Eigen-CAM show much")


def ranked(centre: float) -> pd.DataFrame:
    """Two methods with one map, a third, and the controls, the best first."""
    rows = [
        ("gradcam", "Grad-CAM", 0.30, "better than random"),
        ("hirescam", "HiResCAM", 0.30, "better than random"),
        ("fem", "FEM", 0.05, "not shown"),
        ("centre", "a spot in the centre", centre, "better than random"),
        ("random", "a random map", 0.01, ""),
    ]
    table = pd.DataFrame(rows, columns=["method", "label", "value", "verdict"])
    return table.assign(low=table["value"] - 0.04, high=table["value"] + 0.04, n_images=100)


@pytest.mark.parametrize(("centre", "alike"), [(0.27, True), (0.25, False)])
def test_a_method_is_held_against_a_spot_in_the_centre(centre: float, alike: bool) -> None:
    said = faithfulness_sentence("ROAD", ranked(centre))
    assert "**Grad-CAM** is the most faithful of 3 methods: 0.300" in said
    assert f"knows nothing of the photo, {centre:.3f}" in said
    assert ("no method is told apart from it" in said) == alike
    assert said.endswith("Not shown to be better than a random map: FEM.")


def test_methods_with_one_map_are_named_together() -> None:
    assert twins_sentence(ranked(0.2)).endswith("one and the same map: Grad-CAM, HiResCAM.")
    assert twins_sentence(ranked(0.2).iloc[1:]) == ""
