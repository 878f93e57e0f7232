"""Regroupings: the usual cuts moved both ways, and other estimators at the cuts as they are."""

from __future__ import annotations

import numpy as np

from dermaviz.fairness.tone_groups import tone_regroupings


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
