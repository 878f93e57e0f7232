"""AutoAttack: optional, refused where it cannot work, and harmless to the process where it does."""

from __future__ import annotations

import sys

import pytest
import torch

from dermaviz.errors import AttackError, DependencyError
from dermaviz.robustness.gradients import Goal
from dermaviz.robustness.linf import autoattack, pgd


def test_without_the_package_it_says_what_to_install(monkeypatch, linear_classifier, draw_images):
    monkeypatch.setitem(sys.modules, "pyautoattack", None)
    with pytest.raises(DependencyError, match=r"pyautoattack .* found none.*pip install 'dermaviz\[attacks\]'.*PGD"):
        autoattack(linear_classifier(4), draw_images(1), Goal.away_from([0]), 0.1)


@pytest.mark.parametrize("classes", [2, 3])
def test_too_few_classes_are_refused(linear_classifier, draw_images, classes):
    with pytest.raises(AttackError, match=rf"at least 4 classes, found {classes}.*Use PGD with restarts"):
        autoattack(linear_classifier(classes), draw_images(1), Goal.away_from([0]), 0.1)


@pytest.mark.parametrize("classes", [4, 7])
def test_it_fools_what_pgd_fools_within_epsilon(linear_classifier, draw_images, classes, caplog):
    pytest.importorskip("pyautoattack", reason="pip install 'dermaviz[attacks]'")
    classifier, images = linear_classifier(classes), draw_images(3)
    labels = classifier.logits(images).argmax(1)
    state, trace = torch.get_rng_state(), sys.gettrace()
    found = autoattack(classifier, images, Goal.away_from(labels), 0.01, queries=50)
    again = autoattack(classifier, images, Goal.away_from(labels), 0.01, queries=50)
    assert torch.equal(found.images, again.images)
    assert torch.equal(torch.get_rng_state(), state)
    assert sys.gettrace() is trace
    assert (found.images - images).abs().max() <= 0.01 + 1e-6
    assert (found.reached | ~pgd(classifier, images, Goal.away_from(labels), 0.01).reached).all()
    assert torch.equal(found.reached, found.predicted != labels)
    assert 0 < found.reached.float().mean() < 1
    assert "target classes" not in caplog.text


def test_at_zero_it_is_the_clean_image(linear_classifier, draw_images):
    pytest.importorskip("pyautoattack", reason="pip install 'dermaviz[attacks]'")
    classifier, images = linear_classifier(4), draw_images(2)
    found = autoattack(classifier, images, Goal.away_from(classifier.logits(images).argmax(1)), 0.0)
    assert torch.equal(found.images, images)
    assert torch.equal(found.logits, classifier.logits(images))
