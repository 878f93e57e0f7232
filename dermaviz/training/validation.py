"""Training: figures of a network on the validation images, the same on every process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from numpy.typing import NDArray
from torch import Tensor, nn

from dermaviz.evaluation.metrics import accuracy, balanced_accuracy, macro_f1, negative_log_likelihood
from dermaviz.models.card import Equalisation
from dermaviz.models.classifier import central_square
from dermaviz.models.equalise import equalise
from dermaviz.models.specs import Architecture


@dataclass(frozen=True)
class Validation:
    """The validation images: rows of a packed array with their labels, seen as a classifier of ``architecture`` sees them."""

    images: NDArray[np.uint8]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    architecture: Architecture
    equalise: Equalisation = ""

    def figures(self, accelerator: Accelerator, network: nn.Module, size: int, n_classes: int) -> dict[str, float]:
        """Loss, accuracy, balanced accuracy and macro-F1 at an input of ``size`` pixels; each process predicts a stride."""
        probabilities = self.probabilities(accelerator, network, size, n_classes)
        return {
            "loss": float(negative_log_likelihood(self.labels, probabilities)),
            "accuracy": float(accuracy(self.labels, probabilities)),
            "balanced_accuracy": float(balanced_accuracy(self.labels, probabilities)),
            "macro_f1": float(macro_f1(self.labels, probabilities)),
        }

    def probabilities(
        self, accelerator: Accelerator, network: nn.Module, size: int, n_classes: int
    ) -> NDArray[np.float32]:
        """Untempered probabilities of every image, float32 ``[N, C]``, the same on every process."""
        same_buffers(accelerator, network.eval())
        rank, world = accelerator.process_index, accelerator.num_processes
        parts = [logits.softmax(1) for logits in self._logits(accelerator, network, size, rank, world)]
        mine = torch.cat(parts) if parts else torch.empty(0, n_classes, device=accelerator.device)
        padded = accelerator.pad_across_processes(mine, dim=0, pad_index=float("nan"))
        gathered = accelerator.gather(padded).cpu().numpy().reshape(world, -1, n_classes)
        return gathered.transpose(1, 0, 2).reshape(-1, n_classes)[: len(self.labels)]

    def _logits(
        self, accelerator: Accelerator, network: nn.Module, size: int, rank: int, world: int
    ) -> Iterator[Tensor]:
        row, device = self.architecture, accelerator.device
        mean, std = (torch.tensor(v).view(1, 3, 1, 1).to(device) for v in (row.mean, row.std))
        mine = self.rows[rank::world]
        for first in range(0, len(mine), 64):
            images = torch.from_numpy(equalise(self.images[mine[first : first + 64]], self.equalise))
            seen = central_square(images, size).permute(0, 3, 1, 2).to(device).float().div_(255)
            seen = ((seen - mean) / std).contiguous(memory_format=torch.channels_last)
            with torch.no_grad(), accelerator.autocast():
                yield network(seen).float()


def same_buffers(accelerator: Accelerator, network: nn.Module) -> None:
    """Give every process the main one's batch statistics, which are the ones that are kept.

    Gradients, and with them the weights, are the same on all processes; batch statistics come from each one's own images.
    """
    if accelerator.num_processes > 1:
        for buffer in network.buffers():
            buffer.copy_(broadcast(buffer.clone(), from_process=0))
