"""Cohorts let in what they name, and the unknown only where they let in everything."""

from __future__ import annotations

import pandas as pd
import pytest

from dermaviz.metrics.confusion import AGE_GROUPS, Cohort, ages, cohort_names, in_cohort, values_of

TABLE = pd.DataFrame(
    {
        "age": ["30.0", "", "55.0", "80.0"],
        "sex": ["female", "male", "", "female"],
        "localization": ["back", "back", "face", "back"],
    }
)


@pytest.mark.parametrize(
    ("cohort", "rows"),
    [
        (Cohort(), [0, 1, 2, 3]),
        (Cohort({"sex": ()}), [0, 1, 2, 3]),
        (Cohort({"sex": ("female",)}), [0, 3]),
        (Cohort({"sex": ("male", "")}), [1, 2]),
        (Cohort(ages=(30, 55)), [0, 2]),
        (Cohort({"sex": ("female",), "localization": ("back",)}, (40, 90)), [3]),
        (Cohort({"sex": ("male",)}, (0, 120)), []),
    ],
)
def test_which_images_are_in_a_cohort(cohort: Cohort, rows: list[int]) -> None:
    chosen = in_cohort(TABLE, cohort)
    assert chosen.nonzero()[0].tolist() == rows


def test_what_can_be_chosen_the_commonest_first_the_unknown_last() -> None:
    assert list(values_of(TABLE, "sex").items()) == [("female", 2), ("male", 1), ("", 1)]
    assert values_of(TABLE, "tone_group") == {}


def test_ages_are_numbers_or_unknown() -> None:
    assert ages(TABLE).isna().tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("age", "group"), [("39", "under 40"), ("40.0", "40 to 59"), ("60", "60 and over"), ("", ""), ("0", "under 40")]
)
def test_ages_fall_into_groups_without_gap(age: str, group: str) -> None:
    assert cohort_names(pd.DataFrame({"age": [age]}), "age") == [group]
    assert len(AGE_GROUPS) == 3


@pytest.mark.parametrize(("most", "named"), [(5, 5), (1, 1), (None, 8)])
def test_the_largest_known_cohorts_are_named(most: int | None, named: int) -> None:
    sites = [f"site {i}" for i in range(8) for _ in range(10 - i)] + ["unknown", ""]
    names = cohort_names(pd.DataFrame({"localization": sites}), "localization", most)
    assert set(names) == {"", *(f"site {i}" for i in range(named))}
    assert names[-2:] == ["", ""]
