"""Robustness, corruptions: what files and small screens do — JPEG compression and coarse pixels — and 8-bit pictures."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dermaviz.types import RGB


def jpeg(images: Tensor, quality: float, seeds: Sequence[int]) -> Tensor:
    """Each image rounded to 8 bits, saved by Pillow as JPEG of ``quality`` (1 to 95) with its usual 4:2:0 and read back."""
    return from_pictures((_through_jpeg(picture, round(quality)) for picture in to_pictures(images)), images)


def pixelate(images: Tensor, factor: float, seeds: Sequence[int]) -> Tensor:
    """Each image rounded to 8 bits, shrunk by Pillow to ``factor`` of its side by means over boxes, and blown up in blocks."""
    return from_pictures((_in_blocks(picture, factor) for picture in to_pictures(images)), images)


def to_pictures(images: Tensor) -> list[RGB]:
    """Images float32 ``[N, 3, S, S]`` in [0, 1] rounded to 8 bits: N pictures uint8 ``[S, S, 3]``."""
    return list(images.mul(255).round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy())


def from_pictures(pictures: Iterable[RGB], like: Tensor) -> Tensor:
    """Pictures uint8 ``[S, S, 3]`` as float32 ``[N, 3, S, S]`` in [0, 1] on the device of ``like``."""
    stacked = torch.from_numpy(np.stack(list(pictures))).to(like.device)
    return stacked.permute(0, 3, 1, 2).float().div_(255)


def _through_jpeg(picture: RGB, quality: int) -> RGB:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    with Image.open(file, formats=("JPEG",)) as read:
        return np.array(read)


def _in_blocks(picture: RGB, factor: float) -> RGB:
    side = len(picture)
    coarse = Image.fromarray(picture).resize((max(int(side * factor), 1),) * 2, Image.Resampling.BOX)
    return np.array(coarse.resize((side, side), Image.Resampling.BOX))
