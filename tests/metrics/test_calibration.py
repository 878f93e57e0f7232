"""Tests of calibration: a known temperature is found again, errors counted by hand, and what a temperature moves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import brier_score_loss, log_loss

from dermaviz.metrics.calibration import (
    FlaggedShare,
    before_and_after,
    expected_calibration_error,
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
