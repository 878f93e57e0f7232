"""Robustness: what an attack is after — away from a class, or towards one — and when it has got there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dermaviz.errors import AttackError


@dataclass(frozen=True, eq=False)
class Goal:
    """One class per image, int64 ``[N]``: the one to get away from or, where ``targeted``, the one to arrive at."""

    classes: Tensor
    targeted: bool = False

    @classmethod
    def away_from(cls, labels: Sequence[int] | Tensor) -> Goal:
        """Any other answer than the image's label (or than the answer to the clean image) will do."""
        return cls(torch.as_tensor(labels, dtype=torch.int64))

    @classmethod
    def towards(cls, targets: Sequence[int] | Tensor) -> Goal:
        """Only this answer will do."""
        return cls(torch.as_tensor(targets, dtype=torch.int64), targeted=True)

    def reached(self, logits: Tensor) -> Tensor:
        """Whether each image is where the attack wants it, bool ``[N]``."""
        return (logits.argmax(dim=1) == self.classes) == self.targeted

    def take(self, rows: Tensor) -> Goal:
        """The goal for some of the images."""
        return Goal(self.classes[rows], self.targeted)

    def fitted(self, images: Tensor, n_classes: int) -> Goal:
        """The same goal on the images' device.

        Raises:
            AttackError: there is not one class per image, or one that the classifier does not know.
        """
        if self.classes.shape != (len(images),):
            raise AttackError(
                f"expected one class per image, {len(images)} of them, found the shape {list(self.classes.shape)}. "
                "Pass the label of each image, or its target."
            )
        if len(images) and not (int(self.classes.min()) >= 0 and int(self.classes.max()) < n_classes):
            raise AttackError(
                f"expected class indices from 0 to {n_classes - 1}, found {sorted(set(self.classes.tolist()))}. "
                "Take them from the order of the classifier's classes."
            )
        return Goal(self.classes.to(images.device), self.targeted)
