"""Datasets, drawn lesions: from melanin and blood to colour. Beer–Lambert epidermis over Kubelka–Munk dermis, in D65.

Three concentrations, each a volume fraction, set the colour of a point of skin:

- ``melanin``: melanosomes in the epidermis, crossed twice by the light;
- ``blood``: whole blood in the dermis;
- ``deep_melanin``: melanosomes in the dermis, below a thin layer free of them. That layer scatters blue light back
  before it is absorbed, so deep pigment looks blue-grey (the Tyndall effect), as in a blue nevus or a blue-white veil.

Spectra and their sources are in :mod:`~dermaviz.datasets.synthetic.spectra`; the layers follow P. Kubelka, "New
contributions to the optics of intensely light-scattering materials", J. Opt. Soc. Am. 38:448 (1948).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from dermaviz.colour import WHITE, XYZ_OF_LINEAR, ita_of_linear
from dermaviz.datasets.synthetic import spectra

Fraction = NDArray[np.float64]

EPIDERMIS_CM = 0.006
CLEAR_DERMIS_CM = 0.008
SURFACE_SHARE = 0.025
"""Light that the horny layer returns uncoloured. Bare skin returns 4–7% (Anderson and Parrish, J. Invest. Dermatol.
77:13, 1981); the contact fluid of a dermatoscope takes some of that away."""
MAX_MELANIN, MAX_BLOOD, MAX_DEEP_MELANIN = 1.2, 0.6, 0.4
ITA_RANGE = (-60.0, 70.0)

_NODES = (56, 40, 20)


def reflectance(melanin: ArrayLike, blood: ArrayLike, deep_melanin: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Diffuse reflectance of skin at each of the wavelengths of ``spectra``.

    Args:
        melanin: volume fraction of melanosomes in the epidermis, any shape ``[...]``.
        blood: volume fraction of blood in the dermis, ``[...]``.
        deep_melanin: volume fraction of melanosomes in the deeper dermis, ``[...]``.

    Returns:
        float64 ``[..., 31]`` in [0, 1].
    """
    m, b, d = (np.asarray(x, dtype=np.float64)[..., None] for x in (melanin, blood, deep_melanin))
    dermis = spectra.BASELINE * (1 - b) + spectra.BLOOD * b
    scattering = 0.75 * spectra.SCATTERING
    deep = infinite_layer(2 * (dermis * (1 - d) + spectra.MELANOSOME * d), scattering)
    clear_r, clear_t = thin_layer(2 * dermis, 0.75 * spectra.FINE_SCATTERING, CLEAR_DERMIS_CM)
    below = clear_r + clear_t**2 * deep / (1 - clear_r * deep)
    epidermis = spectra.MELANOSOME * m + spectra.BASELINE * np.maximum(1 - m, 0)
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
    observer = np.stack([spectra.CIE_X, spectra.CIE_Y, spectra.CIE_Z], axis=1) * spectra.D65[:, None]
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
