"""Bootstraps of very many lesions: random groups of them are drawn, and metrics count groups instead of images."""

from __future__ import annotations

import numpy as np
import pytest

from dermaviz.metrics import bootstrap
from dermaviz.metrics.bootstrap import Bootstrap, group_weights, over_draws
from dermaviz.metrics.classification import GroupedWeights
from dermaviz.metrics.ranking import STEPS, average_precision, of_group, roc_auc
from dermaviz.metrics.summary import figures_for
from dermaviz.robustness.outcomes import _medians

CLASSES = ("bcc", "mel", "nv")
FIGURES = figures_for(CLASSES, frozenset({"bcc", "mel"}))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def answers(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities of few values each, and lesions of 9,000 images."""
    labels, lesions = rng.integers(3, size=9_000), rng.integers(7_000, size=9_000)
    scores = np.round(rng.uniform(1, 5, (9_000, 3)) + 3 * np.eye(3)[labels])
    return labels, scores / scores.sum(axis=1, keepdims=True), lesions


def written_out(weights: GroupedWeights) -> np.ndarray:
    return weights.times[:, weights.group]


def test_every_figure_of_groups_is_that_of_the_same_weights_written_out(answers) -> None:
    labels, probabilities, lesions = answers
    weights = group_weights(np.unique(lesions, return_inverse=True)[1], draws=9)
    metrics = [figure.metric for figure in FIGURES]
    grouped = over_draws(metrics, labels, probabilities, weights)
    dense = over_draws(metrics, labels, probabilities, written_out(weights))
    for figure, ours, theirs in zip(FIGURES, grouped, dense, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, err_msg=figure.slug)


def test_curves_of_as_many_scores_as_images_are_counted_in_steps(answers, rng) -> None:
    labels, _, lesions = answers
    scores = rng.normal(size=(9_000, 3)) + np.eye(3)[labels]
    weights = group_weights(np.unique(lesions, return_inverse=True)[1], draws=9)
    for metric in (roc_auc, average_precision):
        ours, theirs = (of_group(metric, [1])(labels, scores, w) for w in (weights, written_out(weights)))
        np.testing.assert_allclose(ours, theirs, atol=2 / STEPS)


def test_medians_of_groups_are_those_of_the_weights_written_out(answers, rng) -> None:
    weights = group_weights(np.unique(answers[2], return_inverse=True)[1], draws=9)
    sizes = np.sort(rng.uniform(size=9_000))
    np.testing.assert_allclose(_medians(sizes, weights), _medians(sizes, written_out(weights)), atol=2e-3)


def test_intervals_of_random_groups_are_as_wide_as_those_of_lesions(answers, monkeypatch) -> None:
    labels, probabilities, lesions = answers
    figures = [figure.metric for figure in FIGURES[:8]]
    grouped = Bootstrap.over(lesions).metrics(figures, labels, probabilities)
    assert isinstance(Bootstrap.over(lesions, 2).weights, GroupedWeights)
    monkeypatch.setattr(bootstrap, "MOST_CLUSTERS", 10_000)
    one_by_one = Bootstrap.over(lesions).metrics(figures, labels, probabilities)
    for few, all_of_them in zip(grouped, one_by_one, strict=True):
        assert few.value == all_of_them.value
        assert few.draws.std() == pytest.approx(all_of_them.draws.std(), rel=0.12)
