"""What holds for every attack in the table: the ball, ε = 0, seeds; and noise beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dermaviz.errors import AttackError
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacks import ATTACKS, find_attack, image_seeds
from dermaviz.robustness.gradients import Goal
from dermaviz.robustness.linf import NOISES, noise, unit_noise
from tests.conftest import CARD
from tests.robustness.conftest import Linear

QUICK = [name for name in ATTACKS if name != "autoattack"]


@pytest.fixture(scope="module")
def subject() -> Classifier:
    """A linear classifier of the 4 px images that hypothesis draws; one for all examples."""
    weights = torch.randn(3, 48, generator=torch.Generator().manual_seed(3))
    return Classifier(replace(CARD, input_size=4), Linear(weights, -weights.sum(1) / 2).eval(), torch.device("cpu"))


@pytest.mark.parametrize("name", QUICK)
@given(
    epsilon=st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1 / 255, 3e-3, 8 / 255, 1.0])),
    seed=st.integers(0, 2**40),
    targeted=st.booleans(),
)
def test_every_image_stays_within_epsilon_and_between_black_and_white(name, epsilon, seed, targeted, subject):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(2, 3, 4, 4, generator=generator)
    images[0, 0] = images[0, 0].round()  # some at the very ends
    goal = Goal(torch.tensor([0, 1]), targeted)
    found = ATTACKS[name].run(subject, images, goal, epsilon, [seed, seed + 1])
    assert float((found.images.double() - images.double()).abs().max()) <= epsilon + 1e-6
    assert float(found.images.min()) >= 0
    assert float(found.images.max()) <= 1


@pytest.mark.parametrize("name", QUICK)
def test_at_zero_it_is_the_clean_image_with_its_clean_logits(tiny_classifier, draw_images, name):
    images = draw_images(3, 32)
    found = ATTACKS[name].run(tiny_classifier, images, Goal.away_from([0, 1, 2]), 0.0, [1, 2, 3])
    with torch.no_grad():
        assert torch.equal(found.logits, tiny_classifier.logits(images))
    assert torch.equal(found.images, images)
    assert found.epsilon == 0


@pytest.mark.parametrize("name", QUICK)
def test_a_seed_decides_and_images_are_not_changed(wavy_classifier, draw_images, name):
    images = draw_images(1)
    before = images.clone()
    own = wavy_classifier.logits(images).argmax(1)

    def attack(seeds):
        return ATTACKS[name].run(wavy_classifier, images, Goal.away_from(own), 0.1 / 255, seeds).images

    assert torch.equal(attack([5]), attack([5]))
    if not ATTACKS[name].random:
        assert torch.equal(attack([5]), attack([7]))
    elif name != "pgd margin":  # its seed matters only where the first run failed
        assert not torch.equal(attack([5]), attack([7]))
    assert torch.equal(images, before)


@pytest.mark.parametrize("kind", NOISES)
def test_noise_belongs_to_the_image_not_to_the_batch(draw_images, kind):
    images = draw_images(3)
    seeds = image_seeds(["a", "b", "c"])
    together = unit_noise(images, seeds, kind)
    assert torch.equal(together[1:2], unit_noise(images[1:2], image_seeds(["b"]), kind))
    assert image_seeds(["a"], 1) != image_seeds(["a"], 0)
    assert together.abs().max() <= 1


@pytest.mark.parametrize(("kind", "mean_square"), [("uniform noise", 1 / 3), ("random signs", 1.0)])
def test_noise_has_the_spread_it_should_and_only_grows(linear_classifier, kind, mean_square):
    grey = torch.full((40, 3, 4, 4), 0.5)
    seeds, goal = list(range(40)), Goal.away_from([0] * 40)
    small, large = (noise(linear_classifier(), grey, goal, e, seeds=seeds, kind=kind).images - 0.5 for e in (0.1, 0.3))
    assert float(small.mean()) == pytest.approx(0, abs=0.01)
    assert float((small / 0.1).square().mean()) == pytest.approx(mean_square, abs=0.03)
    torch.testing.assert_close(3 * small, large)


def test_noise_follows_no_gradient(linear_classifier, draw_images, cost_of):
    given = linear_classifier(), draw_images(2), Goal.away_from([0, 0]), 0.1
    assert not noise(*given, seeds=[1, 2]).zero_gradient.any()
    assert cost_of(noise, *given, seeds=[1, 2]) == (2, 0)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda c, x: noise(c, x, Goal.away_from([0, 0]), 0.1, seeds=[1]), r"one seed per image, 2 of them, found 1"),
        (lambda c, x: unit_noise(x, [1, 2], "pink"), r"noise among uniform noise, random signs; found 'pink'"),
        (lambda c, x: find_attack("cw"), r"attack among fgsm, fgsm random start, pgd, .*; found 'cw'"),
    ],
)
def test_refusals(linear_classifier, draw_images, attempt, message):
    with pytest.raises(AttackError, match=message):
        attempt(linear_classifier(), draw_images(2))
