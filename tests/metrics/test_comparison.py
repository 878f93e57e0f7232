"""Tests of comparing two checkpoints: paired resamples, McNemar's exact p-value, and who fixed what."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from dermaviz.metrics.bootstrap import cluster_weights
from dermaviz.metrics.classification import accuracy, balanced_accuracy
from dermaviz.metrics.comparison import McNemar, mcnemar, paired_differences, who_fixed_what
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
