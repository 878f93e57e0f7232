"""An attack as a PNG holds it: on the grid, within ε, and the same answer when the picture is uploaded again."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from dermaviz.images import read_image
from dermaviz.robustness.attacks import ATTACKS
from dermaviz.robustness.flips import eight_bit, whole_levels
from dermaviz.robustness.gradients import Attacked, Goal
from dermaviz.robustness.linf import fgsm, pgd


@pytest.mark.parametrize("seed", range(3))
def test_preparing_a_picture_of_the_inputs_size_changes_nothing(tiny_classifier, draw_photo, seed):
    pixels = draw_photo(height=32, width=32, seed=seed)
    np.testing.assert_array_equal(tiny_classifier.prepare(pixels), pixels)


@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
def test_the_picture_as_png_through_the_door_gives_the_very_answer(wavy_classifier, draw_photo, attack):
    prepared = wavy_classifier.prepare(draw_photo())
    images = wavy_classifier.to_tensor([prepared])
    goal = Goal.away_from(wavy_classifier.logits(images).argmax(1))
    found = eight_bit(wavy_classifier, images, ATTACKS[attack].run(wavy_classifier, images, goal, 3 / 255, [0]), goal)
    file = io.BytesIO()
    Image.fromarray(found.pixels[0]).save(file, "PNG")
    uploaded = read_image(file.getvalue(), least=1).pixels
    np.testing.assert_array_equal(uploaded, found.pixels[0])
    again = wavy_classifier.predict(uploaded)
    temperature = wavy_classifier.card.temperature
    np.testing.assert_array_equal(again.probabilities, (found.logits / temperature).softmax(1)[0].numpy())
    assert again.index == int(found.predicted[0])
    assert bool(found.reached[0])
    assert np.abs(found.pixels[0].astype(int) - prepared).max() == found.grey_levels[0] <= 3


@pytest.mark.parametrize(
    ("levels", "fits"), [(0, 0), (0.5, 0), (0.765, 0), (1, 1), (1.5, 1), (2, 2), (7.999, 7), (8, 8)]
)
@pytest.mark.parametrize("attack", [fgsm, pgd])
def test_only_whole_grey_levels_that_fit_into_epsilon_remain(linear_classifier, draw_images, attack, levels, fits):
    classifier, images = linear_classifier(), draw_images(4)
    goal = Goal.away_from(classifier.logits(images).argmax(1))
    found = eight_bit(classifier, images, attack(classifier, images, goal, levels / 255), goal)
    change = np.abs(found.pixels.astype(int) - (images * 255).round().permute(0, 2, 3, 1).int().numpy())
    assert whole_levels(levels / 255) == fits
    assert change.max() <= fits
    assert np.array_equal(change.max((1, 2, 3)), found.grey_levels)
    torch.testing.assert_close(found.logits, classifier.logits(classifier.to_tensor(list(found.pixels))))
    if attack is fgsm:
        assert (found.grey_levels == fits).all()


def test_below_one_grey_level_the_file_holds_the_original_and_both_answers_are_told(linear_classifier, draw_images):
    classifier, images = linear_classifier(), draw_images(1)
    weights = classifier.network.weights
    with torch.no_grad():  # 0.2 grey levels of difference between the classes: half a level is enough
        gap = classifier.logits(images)[0, 0] - classifier.logits(images)[0, 1]
        classifier.network.bias[0] += 0.2 / 255 * (weights[0] - weights[1]).abs().sum() - gap
    goal = Goal.away_from([0])
    found = eight_bit(classifier, images, fgsm(classifier, images, goal, 0.5 / 255), goal)
    assert (found.exact.reached.tolist(), found.exact.predicted.tolist()) == ([True], [1])
    assert (found.reached.tolist(), found.predicted.tolist(), found.grey_levels.tolist()) == ([False], [0], [0])


def test_where_the_nearest_level_loses_the_attack_the_furthest_may_keep_it(linear_classifier, draw_images):
    classifier, images = linear_classifier(), draw_images(2, low=60, high=196)
    weights = classifier.network.weights
    goal, norm = Goal.away_from([0, 0]), (weights[0] - weights[1]).abs().sum()
    uphill = (weights[1] - weights[0]).sign().view(1, 3, 4, 4)
    points = images + 0.4 / 255 * uphill
    with torch.no_grad():
        logits = classifier.logits(images[:1])
        classifier.network.bias[0] += 0.3 / 255 * norm - (logits[0, 0] - logits[0, 1])
    logits = classifier.logits(points)
    attacked = Attacked(points, logits, goal.reached(logits), torch.tensor([False, False]), 2 / 255)
    assert attacked.reached[0]
    found = eight_bit(classifier, images, attacked, goal)
    assert found.reached[0]
    assert found.grey_levels[0] == 2
    assert (found.grey_levels[1] == 2) == bool(attacked.reached[1])
