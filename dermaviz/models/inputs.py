"""Models: what may go into a classifier as images — the one check that rooms above make of their callers."""

from __future__ import annotations

import torch
from torch import Tensor

from dermaviz.errors import DermaVizError


def require_images(images: Tensor, side: int, error: type[DermaVizError]) -> None:
    """Check that ``images`` are float32 ``[N, 3, side, side]`` in [0, 1], at least one.

    Raises:
        error: they are not; the message says how to get such images.
    """
    if images.ndim != 4 or not len(images) or images.shape[1:] != (3, side, side):
        raise error(
            f"expected images [N, 3, {side}, {side}], found {list(images.shape)}. "
            "Use classifier.to_tensor([classifier.prepare(pixels)])."
        )
    if images.dtype != torch.float32:
        raise error(f"expected float32 images, found {images.dtype}. Use classifier.to_tensor.")
    low, high = (float(bound) for bound in images.detach().aminmax())
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise error(
            f"expected pixel values in [0, 1], found {low:.4g} to {high:.4g}. Pass images before normalisation."
        )
