"""Datasets, drawn lesions: the published spectra that skin colour is computed from, 400 to 700 nm in steps of 10 nm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Spectrum = NDArray[np.float64]

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
