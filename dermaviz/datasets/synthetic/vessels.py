"""Datasets, drawn lesions: branching vessels as polylines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dermaviz.datasets.synthetic.fields import Path

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
        Polylines with their widths, for :func:`~dermaviz.datasets.synthetic.fields.strokes`.
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
