"""A classifier that counts its passes answers as the one it wraps, tells of each pass, and can be stopped."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from dermaviz.models.classifier import Classifier
from dermaviz.robustness.gradients import Goal, counting_passes
from dermaviz.robustness.linf import pgd


def test_it_answers_alike_and_counts_from_nothing(
    wavy_classifier: Classifier, draw_images: Callable[..., Tensor]
) -> None:
    images, passes = draw_images(3), []
    seen = counting_passes(wavy_classifier, passes.append)
    assert torch.equal(seen.logits(images), wavy_classifier.logits(images))
    seen.logits(images)
    assert passes == [0, 1]


def test_an_attack_is_the_same_and_tells_of_every_pass(
    linear_classifier: Callable[..., Classifier], draw_images: Callable[..., Tensor]
) -> None:
    classifier, images, passes = linear_classifier(bias=(50.0, -50.0)), draw_images(2), []
    goal = Goal.away_from([0, 0])  # so far away that no step gets there, and none is saved
    alone = pgd(classifier, images, goal, 1 / 255)
    beside = pgd(counting_passes(classifier, passes.append), images, goal, 1 / 255)
    assert torch.equal(alone.images, beside.images)
    assert passes == list(range(22))  # the gradient, FGSM's point, and twenty steps


def test_what_is_raised_ends_the_attack_and_harms_nothing(
    wavy_classifier: Classifier, draw_images: Callable[..., Tensor]
) -> None:
    def stop(passes: int) -> None:
        if passes == 3:
            raise KeyboardInterrupt

    images = draw_images(2)
    before = wavy_classifier.logits(images)
    goal = Goal.towards([1, 1])
    with pytest.raises(KeyboardInterrupt):
        pgd(counting_passes(wavy_classifier, stop), images, goal, 1e-6)
    assert torch.equal(wavy_classifier.logits(images), before)
