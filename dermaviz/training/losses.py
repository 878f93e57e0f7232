"""Training: losses, one value per image, so that a mean over processes equals the mean over the global batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from dermaviz.training.recipe import LossRecipe


def class_weights(labels: Tensor, n_classes: int, power: float) -> Tensor:
    """Weight of each class, float32 ``[C]``: (N / (C · n_c)) ** ``power``, scaled so that the mean over images is 1.

    A class without images has weight 0.
    """
    counts = torch.bincount(labels, minlength=n_classes).float()
    raw = torch.where(counts > 0, (len(labels) / (n_classes * counts.clamp(min=1))) ** power, 0.0)
    return raw * len(labels) / (raw * counts).sum()


def loss_per_image(logits: Tensor, labels: Tensor, weights: Tensor, settings: LossRecipe) -> Tensor:
    """Loss of each image, float32 ``[N]``, times its class weight.

    Cross-entropy with label smoothing (Szegedy et al. 2016), or focal loss −(1 − p)^γ log p (Lin et al. 2017).
    The weight is that of the image's own class also where labels are smoothed.
    """
    logits = logits.float()
    loss = F.cross_entropy(logits, labels, reduction="none", label_smoothing=settings.label_smoothing)
    if settings.name == "focal":
        p_true = logits.softmax(1).gather(1, labels[:, None]).squeeze(1)
        loss = (1 - p_true) ** settings.gamma * loss
    return loss * weights[labels]
