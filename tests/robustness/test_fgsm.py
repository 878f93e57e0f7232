"""FGSM and its sweep: closed forms on a linear model, ε = 0, bits that do not depend on the sweep, refusals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from dermaviz.errors import AttackError
from dermaviz.robustness.gradients import Goal, require_epsilon
from dermaviz.robustness.linf import fgsm, fgsm_random_start, fgsm_sweep

EPSILONS = [0.0, 0.2 / 255, 1 / 255, 3e-3, 0.05, 1.0]


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("targeted", [False, True])
def test_on_a_linear_model_it_is_the_closed_form(linear_classifier, draw_images, epsilon, targeted):
    classifier, images = linear_classifier(), draw_images(5)
    own = torch.tensor([0, 1, 1, 0, 1])
    goal = Goal.towards(1 - own) if targeted else Goal.away_from(own)
    weights = classifier.network.weights
    uphill = (weights[1 - own] - weights[own]).sign().view_as(images)
    expected = (images + epsilon * uphill).clamp(0, 1)
    found = fgsm(classifier, images, goal, epsilon)
    assert torch.equal(found.images, expected)
    torch.testing.assert_close(found.logits, classifier.logits(expected))
    assert torch.equal(found.reached, found.predicted != own)
    assert not found.zero_gradient.any()


@pytest.mark.parametrize("loss", ["cross-entropy", "margin"])
def test_with_more_classes_the_gradient_is_the_losss_own(linear_classifier, draw_images, loss):
    classifier, images = linear_classifier(4, scale=0.1), draw_images(6)
    own = torch.tensor([0, 1, 2, 3, 0, 1])
    weights, logits = classifier.network.weights, classifier.logits(images)
    if loss == "cross-entropy":
        slopes = (logits.softmax(1) - nn.functional.one_hot(own, 4)) @ weights
    else:
        rivals = logits.masked_fill(nn.functional.one_hot(own, 4).bool(), -torch.inf).argmax(1)
        slopes = weights[rivals] - weights[own]
    expected = (images + 0.01 * slopes.sign().view_as(images)).clamp(0, 1)
    assert torch.equal(fgsm(classifier, images, Goal.away_from(own), 0.01, loss=loss).images, expected)


@pytest.mark.parametrize("loss", ["cross-entropy", "margin"])
def test_a_target_gains_probability_and_the_own_class_loses_it(linear_classifier, draw_images, loss):
    classifier, images = linear_classifier(4, scale=0.1), draw_images(6)
    clean, classes = classifier.logits(images).softmax(1), torch.tensor([3, 2, 1, 0, 1, 2])[:, None]
    towards = fgsm(classifier, images, Goal.towards(classes[:, 0]), 0.02, loss=loss).logits.softmax(1)
    away = fgsm(classifier, images, Goal.away_from(classes[:, 0]), 0.02, loss=loss).logits.softmax(1)
    assert (towards.gather(1, classes) > clean.gather(1, classes)).all()
    assert (away.gather(1, classes) < clean.gather(1, classes)).all()


def test_a_sweep_is_its_single_attacks_bit_for_bit_for_one_gradient(tiny_classifier, draw_images, cost_of):
    images, goal = draw_images(3, 32), Goal.away_from([0, 1, 2])
    swept = list(fgsm_sweep(tiny_classifier, images, goal, EPSILONS))
    for epsilon, outcome in zip(EPSILONS, swept, strict=True):
        single = fgsm(tiny_classifier, images, goal, epsilon)
        assert torch.equal(outcome.images, single.images)
        assert torch.equal(outcome.logits, single.logits)
        assert outcome.epsilon == epsilon
    cost = cost_of(lambda *given: list(fgsm_sweep(*given)), tiny_classifier, images, goal, EPSILONS)
    assert cost == (3 + 5 * 3, 3)


def test_a_random_start_follows_its_seeds_and_stays_in_the_ball(tiny_classifier, draw_images):
    images, goal, epsilon = draw_images(2, 32), Goal.away_from([0, 1]), 0.03
    found = [
        fgsm_random_start(tiny_classifier, images, goal, epsilon, seeds=seeds).images
        for seeds in ([1, 2], [1, 2], [3, 2])
    ]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0][0], found[2][0])
    assert ((found[0] - images).abs() <= epsilon + 1e-6).all()
    edge = ((found[0] - images).abs() > epsilon - 1e-6).float().mean()
    assert (
        0.2 < edge < 0.95
    )  # a step of 1.25 ε from a uniform point ends inside with probability 3/8, but for black and white


def test_eight_threads_get_the_answers_of_one_and_leave_no_gradients(tiny_classifier, draw_images):
    tiny_classifier.network.requires_grad_(True)  # as a network straight from training would
    state = {key: value.clone() for key, value in tiny_classifier.network.state_dict().items()}
    questions = [(draw_images(2, 32, seed=i), Goal.away_from([i % 3, (i + 1) % 3])) for i in range(6)] * 4

    def answer(question):
        return fgsm(tiny_classifier, *question, 2 / 255)

    expected = [answer(question) for question in questions]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(answer, questions))
    assert all(torch.equal(a.images, b.images) for a, b in zip(expected, found, strict=True))
    assert all(torch.equal(a.logits, b.logits) for a, b in zip(expected, found, strict=True))
    assert all(parameter.grad is None for parameter in tiny_classifier.network.parameters())
    assert all(torch.equal(state[key], value) for key, value in tiny_classifier.network.state_dict().items())
    assert not found[0].images.requires_grad
    assert not found[0].logits.requires_grad


class Dark(nn.Module):
    """Blind for dark images: a ReLU lets nothing through, forwards or backwards."""

    def forward(self, x):
        seen = torch.relu(x.mean((1, 2, 3)) - 0.5)
        return torch.stack([seen, 0.1 - seen, torch.zeros_like(seen)], dim=1)


class Stepped(nn.Module):
    """Rounds its input, so that its gradient is zero everywhere."""

    def forward(self, x):
        return torch.round(8 * x).mean((2, 3))


class Rooted(nn.Module):
    """Has an infinite slope at black pixels."""

    def forward(self, x):
        return x.sqrt().mean((2, 3))


@pytest.mark.parametrize(
    ("network", "expected"),
    [(Dark(), [True, True, False, False]), (Stepped(), [True] * 4), (Rooted(), [True, False, False, False])],
)
def test_images_without_a_gradient_are_counted_and_left_alone(wrap_network, network, expected):
    images = torch.tensor([0.0, 0.4, 0.6, 0.7]).view(4, 1, 1, 1).expand(4, 3, 4, 4).contiguous()
    found = fgsm(wrap_network(network), images, Goal.away_from([0, 0, 0, 0]), 0.01)
    assert found.zero_gradient.tolist() == expected
    assert found.zero_gradient.float().mean() == sum(expected) / 4
    assert found.images.isfinite().all()
    moved = (found.images != images).flatten(1).any(1)
    assert moved.tolist() == [not none for none in expected]


def test_where_the_softmax_is_sure_of_itself_only_the_margin_still_has_a_gradient(linear_classifier, draw_images):
    classifier, images = linear_classifier(bias=(1e4, 0.0)), draw_images(3)
    goal = Goal.away_from([0, 0, 0])
    assert fgsm(classifier, images, goal, 0.01).zero_gradient.float().mean() == 1
    assert fgsm(classifier, images, goal, 0.01, loss="margin").zero_gradient.float().mean() == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epsilon": 8}, r"expected ε from 0 to 1.*found 8. For n grey levels of 255 pass n / 255"),
        ({"epsilon": -0.1}, r"found -0.1"),
        ({"epsilon": float("nan")}, r"found nan"),
        ({"goal": Goal.away_from([0])}, r"one class per image, 2 of them, found the shape \[1\]"),
        ({"goal": Goal.away_from(torch.tensor(0))}, r"one class per image, 2 of them, found the shape \[\]"),
        ({"goal": Goal.towards([0, 2])}, r"class indices from 0 to 1, found \[0, 2\]"),
        ({"goal": Goal.away_from([-1, 0])}, r"class indices from 0 to 1, found \[-1, 0\]"),
        ({"loss": "hinge"}, r"expected a loss among cross-entropy, margin; found 'hinge'"),
        ({"images": torch.zeros(2, 3, 5, 4)}, r"images \[N, 3, 4, 4\], found \[2, 3, 5, 4\].*prepare"),
        ({"images": torch.zeros(0, 3, 4, 4)}, r"found \[0, 3, 4, 4\]"),
        ({"images": torch.full((2, 3, 4, 4), 7.0)}, r"values in \[0, 1\], found 7 to 7.*before normalisation"),
        ({"images": torch.zeros((2, 3, 4, 4), dtype=torch.uint8)}, r"float32 images, found torch.uint8"),
    ],
)
def test_refuses_what_cannot_be_attacked_with(linear_classifier, draw_images, changes, message):
    arguments = {"images": draw_images(2), "goal": Goal.away_from([0, 1]), "epsilon": 0.01} | changes
    with pytest.raises(AttackError, match=message):
        fgsm(linear_classifier(), **arguments)


def test_a_sweep_refuses_at_once(linear_classifier, draw_images):
    with pytest.raises(AttackError, match="found 2"):
        fgsm_sweep(linear_classifier(), draw_images(1), Goal.away_from([0]), [0.1, 2])


def test_training_mode_is_refused(linear_classifier, draw_images):
    classifier = linear_classifier()
    classifier.network.train()
    with pytest.raises(AttackError, match=r"evaluation mode, found training mode.*network\.eval\(\)"):
        fgsm(classifier, draw_images(1), Goal.away_from([0]), 0.1)


def test_the_largest_and_the_smallest_radius_are_allowed():
    assert (require_epsilon(0), require_epsilon(1)) == (0.0, 1.0)
