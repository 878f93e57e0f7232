"""The flip distance: closed form on a linear model, a brute-force scan on a bent one, and images that cannot flip."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from dermaviz.errors import AttackError
from dermaviz.robustness.flips import RESOLUTION, flip_distance
from dermaviz.robustness.gradients import Goal
from dermaviz.robustness.linf import fgsm, fgsm_sweep

STEPS = 128


def test_on_a_linear_model_it_is_the_margin_by_the_1_norm_of_the_weights(linear_classifier, draw_images):
    images = draw_images(12, low=60, high=196)  # no clamping within 8 grey levels
    classifier = linear_classifier()
    logits = classifier.logits(images).double()
    own = logits.argmax(1)
    difference = classifier.network.weights.double()[0] - classifier.network.weights.double()[1]
    exact = (logits[:, 0] - logits[:, 1]).abs() / difference.abs().sum()
    expected = [math.ceil(one / RESOLUTION) * RESOLUTION if one <= 8 / 255 else math.inf for one in exact.tolist()]
    found = flip_distance(classifier, images, Goal.away_from(own), cap=8 / 255)
    np.testing.assert_allclose(found.epsilon, expected, rtol=1e-6)
    assert 2 <= sum(np.isinf(expected)) <= 10
    answers = torch.where(torch.tensor(expected).isinf(), own, 1 - own)
    assert found.predicted.tolist() == answers.tolist()


def brute_force(classifier, images, goal) -> np.ndarray:
    """Whether each image is flipped after 0, 1, … 128 steps: bool ``[129, N]``."""
    sweep = fgsm_sweep(classifier, images, goal, [step * RESOLUTION for step in range(STEPS + 1)])
    return np.array([outcome.reached.numpy() for outcome in sweep])


def test_on_a_bent_model_it_is_a_crossing_and_within_a_grey_level_the_first(wavy_classifier, draw_images):
    images = draw_images(24)
    goal = Goal.away_from(wavy_classifier.logits(images).argmax(1))
    flipped = brute_force(wavy_classifier, images, goal)
    first = np.where(flipped.any(0), flipped.argmax(0), np.inf)
    steps = flip_distance(wavy_classifier, images, goal).epsilon / RESOLUTION
    assert np.array_equal(steps[first <= 8], first[first <= 8])
    assert (first <= 8).any()
    assert (steps >= first).all()
    for image, step in enumerate(steps):
        if np.isfinite(step):
            assert flipped[round(step), image]
            assert not flipped[round(step) - 1, image]


class Window(nn.Module):
    """The other class only between 30 and 32 steps of brightness, and again from 100 on."""

    def forward(self, x):
        steps = (x.mean((1, 2, 3)) - 0.5) / RESOLUTION
        other = torch.where((steps > 29.5) & (steps < 32.5), steps, torch.where(steps > 99.5, steps, steps / 1e6))
        return torch.stack([torch.full_like(steps, 1.0), other], dim=1)


def test_a_flip_that_comes_and_goes_within_a_stride_is_missed_and_what_is_found_is_a_crossing(wrap_network):
    classifier, images = wrap_network(Window(), 2), torch.full((1, 3, 4, 4), 0.5)
    goal = Goal.away_from([0])
    assert brute_force(classifier, images, goal)[:, 0].nonzero()[0][0] == 30
    assert flip_distance(classifier, images, goal).epsilon / RESOLUTION == pytest.approx(100)


def test_the_image_at_the_distance_is_flipped_and_one_step_below_is_not(wavy_classifier, draw_images):
    images = draw_images(1, seed=3)
    goal = Goal.away_from(wavy_classifier.logits(images).argmax(1))
    found = flip_distance(wavy_classifier, images, goal)
    there = fgsm(wavy_classifier, images, goal, float(found.epsilon[0]))
    assert there.reached.item()
    assert there.predicted.item() == found.predicted[0]
    assert not fgsm(wavy_classifier, images, goal, float(found.epsilon[0]) - RESOLUTION).reached.item()


def test_wrong_images_are_at_0_and_blind_spots_at_infinity_for_no_forwards(wrap_network, cost_of):
    blind = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    nn.init.zeros_(blind[1].weight)
    classifier, images = wrap_network(blind, 2), torch.rand(4, 3, 4, 4)
    answer = int(classifier.logits(images)[0].argmax())
    found = flip_distance(classifier, images, Goal.away_from([answer, 1 - answer, answer, answer]))
    assert found.epsilon.tolist() == [math.inf, 0, math.inf, math.inf]
    assert found.zero_gradient.all()
    assert (found.predicted == answer).all()
    assert cost_of(flip_distance, classifier, images, Goal.away_from([answer, 1 - answer, answer, answer])) == (4, 4)


def test_a_cap_that_is_no_size_is_refused(linear_classifier, draw_images):
    with pytest.raises(AttackError, match=r"ε from 0 to 1.*found 16"):
        flip_distance(linear_classifier(), draw_images(1), Goal.away_from([0]), cap=16)
