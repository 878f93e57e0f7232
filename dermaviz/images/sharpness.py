"""Images: bringing a photograph to a stated size. One function reduces in packs, at use, in audits and in attacks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from dermaviz.kernels import Kernel


def cover(pixels: NDArray[np.uint8], height: int, width: int, kernel: Kernel = "bilinear") -> NDArray[np.uint8]:
    """Pixels uint8 ``[H, W, 3]`` scaled with antialiasing to cover ``[height, width, 3]`` and cropped centrally."""
    if pixels.shape[:2] == (height, width):
        return pixels
    fitted = ImageOps.fit(Image.fromarray(pixels), (width, height), Image.Resampling[kernel.upper()])
    return np.asarray(fitted)


def reduce_to(pixels: NDArray[np.uint8], short_side: int, kernel: Kernel = "bilinear") -> NDArray[np.uint8]:
    """Pixels uint8 ``[H, W, 3]`` with at most ``short_side`` on the short side; a picture of no more comes back unchanged."""
    height, width = pixels.shape[:2]
    scale = short_side / min(height, width)
    return pixels if scale >= 1 else cover(pixels, round(height * scale), round(width * scale), kernel)
