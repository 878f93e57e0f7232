"""Tests of the detector: distances known in closed form, the limit counted by hand, features by the same forward."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis

from dermaviz.errors import CheckpointError, EvidenceError
from dermaviz.models.classifier import Classifier
from dermaviz.ood import Detector, fit_detector, limit_for

KNOWN = Detector(
    mean=np.array([1, 2, 3], np.float32),
    directions=np.array([[0], [1], [0]], np.float32),
    spread=np.array([3], np.float32),
    rest=2.0,
    limit=1.5,
)


@pytest.mark.parametrize(
    ("features", "squares"),
    [
        ([1, 2, 3], 0),
        ([1, 5, 3], 1),  # one standard deviation along the main direction
        ([3, 2, 3], 1),  # one aside
        ([3, 8, 7], 1 + 4 + 4),
    ],
)
def test_the_distance_of_a_known_gaussian(features: list[float], squares: float) -> None:
    found = KNOWN.distance(np.array([features], np.float32))
    assert found == pytest.approx([np.sqrt(squares / 3)])


def test_the_distance_is_scipys_mahalanobis_distance_under_the_fitted_covariance() -> None:
    rng = np.random.default_rng(3)
    features = (rng.normal(size=(400, 5)) * [4, 2, 1, 1, 1]).astype(np.float32)
    detector = fit_detector(features, 2)
    along = detector.directions.astype(np.float64)
    covariance = along * detector.spread**2 @ along.T + detector.rest**2 * (np.eye(5) - along @ along.T)
    inverse = np.linalg.inv(covariance)
    expected = [mahalanobis(row, detector.mean, inverse) / np.sqrt(5) for row in features[:20]]
    np.testing.assert_allclose(detector.distance(features[:20]), expected, rtol=1e-4)


def test_roots_are_the_same_detector_on_signed_square_roots() -> None:
    features = np.random.default_rng(1).normal(size=(200, 6)).astype(np.float32) ** 3
    roots = (np.sign(features) * np.sqrt(np.abs(features))).astype(np.float32)
    found = fit_detector(features, 3, roots=True)
    np.testing.assert_allclose(found.distance(features), fit_detector(roots, 3).distance(roots), rtol=1e-5)


def test_a_fit_finds_the_gaussian_that_the_features_came_from() -> None:
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(50_000, 4)) * [0.5, 3, 0.5, 0.5] + [1, 0, 0, -2]).astype(np.float32)
    detector = fit_detector(features, 1)
    assert detector.mean == pytest.approx([1, 0, 0, -2], abs=0.05)
    assert np.abs(detector.directions[:, 0]) == pytest.approx([0, 1, 0, 0], abs=0.01)
    assert detector.spread == pytest.approx([3], rel=0.02)
    assert detector.rest == pytest.approx(0.5, rel=0.02)
    assert np.sqrt((detector.distance(features) ** 2).mean()) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("components", "most"), [(0, 3), (4, 3), (9, 3)])
def test_too_many_components_are_refused(components: int, most: int) -> None:
    with pytest.raises(EvidenceError, match=f"expected 1 to {most} for 50 images of 4 features, found {components}"):
        fit_detector(np.zeros((50, 4), np.float32), components)


def test_features_that_never_vary_make_any_other_picture_far() -> None:
    detector = fit_detector(np.ones((20, 4), np.float32), 2)
    assert detector.distance(np.ones((1, 4), np.float32)) == pytest.approx([0])
    assert detector.distance(np.zeros((1, 4), np.float32))[0] > 1000


@pytest.mark.parametrize(("refused", "limit"), [(0, 10), (0.1, 9), (0.19, 9), (0.2, 8), (0.5, 5)])
def test_the_limit_refuses_no_more_than_the_share_asked_for(refused: float, limit: float) -> None:
    distances = np.random.default_rng(0).permutation(np.arange(1.0, 11.0))
    assert limit_for(distances, refused) == limit
    assert (distances > limit).mean() <= refused


def test_one_forward_gives_the_logits_and_the_features_behind_them(tiny_classifier: Classifier) -> None:
    images = torch.rand(3, 3, 32, 32)
    logits, features = tiny_classifier.observe(images)
    assert torch.equal(logits, tiny_classifier.logits(images))
    last = tiny_classifier.network.get_classifier()
    np.testing.assert_allclose(last(torch.from_numpy(features)).numpy(), logits.numpy(), rtol=1e-5, atol=1e-6)


def test_threads_share_a_classifier_and_leave_it_as_it_was(tiny_classifier: Classifier) -> None:
    batches = [torch.rand(2, 3, 32, 32) for _ in range(16)]
    expected = [tiny_classifier.observe(batch)[1] for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        found = [features for _, features in pool.map(lambda batch: tiny_classifier.observe(batch), batches)]
    np.testing.assert_array_equal(found, expected)
    assert not any(module._forward_hooks for module in tiny_classifier.network.modules())


def test_a_network_that_hides_its_features_is_named(make_classifier: Callable[..., Classifier]) -> None:
    hidden = replace(make_classifier(), network=torch.nn.Flatten())
    with pytest.raises(CheckpointError, match="card of 'tiny': expected an architecture of timm"):
        hidden.observe(torch.rand(1, 3, 32, 32))
