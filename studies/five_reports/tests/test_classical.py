"""Classical learners: what they learn from drawn pictures, and what they refuse."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from dermaviz.errors import DatasetError, DependencyError, RecipeError
from studies.five_reports.classical import KINDS, fit_learner
from studies.five_reports.features import image_features

COUNTS = (18, 8, 6)
LESIONS = ((150, 100, 80), (90, 60, 60), (150, 100, 80))
"""Colours of three classes: the second is darker, the third has the first one's colour and is striped."""


def need(*packages: str) -> None:
    for package in packages:
        pytest.importorskip(package, reason="pip install 'dermaviz[reports]'")


@pytest.fixture(params=sorted(KINDS))
def name(request: pytest.FixtureRequest) -> str:
    """Each learner whose package for fitting is installed."""
    if request.param == "xgboost":
        need("xgboost")
    return request.param


def draw(seed: int, counts: tuple[int, ...] = COUNTS) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels of drawn pictures: noisy skin with a lesion in its middle; the first class is the commonest."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    pictures = rng.normal((210, 170, 150), 8, (len(labels), 24, 32, 3))
    for picture, label in zip(pictures, labels, strict=True):
        picture[6:18, 8:24] += np.array(LESIONS[label]) - (210, 170, 150)
        if label == 2:
            picture[6:18:2, 8:24] -= 50
    return image_features(pictures.clip(0, 255).astype(np.uint8)), labels


def one_column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


def test_each_beats_always_answering_the_commonest_class(name):
    learner = fit_learner(name, *draw(0), 3, 0, {})
    features, labels = draw(1)
    found = learner.probabilities(features)
    assert (found.shape, found.dtype) == ((sum(COUNTS), 3), np.float64)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-12)
    assert found.min() >= 0
    right = found.argmax(1) == labels
    assert right.mean() > max(COUNTS) / sum(COUNTS)
    assert min(right[labels == c].mean() for c in range(3)) >= 0.75


def test_a_forest_is_decided_by_its_seed():
    (features, labels), (others, _) = draw(0), draw(1)
    first, again, other = (
        fit_learner("forest", features, labels, 3, seed, {"trees": 9}).probabilities(others) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(("penalty", "value"), [(1.0, 1 - np.exp(-4)), (10.0, 1.0)])
def test_a_machine_of_two_points_is_the_one_found_by_hand(penalty, value):
    # Points −1 and 1, kernel exp(−(x − y)²): without a bound both weigh 1 / (1 − e⁻⁴) and lie at ∓1; C = 1 bounds the weight
    learner = fit_learner("svm", one_column(-1, 1), np.array([0, 1]), 2, 0, {"penalty": penalty})
    found = learner.probabilities(one_column(-1, 0, 1))[:, 1]
    np.testing.assert_allclose(found, [1 / (1 + np.exp(2 * value)), 0.5, 1 / (1 + np.exp(-2 * value))], atol=1e-3)


def test_an_unsplit_forest_answers_with_the_shares_of_its_classes():
    settings = {"trees": 400, "smallest_leaf": 20}
    learner = fit_learner("forest", one_column(*range(20)), np.repeat([0, 1], [15, 5]), 2, 0, settings)
    np.testing.assert_allclose(learner.probabilities(one_column(0, 19)), [[0.75, 0.25]] * 2, atol=0.02)


def test_class_weights_make_a_rare_class_likelier(name):
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [90, 10])
    features = one_column(*(rng.normal(size=100) + labels))
    rare = [
        fit_learner(name, features, labels, 2, 0, {"class_weight_power": power}).probabilities(features)[:90, 1].mean()
        for power in (0, 1)
    ]
    assert rare[1] > rare[0]


def test_a_class_that_was_never_shown_is_not_answered(name):
    learner = fit_learner(name, one_column(0, 1, 2, 3), np.array([1, 1, 3, 3]), 5, 0, {})
    found = learner.probabilities(one_column(0, 3))
    assert found.shape == (2, 5)
    assert set(found.argmax(1)) <= {1, 3}
    if name != "xgboost":
        np.testing.assert_array_equal(found[:, [0, 2, 4]], 0)


@pytest.mark.parametrize(
    ("learner", "settings", "message"),
    [
        ("tree", {}, "one of forest, svm, xgboost, found 'tree'"),
        ("forest", {"tree": 5}, r"tree: no such key; did you mean trees\?"),
        ("forest", {"trees": 0}, "settings.trees: expected more than 0, found 0"),
        ("svm", {"penalty": "much"}, "penalty: expected a number, found 'much'"),
        ("xgboost", {"class_weight_power": -1}, "class_weight_power: expected 0 or more, found -1.0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(learner, settings, message):
    with pytest.raises(RecipeError, match=message):
        fit_learner(learner, one_column(0, 1), np.array([0, 1]), 2, 0, settings)


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (np.zeros(2), [0, 1], r"features \[N, D\], found \[2\]"),
        (one_column(0, np.nan), [0, 1], "finite features, found NaN"),
        (one_column(0, 1), [0, 1, 1], r"each of 2 images, found int64 \[3\]"),
        (one_column(0, 1), [0.0, 1.0], "found float64"),
        (one_column(0, 1), [1, 1], r"at least two classes, numbered from 0 to 1, found \[1\]"),
        (one_column(0, 1), [0, 2], r"found \[0, 2\]"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(features, labels, message):
    with pytest.raises(DatasetError, match=message):
        fit_learner("svm", features, np.array(labels), 2, 0, {})


def test_features_of_another_kind_are_refused():
    learner = fit_learner("svm", one_column(0, 1), np.array([0, 1]), 2, 0, {})
    with pytest.raises(DatasetError, match=r"\[N, 1\], found \[4, 2\].*image_features"):
        learner.probabilities(np.zeros((4, 2)))


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(DependencyError, match=r"package xgboost .*pip install 'dermaviz\[reports\]'"):
        fit_learner("xgboost", one_column(0, 1), np.array([0, 1]), 2, 0, {})
