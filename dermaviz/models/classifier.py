"""Models: a classifier — a network with its card, from pixels to probabilities, never changed after loading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as V

from dermaviz.models.card import Card
from dermaviz.models.equalise import equalise
from dermaviz.types import RGB, Prediction


@dataclass(frozen=True)
class Classifier:
    """A network in eval mode with what its card says of it. Shared between threads, therefore never mutated."""

    card: Card
    network: nn.Module
    device: torch.device

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the outputs."""
        return self.card.classes

    @property
    def malignant(self) -> frozenset[str]:
        """The classes that count as malignant."""
        return frozenset(self.card.malignant)

    @property
    def input_size(self) -> int:
        """Side of the square input in pixels."""
        return self.card.input_size

    @property
    def attention_layer(self) -> str:
        """Dotted name of the module at which attention maps are taken."""
        return self.card.attention_layer

    def prepare(self, pixels: RGB) -> RGB:
        """What the model sees of a picture: uint8 ``[H, W, 3]`` → uint8 ``[S, S, 3]``, see :func:`central_square`.

        Where the card says so, the picture is evened out first (:func:`~dermaviz.models.equalise.equalise`).
        """
        own = np.require(pixels, requirements=["C", "W"])  # torch wants neither read-only nor flipped views
        seen = torch.from_numpy(equalise(own[None], self.card.equalise))
        return central_square(seen, self.input_size)[0].clone().numpy()

    def to_tensor(self, prepared: Sequence[RGB]) -> Tensor:
        """Prepared inputs, uint8 ``[S, S, 3]`` each → float32 ``[N, 3, S, S]`` in [0, 1] on the device."""
        batch = torch.from_numpy(np.stack(list(prepared))).to(self.device)
        return batch.permute(0, 3, 1, 2).float().div_(255)

    def normalise(self, images: Tensor) -> Tensor:
        """Pixels in [0, 1] → the network's own input: minus mean, divided by std, per channel."""
        mean, std = (torch.tensor(v, device=images.device).view(1, 3, 1, 1) for v in (self.card.mean, self.card.std))
        return ((images - mean) / std).contiguous(memory_format=torch.channels_last)

    def logits(self, images: Tensor) -> Tensor:
        """Untempered logits, float32 ``[N, C]``, of images ``[N, 3, S, S]`` in [0, 1]; differentiable."""
        return self.network(self.normalise(images)).float()

    def probabilities(self, images: Tensor) -> NDArray[np.float32]:
        """Calibrated probabilities of images, float32 ``[N, C]``."""
        with torch.no_grad():
            return self.calibrated(self.logits(images))

    def calibrated(self, logits: Tensor) -> NDArray[np.float32]:
        """Untempered logits as probabilities, float32 ``[N, C]``: softmax of them divided by the card's temperature."""
        return (logits / self.card.temperature).softmax(dim=1).cpu().numpy()

    def predict(self, pixels: RGB) -> Prediction:
        """What the model says of one picture, uint8 ``[H, W, 3]`` of any size."""
        probabilities = self.probabilities(self.to_tensor([self.prepare(pixels)]))[0]
        return Prediction(self.classes, probabilities, self.malignant)


def central_square(images: Tensor, size: int) -> Tensor:
    """The largest central square, resized bilinearly with antialiasing: uint8 ``[N, H, W, 3]`` → ``[N, size, size, 3]``."""
    height, width = images.shape[1:3]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    square = images[:, top : top + short, left : left + short].permute(0, 3, 1, 2)
    return V.resize(square, [size, size], antialias=True).permute(0, 2, 3, 1).contiguous()
