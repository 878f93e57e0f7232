"""Models: a prediction, and the answer of a classifier to one image. Plain arrays, free of torch: kept, hashed and pickled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dermaviz.images import RGB

Features = NDArray[np.float32]
"""A network's pooled features before its classifier: float32 ``[N, K]``."""


class Detector(Protocol):
    """What says how far features are from those of the training images; ``dermaviz.ood`` has one."""

    @property
    def limit(self) -> float:
        """The largest usual distance."""

    def distance(self, features: Features) -> NDArray[np.float64]:
        """Distances ``[N]`` of features ``[N, K]``; out of distribution where above ``limit``."""


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


@dataclass(frozen=True, kw_only=True)
class Answer(Prediction):
    """The answer of a classifier to one image: its prediction, what it was made of, and what else the model gave away.

    ``checkpoint`` is the name on the model's card and ``checkpoint_sha256`` the hash of all that decides its answers
    (``Card.answers_sha256``). ``image_sha256`` is that of the file's bytes ("" where pixels were given), ``size`` its
    width and height in pixels, ``notes`` what was done to read it. ``prepared`` is what the model saw, uint8
    ``[S, S, 3]``: ask for attention maps or attacks on it. ``features`` is float32 ``[1, K]``, None where the network
    does not give them. ``ood_distance`` is the distance of the features from those of training images and ``ood_limit``
    the largest usual one, both None for a model without a detector. ``notices`` say what about the image is outside what the
    model was trained on, where that was looked for (``dermaviz.evidence.images.before_the_answer``).
    """

    checkpoint: str
    checkpoint_sha256: str
    prepared: RGB
    size: tuple[int, int]
    image_sha256: str = ""
    notes: tuple[str, ...] = ()
    features: Features | None = None
    ood_distance: float | None = None
    ood_limit: float | None = None
    notices: tuple[str, ...] = ()

    @property
    def out_of_distribution(self) -> bool | None:
        """Whether the image is unlike those that the model was trained on; None for a model without a detector."""
        if self.ood_distance is None or self.ood_limit is None:
            return None
        return self.ood_distance > self.ood_limit

    def __str__(self) -> str:
        ranked = sorted(zip(self.probabilities, self.classes, strict=True), reverse=True)
        unlike = " The image is unlike those that the model was trained on." if self.out_of_distribution else ""
        return f"{self.checkpoint}: {', '.join(f'{name} {p:.1%}' for p, name in ranked)}.{unlike}"
