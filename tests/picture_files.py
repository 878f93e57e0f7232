"""Pictures for the tests of the door: a small random one, and files of it made by Pillow in memory."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from dermaviz.images import read_image

read_any = partial(read_image, least=1)
"""The door for pictures of any size and shape: these tests are about the others of its rules."""
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
