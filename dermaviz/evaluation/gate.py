"""Evaluation: the gate — how far a picture is, in the model's own features, from the photos that it was trained on.

The features are the network's last ones before its classifier. Their distribution over training photos is a Gaussian of
few directions with the same spread in all others (probabilistic principal components: Tipping and Bishop, J. R. Stat.
Soc. B 61, 1999); the distance from it is the Mahalanobis distance (Lee et al., NeurIPS 2018), whose part outside the
main directions is what tells foreign pictures best (Wang et al., ViM, CVPR 2022).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dermaviz.errors import CheckpointError, EvidenceError
from dermaviz.models.classifier import Classifier

Features = NDArray[np.float32]
"""Pooled features before the classifier: ``[N, K]``."""

_LEAST_VARIANCE = 1e-12


@dataclass(frozen=True)
class Gate:
    """A Gaussian over features and a limit on the distance from it.

    ``mean`` is float32 ``[K]``; ``directions`` float32 ``[K, k]`` are orthonormal columns, ``spread`` float32 ``[k]`` the
    standard deviations along them, and ``rest`` that in each of the other K − k directions. A picture is refused where
    its distance is above ``limit``.
    """

    mean: Features
    directions: Features
    spread: Features
    rest: float
    limit: float

    def distance(self, features: Features) -> NDArray[np.float64]:
        """The root mean square of the K standardised deviations, ``[N]``: 1 for a typical training photo.

        This is the Mahalanobis distance divided by √K.
        """
        deviation = features.astype(np.float64) - self.mean
        along = deviation @ self.directions.astype(np.float64)
        aside = np.maximum((deviation**2).sum(1) - (along**2).sum(1), 0)
        squares = ((along / self.spread) ** 2).sum(1) + aside / self.rest**2
        return np.sqrt(squares / len(self.mean))

    def refuses(self, features: Features) -> NDArray[np.bool_]:
        """Which pictures are farther away than the limit, ``[N]``."""
        return self.distance(features) > self.limit


def fit_gate(features: Features, components: int, limit: float = math.inf) -> Gate:
    """The gate of training features ``[N, K]`` with the ``components`` directions of largest variance.

    The variance of the other directions is their mean variance: the most likely one (Tipping and Bishop, equation 8).

    Raises:
        EvidenceError: ``components`` is not from 1 to K − 1, or not below N.
    """
    n, width = features.shape
    most = min(n, width) - 1
    if not 1 <= components <= most:
        raise EvidenceError(
            f"components: expected 1 to {most} for {n} images of {width} features, found {components}. Choose fewer."
        )
    mean = features.mean(0, dtype=np.float64)
    deviation = features - mean
    variances, vectors = np.linalg.eigh(deviation.T @ deviation / n)
    kept = slice(width - components, width)
    rest = max(float(variances[: width - components].mean()), _LEAST_VARIANCE)
    return Gate(
        mean.astype(np.float32),
        vectors[:, kept].astype(np.float32),
        np.sqrt(np.maximum(variances[kept], rest)).astype(np.float32),
        math.sqrt(rest),
        limit,
    )


def limit_for(distances: NDArray[np.float64], refused: float) -> float:
    """The smallest of ``distances`` such that at most the share ``refused`` in [0, 1) of them is above it."""
    ordered = np.sort(distances)
    return float(ordered[len(ordered) - 1 - math.floor(refused * len(ordered))])


def observe(classifier: Classifier, images: Tensor) -> tuple[Tensor, Features]:
    """Untempered logits ``[N, C]`` and the features before the classifier ``[N, K]``, by one forward.

    Nothing is hooked and nothing kept, so threads may share the classifier. ``images`` are ``[N, 3, S, S]`` in [0, 1].

    Raises:
        CheckpointError: the network does not give its features away; see :func:`gives_features`.
    """
    if not gives_features(classifier):
        raise CheckpointError(
            f"card of {classifier.card.name!r}: expected an architecture of timm, which gives its features before the "
            f"classifier, found {classifier.card.architecture}. A gate can be had for timm's architectures only."
        )
    network: torch.nn.Module = classifier.network
    with torch.no_grad():
        maps = network.forward_features(classifier.normalise(images))  # type: ignore[operator]
        features = network.forward_head(maps, pre_logits=True)  # type: ignore[operator]
        logits = network.forward_head(maps)  # type: ignore[operator]
    return logits.float(), features.flatten(1).float().cpu().numpy()


def gives_features(classifier: Classifier) -> bool:
    """Whether the network has timm's two steps, ``forward_features`` and ``forward_head``."""
    return all(hasattr(classifier.network, step) for step in ("forward_features", "forward_head"))
