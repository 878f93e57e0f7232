"""Two checkpoints on the same images: differences counted by hand, paired, and refused where the images are not the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from dermaviz.errors import EvidenceError
from dermaviz.robustness.outcomes import Answers, paired_curves

LABELS = [0, 0, 0, 1]


@pytest.fixture
def answers() -> Callable[..., Answers]:
    """``answers(clean=…, right=[…], epsilons=[…])``: four images of four lesions, three of the first class, under FGSM."""

    def make(
        clean: list[bool], right: list[list[bool]], epsilons: tuple[float, ...] = (0.1, 0.2), ids: str = "abcd"
    ) -> Answers:
        conditions = pd.DataFrame({"method": "fgsm", "epsilon": epsilons})
        names = np.array(list(ids))
        return Answers(("x", "y"), names, names, np.array(LABELS), np.array(clean), conditions, np.array(right))

    return make


def row(table: pd.DataFrame, epsilon: float, metric: str = "accuracy", name: str = "") -> pd.Series:
    found = table[(table["epsilon"] == epsilon) & (table["metric"] == metric) & (table["class"] == name)]
    assert len(found) == 1
    return found.iloc[0]


def test_differences_are_those_of_a_count_by_hand(answers: Callable[..., Answers]) -> None:
    first = answers([True] * 4, [[False, False], [False, False], [True, False], [True, True]])
    second = answers([True, True, True, False], [[True, False], [True, True], [True, True], [False, False]])
    table = paired_curves(first, second)
    assert table["epsilon"].unique().tolist() == [0.0, 0.1, 0.2]
    clean, small, large = (row(table, epsilon) for epsilon in (0.0, 0.1, 0.2))
    assert (clean["first"], clean["second"], clean["difference"]) == (1.0, 0.75, -0.25)
    assert (small["first"], small["second"], small["difference"]) == (0.5, 0.75, 0.25)
    assert (large["first"], large["second"], large["difference"]) == (0.25, 0.5, 0.25)
    assert row(table, 0.1, "sensitivity", "x")["difference"] == pytest.approx(2 / 3)
    assert row(table, 0.1, "balanced_accuracy")["difference"] == pytest.approx((1 + 0) / 2 - (1 / 3 + 1) / 2)
    assert (small["n_images"], row(table, 0.1, "sensitivity", "y")["n_images"]) == (4, 1)


def test_the_interval_is_that_of_the_difference_and_not_of_its_parts(answers: Callable[..., Answers]) -> None:
    same = answers([True, True, False, False], [[True, False], [False, False], [True, False], [False, False]])
    found = row(paired_curves(same, same), 0.1)
    assert found["difference"] == 0
    assert found["difference_high"] == -found["difference_low"] == pytest.approx(1 - 0.025 ** (1 / 4))
    assert found["first_low"] < found["first"] < found["first_high"]


def test_only_conditions_of_both_are_compared(answers: Callable[..., Answers]) -> None:
    first = answers([True] * 4, [[False, True]] * 4, epsilons=(0.1, 0.2))
    second = answers([True] * 4, [[True, False]] * 4, epsilons=(0.2, 0.3))
    table = paired_curves(first, second)
    assert table["epsilon"].unique().tolist() == [0.0, 0.2]
    assert (row(table, 0.2)["first"], row(table, 0.2)["second"]) == (1.0, 1.0)


@pytest.mark.parametrize("other", [{"ids": "abce"}, {"epsilons": (0.3, 0.4)}], ids=["images", "conditions"])
def test_what_shares_nothing_is_refused(answers: Callable[..., Answers], other: dict[str, object]) -> None:
    rights = [[True, True]] * 4
    with pytest.raises(EvidenceError, match="expected two checkpoints tested on the same images"):
        paired_curves(answers([True] * 4, rights), answers([True] * 4, rights, **other))
