"""Colour: sRGB, linear light, CIE L*a*b* under D65 and the individual typology angle (ITA), one into the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

XYZ_OF_LINEAR = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
"""CIE XYZ of linear sRGB under D65 (IEC 61966-2-1), to seven digits."""
WHITE = XYZ_OF_LINEAR.sum(axis=1)


def encode_srgb(linear: ArrayLike) -> NDArray[Any]:
    """sRGB in [0, 1] of linear light in [0, 1] (IEC 61966-2-1)."""
    light = np.clip(np.asarray(linear), 0, 1)
    return np.asarray(np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055))


def decode_srgb(encoded: ArrayLike) -> NDArray[Any]:
    """Linear light in [0, 1] of sRGB in [0, 1] (IEC 61966-2-1)."""
    value = np.asarray(encoded)
    return np.asarray(np.where(value <= 0.04045, value / 12.92, np.power((value + 0.055) / 1.055, 2.4)))


LINEAR = decode_srgb(np.arange(256) / 255)
"""Linear light of each 8-bit value of sRGB: ``LINEAR[pixels]``."""


def lab_of_linear(linear: ArrayLike) -> NDArray[np.float64]:
    """CIE L*a*b* under D65, ``[..., 3]``, of linear sRGB ``[..., 3]`` in [0, 1] (CIE 1976, CIE 015)."""
    ratio = np.asarray(linear, dtype=np.float64) @ XYZ_OF_LINEAR.T / WHITE
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def linear_of_lab(lab: ArrayLike) -> NDArray[np.float64]:
    """Linear sRGB ``[..., 3]`` of CIE L*a*b* under D65; a colour that sRGB cannot show lies outside [0, 1]."""
    values = np.asarray(lab, dtype=np.float64)
    y = (values[..., 0] + 16) / 116
    f = np.stack([y + values[..., 1] / 500, y, y - values[..., 2] / 200], axis=-1)
    ratio = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    return np.asarray(ratio * WHITE @ np.linalg.inv(XYZ_OF_LINEAR).T)


def ita_of_lab(lab: ArrayLike) -> NDArray[np.float64]:
    """Individual typology angle in degrees, ``[...]`` in (−180, 180], of CIE L*a*b* ``[..., 3]``.

    ITA = atan2(L* − 50, b*) · 180/π with CIE L*a*b* under D65 (Chardon et al., Int. J. Cosmet. Sci. 13:191, 1991).
    """
    values = np.asarray(lab, dtype=np.float64)
    return np.asarray(np.degrees(np.arctan2(values[..., 0] - 50, values[..., 2])))


def ita_of_linear(linear: ArrayLike) -> NDArray[np.float64]:
    """:func:`ita_of_lab`, ``[...]``, of linear sRGB ``[..., 3]``."""
    return ita_of_lab(lab_of_linear(linear))
