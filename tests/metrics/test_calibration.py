"""Reliability, calibration error, temperature and conformal sets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import beta
from sklearn.metrics import brier_score_loss, log_loss

from dermaviz.metrics.calibration import (
    FlaggedShare,
    Kind,
    before_and_after,
    conformal_sets,
    coverage_by_class,
    expected_calibration_error,
    fit_conformal,
    fit_temperature,
    uncalibrated,
)
from dermaviz.metrics.classification import negative_log_likelihood


def sampled(temperature: float, n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from their softmax at ``temperature``."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, size=(n, 4))
    cumulated = softmax(logits / temperature, axis=1).cumsum(1)
    labels = np.minimum((rng.random((n, 1)) > cumulated).sum(1), 3)
    return logits.astype(np.float32), labels


@pytest.mark.parametrize("temperature", [0.3, 1.0, 1.7, 4.0])
def test_a_known_temperature_is_found_again(temperature: float) -> None:
    logits, labels = sampled(temperature)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.05)


def test_the_temperature_is_where_torchs_loss_is_least() -> None:
    logits, labels = sampled(2.0, n=500)
    fitted = fit_temperature(logits, labels)
    t = torch.tensor(fitted, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(logits).double() / t, torch.from_numpy(labels))
    (slope,) = torch.autograd.grad(loss, t)
    assert abs(slope) < 1e-5


def test_fitting_mends_overconfidence_and_changes_no_diagnosis() -> None:
    logits, labels = sampled(3.0)
    before, after = softmax(logits, axis=1), softmax(logits / fit_temperature(logits, labels), axis=1)
    assert expected_calibration_error(labels, after) < 0.02 < 0.1 < expected_calibration_error(labels, before)
    assert negative_log_likelihood(labels, after) < negative_log_likelihood(labels, before)
    np.testing.assert_array_equal(before.argmax(1), after.argmax(1))


@pytest.mark.parametrize(("scale", "expected"), [(1e4, 20.0), (-1e4, 20.0), (0.0, None)])
def test_the_temperature_stays_within_its_bounds(scale: float, expected: float | None) -> None:
    """Logits that are certain and half the time wrong want an infinite temperature; constant ones have no opinion."""
    logits = np.tile(np.float32([scale, 0]), (10, 1))
    found = fit_temperature(logits, np.arange(10) % 2)
    assert 0.05 <= found <= 20
    if expected:
        assert found == pytest.approx(expected, rel=0.01)


def test_the_calibration_error_counted_by_hand() -> None:
    """Two bins of two: confidences .9 and .8, one right; .6 and .55, both right."""
    probabilities = np.float32([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.45, 0.55]])
    labels = np.array([0, 1, 1, 1])
    by_hand = 2 / 4 * abs((0.9 + 0.8) / 2 - 1 / 2) + 2 / 4 * abs((0.6 + 0.55) / 2 - 1)
    assert expected_calibration_error(labels, probabilities, bins=4) == pytest.approx(by_hand, abs=1e-6)
    assert expected_calibration_error(labels, probabilities, bins=1) == pytest.approx(abs(2.85 / 4 - 3 / 4), abs=1e-6)


def test_certainty_is_calibrated_when_it_is_right() -> None:
    certain = np.eye(3, dtype=np.float32)
    assert expected_calibration_error(np.arange(3), certain) == 0
    assert expected_calibration_error((np.arange(3) + 1) % 3, certain) == 1


def test_the_calibration_error_of_draws_is_that_of_their_rows(guesses) -> None:
    labels, probabilities = guesses(0)
    times = np.random.default_rng(0).poisson(1, (5, 200))
    found = expected_calibration_error(labels, probabilities, times.astype(float))
    expected = [expected_calibration_error(np.repeat(labels, t), np.repeat(probabilities, t, axis=0)) for t in times]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_what_was_before_calibration_is_found_again(temperature: float) -> None:
    logits = np.random.default_rng(0).normal(0, 3, (50, 4))
    found = uncalibrated(softmax(logits / temperature, axis=1), temperature)
    np.testing.assert_allclose(found, softmax(logits, axis=1), rtol=1e-9)
    certain = uncalibrated(np.array([[1.0, 0.0]]), temperature)
    np.testing.assert_allclose(certain, [[1, 0]], atol=1e-100)


def test_the_share_that_a_threshold_flags_counted_by_hand() -> None:
    probabilities = np.array([[0.6, 0.2, 0.2], [0.5, 0.25, 0.25], [0.2, 0.1, 0.7], [0, 0, 1]])
    labels = np.array([1, 1, 2, 0])
    assert FlaggedShare([1], [1, 2], 0.5)(labels, probabilities) == 0.5  # one of two lies at the threshold
    assert FlaggedShare([1, 2], [1, 2], 0.6)(labels, probabilities) == pytest.approx(1 / 3)
    weights = np.array([[3.0, 1, 5, 5], [0, 0, 1, 1]])
    np.testing.assert_array_equal(FlaggedShare([1], [1, 2], 0.5)(labels, probabilities, weights), [0.25, np.nan])


def test_before_and_after(guesses, lesions_of) -> None:
    """A temperature of 2 softens: it moves what a threshold flags, and no diagnosis."""
    labels, sharp = guesses(0, n=400, classes=3)
    mild = softmax(np.log(sharp) / 2, axis=1)
    classes, lesions = ("bcc", "mel", "nv"), lesions_of(400)
    table = before_and_after(labels, mild, 2.0, lesions, classes, frozenset({"bcc", "mel"}), threshold=0.4, draws=40)
    parts = [
        f"{name}{bound}" for name in ("before", "after", "difference") for bound in ("", "_low", "_high", "_exact")
    ]
    assert list(table) == ["metric", "label", *parts, "n_images", "n_clusters", "n_positives"]
    table = table.set_index("metric")
    ill, flags = np.isin(labels, [0, 1]), {"before": sharp[:, 2] <= 0.6, "after": mild[:, 2] <= 0.6}
    for column, said in (("before", sharp), ("after", mild)):
        assert table[column]["negative_log_likelihood"] == pytest.approx(log_loss(labels, said))
        assert table[column]["brier"] == pytest.approx(brier_score_loss(labels, said, scale_by_half=False))
        assert table[column]["expected_calibration_error"] == pytest.approx(expected_calibration_error(labels, said))
        assert table[column]["melanoma_sensitivity"] == pytest.approx((said.argmax(1) == 1)[labels == 1].mean())
        assert table[column]["melanoma_flagged"] == pytest.approx(flags[column][labels == 1].mean())
        assert table[column]["malignant_flagged"] == pytest.approx(flags[column][ill].mean())
        assert table[column]["benign_flagged"] == pytest.approx(flags[column][~ill].mean())
    assert table.loc["melanoma_sensitivity", ["difference", "difference_low", "difference_high"]].tolist() == [0, 0, 0]
    assert table.difference["benign_flagged"] > 0
    assert table.n_positives.dropna().to_dict() == {
        "melanoma_sensitivity": (labels == 1).sum(),
        "melanoma_flagged": (labels == 1).sum(),
        "malignant_flagged": ill.sum(),
        "benign_flagged": (~ill).sum(),
    }
    assert table.label["benign_flagged"] == "Benign with p(malignant) ≥ 0.4"


@pytest.mark.parametrize(
    ("classes", "malignant", "rows"),
    [
        (("a", "b"), frozenset(), 3),
        (("a", "b"), frozenset({"a", "b"}), 3),
        (("a", "mel"), frozenset(), 4),
        (("a", "b"), frozenset({"b"}), 5),
        (("a", "mel"), frozenset({"mel"}), 7),
    ],
)
def test_rows_are_those_that_the_classes_define(classes, malignant, rows, guesses) -> None:
    labels, probabilities = guesses(0, n=20, classes=2)
    assert len(before_and_after(labels, probabilities, 1.5, range(20), classes, malignant, draws=3)) == rows


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
