"""Building blocks of a drawing: noise, soft discs, strokes and branching vessels, each from a random stream of its own."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Field = NDArray[np.float32]
Path = Sequence[tuple[float, float]]
_SUPERSAMPLING = 3
_MARGIN = 2


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """A random generator of its own for each named component, so that changing one component moves no other."""
    return np.random.default_rng([seed, *(zlib.crc32(str(name).encode()) for name in names)])


def lattice_noise(rng: np.random.Generator, cells: int, size: int) -> Field:
    """Smooth noise, float32 ``[size, size]`` of about unit variance, with ``cells`` bumps along a side."""
    return fractal_noise(rng, cells, size, octaves=1)


def fractal_noise(rng: np.random.Generator, cells: int, size: int, octaves: int = 4, gain: float = 0.55) -> Field:
    """Noise at several scales, each half as wide and ``gain`` as strong as the one before; about unit variance.

    Coarse scales are drawn on coarse grids and refined together, so the price is about that of one scale. The grids
    depend on nothing but ``cells``: a picture of another size shows the same clouds.
    """
    grid = _grid(rng, cells)
    for octave in range(1, octaves):
        finer, start, end = cells * 2, _MARGIN / 2, cells + 1.5 * _MARGIN
        grid = _resized(grid, finer + 2 * _MARGIN, (start, start, end, end))
        grid = grid + np.float32(gain**octave) * _grid(rng, finer)
        cells = finer
    total = np.sqrt(sum(gain ** (2 * octave) for octave in range(octaves)))
    box = (_MARGIN, _MARGIN, cells + _MARGIN, cells + _MARGIN)
    return _resized(grid, size, box) * np.float32(1.3 / total)


def _grid(rng: np.random.Generator, cells: int) -> Field:
    return rng.standard_normal((cells + 2 * _MARGIN, cells + 2 * _MARGIN), dtype=np.float32)


def _resized(grid: Field, size: int, box: tuple[float, float, float, float]) -> Field:
    return np.asarray(Image.fromarray(grid).resize((size, size), Image.Resampling.BICUBIC, box=box))


def ramp(field: Field, low: float, high: float) -> Field:
    """0 below ``low``, 1 above ``high`` (or the other way round), smooth between."""
    t = np.clip((field - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def discs(size: int, centres: NDArray[np.float64], radii: NDArray[np.float64], softness: float = 0.5) -> Field:
    """Soft discs, float32 ``[size, size]`` in [0, 1]; overlapping discs join.

    ``centres`` is ``[N, 2]`` as x, y and ``radii`` is ``[N]``, in pixels. A disc is 0 beyond its radius and 1 within
    ``1 − softness`` of it.
    """
    field = np.zeros((size, size), dtype=np.float32)
    for (x, y), radius in zip(centres, radii, strict=True):
        left, right = max(int(x - radius), 0), min(int(x + radius) + 2, size)
        top, bottom = max(int(y - radius), 0), min(int(y + radius) + 2, size)
        if left >= right or top >= bottom:
            continue
        across, down = np.arange(left, right) - x, np.arange(top, bottom) - y
        share = np.sqrt(down[:, None] ** 2 + across**2) / radius
        height = np.minimum(np.maximum((1 - share) / softness, 0), 1)
        window = field[top:bottom, left:right]
        np.maximum(window, height * height * (3 - 2 * height), out=window)
    return field


def strokes(height: int, width: int, paths: Iterable[tuple[Path, float]]) -> Field:
    """Polylines with round joints, float32 ``[height, width]`` coverage in [0, 1].

    Each path is its points as x, y and its width, in pixels.
    """
    k = _SUPERSAMPLING
    picture = Image.new("L", (width * k, height * k))
    pen = ImageDraw.Draw(picture)
    for points, thickness in paths:
        pen.line([(x * k, y * k) for x, y in points], fill=255, width=max(round(thickness * k), 1), joint="curve")
    return np.asarray(picture.reduce(k), dtype=np.float32) / np.float32(255)


_STEPS = 7


def vessel_tree(
    rng: np.random.Generator,
    start: NDArray[np.float64],
    heading: float,
    length: float,
    width: float,
    forks: int,
) -> list[tuple[Path, float]]:
    """A vessel that wanders and forks ``forks`` times, each branch shorter and thinner than its parent.

    Args:
        start: x, y in pixels. heading: radians. length, width: of the trunk, in pixels.

    Returns:
        Polylines with their widths, for :func:`~dermaviz.synthetic.fields.strokes`.
    """
    points = [tuple(start)]
    place = np.array(start, dtype=np.float64)
    for turn in rng.normal(0, 0.32, _STEPS):
        heading += turn
        place = place + length / _STEPS * np.array([np.cos(heading), np.sin(heading)])
        points.append(tuple(place))
    tree: list[tuple[Path, float]] = [(points, width)]
    if forks:
        for side in (-1, 1):
            angle = heading + side * rng.uniform(0.3, 0.9)
            tree += vessel_tree(rng, place, angle, length * rng.uniform(0.55, 0.85), width * 0.68, forks - 1)
    return tree
