"""Reproduction: the answers to test images after FGSM and under Gaussian noise, as Gupta et al. measured ResNet-18."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Generator, Tensor

from dermaviz.evaluation.predictions import Predictions
from dermaviz.models.classifier import Classifier
from dermaviz.reproduction.learned import answers
from dermaviz.reproduction.photos import Photos
from dermaviz.robustness.fgsm import fgsm
from dermaviz.robustness.goals import Goal
from dermaviz.robustness.noise import image_seeds

_BATCH = 32

Spoil = Callable[[Classifier, Tensor, list[int], list[str]], Tensor]


def spoilt_answers(
    classifier: Classifier, photos: Photos, *, fgsm_epsilon: float, noise_sigma: float
) -> Mapping[str, Predictions]:
    """Untempered predictions of the test images after FGSM of ε and under noise of σ, both on [0, 1] pixels (0: not).

    The keys are ``fgsm`` and ``noise``.
    """
    wanted: dict[str, Spoil] = {}
    if fgsm_epsilon:
        wanted["fgsm"] = partial(_attacked, epsilon=fgsm_epsilon)
    if noise_sigma:
        wanted["noise"] = partial(_noisy, sigma=noise_sigma)
    return {name: _answers(classifier, photos, spoil) for name, spoil in wanted.items()}


def _answers(classifier: Classifier, photos: Photos, spoil: Spoil) -> Predictions:
    test = photos.splits["test"]
    rows, labels, found = photos.pack.rows(test), test.label_indices, []
    for first in range(0, len(test), _BATCH):
        part = slice(first, first + _BATCH)
        images = classifier.to_tensor([classifier.prepare(photos.pack.images[row]) for row in rows[part]])
        logits = spoil(classifier, images, labels[part], [record.image_id for record in test.records[part]])
        found.append(logits.softmax(1).cpu().numpy())
    return answers(test, np.concatenate(found))


def _attacked(
    classifier: Classifier, images: Tensor, labels: list[int], image_ids: list[str], *, epsilon: float
) -> Tensor:
    return fgsm(classifier, images, Goal.away_from(labels), epsilon).logits


def _noisy(classifier: Classifier, images: Tensor, labels: list[int], image_ids: list[str], *, sigma: float) -> Tensor:
    """Gaussian noise of each image's own seed, clamped to [0, 1]."""
    drawn = [torch.randn(images.shape[1:], generator=Generator().manual_seed(s)) for s in image_seeds(image_ids)]
    with torch.no_grad():
        return classifier.logits((images + sigma * torch.stack(drawn).to(images.device)).clamp(0, 1))
