"""One row above another: against the evaluation's own paired comparison, against closed forms, and when it tells the order."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dermaviz.metrics.bootstrap import Estimate
from dermaviz.metrics.classification import accuracy
from dermaviz.metrics.comparison import paired_differences
from studies.five_reports.claims.answers import AS_CLAIMED, CANNOT_BE_TOLD, OTHER_WAY, PAIR_NOT_RUN, Finding
from studies.five_reports.claims.differences import Bench, finding_of
from studies.five_reports.claims.question import CONSTANT
from studies.five_reports.result import Result

Leave = Callable[..., Result]
LABELS = [0, 1] * 50


def wrong_on(share: float) -> list[int]:
    """Answers that are wrong on the first share of the photos."""
    return [1 - label if i < share * len(LABELS) else label for i, label in enumerate(LABELS)]


def bench(root: Path, **results: list[Result]) -> Bench:
    return Bench(root / "results", results)


def test_on_the_same_photos_it_is_the_evaluations_paired_difference(leave: Leave, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    first, second = ([int(a) if rng.random() < p else 1 - int(a) for a in LABELS] for p in (0.9, 0.7))
    found = bench(tmp_path, a=[leave("a", LABELS, first)], b=[leave("b", LABELS, second)]).difference(
        ("a", "b"), "accuracy"
    )
    lesions = [f"lesion im{i:03}" for i in range(100)]
    own = paired_differences(
        {"accuracy": accuracy}, np.array(LABELS), np.eye(2)[second], np.eye(2)[first], lesions
    ).iloc[0]
    assert (found.value, found.low, found.high) == pytest.approx(
        tuple(own[["difference", "difference_low", "difference_high"]])
    )
    assert found.paired
    assert found.seeds == (0,)


def test_it_is_the_mean_over_the_seeds_of_both(leave: Leave, tmp_path: Path) -> None:
    a = [leave("a", LABELS, wrong_on(share), seed=seed) for seed, share in ((0, 0.1), (1, 0.2), (5, 0.9))]
    b = [leave("b", LABELS, wrong_on(share), seed=seed) for seed, share in ((0, 0.3), (1, 0.3), (7, 0.0))]
    found = bench(tmp_path, a=a, b=b).difference(("a", "b"), "accuracy")
    assert found.seeds == (0, 1)
    assert found.by_seed == pytest.approx((0.2, 0.1))
    assert found.value == pytest.approx(0.15)
    assert found.finding == AS_CLAIMED


def test_on_other_photos_the_two_intervals_are_put_together(leave: Leave, tmp_path: Path) -> None:
    others = tuple(f"other{i:03}" for i in range(100))
    rows = bench(tmp_path, a=[leave("a", LABELS, wrong_on(0.1))], b=[leave("b", LABELS, wrong_on(0.3), photos=others)])
    found = rows.difference(("a", "b"), "accuracy")
    assert not found.paired
    assert found.value == pytest.approx(0.2)
    half = 1.96 * math.sqrt(0.1 * 0.9 / 100 + 0.3 * 0.7 / 100)  # the textbook's two independent shares
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)


def test_under_an_attack_the_network_is_the_same_and_seeds_make_nothing(leave: Leave, tmp_path: Path) -> None:
    run = leave("resnet-18", LABELS, wrong_on(0.1), under={"fgsm": wrong_on(0.6)})
    found = bench(tmp_path, **{"resnet-18": [run]}).difference(("resnet-18", "resnet-18/fgsm"), "accuracy")
    assert found.value == pytest.approx(0.5)
    assert (found.spread, found.paired, found.finding) == (0.0, False, AS_CLAIMED)


def test_a_row_is_held_against_the_constant_answer_to_its_photos(leave: Leave, tmp_path: Path) -> None:
    labels = [0] * 80 + [1] * 20
    run = leave("svm", labels, [0] * 70 + [1] * 30)
    rows = bench(tmp_path, svm=[run])
    assert rows.difference(("svm", CONSTANT), "accuracy").value == pytest.approx(0.9 - 0.8)
    assert rows.difference((CONSTANT, "svm"), "accuracy").value == pytest.approx(0.8 - 0.9)
    assert rows.learnt("svm")


@pytest.mark.parametrize(("said", "learnt"), [([0] * 100, False), (wrong_on(0.5), False), (wrong_on(0.2), True)])
def test_a_row_has_learnt_what_is_above_the_constant_answer(
    leave: Leave, tmp_path: Path, said: list[int], learnt: bool
) -> None:
    assert bench(tmp_path, a=[leave("a", LABELS, said)]).learnt("a") is learnt


def test_what_has_not_run_is_not_compared(leave: Leave, tmp_path: Path) -> None:
    rows = bench(tmp_path, a=[leave("a", LABELS, LABELS)], b=[leave("b", LABELS, LABELS, seed=4)], empty=[])
    for pair in (("a", "b"), ("a", "empty"), ("nothing", "a"), ("a", "a/fgsm"), ("nothing", CONSTANT)):
        found = rows.difference(pair, "accuracy")
        assert (found.finding, found.seeds) == (PAIR_NOT_RUN, ())
        assert math.isnan(found.value)


def test_the_spread_is_the_widest_range_of_a_row_that_learnt(leave: Leave, tmp_path: Path) -> None:
    def trained(row: str, *shares: float, **changes: object) -> list[Result]:
        return [leave(row, LABELS, wrong_on(share), seed=seed, **changes) for seed, share in enumerate(shares)]

    rows = bench(
        tmp_path,
        a=trained("a", 0.1, 0.13),
        b=trained("b", 0.1, 0.1),
        single=trained("single", 0.4),
        failed=[leave("failed", LABELS, [said] * 100, seed=said) for said in (0, 1)],
        other=[leave("other", LABELS, wrong_on(s), seed=int(10 * s), classes=("other", "mel")) for s in (0.0, 0.3)],
    )
    assert rows.spread("accuracy", ("benign", "malignant")) == pytest.approx(0.03)
    assert rows.spread("accuracy", ("other", "mel")) == pytest.approx(0.3)
    assert math.isnan(rows.spread("accuracy", ("a", "b", "c")))
    assert rows.difference(("a", "single"), "accuracy").spread == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("difference", "by_seed", "spread", "finding"),
    [
        ((0.05, 0.01, 0.09), (0.06, 0.02, 0.07), 0.2, AS_CLAIMED),  # with several seeds the spread does not matter
        ((-0.05, -0.09, -0.01), (-0.06, -0.02, -0.07), 0.0, OTHER_WAY),
        ((0.05, 0.01, 0.09), (0.12, -0.01, 0.04), 0.0, CANNOT_BE_TOLD),  # a training that disagrees
        ((0.05, -0.01, 0.11), (0.05, 0.05, 0.05), 0.0, CANNOT_BE_TOLD),  # the interval holds zero
        ((0.05, 0.0, 0.11), (0.05, 0.05), 0.0, CANNOT_BE_TOLD),
        ((0.05, 0.01, 0.09), (0.05,), 0.04, AS_CLAIMED),
        ((-0.05, -0.09, -0.01), (-0.05,), 0.04, OTHER_WAY),
        ((0.05, 0.01, 0.09), (0.05,), 0.06, CANNOT_BE_TOLD),  # another seed might undo it
        ((0.05, 0.01, 0.09), (0.05,), math.nan, CANNOT_BE_TOLD),  # or might: nobody knows
        ((0.05, math.nan, math.nan), (0.05, 0.05), 0.0, CANNOT_BE_TOLD),
        ((math.nan, math.nan, math.nan), (), 0.0, PAIR_NOT_RUN),
    ],
)
def test_when_a_difference_tells_the_order(
    difference: tuple[float, float, float], by_seed: tuple[float, ...], spread: float, finding: Finding
) -> None:
    assert finding_of(Estimate(*difference), by_seed, spread) == finding
