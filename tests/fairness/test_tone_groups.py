"""Tone groups at their cuts, and agreement against counts by hand and scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from dermaviz.errors import FairnessError
from dermaviz.fairness.tone_groups import (
    CUTS,
    GROUPS,
    NARROW_CUTS,
    agreement,
    agreement_with_labels,
    tone_groups,
    tone_regroupings,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("ita", "group", "narrow"),
    [
        (120, "very light", "very light"),
        (55.1, "very light", "very light"),
        (55, "light", "light"),
        (41.1, "light", "light"),
        (41, "intermediate", "intermediate"),
        (28.1, "intermediate", "intermediate"),
        (28, "tan", "tan"),
        (15, "tan", "brown"),
        (10, "brown", "dark"),
        (-29.9, "brown", "dark"),
        (-30, "dark", "dark"),
        (-170, "dark", "dark"),
        (NAN, "", ""),
    ],
)
def test_groups_at_their_cuts(ita: float, group: str, narrow: str) -> None:
    assert tone_groups([ita]) == [group]
    assert tone_groups([ita], NARROW_CUTS) == [narrow]


def test_no_images_no_groups() -> None:
    assert tone_groups([]) == []


@given(ita=st.lists(st.floats(-180, 180), min_size=1), shift=st.floats(-2, 2))
def test_lighter_never_falls_into_a_darker_group(ita: list[float], shift: float) -> None:
    cuts = [cut + shift for cut in CUTS]
    places = [GROUPS.index(group) for group in tone_groups(sorted(ita), cuts)]
    assert places == sorted(places, reverse=True)


@pytest.mark.parametrize("cuts", [(55, 41, 28, 10), (55, 41, 28, 28, -30), (-30, 10, 28, 41, 55), (55, 41, NAN, 10, 0)])
def test_cuts_that_mean_nothing(cuts: tuple[float, ...]) -> None:
    with pytest.raises(FairnessError, match="expected 5 falling cuts in degrees"):
        tone_groups([1.0], cuts)


def test_agreement_by_hand() -> None:
    table = pd.DataFrame({"ita": [60, 50, 40, 20, NAN], "other": [58, 40, 20, 22, 30.0]})
    row = agreement(table, ["ita", "other"]).iloc[0]
    assert (row["first"], row["second"], row["n"], row["changed"]) == ("ita", "other", 4, 2)
    assert row["difference"] == -6  # of −2, −10, −20, +2
    assert row["absolute"] == 6
    assert row["same_group"] == 0.5
    assert row["within_one"] == 1
    assert row["near_cut"] == 0.25  # 40° is within 2° of 41°


@given(pairs=st.lists(st.tuples(st.floats(-90, 90), st.floats(-90, 90)), min_size=2, max_size=60))
def test_weighted_kappa_is_scikit_learns(pairs: list[tuple[float, float]]) -> None:
    table = pd.DataFrame(pairs, columns=["a", "b"])
    ours = agreement(table, ["a", "b"])["kappa"].iloc[0]
    groups = [[GROUPS.index(group) for group in tone_groups(table[column])] for column in ("a", "b")]
    if len(set(groups[0]) | set(groups[1])) == 1:
        assert np.isnan(ours)
        return
    assert ours == pytest.approx(cohen_kappa_score(*groups, labels=range(6), weights="quadratic"))


def test_every_pair_has_its_row() -> None:
    table = pd.DataFrame({name: [10.0, 50.0] for name in "abc"})
    assert agreement(table, list("abc"))[["first", "second"]].to_numpy().tolist() == [
        ["a", "b"],
        ["a", "c"],
        ["b", "c"],
    ]


def test_nothing_measured_by_both() -> None:
    row = agreement(pd.DataFrame({"a": [NAN, 1.0], "b": [1.0, NAN]}), ["a", "b"]).iloc[0]
    assert row["n"] == row["changed"] == 0
    assert np.isnan(row["kappa"])


def test_cuts_move_both_ways_and_other_estimators_keep_them() -> None:
    itas = {"median": np.array([54.0, 56.0, 40.0, np.nan]), "clusters": np.array([20.0, 56.0, np.nan, 0.0])}
    assert tone_regroupings(itas) == {
        "median, cuts -2°": ["very light", "very light", "light", ""],
        "median, cuts +2°": ["light", "light", "intermediate", ""],
        "clusters": ["tan", "very light", "", "brown"],
    }


def test_own_cuts_are_moved_too() -> None:
    found = tone_regroupings({"median": np.array([17.5, 20.5])}, cuts=(55, 41, 28, 19, 10), moved=1)
    assert found == {"median, cuts -1°": ["brown", "tan"], "median, cuts +1°": ["brown", "tan"]}


def test_labels_and_estimates_agree_as_scikit_learn_says() -> None:
    rng = np.random.default_rng(0)
    types = rng.integers(0, 6, 200)
    levels = [f"type {('I', 'II', 'III', 'IV', 'V', 'VI')[i]}" for i in types]
    middles = np.array([60.0, 48.0, 35.0, 20.0, 0.0, -50.0])
    moved = np.clip(types + rng.integers(-1, 3, 200), 0, 5)
    ita = middles[moved]
    levels[0], ita[1] = "", np.nan
    found = agreement_with_labels(levels, ita)
    assert found is not None
    kept = slice(2, None)
    assert found.n == 198
    assert found.same == np.mean(types[kept] == moved[kept])
    assert found.within_one == np.mean(np.abs(types - moved)[kept] <= 1)
    assert found.kappa == pytest.approx(cohen_kappa_score(types[kept], moved[kept], weights="quadratic"))


def test_coarser_labels_are_compared_in_the_bands_that_both_scales_have() -> None:
    found = agreement_with_labels(["types I–II", "types I–II", "types V–VI"], [60.0, 30.0, -50.0])
    assert found is not None
    assert (found.n, found.same, found.within_one) == (3, 2 / 3, 1.0)
    assert agreement_with_labels(["fair", "deep"], [50.0, 0.0]) is None
    assert agreement_with_labels(["type I", ""], [np.nan, 0.0]) is None
