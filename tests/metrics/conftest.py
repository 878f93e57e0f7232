"""Shared by the tests of evaluation: drawn answers, and resamplings written out as rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import softmax

Answers = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def guesses() -> Callable[..., Answers]:
    """``guesses(seed, n=200, classes=5)``: labels of unequal frequency and probabilities that know something of them."""

    def draw(seed: int, n: int = 200, classes: int = 5, skill: float = 1.2, decimals: int | None = None) -> Answers:
        rng = np.random.default_rng(seed)
        labels = rng.choice(classes, n, p=np.arange(1, classes + 1) / (classes * (classes + 1) / 2))
        logits = rng.normal(size=(n, classes)) + skill * np.eye(classes)[labels]
        probabilities = softmax(logits, axis=1)
        return labels, probabilities if decimals is None else probabilities.round(decimals)

    return draw


@pytest.fixture
def lesions_of() -> Callable[..., tuple[str, ...]]:
    """``lesions_of(n, seed=0)``: a lesion for each of n images, two images of each on average."""
    return lambda n, seed=0: tuple(f"L{i}" for i in np.random.default_rng(seed).integers(0, max(1, n // 2), n))
