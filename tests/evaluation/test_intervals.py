"""Tests of the lesion bootstrap: points, closed forms for the width, coverage, and undefined draws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dermaviz.evaluation.intervals import Estimate, estimate
from dermaviz.evaluation.metrics import accuracy, balanced_accuracy, class_sensitivity

EVEN = np.float32([[0.9, 0.1]])


def right_in(share: float, n: int, images: int = 1) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """``n`` lesions, each with as many identical ``images``, of which the first ``share`` are called rightly."""
    labels = np.repeat((np.arange(n) >= share * n).astype(np.int64), images)
    return labels, np.repeat(EVEN, n * images, axis=0), tuple(f"lesion{i // images}" for i in range(n * images))


def width(found: Estimate) -> float:
    return found.high - found.low


def test_the_interval_of_a_constant_is_a_point() -> None:
    labels, probabilities, lesions = right_in(1.0, 30)
    found = estimate({"accuracy": accuracy, "seven": lambda y, p: 7.0}, labels, probabilities, lesions, draws=50)
    assert found == {"accuracy": Estimate(1.0, 1.0, 1.0), "seven": Estimate(7.0, 7.0, 7.0)}


def test_a_single_lesion_tells_nothing_of_spread() -> None:
    labels, probabilities, _ = right_in(0.5, 10)
    found = estimate({"accuracy": accuracy}, labels, probabilities, ("only",) * 10, draws=20)
    assert found["accuracy"] == Estimate(0.5, 0.5, 0.5)


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_independent_images_have_the_binomial_width(share: float) -> None:
    found = estimate({"accuracy": accuracy}, *right_in(share, 400), draws=2000)["accuracy"]
    assert found.value == pytest.approx(share)
    assert width(found) == pytest.approx(2 * 1.96 * math.sqrt(share * (1 - share) / 400), rel=0.1)
    assert found.low < share < found.high


def test_copies_of_a_lesion_add_no_certainty() -> None:
    metrics = {"accuracy": accuracy}
    independent = estimate(metrics, *right_in(0.5, 400), draws=1000)["accuracy"]
    few = estimate(metrics, *right_in(0.5, 40), draws=1000)["accuracy"]
    copied = estimate(metrics, *right_in(0.5, 40, images=10), draws=1000)["accuracy"]
    assert copied == few  # ten images of each of 40 lesions say what one image of each says
    assert width(copied) / width(independent) == pytest.approx(math.sqrt(10), rel=0.15)


def test_lesions_are_drawn_whole() -> None:
    rng = np.random.default_rng(0)
    lesion = rng.integers(0, 12, 60)
    probabilities = rng.random((60, 2)).astype(np.float32)
    probabilities[:, 0] = lesion  # each image carries its lesion's number
    sizes = np.bincount(lesion, minlength=12)

    def whole(labels: np.ndarray, drawn: np.ndarray) -> float:
        counts = np.bincount(drawn[:, 0].astype(int), minlength=12)
        assert (counts % sizes == 0).all()
        assert (counts // sizes).sum() == 12
        assert (labels == 10 * drawn[:, 0]).all()
        return 0.0

    estimate({"whole": whole}, 10 * lesion, probabilities, tuple(f"L{i}" for i in lesion), draws=30)


def test_the_same_seed_gives_the_same_interval() -> None:
    data = right_in(0.7, 50)
    first, again, other = (estimate({"a": accuracy}, *data, draws=100, seed=seed)["a"] for seed in (0, 0, 1))
    assert first == again != other


def test_about_19_of_20_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(60):
        skill = rng.random(60) < 0.7  # per lesion; every lesion has two images
        labels = np.repeat((~skill).astype(np.int64), 2)
        lesions = tuple(f"L{i // 2}" for i in range(120))
        found = estimate({"a": accuracy}, labels, np.repeat(EVEN, 120, axis=0), lesions, draws=100)["a"]
        held += found.low <= 0.7 <= found.high
    assert 51 <= held <= 60


def test_draws_that_do_not_define_a_metric_are_left_out() -> None:
    labels, probabilities = np.array([0] * 19 + [1]), np.repeat(EVEN, 20, axis=0)
    probabilities[-1] = (0.2, 0.8)
    metrics = {"rare": class_sensitivity(1), "absent": class_sensitivity(2), "balanced": balanced_accuracy}
    found = estimate(metrics, labels, probabilities, tuple(map(str, range(20))), draws=100)
    assert found["rare"] == Estimate(1.0, 1.0, 1.0)
    assert all(math.isnan(bound) for bound in (found["absent"].value, found["absent"].low, found["absent"].high))
