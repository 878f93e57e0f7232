"""Models: pictures with an evened-out histogram, for classifiers that were trained on such pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from dermaviz.models.card import Equalisation

Channel = NDArray[np.uint8]


def _whole(lightness: Channel) -> Channel:
    return np.asarray(cv2.equalizeHist(lightness), dtype=np.uint8)


def _in_tiles(lightness: Channel) -> Channel:
    """Contrast-limited, in 8 × 8 tiles (Zuiderveld, Graphics Gems IV, 1994), with OpenCV's usual limit for photos."""
    return np.asarray(cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(lightness), dtype=np.uint8)


_METHODS: Mapping[str, Callable[[Channel], Channel]] = MappingProxyType({"histogram": _whole, "clahe": _in_tiles})


def equalise(images: NDArray[np.uint8], method: Equalisation) -> NDArray[np.uint8]:
    """Even out the lightness (L* of CIE Lab) of each picture, uint8 ``[N, H, W, 3]`` of any size; colours keep a* and b*.

    ``histogram`` gives every lightness the same share of the whole picture, ``clahe`` within tiles and with a limit.
    "" leaves the pictures as they are. It is done before a picture is cut to the central square, in training as at use.
    """
    if not method:
        return images
    return np.stack([_with_lightness(picture, _METHODS[method]) for picture in images])


def _with_lightness(picture: NDArray[np.uint8], even: Callable[[Channel], Channel]) -> NDArray[np.uint8]:
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    lab[..., 0] = even(np.ascontiguousarray(lab[..., 0]))
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), dtype=np.uint8)
