"""The optics of skin: from volume fractions of melanin and blood to reflectance, colour and ITA (Kubelka–Munk layers)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from dermaviz.colour import WHITE, XYZ_OF_LINEAR, ita_of_linear

Spectrum = NDArray[np.float64]
Fraction = NDArray[np.float64]

WAVELENGTHS: Spectrum = np.arange(400.0, 701.0, 10.0)
OXYGENATION = 0.8
"""Share of haemoglobin that carries oxygen in the skin's mixed blood (Jacques, Phys. Med. Biol. 58:R37, 2013)."""


def _numbers(text: str) -> Spectrum:
    return np.array([float(word) for word in text.split()])


# S. Prahl, "Optical absorption of hemoglobin", omlc.org/spectra/hemoglobin: molar extinction, 1/(cm·M).
_OXYHAEMOGLOBIN = _numbers(
    "266232 466840 480360 246072 102580 62816 44480 33209.2 26629.2 23684.4 20932.8 20035.2 24202.4 39956.8 53236 "
    "43016 32613.2 44496 50104 14400.8 3200 1506 942 610 442 368 319.6 294 277.6 276 290"
)
_DEOXYHAEMOGLOBIN = _numbers(
    "223296 303956 407560 528600 413280 103292 23388.8 16156.4 14550 16684 20862 25773.6 31589.6 39036.4 46592 53412 "
    "53788 45072 37020 28324.4 14677.2 9443.6 6509.6 5148.8 4345.2 3750.12 3226.56 2795.12 2407.92 2051.96 1794.28"
)

# CIE 015: the 1931 2° observer and illuminant D65.
CIE_X = _numbers(
    ".0143 .0435 .1344 .2839 .3483 .3362 .2908 .1954 .0956 .0320 .0049 .0093 .0633 .1655 .2904 .4334 .5945 .7621 .9163 "
    "1.0263 1.0622 1.0026 .8544 .6424 .4479 .2835 .1649 .0874 .0468 .0227 .0114"
)
CIE_Y = _numbers(
    ".0004 .0012 .0040 .0116 .0230 .0380 .0600 .0910 .1390 .2080 .3230 .5030 .7100 .8620 .9540 .9950 .9950 .9520 .8700 "
    ".7570 .6310 .5030 .3810 .2650 .1750 .1070 .0610 .0320 .0170 .0082 .0041"
)
CIE_Z = _numbers(
    ".0679 .2074 .6456 1.3856 1.7471 1.7721 1.6692 1.2876 .8130 .4652 .2720 .1582 .0782 .0422 .0203 .0087 .0039 .0021 "
    ".0017 .0011 .0008 .0003 .0002 0 0 0 0 0 0 0 0"
)
D65 = _numbers(
    "82.7549 91.4860 93.4318 86.6823 104.865 117.008 117.812 114.861 115.923 108.811 109.354 107.802 104.790 107.689 "
    "104.405 104.046 100 96.3342 95.7880 88.6856 90.0062 89.5991 87.6987 83.2886 83.6992 80.0268 80.2146 82.2778 "
    "78.2842 69.7213 71.6091"
)

MELANOSOME: Spectrum = 1.70e12 * WAVELENGTHS**-3.48
"""Absorption inside a melanosome, 1/cm (Jacques 1998, omlc.org/spectra/melanin/mua.html)."""

BASELINE: Spectrum = 0.244 + 85.3 * np.exp(-(WAVELENGTHS - 154) / 66.2)
"""Absorption of skin without melanin and blood, 1/cm (Jacques 1998, omlc.org/news/jan98/skinoptics.html)."""

BLOOD: Spectrum = 2.303 * 150 / 64_500 * (OXYGENATION * _OXYHAEMOGLOBIN + (1 - OXYGENATION) * _DEOXYHAEMOGLOBIN)
"""Absorption of whole blood with 150 g of haemoglobin in a litre, 1/cm (Prahl's table)."""

SCATTERING: Spectrum = 46.0 * (WAVELENGTHS / 500) ** -1.421
"""Reduced scattering of skin, 1/cm (Jacques 2013, table 1, mean of skin)."""

FINE_SCATTERING: Spectrum = 2e5 * WAVELENGTHS**-1.5 + 2e12 * WAVELENGTHS**-4
"""Reduced scattering by fibres and fibrils, Mie and Rayleigh parts, 1/cm (Jacques 1998, skinoptics.html)."""

EPIDERMIS_CM = 0.006
CLEAR_DERMIS_CM = 0.008
SURFACE_SHARE = 0.025
"""Light that the horny layer returns uncoloured. Bare skin returns 4–7% (Anderson and Parrish, J. Invest. Dermatol.
77:13, 1981); the contact fluid of a dermatoscope takes some of that away."""
MAX_MELANIN, MAX_BLOOD, MAX_DEEP_MELANIN = 1.2, 0.6, 0.4
ITA_RANGE = (-60.0, 70.0)

_NODES = (56, 40, 20)


def reflectance(melanin: ArrayLike, blood: ArrayLike, deep_melanin: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Diffuse reflectance of skin at each of ``WAVELENGTHS``.

    Args:
        melanin: volume fraction of melanosomes in the epidermis, any shape ``[...]``.
        blood: volume fraction of blood in the dermis, ``[...]``.
        deep_melanin: volume fraction of melanosomes in the deeper dermis, ``[...]``.

    Returns:
        float64 ``[..., 31]`` in [0, 1].
    """
    m, b, d = (np.asarray(x, dtype=np.float64)[..., None] for x in (melanin, blood, deep_melanin))
    dermis = BASELINE * (1 - b) + BLOOD * b
    scattering = 0.75 * SCATTERING
    deep = infinite_layer(2 * (dermis * (1 - d) + MELANOSOME * d), scattering)
    clear_r, clear_t = thin_layer(2 * dermis, 0.75 * FINE_SCATTERING, CLEAR_DERMIS_CM)
    below = clear_r + clear_t**2 * deep / (1 - clear_r * deep)
    epidermis = MELANOSOME * m + BASELINE * np.maximum(1 - m, 0)
    return np.asarray(SURFACE_SHARE + (1 - SURFACE_SHARE) * np.exp(-2 * EPIDERMIS_CM * epidermis) * below)


def infinite_layer(absorption: NDArray[np.float64], scattering: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reflectance of an infinitely thick layer, R∞ = 1 + K/S − √((K/S)² + 2K/S)."""
    ratio = absorption / scattering
    return np.asarray(1 + ratio - np.sqrt(ratio**2 + 2 * ratio))


def thin_layer(
    absorption: NDArray[np.float64], scattering: NDArray[np.float64], thickness: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Reflectance and transmittance of a layer of ``thickness`` cm on nothing, of K and S in 1/cm (Kubelka 1948)."""
    a = 1 + absorption / scattering
    b = np.sqrt(a**2 - 1)
    x = b * scattering * thickness
    bottom = a * np.sinh(x) + b * np.cosh(x)
    return np.asarray(np.sinh(x) / bottom), np.asarray(b / bottom)


def linear_rgb(spectrum: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear sRGB ``[..., 3]`` of reflectances ``[..., 31]`` under D65; white is 1, colours beyond sRGB are clipped."""
    observer = np.stack([CIE_X, CIE_Y, CIE_Z], axis=1) * D65[:, None]
    # Dividing by the sampled white rather than by Y alone keeps a perfect reflector neutral at 10 nm steps.
    xyz = spectrum @ (observer / observer.sum(axis=0)) * WHITE
    return np.asarray(np.clip(xyz @ np.linalg.inv(XYZ_OF_LINEAR).T, 0, 1))


@lru_cache(maxsize=1)
def _root_table() -> NDArray[np.float32]:
    """Square roots of linear sRGB, ``[3, melanin, blood, deep]``, at nodes even in the roots of the fractions."""
    limits = (MAX_MELANIN, MAX_BLOOD, MAX_DEEP_MELANIN)
    axes = [np.linspace(0, 1, n) ** 2 * limit for n, limit in zip(_NODES, limits, strict=True)]
    grid = np.meshgrid(*axes, indexing="ij")
    return np.ascontiguousarray(np.moveaxis(np.sqrt(linear_rgb(reflectance(*grid))), -1, 0), dtype=np.float32)


def root_rgb(
    melanin: NDArray[np.float32], blood: NDArray[np.float32], deep_melanin: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Square root of linear sRGB, float32 ``[H, W, 3]``, of maps ``[H, W]`` of the three concentrations.

    Looked up in a table: a picture takes milliseconds. The root is near to the eye's scale, so steps stay invisible.
    """
    places = np.empty((3, *melanin.shape), dtype=np.float32)
    fields = (melanin, blood, deep_melanin)
    for axis, (field, limit) in enumerate(zip(fields, (MAX_MELANIN, MAX_BLOOD, MAX_DEEP_MELANIN), strict=True)):
        places[axis] = np.sqrt(np.clip(field / limit, 0, 1)) * (_NODES[axis] - 1)
    table = _root_table()
    if not deep_melanin.any():  # one dimension less is nearly twice as fast
        table, places = table[..., 0], places[:2]
    return np.stack([map_coordinates(channel, places, order=1, mode="nearest") for channel in table], axis=-1)


@lru_cache(maxsize=1024)
def blood_for_ita(ita: float, wanted: float) -> float:
    """The blood fraction, at most ``wanted`` and at least 0.002, with which skin can be as light as ``ita`` degrees.

    Blood darkens and yellows skin a little, so very light skin has less room for it.
    """
    if ita_of_linear(linear_rgb(reflectance(0.0, wanted))) >= ita:
        return wanted
    return _where_ita_falls_below(ita, 0.002, wanted, lambda blood: (np.zeros_like(blood), blood))


@lru_cache(maxsize=1024)
def melanin_for_ita(ita: float, blood: float) -> float:
    """The epidermal melanin with which skin of this blood fraction has an ITA of ``ita`` degrees.

    An ITA lighter than melanin-free skin can be gives 0; a darker one than ``MAX_MELANIN`` gives that.
    """
    return _where_ita_falls_below(ita, 0.0, MAX_MELANIN, lambda melanin: (melanin, np.full_like(melanin, blood)))


def _where_ita_falls_below(
    ita: float, low: float, high: float, skin_at: Callable[[Fraction], tuple[Fraction, Fraction]]
) -> float:
    """Bisection in 32 parts at a time. ``skin_at`` gives melanin and blood; the skin's ITA falls from low to high."""
    for _ in range(4):
        steps = np.linspace(low, high, 33)
        lighter = int(np.sum(ita_of_linear(linear_rgb(reflectance(*skin_at(steps)))) > ita))
        low, high = steps[max(lighter - 1, 0)], steps[min(lighter, 32)]
    return float(high)
