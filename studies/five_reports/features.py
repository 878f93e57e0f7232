"""What classical learners are given of a picture — its colours and textures as numbers, each column named.

All is computed in CIE L*a*b* under D65 (OpenCV's conversion of sRGB: L* in 0 to 100, a* and b* about −127 to 127), where
equal distances look about equally different. Nothing depends on other pictures: a column means the same in any data set.

Texture is not scikit-image's: its patterns interpolate on a circle and its diagonal distances are shorter (shares differ by up to
.20 and .02), so the committed results of the classical learners would no longer follow from this code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from dermaviz.errors import ImageError
from dermaviz.images import RGB

Lab = NDArray[np.float32]
Levels = NDArray[np.integer]

SMALLEST_SIDE = 8
"""Pixels that a picture needs each way: half of it must still hold a neighbourhood."""
CHANNELS: Mapping[str, tuple[float, float]] = MappingProxyType({"L": (0, 100), "a": (-64, 64), "b": (-64, 64)})
"""Range of each channel's histogram; what lies outside counts in the outermost bin."""
BINS = 16
LEVELS = 16
"""Grey levels of the co-occurrence matrix."""
DISTANCES = (1, 2, 4)
"""Distances of the co-occurrence matrix in pixels."""
_MOMENTS = ("mean", "std", "skew")
_ZONES = ("centre", "rim")
_SCALES = ("full", "half")
_KINDS = 10
_HARALICK = ("contrast", "correlation", "energy", "homogeneity", "entropy")
_RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
"""The eight neighbours of a pixel, in turn round it: rows and columns from it."""


def image_features(pictures: Iterable[RGB]) -> NDArray[np.float32]:
    """Features of each picture, float32 ``[N, D]`` in the order of :data:`FEATURES`; any sizes, one picture at a time.

    Args:
        pictures: uint8 ``[H, W, 3]`` sRGB each, at least 8 × 8 pixels; an array ``[N, H, W, 3]`` is such a sequence.

    Returns:
        ``D = 101``: 18 colour moments, 48 histogram shares in [0, 1], 20 shares of local binary patterns in [0, 1], and 15
        of Haralick's figures. Every value is finite.

    Raises:
        ImageError: a picture has another type or shape, or is too small.
    """
    rows = [_features(np.asarray(picture)) for picture in pictures]
    return np.stack(rows) if rows else np.empty((0, len(FEATURES)), np.float32)


def colour_moments(lab: Lab) -> NDArray[np.float64]:
    """Mean, standard deviation and skewness (cube root of the third central moment) of L*, a* and b*, ``[18]``, in their units.

    Once for the centre, the ellipse through the middle of each half axis, where a dermatoscopic image has its lesion, and
    once for the rim, outside the ellipse that touches the sides. Source: Stricker and Orengo, "Similarity of color images",
    SPIE 2420:381 (1995).
    """
    return np.concatenate([_moments(lab[zone]).ravel() for zone in _zones(*lab.shape[:2])])


def histogram(lab: Lab) -> NDArray[np.float64]:
    """Shares of pixels in 16 equally wide bins of L*, of a* and of b* (:data:`CHANNELS`), ``[48]``; each 16 sum to 1.

    Source: Swain and Ballard, "Color indexing", IJCV 7:11 (1991), one channel at a time.
    """
    shares = []
    for values, (low, high) in zip(np.moveaxis(lab, -1, 0), CHANNELS.values(), strict=True):
        position = _bin((values - low) / (high - low), BINS)
        shares.append(np.bincount(position.ravel(), minlength=BINS) / position.size)
    return np.concatenate(shares)


def local_binary_patterns(lab: Lab) -> NDArray[np.float64]:
    """:func:`pattern_shares` of L* at full and at half size, ``[20]``."""
    lightness = lab[..., 0]
    half = cv2.resize(lightness, (lightness.shape[1] // 2, lightness.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return np.concatenate([pattern_shares(scale) for scale in (lightness, np.asarray(half, np.float32))])


def pattern_shares(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Shares of ten kinds of neighbourhood in values ``[H, W]``: local binary patterns, ``[10]``, sum 1.

    Kind k of 0 to 8: k of the eight neighbours, side by side, are at least as bright as the pixel (0 a peak, 5 the bright
    side of a straight edge, 8 flat or a pit); kind 9: those neighbours lie in more than one run. The outermost pixels are
    neighbours only. Source: Ojala, Pietikäinen and Mäenpää, IEEE TPAMI 24:971 (2002), rotation-invariant uniform patterns
    with P = 8 and R = 1, on the square of neighbours as it is, not interpolated on a circle.
    """
    height, width = values.shape
    inner = values[1:-1, 1:-1]
    ring = [values[1 + y : height - 1 + y, 1 + x : width - 1 + x] >= inner for y, x in _RING]
    code = np.zeros(inner.shape, np.uint8)
    for bit, brighter in enumerate(ring):
        code |= brighter.astype(np.uint8) << np.uint8(bit)
    return np.bincount(_KIND_OF_CODE[code].ravel(), minlength=_KINDS) / code.size


def haralick(lab: Lab) -> NDArray[np.float64]:
    """Contrast, correlation, energy, homogeneity and entropy of the co-occurrence of L* at each distance, ``[15]``.

    L* is cut into 16 levels of equal width. Contrast is in levels²; correlation in [−1, 1] (1 where all is one level);
    energy (Haralick's angular second moment) and homogeneity (his inverse difference moment) in (0, 1]; entropy in nats.
    Source: Haralick, Shanmugam and Dinstein, "Textural features for image classification", IEEE SMC 3:610 (1973).
    """
    levels = _bin(lab[..., 0] / 100, LEVELS)
    return np.concatenate([texture_figures(co_occurrence(levels, distance, LEVELS)) for distance in DISTANCES])


def co_occurrence(levels: Levels, distance: int, n_levels: int) -> NDArray[np.float64]:
    """How often two levels lie ``distance`` apart, along rows, columns and both diagonals, either way, ``[n, n]``; sum 1."""
    steps = ((0, distance), (distance, 0), (distance, distance), (distance, -distance))
    counts = np.zeros(n_levels * n_levels)
    for down, right in steps:
        here = levels[: levels.shape[0] - down, max(0, -right) : levels.shape[1] - max(0, right)]
        there = levels[down:, max(0, right) : levels.shape[1] + min(0, right)]
        counts += np.bincount((here * n_levels + there).ravel(), minlength=n_levels * n_levels)
    matrix = counts.reshape(n_levels, n_levels)
    matrix += matrix.T
    return np.asarray(matrix / matrix.sum())


def texture_figures(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The five figures of :func:`haralick` for a symmetric matrix ``[n, n]`` that sums to 1, ``[5]``."""
    level = np.arange(len(matrix))
    squared = (level[:, None] - level[None]) ** 2
    share = matrix.sum(0)
    offset = level - share @ level
    variance = share @ offset**2
    correlation = offset @ matrix @ offset / variance if variance > 0 else 1.0
    entropy = -np.sum(matrix * np.log(np.where(matrix > 0, matrix, 1)))
    contrast, homogeneity = np.sum(matrix * squared), np.sum(matrix / (1 + squared))
    return np.array([contrast, correlation, np.sum(matrix**2), homogeneity, entropy])


_GROUPS: tuple[tuple[Callable[[Lab], NDArray[np.float64]], tuple[str, ...]], ...] = (
    (colour_moments, tuple(f"{c}_{m}_{zone}" for zone in _ZONES for m in _MOMENTS for c in CHANNELS)),
    (histogram, tuple(f"{c}_share_{i:02}" for c in CHANNELS for i in range(BINS))),
    (local_binary_patterns, tuple(f"lbp_{scale}_{kind}" for scale in _SCALES for kind in range(_KINDS))),
    (haralick, tuple(f"{figure}_{distance}" for distance in DISTANCES for figure in _HARALICK)),
)
FEATURES: tuple[str, ...] = tuple(name for _, names in _GROUPS for name in names)
"""Names of the columns, for instance ``a_mean_centre``, ``L_share_03``, ``lbp_half_4``, ``entropy_2``."""


def _features(picture: RGB) -> NDArray[np.float32]:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or min(picture.shape) == 0:
        raise ImageError(
            f"expected pictures uint8 [H, W, 3], found {picture.dtype} {list(picture.shape)}. "
            "Pass what dermaviz.images.read_image or a pack gives."
        )
    if min(picture.shape[:2]) < SMALLEST_SIDE:
        raise ImageError(
            f"expected at least {SMALLEST_SIDE} × {SMALLEST_SIDE} pixels, found {picture.shape[0]} × {picture.shape[1]}. "
            "Texture cannot be measured on fewer: use a larger picture."
        )
    lab: Lab = np.asarray(cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), np.float32)
    return np.concatenate([measure(lab) for measure, _ in _GROUPS]).astype(np.float32)


@lru_cache(maxsize=8)
def _zones(height: int, width: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Centre and rim of a picture, each ``[H, W]``."""
    down, right = (2 * (np.arange(side) + 0.5) / side - 1 for side in (height, width))
    radius = np.hypot(down[:, None], right[None])  # 1 on the ellipse that touches the sides
    return radius <= 0.5, radius > 1


def _moments(pixels: NDArray[np.floating]) -> NDArray[np.float64]:
    """``[3, 3]``: moments × channels of pixels ``[n, 3]``."""
    values = pixels.astype(np.float64)
    mean = values.mean(0)
    offset = values - mean
    return np.stack([mean, np.sqrt((offset**2).mean(0)), np.cbrt((offset**3).mean(0))])


def _bin(shares: NDArray[np.floating], bins: int) -> NDArray[np.int64]:
    """Which of ``bins`` equally wide bins of [0, 1] each value lies in; what lies outside, in the outermost."""
    return np.clip(np.floor(shares * bins), 0, bins - 1).astype(np.int64)


def _kinds() -> NDArray[np.int64]:
    """Kind of neighbourhood of each of the 256 codes of eight bits round a pixel."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    runs = (bits != np.roll(bits, 1, axis=1)).sum(1)
    return np.where(runs <= 2, bits.sum(1), _KINDS - 1)


_KIND_OF_CODE = _kinds()
