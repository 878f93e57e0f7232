"""Evaluation: how far one set of pictures is from another — colours in CIE Lab, lesion areas, spectrum of detail.

Made to hold drawn lesions against photographs. Everything is measured on the central square of a picture, brought to one
side in pixels. No distance means anything alone: each stands beside the same distance between two random halves of the
photographs (the floor)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation

from dermaviz.colour import LINEAR, lab_of_linear
from dermaviz.errors import DatasetError
from dermaviz.images import RGB

Values = NDArray[np.float64]

_GAP = 0.04
"""Skin begins this share of the side away from the mask: hand-drawn masks and soft borders are not exact."""
_DIRECTIONS = 64
BANDS = 14
MIN_SIDE = 64
"""Of a smaller square the coarsest bands would hold no frequency at all."""


@dataclass(frozen=True)
class Measured:
    """What a set of N pictures measures.

    ``skin`` and ``lesion`` are CIE L*a*b* of pixels, ``[N, P, 3]``, the same number from each picture, NaN throughout
    for a picture with too little of one; ``area`` is the lesion's share of the square, ``[N]``; ``spectrum`` is the
    power of L* in dB by :func:`log_spectrum`, ``[N, BANDS]``.
    """

    skin: Values
    lesion: Values
    area: Values
    spectrum: Values

    def __len__(self) -> int:
        return len(self.area)

    def part(self, rows: NDArray[np.int64]) -> Measured:
        """The pictures at these places."""
        return Measured(self.skin[rows], self.lesion[rows], self.area[rows], self.spectrum[rows])


def measure_pictures(
    pictures: Iterable[tuple[RGB, NDArray[np.bool_]]], side: int = 150, pixels: int = 32, seed: int = 0
) -> Measured:
    """Measure pictures, uint8 ``[H, W, 3]``, with their lesion masks, bool of any size. Holds one picture at a time.

    Args:
        side: what the central square is brought to. pixels: drawn from skin and from lesion of each picture.

    Raises:
        DatasetError: there is no picture, or ``side`` is below ``MIN_SIDE``.
    """
    if side < MIN_SIDE:
        raise DatasetError(f"side: expected at least {MIN_SIDE} pixels, found {side}. Measure larger squares.")
    rng = np.random.default_rng(seed)
    skins, lesions, areas, spectra = [], [], [], []
    for picture, mask in pictures:
        lab = lab_of_linear(LINEAR[central_square(picture, side)])
        lesion = central_square(mask, side)
        skin = ~binary_dilation(lesion, iterations=round(_GAP * side))
        skins.append(_some(lab[skin], pixels, rng))
        lesions.append(_some(lab[lesion], pixels, rng))
        areas.append(lesion.mean())
        spectra.append(log_spectrum(lab[..., 0]))
    if not areas:
        raise DatasetError("expected pictures to measure, found none. Name a data set that has some.")
    return Measured(np.stack(skins), np.stack(lesions), np.array(areas), np.stack(spectra))


def central_square(pixels: NDArray[np.uint8] | NDArray[np.bool_], side: int) -> NDArray[Any]:
    """The largest central square at ``side`` pixels: pictures antialiased, masks by the nearest pixel."""
    height, width = pixels.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    square = pixels[top : top + short, left : left + short]
    if short == side:
        return square
    method = Image.Resampling.NEAREST if square.dtype == bool else Image.Resampling.BICUBIC
    resized = np.asarray(Image.fromarray(square.astype(np.uint8)).resize((side, side), method))
    return resized.astype(square.dtype)


def _some(colours: Values, n: int, rng: np.random.Generator) -> Values:
    """``n`` rows drawn from all, with replacement; NaN where there are fewer than ``n`` to draw from."""
    return rng.choice(colours, n) if len(colours) >= n else np.full((n, 3), np.nan)


def log_spectrum(lightness: Values) -> Values:
    """Radially averaged power spectrum of a square ``[S, S]`` in dB: the mean level of each of ``BANDS`` bands.

    The mean is taken away and a Hann window laid over, so that the picture's edges add no detail. Power is scaled so
    that white noise of standard deviation 1 gives 0 dB in every band. Bands are even in the logarithm of the
    frequency, see :func:`band_frequencies`.
    """
    side = len(lightness)
    hann = np.hanning(side)
    window = np.outer(hann, hann)
    flat = (lightness - np.average(lightness, weights=window)) * window
    power = np.abs(np.fft.fft2(flat)) ** 2 / (window**2).sum()
    cycles = np.fft.fftfreq(side) * side
    band = np.digitize(np.hypot(cycles[:, None], cycles), _band_edges(side)) - 1
    inside = (band >= 0) & (band < BANDS)
    sums = np.bincount(band[inside], weights=power[inside], minlength=BANDS)
    return np.asarray(10 * np.log10(np.maximum(sums / np.bincount(band[inside], minlength=BANDS), 1e-12)))


def _band_edges(side: int) -> Values:
    return np.geomspace(0.999, side / 2, BANDS + 1)  # from one cycle per side on; rounding may not drop it


def band_frequencies(side: int) -> Values:
    """The middle of each band of :func:`log_spectrum` in cycles per side, ``[BANDS]``."""
    edges = _band_edges(side)
    return np.asarray(np.sqrt(edges[1:] * edges[:-1]))


def sliced_wasserstein(a: Values, b: Values) -> float:
    """How far two clouds of colours ``[N, 3]`` and ``[M, 3]`` are apart, in ΔE (units of L*a*b*).

    Mean of the Wasserstein-1 distances of their shadows on 64 directions spread evenly over the sphere (Bonneel et
    al., J. Math. Imaging Vis. 51:22, 2015), times two: a cloud moved by ΔE has, on average over directions, half of it
    in each shadow, so the distance of two clouds of one shape is the ΔE between their centres.
    """
    levels = (np.arange(512) + 0.5) / 512
    directions = _sphere(_DIRECTIONS)
    shadows = [np.quantile(cloud @ directions.T, levels, axis=0) for cloud in (a, b)]
    return float(2 * np.abs(shadows[0] - shadows[1]).mean())


def _sphere(n: int) -> Values:
    """Unit vectors spread evenly over half a sphere (Fibonacci's spiral): a direction and its opposite are one."""
    height = (np.arange(n) + 0.5) / n
    turn = np.arange(n) * np.pi * (3 - np.sqrt(5))
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), height], axis=1)


def colour_distance(a: Values, b: Values) -> float:
    """:func:`sliced_wasserstein` of all pixels of two sets ``[N, P, 3]``, pictures of NaN left out."""
    return sliced_wasserstein(*(colours[~np.isnan(colours).any(axis=(1, 2))].reshape(-1, 3) for colours in (a, b)))


def spectrum_distance(a: Values, b: Values) -> float:
    """Root mean square over the bands of the difference of two sets' mean spectra ``[N, BANDS]``, in dB."""
    return float(np.sqrt(np.mean((a.mean(axis=0) - b.mean(axis=0)) ** 2)))


def area_distance(a: Values, b: Values) -> float:
    """Wasserstein-1 distance of the lesions' areas, in percentage points of the square."""
    levels = (np.arange(512) + 0.5) / 512
    return float(100 * np.abs(np.quantile(a, levels) - np.quantile(b, levels)).mean())


@dataclass(frozen=True)
class Distance:
    """One way in which two sets of pictures can differ: its name in words, its unit, and how it is measured."""

    label: str
    unit: str
    between: Callable[[Measured, Measured], float]


DISTANCES = MappingProxyType({
    "skin_colour": Distance("Skin colour", "ΔE", lambda a, b: colour_distance(a.skin, b.skin)),
    "lesion_colour": Distance("Lesion colour", "ΔE", lambda a, b: colour_distance(a.lesion, b.lesion)),
    "lesion_area": Distance("Lesion area", "% of the square", lambda a, b: area_distance(a.area, b.area)),
    "spectrum": Distance("Spectrum of L*", "dB", lambda a, b: spectrum_distance(a.spectrum, b.spectrum)),
})  # fmt: skip


def distances(real: Measured, drawn: Measured, halvings: int = 10, seed: int = 0) -> pd.DataFrame:
    """Each distance of a drawn set from a random half of the photographs, beside that of the other half (the floor).

    Both halves and the drawn set are cut to one number of pictures, because small sets are further apart by chance.

    Returns:
        One row per entry of ``DISTANCES``: ``distance, label, unit``, the mean ``value`` over the halvings with its
        ``low`` and ``high`` (the least and the largest), ``floor`` and ``floor_high`` likewise, and ``n`` pictures.

    Raises:
        DatasetError: there are fewer than two photographs, or nothing drawn.
    """
    rng = np.random.default_rng(seed)
    n = min(len(real) // 2, len(drawn))
    if n == 0:
        raise DatasetError(
            f"expected at least 2 photographs and 1 drawn lesion, found {len(real)} and {len(drawn)}. Ask for more."
        )
    halves = [rng.permutation(len(real))[: 2 * n].reshape(2, n) for _ in range(halvings)]
    chosen = [drawn.part(rng.permutation(len(drawn))[:n]) for _ in range(halvings)]
    rows = []
    for name, distance in DISTANCES.items():
        away = [distance.between(real.part(half[0]), some) for half, some in zip(halves, chosen, strict=True)]
        floor = [distance.between(real.part(half[0]), real.part(half[1])) for half in halves]
        known = {"distance": name, "label": distance.label, "unit": distance.unit, "n": n}
        found = {"value": np.mean(away), "low": min(away), "high": max(away)}
        rows.append(known | found | {"floor": np.mean(floor), "floor_high": max(floor)})
    return pd.DataFrame(rows)
