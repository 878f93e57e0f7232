"""Losses: against torch's own and against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from dermaviz.training.optimisation import class_weights, loss_per_image
from dermaviz.training.recipe import LossRecipe

LABELS = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 2, 2])
LOGITS = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
EVEN = torch.ones(3)


def test_class_weights_are_inverse_frequencies_with_mean_one_over_images() -> None:
    weights = class_weights(LABELS, 3, power=1.0)
    torch.testing.assert_close(weights, torch.tensor([10 / 18, 10 / 6, 10 / 6]))
    assert weights[LABELS].mean().item() == pytest.approx(1)


@pytest.mark.parametrize("power", [0.0, 0.5, 0.6, 1.0, 2.0])
def test_a_power_of_the_ratio_of_counts_is_the_ratio_of_weights(power: float) -> None:
    weights = class_weights(LABELS, 3, power)
    assert (weights[1] / weights[0]).item() == pytest.approx(3**power)
    assert weights[LABELS].mean().item() == pytest.approx(1)


def test_a_class_without_images_weighs_nothing() -> None:
    assert class_weights(LABELS, 4, power=0.5)[3] == 0
    assert class_weights(LABELS, 4, power=0.0)[3] == 0


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_torch_s_with_mean_weights(smoothing: float) -> None:
    weights = class_weights(LABELS, 3, power=1.0)
    ours = loss_per_image(LOGITS, LABELS, weights, LossRecipe(label_smoothing=smoothing))
    plain = F.cross_entropy(LOGITS, LABELS, reduction="none", label_smoothing=smoothing)
    torch.testing.assert_close(ours, plain * weights[LABELS])
    if not smoothing:  # torch divides by the sum of weights, which is the number of images here
        torch.testing.assert_close(ours.mean(), F.cross_entropy(LOGITS, LABELS, weight=weights))


def test_label_smoothing_by_hand() -> None:
    """p = (1/2, 1/4, 1/4), smoothing 0.3: targets 0.8, 0.1, 0.1."""
    logits = torch.tensor([[0.5, 0.25, 0.25]]).log()
    (loss,) = loss_per_image(logits, torch.tensor([0]), EVEN, LossRecipe(label_smoothing=0.3))
    assert loss.item() == pytest.approx(0.8 * math.log(2) + 0.2 * math.log(4))


@pytest.mark.parametrize(("gamma", "factor"), [(0.0, 1.0), (1.0, 0.75), (2.0, 0.5625)])
def test_focal_loss_by_hand(gamma: float, factor: float) -> None:
    """p = 1/4 for the true class: (3/4)^gamma · ln 4, twice for a weight of 2."""
    logits = torch.tensor([[0.5, 0.25, 0.25]]).log()
    settings = LossRecipe(name="focal", gamma=gamma)
    (loss,) = loss_per_image(logits, torch.tensor([1]), torch.tensor([1.0, 2.0, 1.0]), settings)
    assert loss.item() == pytest.approx(2 * factor * math.log(4))


def test_half_precision_logits_are_taken_to_full_precision() -> None:
    loss = loss_per_image(LOGITS.bfloat16(), LABELS, EVEN, LossRecipe())
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, F.cross_entropy(LOGITS.bfloat16().float(), LABELS, reduction="none"))
