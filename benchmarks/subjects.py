"""Benchmarks: the classifiers and pictures that are measured with."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.measure import DEVICE
from dermaviz.models.card import Card
from dermaviz.models.checkpoint import load_checkpoint
from dermaviz.models.classifier import Classifier
from dermaviz.models.specs import architecture, create

DEFAULT_CHECKPOINT = Path(__file__).parents[1] / "checkpoints" / "ham10000-efficientnet-lite0"
CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")


def random_classifier(name: str, size: int = 224) -> Classifier:
    """A seven-class classifier of an architecture with seeded random weights; speed does not depend on their values."""
    row = architecture(name)
    torch.manual_seed(0)
    network = create(name, len(CLASSES)).eval().requires_grad_(False)
    card = Card(
        name="random weights",
        architecture=name,
        classes=CLASSES,
        input_size=size,
        mean=row.mean,
        std=row.std,
        attention_layer=row.attention_layer,
        temperature=1.0,
        split_sha256="",
        weights_sha256="",
        recipe={},
        metrics={},
        data={},
        licence="MIT",
        intended_use="timing",
        not_for="anything else",
    )
    return Classifier(card, network.to(DEVICE).to(memory_format=torch.channels_last), torch.device(DEVICE))


def default_classifier() -> Classifier:
    """The default checkpoint."""
    return load_checkpoint(DEFAULT_CHECKPOINT, DEVICE)


def photo(width: int = 600, height: int = 450) -> bytes:
    """A JPEG of the size of HAM10000's images: a brown disc on skin, with grain."""
    y, x = np.mgrid[:height, :width]
    distance = np.hypot((x - width / 2) / 150, (y - height / 2) / 120)
    lesion = 1 / (1 + np.exp(12 * (distance - 1)))
    skin, brown = np.array([224.0, 172, 158]), np.array([110.0, 66, 48])
    grain = np.random.default_rng(0).normal(0, 6, (height, width, 1))
    pixels = skin + lesion[..., None] * (brown - skin) + grain
    stream = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=92)
    return stream.getvalue()
