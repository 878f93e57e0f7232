"""Frozen result types that travel between rooms. Level 0: numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
"""A picture: uint8 ``[H, W, 3]``, sRGB."""

Split = Literal["train", "validation", "test"]

MapStatus = Literal["ok", "empty", "constant", "non-finite"]


@dataclass(frozen=True)
class Picture:
    """A picture that came through the door.

    ``pixels`` is uint8 ``[H, W, 3]`` sRGB, upright, without metadata. ``sha256`` is that of the file's bytes.
    ``size`` is the width and height in pixels as stored in the file. ``notes`` are sentences on what was done to it
    ("alpha was laid on white"), to be shown to the user.
    """

    pixels: RGB
    sha256: str
    format: str
    size: tuple[int, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """What a classifier says of one image.

    ``probabilities`` is float32 ``[C]``, calibrated with the checkpoint's temperature, in the order of ``classes``.
    ``malignant`` names the classes that count as malignant.
    """

    classes: tuple[str, ...]
    probabilities: NDArray[np.float32]
    malignant: frozenset[str]

    @property
    def index(self) -> int:
        """Index of the most probable class."""
        return int(np.argmax(self.probabilities))

    @property
    def diagnosis(self) -> str:
        """Name of the most probable class."""
        return self.classes[self.index]

    @property
    def confidence(self) -> float:
        """Probability of the most probable class, in [0, 1]."""
        return float(self.probabilities[self.index])

    @property
    def p_malignant(self) -> float:
        """Sum of the probabilities of the malignant classes, in [0, 1]; NaN where the classes name none."""
        chosen = [p for c, p in zip(self.classes, self.probabilities, strict=True) if c in self.malignant]
        return float(np.sum(chosen)) if chosen else float("nan")


@dataclass(frozen=True)
class AttentionMap:
    """A class attention map: ``raw`` is float32 ``[h, w]`` at the attention layer's resolution, as the method gave it.

    The raw map is never rescaled. ``status`` says whether there is anything to see: ``empty`` (no positive value),
    ``constant``, ``non-finite``, or ``ok``. ``seconds`` is the time that this map took.
    """

    raw: NDArray[np.float32]
    method: str
    class_index: int
    layer: str
    seconds: float

    @property
    def status(self) -> MapStatus:
        """Whether the map shows anything, and if not, why."""
        if not np.isfinite(self.raw).all():
            return "non-finite"
        if self.raw.max() <= 0:
            return "empty"
        if self.raw.max() - self.raw.min() <= 1e-6 * self.raw.max():
            return "constant"
        return "ok"

    @property
    def normalised(self) -> NDArray[np.float32]:
        """The map clipped at 0 and divided by its maximum, in [0, 1]; all zero unless ``status`` is ``ok``."""
        if self.status != "ok":
            return np.zeros_like(self.raw)
        positive = np.maximum(self.raw, 0)
        return (positive / positive.max()).astype(np.float32)
