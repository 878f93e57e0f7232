"""PGD: never weaker than FGSM, closed form on a linear model, what it costs, restarts, and the path over growing ε."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from dermaviz.errors import AttackError
from dermaviz.robustness.attacks import PGDSettings
from dermaviz.robustness.gradients import Goal, Probe, cross_entropy
from dermaviz.robustness.linf import fgsm, fgsm_outcomes, pgd, pgd_path

GROWING = [0.0, 0.02 / 255, 0.05 / 255, 0.1 / 255, 0.3 / 255, 1 / 255, 4 / 255]


@pytest.mark.parametrize("loss", ["cross-entropy", "margin"])
@pytest.mark.parametrize("epsilon", GROWING)
def test_whatever_fgsm_fools_pgd_fools_too(wavy_classifier, draw_images, epsilon, loss):
    images = draw_images(24)
    goal = Goal.away_from(wavy_classifier.logits(images).argmax(1))
    ours = pgd(wavy_classifier, images, goal, epsilon, PGDSettings(steps=5), loss=loss)
    one_step = fgsm(wavy_classifier, images, goal, epsilon, loss=loss)
    assert (ours.reached | ~one_step.reached).all()
    assert torch.equal(ours.reached, ours.predicted != goal.classes)
    torch.testing.assert_close(ours.logits, wavy_classifier.logits(ours.images), rtol=1e-3, atol=1e-4)


def test_fgsm_alone_overshoots_where_pgd_does_not(wavy_classifier, draw_images):
    images = draw_images(24)
    goal = Goal.away_from(wavy_classifier.logits(images).argmax(1))
    rates = [attack(wavy_classifier, images, goal, 4 / 255).reached.float().mean() for attack in (fgsm, pgd)]
    assert rates[0] < rates[1]


@pytest.mark.parametrize("loss", ["cross-entropy", "margin"])
@pytest.mark.parametrize("epsilon", [0.01, 0.3])
def test_on_a_linear_model_it_ends_in_the_corner_that_fgsm_finds(linear_classifier, draw_images, epsilon, loss):
    classifier, images, goal = linear_classifier(scale=0.1), draw_images(4), Goal.away_from([0, 1, 0, 1])
    corner = fgsm(classifier, images, goal, epsilon).images
    found = pgd(classifier, images, goal, epsilon, PGDSettings(early_stop=False), loss=loss)
    torch.testing.assert_close(found.images, corner)


def test_a_target_is_reached_further_than_in_one_step(wavy_classifier, draw_images):
    images = draw_images(12)
    targets = (wavy_classifier.logits(images).argmax(1) + 1) % 3
    goal, climb = Goal.towards(targets), PGDSettings(early_stop=False)
    clean, one, many = (
        outcome.logits.log_softmax(1).gather(1, targets[:, None])
        for outcome in (
            fgsm(wavy_classifier, images, goal, 0.0),
            fgsm(wavy_classifier, images, goal, 0.2 / 255),
            pgd(wavy_classifier, images, goal, 0.2 / 255, climb),
        )
    )
    assert (many > clean).all()
    assert (many >= one).all()


def test_the_cost_is_the_steps_and_two_looks_more(tiny_classifier, draw_images, cost_of):
    images, goal = draw_images(3, 32), Goal.away_from([0, 1, 2])
    climb = PGDSettings(steps=7, early_stop=False)
    assert cost_of(pgd, tiny_classifier, images, goal, 1e-4, climb) == (3 * (7 + 2), 3 * 7)
    assert cost_of(pgd, tiny_classifier, images, goal, 0.0) == (3, 3)


def test_an_image_once_fooled_costs_nothing_more(linear_classifier, draw_images, cost_of):
    classifier, images = linear_classifier(), draw_images(4)
    own = classifier.logits(images).argmax(1)
    wrong_already = Goal.away_from(1 - own)
    assert cost_of(pgd, classifier, images, wrong_already, 0.1) == (2 * 4, 4)  # the slope, and the FGSM points
    half = torch.where(torch.arange(4) < 2, own, 1 - own)
    given = classifier, images, Goal.away_from(half), 1e-6, PGDSettings(steps=5)
    assert pgd(*given).reached.tolist() == [False, False, True, True]
    assert cost_of(pgd, *given) == (2 * 4 + 5 * 2, 4 + 4 * 2)


class Valley(nn.Module):
    """Flat at grey 0.5, so that only a run from elsewhere finds the slope that leads to the other class."""

    def forward(self, x):
        rise = ((x - 0.5) ** 2).mean((1, 2, 3))
        return torch.stack([torch.zeros_like(rise), 400 * rise - 0.2], dim=1)


def test_restarts_find_what_the_flat_spot_hides(wrap_network):
    classifier, images = wrap_network(Valley(), 2), torch.full((3, 3, 4, 4), 0.5)
    goal = Goal.away_from([0, 0, 0])
    stuck = pgd(classifier, images, goal, 0.05)
    assert (stuck.zero_gradient.float().mean(), stuck.reached.float().mean()) == (1, 0)
    freed = pgd(classifier, images, goal, 0.05, PGDSettings(restarts=1))
    assert (freed.zero_gradient.float().mean(), freed.reached.float().mean()) == (1, 1)
    again = pgd(classifier, images, goal, 0.05, PGDSettings(restarts=1))
    other = pgd(classifier, images, goal, 0.05, PGDSettings(restarts=1), seeds=[7, 8, 9])
    assert torch.equal(freed.images, again.images)
    assert not torch.equal(freed.images, other.images)


def path(classifier, images, goal, epsilons, climb):
    probe = Probe(classifier, images, goal)
    slope = probe.gradient(images)
    return list(pgd_path(probe, images, slope, fgsm_outcomes(probe, images, slope, epsilons), climb))


def test_on_the_path_fooled_images_stay_fooled_and_no_loss_falls(wavy_classifier, draw_images, cost_of):
    images = draw_images(24)
    goal = Goal.away_from(wavy_classifier.logits(images).argmax(1))
    climb = PGDSettings(steps=5)
    outcomes = path(wavy_classifier, images, goal, GROWING, climb)
    assert torch.equal(outcomes[0].images, images)
    for smaller, larger in pairwise(outcomes):
        assert (larger.reached | ~smaller.reached).all()
        losses = [cross_entropy(outcome.logits, goal)[smaller.reached] for outcome in (smaller, larger)]
        assert (losses[1] >= losses[0]).all()
    for epsilon, outcome in zip(GROWING, outcomes, strict=True):
        assert ((outcome.images - images).abs() <= epsilon + 1e-6).all()
        assert (outcome.reached | ~fgsm(wavy_classifier, images, goal, epsilon).reached).all()
    alone = [cost_of(pgd, wavy_classifier, images, goal, epsilon, climb) for epsilon in GROWING]
    together = cost_of(path, wavy_classifier, images, goal, GROWING, climb)
    assert together < tuple(map(sum, zip(*alone, strict=True)))


def test_the_path_is_as_strong_as_separate_attacks(wavy_classifier, draw_images):
    images = draw_images(24)
    goal = Goal.away_from(wavy_classifier.logits(images).argmax(1))
    outcomes = path(wavy_classifier, images, goal, GROWING, PGDSettings(steps=5))
    alone = [
        pgd(wavy_classifier, images, goal, epsilon, PGDSettings(steps=5)).reached.float().mean() for epsilon in GROWING
    ]
    assert all(one.reached.float().mean() >= rate - 1 / 24 for one, rate in zip(outcomes, alone, strict=True))


def test_a_path_back_is_refused(wavy_classifier, draw_images):
    with pytest.raises(AttackError, match=r"expected growing ε, found 0.1 after 0.2. Sort them"):
        path(wavy_classifier, draw_images(1), Goal.away_from([0]), [0.2, 0.1], PGDSettings(steps=1))


@pytest.mark.parametrize(
    "values", [{"steps": 0}, {"restarts": -1}, {"total_step_length": 0.0}, {"total_step_length": float("nan")}]
)
def test_a_climb_that_means_nothing_is_refused(values):
    with pytest.raises(
        AttackError, match=r"expected steps ≥ 1, restarts ≥ 0 and a total step length > 0, found .*20, 0, 2.5"
    ):
        PGDSettings(**values)
