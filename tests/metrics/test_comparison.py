"""Two predictions of the same images, two sets of images, and the constant answer."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from dermaviz.metrics.bootstrap import cluster_weights
from dermaviz.metrics.classification import accuracy, balanced_accuracy
from dermaviz.metrics.comparison import McNemar, beside_constant, mcnemar, paired_differences, who_fixed_what
from dermaviz.metrics.ranking import of_group, roc_auc


def test_differences_are_of_the_same_resamples(guesses, lesions_of) -> None:
    labels, first = guesses(0)
    second = guesses(0, skill=2.0)[1]
    lesions = lesions_of(200)
    metrics = {"balanced": balanced_accuracy, "auc": of_group(roc_auc, [1])}
    table = paired_differences(metrics, labels, first, second, lesions, draws=60).set_index("metric")
    scores = {
        "balanced": lambda p, w: balanced_accuracy_score(labels, p.argmax(1), sample_weight=w),
        "auc": lambda p, w: roc_auc_score(labels == 1, p[:, 1], sample_weight=w),
    }
    for name, score in scores.items():
        row, drawn = table.loc[name], [score(second, w) - score(first, w) for w in cluster_weights(lesions, 60)]
        assert row["first"] == pytest.approx(score(first, None))
        assert row.difference == pytest.approx(score(second, None) - score(first, None))
        assert [row.difference_low, row.difference_high] == pytest.approx(list(np.percentile(drawn, [2.5, 97.5])))


def test_checkpoints_that_never_differ_may_on_lesions_that_were_not_seen(guesses, lesions_of) -> None:
    labels, said = guesses(0)
    (row,) = paired_differences({"a": accuracy}, labels, said, said, lesions_of(200), draws=40).to_dict("records")
    bound = binomtest(0, len(set(lesions_of(200)))).proportion_ci().high
    assert [row["difference"], row["difference_low"], row["difference_high"]] == pytest.approx([0, -bound, bound])
    assert (row["first"], row["first_low"]) == (row["second"], row["second_low"])
    assert row["first_low"] < row["first"] < row["first_high"]


def test_pairing_narrows_the_interval(guesses, lesions_of) -> None:
    """Two checkpoints that differ in few images: the difference is surer than either figure."""
    labels, said = guesses(0, n=400)
    other = said.copy()
    other[:8] = np.eye(5)[labels[:8]]
    (row,) = paired_differences({"a": accuracy}, labels, said, other, lesions_of(400)).to_dict("records")
    width = {name: row[f"{name}_high"] - row[f"{name}_low"] for name in ("first", "difference")}
    assert width["difference"] < width["first"] / 3


@pytest.mark.parametrize(("only_first", "only_second"), [(1, 5), (5, 1), (0, 6), (4, 4), (12, 30), (0, 0)])
def test_mcnemar_in_closed_form(only_first: int, only_second: int) -> None:
    """Twice the binomial tail of the smaller count at one half, at most 1."""
    first = np.r_[np.ones(only_first), np.zeros(only_second), np.ones(9), np.zeros(3)].astype(bool)
    second = np.r_[np.zeros(only_first), np.ones(only_second), np.ones(9), np.zeros(3)].astype(bool)
    n = only_first + only_second
    tail = sum(comb(n, k) for k in range(min(only_first, only_second) + 1)) / 2**n
    assert mcnemar(first, second) == McNemar(only_first, only_second, pytest.approx(min(1, 2 * tail)))


def test_who_fixed_what_counted_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1])
    first, second = np.eye(3)[[0, 0, 1, 0, 2]], np.eye(3)[[0, 1, 0, 1, 0]]
    table = who_fixed_what(labels, first, second, ("a", "b", "c"))
    assert list(table) == ["class", "both_right", "only_first_right", "only_second_right", "both_wrong", "n_images"]
    assert table.to_numpy().tolist() == [
        ["a", 1, 1, 1, 0, 3],
        ["b", 0, 0, 1, 1, 2],
        ["c", 0, 0, 0, 0, 0],
        ["", 1, 1, 2, 1, 5],
    ]


NAMES = ("bcc", "mel", "nevus", "sk")


def finding(true: list[int], called: list[int], draws: int = 200) -> str:
    """The finding about images of these classes that are called those."""
    probabilities = np.eye(4)[np.repeat(np.arange(4), called)]
    labels = np.repeat(np.arange(4), true)
    order = np.random.default_rng(0).permutation(len(labels))
    images = labels, probabilities[order], np.arange(len(labels)).astype(str)
    return beside_constant(*images, draws).finding(NAMES)


@pytest.mark.parametrize(
    ("true", "called", "said"),
    [
        ([28, 28, 33, 22], [0, 0, 111, 0],
         "It answers nevus for every one of 111 images: as often right as always saying so (33 of them)."),
        ([28, 28, 33, 22], [0, 111, 0, 0],
         "It answers mel for every one of 111 images: 28 of the 111 are right; always answering nevus gets 33."),
        ([30, 30, 30, 30], [4, 0, 116, 0], "It answers nevus for 116 of 120 images: "),
        ([0, 0, 111, 0], [0, 0, 111, 0], ""),
        ([0, 0, 5, 4], [0, 0, 9, 0], ""),
    ],
    ids=["every one", "another class", "nearly all", "one true class: nothing to tell apart", "too few"],
)  # fmt: skip
def test_one_answer_for_nearly_all_is_the_finding(true: list[int], called: list[int], said: str) -> None:
    found = finding(true, called)
    assert found.startswith(said)
    assert bool(found) == bool(said)
    assert len(found.split()) <= 20


def answers(right: list[int], true: list[int], wrong: int) -> str:
    """The finding where ``right`` of ``true`` images are, and the others are called ``wrong``, or 0 if they are of it."""
    labels = np.repeat(np.arange(4), true)
    called = np.concatenate(
        [[i] * ok + [wrong if i != wrong else 0] * (n - ok) for i, (ok, n) in enumerate(zip(right, true, strict=True))]
    ).astype(int)
    return beside_constant(labels, np.eye(4)[called], np.arange(len(labels)).astype(str), 200).finding(NAMES)


def test_fewer_right_than_the_constant_answer_is_the_finding() -> None:
    assert answers([5, 5, 90, 0], [10, 10, 120, 0], 1) == (
        "It is right on 100 of 140 images, less often than always answering nevus would be (120)."
    )
    assert answers([5, 5, 10, 0], [15, 15, 20, 0], 1) == (
        "It is right on 20 of 50 images, as often as always answering nevus would be."
    )


def test_a_balanced_accuracy_that_may_be_chance_is_the_finding() -> None:
    said = answers([6, 5, 5, 5], [15, 15, 15, 15], 3)
    assert said.startswith("Whether it beats always answering bcc cannot be told: balanced accuracy 0.35 (0.2")
    assert said.endswith("chance 0.25.")


def test_a_screening_set_that_is_nearly_all_benign_is_no_fault_of_the_model() -> None:
    """97% of the answers are one class, and so are 96% of the images; most of the others are found."""
    assert answers([6, 0, 240, 0], [10, 0, 240, 0], 2) == ""
