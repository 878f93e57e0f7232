"""Pictures for the tests of the door: a small random one, and files of it made by Pillow in memory."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

RAMP = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def encode(picture: Image.Image | np.ndarray, form: str, **options: Any) -> bytes:
    """A file in memory, written by Pillow."""
    file = io.BytesIO()
    (Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture).save(file, form, **options)
    return file.getvalue()


def encode_exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()
