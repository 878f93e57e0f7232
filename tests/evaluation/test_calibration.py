"""Tests of calibration: a known temperature is found again, and the calibration error is the one counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax

from dermaviz.evaluation.calibration import expected_calibration_error, fit_temperature
from dermaviz.evaluation.metrics import negative_log_likelihood


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
