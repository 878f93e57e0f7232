"""Explain: what every attention method returns, a map and what can be said of it. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MapStatus = Literal["ok", "empty", "constant", "non-finite"]


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
