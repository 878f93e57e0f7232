"""Tests of conformal sets: the promise kept on exchangeable images, thresholds and coverage counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import beta

from dermaviz.metrics.conformal import Kind, conformal_sets, coverage_by_class, fit_conformal

CLASSES = ("a", "b", "c")


def exchangeable(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of an overconfident classifier that is bad at the rare class "c"."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, n, p=[0.7, 0.2, 0.1])
    skill = np.array([3, 2, 0.3])[labels, None] * np.eye(3)[labels]
    return labels, softmax(2 * (rng.normal(size=(n, 3)) + skill), axis=1)


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("kind", ["marginal", "class-conditional"])
def test_the_promise_is_kept_on_exchangeable_images(kind: Kind, coverage: float) -> None:
    """Of fresh images, coverage is Beta(rank, n + 1 − rank) over fitting sets (Vovk 2012): here within its central 99.9%."""
    labels, probabilities = exchangeable(0, 3000)
    sets = conformal_sets(fresh := exchangeable(1, 60_000)[1], fit_conformal(labels, probabilities, coverage, kind))
    truth = exchangeable(1, 60_000)[0]
    covered = sets[np.arange(len(fresh)), truth]
    for mine, n in (
        [(truth == i, (labels == i).sum()) for i in range(3)] if kind != "marginal" else [(slice(None), 3000)]
    ):
        rank = np.ceil((n + 1) * coverage)
        low, high = beta(rank, n + 1 - rank).ppf([0.0005, 0.9995])
        assert low - 0.005 < covered[mine].mean() < high + 0.005


def test_only_class_conditional_sets_keep_it_for_a_rare_class() -> None:
    labels, probabilities = exchangeable(0, 3000)
    truth, fresh = exchangeable(1, 20_000)
    lesions = np.arange(20_000)
    found = {}
    for kind in ("marginal", "class-conditional"):
        sets = conformal_sets(fresh, fit_conformal(labels, probabilities, 0.9, kind))
        found[kind] = coverage_by_class(truth, sets, lesions, CLASSES, draws=20).set_index("class")
    assert found["marginal"].coverage["c"] < 0.7 < 0.85 < found["class-conditional"].coverage["c"]
    assert found["marginal"].mean_size[""] < found["class-conditional"].mean_size[""]


def test_thresholds_counted_by_hand() -> None:
    """Of 9 true-class probabilities, ⌈10 · .9⌉ = the 9th highest; of 4, ⌈5 · .8⌉ = the 4th, ⌈5 · .5⌉ = the 3rd."""
    true = np.array([0.9, 0.1, 0.8, 0.3, 0.7, 0.6, 0.5, 0.4, 0.2])
    labels, probabilities = np.zeros(9, np.int64), np.stack([true, 1 - true], axis=1)
    np.testing.assert_array_equal(fit_conformal(labels, probabilities), [0.1, 0.1])
    np.testing.assert_array_equal(fit_conformal(labels[:4], probabilities[:4], 0.8), [0.1, 0.1])
    np.testing.assert_array_equal(fit_conformal(labels[:4], probabilities[:4], 0.5), [0.3, 0.3])


def test_a_class_with_too_few_images_to_promise_anything_is_in_every_set() -> None:
    labels, probabilities = np.zeros(8, np.int64), np.tile([0.7, 0.3], (8, 1))
    np.testing.assert_array_equal(fit_conformal(labels, probabilities, 0.9), [-np.inf, -np.inf])
    thresholds = fit_conformal(np.zeros(9, np.int64), np.tile([0.7, 0.3], (9, 1)), 0.9, "class-conditional")
    np.testing.assert_array_equal(thresholds, [0.7, -np.inf])
    np.testing.assert_array_equal(conformal_sets(np.array([[0.7, 0.3], [0.6, 0.4]]), thresholds), [[1, 1], [0, 1]])


def test_coverage_counted_by_hand() -> None:
    labels = np.array([0, 0, 1, 1])
    sets = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 0]], dtype=bool)
    table = coverage_by_class(labels, sets, ["l1", "l1", "l2", "l3"], CLASSES, frozenset({"b", "c"}), draws=10)
    columns = "class coverage low high exact mean_size size_low size_high empty n_images n_clusters"
    assert list(table) == columns.split()
    table = table.set_index("class")
    assert list(table.index) == ["", "a", "b", "c", "malignant"]
    assert table.coverage.tolist() == pytest.approx([0.5, 0.5, 0.5, np.nan, 0.5], nan_ok=True)
    assert table.mean_size.tolist() == pytest.approx([5 / 4, 3 / 2, 1, np.nan, 1], nan_ok=True)
    assert table["empty"].tolist() == pytest.approx([1 / 4, 0, 1 / 2, np.nan, 1 / 2], nan_ok=True)
    assert (table.n_images.tolist(), table.n_clusters.tolist()) == ([4, 2, 2, 0, 2], [3, 1, 2, 0, 2])


def test_a_class_called_malignant_needs_no_row_of_the_malignant() -> None:
    sets = np.ones((2, 2), dtype=bool)
    table = coverage_by_class(
        np.array([0, 1]), sets, ["x", "y"], ("benign", "malignant"), frozenset({"malignant"}), draws=5
    )
    assert table["class"].tolist() == ["", "benign", "malignant"]


def test_intervals_are_over_lesions() -> None:
    """Ten copies of each image say no more than one."""
    labels, probabilities = exchangeable(3, 60)
    sets = probabilities >= 0.3
    once = coverage_by_class(labels, sets, np.arange(60), CLASSES)
    copied = coverage_by_class(
        np.repeat(labels, 10), np.repeat(sets, 10, axis=0), np.repeat(np.arange(60), 10), CLASSES
    )
    np.testing.assert_allclose(once.select_dtypes(float), copied.select_dtypes(float), rtol=1e-12)
    assert once.low[0] < once.coverage[0] < once.high[0]
