"""Answers under FGSM and Gaussian noise: against the attack itself, and noise that each image draws for itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dermaviz.models.classifier import Classifier
from dermaviz.robustness.gradients import Goal
from dermaviz.robustness.linf import fgsm
from studies.five_reports.rows import Row
from studies.five_reports.train_network import Photos, predictions_under, read_photos


@pytest.fixture
def photos(drawn_row: Callable[..., Row], drawn_dataset: Path) -> Photos:
    """Eight drawn test photos of two classes, packed at 32 px."""
    read = read_photos(drawn_row().recipe("laptop", 0).data, drawn_dataset)
    test = read.splits["test"]
    return replace(read, splits={**read.splits, "test": test.take(test.records[:8])})


@pytest.fixture
def classifier(make_classifier: Callable[..., Classifier]) -> Classifier:
    """Random weights for benign and malignant."""
    return make_classifier(classes=("benign", "malignant"), malignant=("malignant",))


def test_fgsm_is_the_attack_of_the_robustness_room(classifier: Classifier, photos: Photos) -> None:
    test = photos.splits["test"]
    images = classifier.to_tensor([classifier.prepare(photos.pack.images[row]) for row in photos.pack.rows(test)])
    expected = fgsm(classifier, images, Goal.away_from(test.label_indices), 0.1).logits.softmax(1)
    found = predictions_under(classifier, photos, fgsm_epsilon=0.1, noise_sigma=0.0)
    assert set(found) == {"fgsm"}
    np.testing.assert_allclose(found["fgsm"].probabilities(1.0), expected.numpy(), atol=1e-6)
    assert found["fgsm"].labels.tolist() == test.label_indices


def test_noise_is_gaussian_and_each_images_own(classifier: Classifier, photos: Photos) -> None:
    noisy, faint = (
        predictions_under(classifier, photos, fgsm_epsilon=0.0, noise_sigma=sigma)["noise"] for sigma in (0.3, 1e-9)
    )
    test = photos.splits["test"]
    images = classifier.to_tensor([classifier.prepare(photos.pack.images[row]) for row in photos.pack.rows(test)])
    with torch.no_grad():
        clean = classifier.logits(images).softmax(1).numpy()
    np.testing.assert_allclose(faint.probabilities(1.0), clean, atol=1e-5)
    assert np.abs(noisy.probabilities(1.0) - clean).max() > 1e-3
    backwards = replace(photos, splits={"test": test.take(reversed(test.records))})
    again = predictions_under(classifier, backwards, fgsm_epsilon=0.0, noise_sigma=0.3)["noise"]
    np.testing.assert_allclose(again.probabilities(1.0)[::-1], noisy.probabilities(1.0), atol=1e-5)
