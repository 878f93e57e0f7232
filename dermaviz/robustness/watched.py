"""Robustness: a classifier that tells of every pass through its network, so that a long attack can show how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor, nn

from dermaviz.models.classifier import Classifier


def watched(classifier: Classifier, tell: Callable[[int], None]) -> Classifier:
    """The same classifier, weights shared, that calls ``tell`` with the number of passes so far before each pass.

    What ``tell`` raises ends the attack: the classifier is not changed by it.
    """
    return replace(classifier, network=_Watched(classifier.network, tell))


class _Watched(nn.Module):
    def __init__(self, network: nn.Module, tell: Callable[[int], None]) -> None:
        super().__init__()
        self._network = network
        self._tell = tell
        self._passes = 0
        self.training = network.training

    def forward(self, images: Tensor) -> Tensor:
        self._tell(self._passes)
        self._passes += 1
        found: Tensor = self._network(images)
        return found
