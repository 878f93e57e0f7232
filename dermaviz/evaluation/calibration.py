"""Evaluation: one temperature, fitted on validation, that makes probabilities mean what they say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from dermaviz.evaluation.metrics import Labels, Probabilities, negative_log_likelihood


def fit_temperature(logits: NDArray[np.float32], labels: Labels) -> float:
    """The temperature in [0.05, 20] with the least negative log-likelihood (Guo et al. 2017, section 4.2)."""

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(labels, softmax(logits.astype(np.float64) / np.exp(log_temperature), axis=1))

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded").x))


def expected_calibration_error(labels: Labels, probabilities: Probabilities, bins: int = 15) -> float:
    """ECE in [0, 1]: |confidence − accuracy| over ``bins`` equally wide bins of confidence, weighted by their images."""
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    member = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(member, weights=confidence - correct, minlength=bins)
    return float(np.abs(gap).sum() / len(labels))
