"""Benchmarks: a photo's skin tone, three estimators and its flags, beside the pixel route that a user would write."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.cluster import KMeans

from benchmarks.measure import Benchmark, Row, compare
from dermaviz.fairness.skin_tone import measure_tone
from dermaviz.images import RGB
from dermaviz.synthetic import Parameters, draw

IMAGES, WIDTH, HEIGHT = 48, 200, 150
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])

Mask = NDArray[np.bool_]


def tone_against_numpy() -> Row:
    """48 photos with their masks on two threads, against the same three estimates with numpy, SciPy and scikit-learn.

    Theirs has textbook L*a*b* of the whole picture, SciPy's morphology, scikit-learn's k-means; no dark corners, no flags.
    """
    subjects = [_subject(seed) for seed in range(IMAGES)]
    return compare(
        "tone",
        lambda: _on_two_threads(measure_tone, subjects),
        lambda: _on_two_threads(_numpy_route, subjects),
        against=f"numpy, SciPy and scikit-learn, {IMAGES} photos of {WIDTH} × {HEIGHT}",
        checkpoint="none",
    )


def _on_two_threads(measure: Callable[[RGB, Mask], object], subjects: list[tuple[RGB, Mask]]) -> list[object]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda subject: measure(*subject), subjects))


def _subject(seed: int) -> tuple[RGB, Mask]:
    """A drawn lesion with hair, cut to the shape of HAM10000's photos."""
    lesion = draw(Parameters(seed=seed, ita=-60 + 130 * seed / IMAGES, size=WIDTH, artefacts=("hair",)))
    rows = slice((WIDTH - HEIGHT) // 2, (WIDTH + HEIGHT) // 2)
    return np.ascontiguousarray(lesion.image[rows]), np.ascontiguousarray(lesion.mask[rows])


def _numpy_route(pixels: RGB, mask: Mask) -> list[float]:
    share = pixels / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    lab = _lab(linear)
    skin = ~ndimage.binary_dilation(mask, iterations=8) & (ndimage.black_tophat(lab[..., 0], size=9) < 6)
    clusters = KMeans(5, n_init=1, random_state=0).fit(lab[::4, ::4].reshape(-1, 3))
    dominant = clusters.cluster_centers_[np.bincount(clusters.labels_).argmax()]
    lamp = (linear**6).mean(axis=(0, 1)) ** (1 / 6)
    balanced = _lab(np.clip(linear * lamp.mean() / lamp, 0, 1))
    return [float(np.median(_ita(colours))) for colours in (lab[skin], dominant, balanced[skin])]


def _lab(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = linear @ TO_XYZ.T / WHITE
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def _ita(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.degrees(np.arctan2(lab[..., 0] - 50, lab[..., 2]))


BENCHMARKS = (
    Benchmark(
        "tone",
        "Skin tone of 48 photos by three estimators, against numpy, SciPy and scikit-learn.",
        0.6,
        tone_against_numpy,
    ),
)
