"""A lesion on skin: its outline and exact mask, maps of the pigment, blood and white that it adds, and the dermoscopic
structures (network, globules, veil …), each one function that draws into these.

The structures follow the consensus terms of H. Kittler et al., "Standardization of terminology in dermoscopy", J. Am. Acad.
Dermatol. 74:1093 (2016). They are schematic: to be recognised, not to be measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from dermaviz.synthetic.fields import Field, discs, fractal_noise, lattice_noise, ramp, stream, strokes, vessel_tree
from dermaviz.synthetic.parameters import Form, Parameters

MELANIN_PER_PIGMENT = 0.70
BLOOD_PER_BLOOD = 0.16
_ANGLES = 1024
_SOFT_SIGMA = 0.008
_TRUNCATE = 3.0


@dataclass(frozen=True)
class Outline:
    """Where the lesion is.

    ``u``, ``v`` are coordinates with the lesion's centre at 0 and its mean radius at 1; ``rho``, ``theta`` the same in
    polar form; ``depth`` is the distance from the border along a radius, positive inside. ``centre`` (x, y) and
    ``radius`` are in pixels. All maps are ``[H, W]``.
    """

    u: Field
    v: Field
    rho: Field
    theta: Field
    depth: Field
    mask: NDArray[np.bool_]
    centre: tuple[float, float]
    radius: float

    @property
    def size(self) -> int:
        """Side of the picture in pixels."""
        return int(self.mask.shape[0])


@dataclass(frozen=True)
class Pigments:
    """What a lesion adds to the skin: maps float32 ``[H, W]`` that the structures draw into.

    ``melanin``, ``blood`` and ``deep_melanin`` are volume fractions; ``white`` is the share of light, 0 to 1, that
    keratin or scar tissue scatters back; ``bleach`` is the share of the skin's own melanin that is missing, of which
    0.85 at most counts.
    """

    melanin: Field
    blood: Field
    deep_melanin: Field
    white: Field
    bleach: Field


def soft_border(size: int) -> int:
    """How many pixels beyond its mask (in rows or columns) a lesion can tint the skin, for a picture of this side."""
    return int(_TRUNCATE * _SOFT_SIGMA * size + 0.5)


def coverage(mask: NDArray[np.bool_]) -> Field:
    """The mask with a soft border, float32 in [0, 1]; 0 beyond :func:`soft_border` pixels from the mask."""
    sigma = _SOFT_SIGMA * mask.shape[0]
    return np.asarray(gaussian_filter(mask.astype(np.float32), sigma, truncate=_TRUNCATE, mode="nearest"))


def draw_outline(parameters: Parameters) -> Outline:
    """The outline by the lesion's asymmetry, border and streaks; the mask is never empty."""
    form, size, seed = parameters.lesion_form, parameters.size, parameters.seed
    offset = stream(seed, "place").uniform(-0.05, 0.05, 2)
    centre = ((0.5 + offset[0]) * size, (0.5 + offset[1]) * size)
    radius = form.diameter * size / 2
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    u, v = (x - np.float32(centre[0])) / np.float32(radius), (y - np.float32(centre[1])) / np.float32(radius)
    if form.elongation:  # up to twice as long as wide, of the same area
        turn, root = stream(seed, "elongation").uniform(0, np.pi), np.sqrt(1 + form.elongation)
        along, across = np.cos(turn) * u + np.sin(turn) * v, np.cos(turn) * v - np.sin(turn) * u
        u, v = np.asarray(along / root, np.float32), np.asarray(across * root, np.float32)
    rho, theta = np.hypot(u, v), np.arctan2(v, u)
    angles = np.linspace(-np.pi, np.pi, _ANGLES)
    reach = np.interp(theta, angles, _radius_by_angle(form, seed, angles)).astype(np.float32)
    cells = max(round(6 / form.diameter), 4)
    ragged = fractal_noise(stream(seed, "border"), cells, size, octaves=3)
    depth = reach - rho + np.float32(0.02 + 0.10 * form.border) * ragged * ramp(rho, 0.1, 0.6)
    if form.fray:
        torn = fractal_noise(stream(seed, "fray"), max(round(2.2 / form.diameter), 2), size, octaves=5, gain=0.5)
        depth = depth + np.float32(0.30 * form.fray) * torn * ramp(rho, 0.05, 0.7)
    return Outline(u, v, rho, theta, depth, depth > 0, centre, radius)


def _radius_by_angle(form: Form, seed: int, angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Radius in units of the mean radius: an ellipse, lopsided by asymmetry, notched by border, spiked by streaks."""
    rng = stream(seed, "outline")
    reach = 1 + 0.07 * np.cos(2 * angles - rng.uniform(0, 2 * np.pi))
    for k, weight in ((1, 0.16), (2, 0.14), (3, 0.14)):
        reach += form.asymmetry * weight * rng.uniform(0.5, 1) * np.cos(k * angles - rng.uniform(0, 2 * np.pi))
    for k in range(4, 14):
        reach += form.border * 0.20 / k * rng.normal() * np.cos(k * angles - rng.uniform(0, 2 * np.pi))
    rng = stream(seed, "streaks")
    middle = rng.uniform(-np.pi, np.pi)
    for _ in range(16):
        away = np.angle(np.exp(1j * (angles - middle - rng.uniform(-1.7, 1.7))))
        reach += form.streaks * rng.uniform(0.05, 0.20) * np.exp(-((away / rng.uniform(0.030, 0.055)) ** 2))
    return np.asarray(reach)


def draw_body(parameters: Parameters, outline: Outline) -> Pigments:
    """The lesion without structures: pigment and blood, clumped and faded at the edge, then the further colours."""
    form, size, seed = parameters.lesion_form, parameters.size, parameters.seed
    fade = ramp(outline.depth, -0.02, 0.08 + 0.75 * form.edge)
    fade = np.float32(0.85 * form.edge) * fade + np.float32(1 - 0.85 * form.edge) * ramp(outline.depth, -0.1, 0.12)
    clumps = np.exp(np.float32(0.30) * np.clip(fractal_noise(stream(seed, "clumps"), 9, size), -2, 2))
    if form.blotches:
        uneven = fractal_noise(stream(seed, "blotches"), max(round(2.5 / form.diameter), 2), size, octaves=6, gain=0.64)
        clumps *= np.exp(np.float32(form.blotches) * np.clip(uneven, -2.2, 2.2))
    flush = np.exp(np.float32(0.35) * np.clip(fractal_noise(stream(seed, "blush"), 7, size), -2, 2))
    pigments = Pigments(
        melanin=np.float32(MELANIN_PER_PIGMENT * form.pigment) * fade * clumps,
        blood=np.float32(BLOOD_PER_BLOOD * form.blood) * fade * flush,
        deep_melanin=np.zeros((size, size), dtype=np.float32),
        white=np.zeros((size, size), dtype=np.float32),
        bleach=np.zeros((size, size), dtype=np.float32),
    )
    _add_colours(parameters, outline, pigments)
    return pigments


def _add_colours(parameters: Parameters, outline: Outline, pigments: Pigments) -> None:
    """A second to sixth colour, each a patch of its own: dark brown, red, black, blue-grey, white."""
    form, size, seed = parameters.lesion_form, parameters.size, parameters.seed
    inside = ramp(outline.depth, 0.02, 0.2)
    for colour in ("dark brown", "red", "black", "blue-grey", "white")[: int(form.colours) - 1]:
        rng = stream(seed, "colour", colour)
        angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.35) + 0.25 * form.asymmetry
        distance = np.hypot(outline.u - np.float32(away * np.cos(angle)), outline.v - np.float32(away * np.sin(angle)))
        patch = inside * ramp(distance + 0.16 * lattice_noise(rng, 9, size), 0.62, 0.22)
        pale = 1 - np.float32(0.6) * patch
        if colour == "dark brown":
            pigments.melanin[...] *= 1 + np.float32(0.55) * patch
        elif colour == "red":
            pigments.melanin[...] *= pale
            pigments.blood[...] += np.float32(0.05) * patch
        elif colour == "black":
            pigments.melanin[...] += np.float32(0.35) * patch
        elif colour == "blue-grey":
            pigments.deep_melanin[...] += np.float32(0.10) * patch
            pigments.melanin[...] *= pale
            pigments.bleach[...] += np.float32(0.5) * patch
        else:
            pigments.white[...] += np.float32(0.25) * patch
            pigments.melanin[...] *= pale


Structure = Callable[[Outline, Pigments, Generator, float], None]
"""Draws into the pigments of a lesion with this outline, with a strength in [0, 1]."""
_MESHES = 36


def _within(outline: Outline, rng: Generator, n: int, low: float = 0.0, high: float = 0.85) -> NDArray[np.float64]:
    """Up to ``n`` points in the lesion, x and y in pixels, at a share ``low`` to ``high`` of the way to the border."""
    angle = rng.uniform(0, 2 * np.pi, n)
    away = np.sqrt(rng.uniform(low**2, high**2, n)) * outline.radius
    points = np.stack([outline.centre[0] + away * np.cos(angle), outline.centre[1] + away * np.sin(angle)], axis=1)
    columns, rows = np.clip(points.astype(int), 0, outline.size - 1).T
    return points[outline.depth[rows, columns] > 0.08]


def _radii(outline: Outline, rng: Generator, n: int, low: float, high: float) -> NDArray[np.float64]:
    """``n`` radii in pixels between two shares of the picture's side."""
    return outline.size * rng.uniform(low, high, n)


def network(outline: Outline, pigments: Pigments, rng: Generator, strength: float) -> None:
    """Pigment network: brown lines round paler holes, a bent honeycomb that thins out towards the border."""
    size = outline.size
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) * np.float32(_MESHES * 2 * np.pi / size * 0.92)
    bend_x, bend_y = (np.float32(2.7) * fractal_noise(rng, 11, size, octaves=3) for _ in range(2))
    turn = rng.uniform(0, np.pi)
    waves = sum(
        np.cos(np.cos(turn + k * np.pi / 3 * 2) * (x + bend_x) + np.sin(turn + k * np.pi / 3 * 2) * (y + bend_y))
        for k in range(3)
    )
    lines = ramp(np.asarray(waves, dtype=np.float32), 0.0, -1.3)
    present = ramp(outline.depth, 0.0, 0.12) * (0.65 + 0.35 * ramp(outline.rho, 0.2, 0.6))
    gain = np.float32(strength) * present * ramp(lattice_noise(rng, 6, size), -2.2, 0.3)
    pigments.melanin[...] *= 1 + gain * (np.float32(0.95) * lines - np.float32(0.25))
    pigments.melanin[...] += np.float32(0.05) * gain * lines


def globules(outline: Outline, pigments: Pigments, rng: Generator, strength: float) -> None:
    """Round brown clods, more of them towards the border."""
    points = _within(outline, rng, 70, low=0.2, high=0.95)
    spots = discs(outline.size, points, _radii(outline, rng, len(points), 0.008, 0.019), softness=0.7)
    pigments.melanin[...] += np.float32(0.30 * strength) * spots


def streaks(outline: Outline, pigments: Pigments, rng: Generator, strength: float) -> None:
    """Radial lines at the border; the outline already bulges where they leave the lesion."""
    angles = np.linspace(-np.pi, np.pi, 512)
    away = np.angle(np.exp(1j * (angles[:, None] - rng.uniform(-np.pi, np.pi, 26))))
    fringe = np.exp(-((away / 0.035) ** 2)).sum(axis=1)
    lines = np.interp(outline.theta, angles, np.clip(fringe, 0, 1)).astype(np.float32)
    band = ramp(outline.depth, 0.45, 0.05)
    pigments.melanin[...] += np.float32(0.22 * strength) * lines * band
    pigments.melanin[...] += np.float32(0.16 * strength) * ramp(outline.rho + outline.depth, 1.02, 1.22) * band


def blue_white_veil(outline: Outline, pigments: Pigments, rng: Generator, strength: float) -> None:
    """One structureless blue area: pigment deep in the dermis, under pale layers that scatter blue light back."""
    angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.35)
    distance = np.hypot(outline.u - np.float32(away * np.cos(angle)), outline.v - np.float32(away * np.sin(angle)))
    area = ramp(distance + np.float32(0.14) * fractal_noise(rng, 7, outline.size, octaves=3), 0.75, 0.15)
    area *= ramp(outline.depth, 0.02, 0.2)
    area *= np.float32(0.80) + np.float32(0.20) * np.tanh(lattice_noise(rng, 12, outline.size))
    pigments.melanin[...] *= 1 - np.float32(min(1.15 * strength, 0.97)) * np.sqrt(area)
    pigments.blood[...] *= 1 - np.float32(strength) * area
    pigments.deep_melanin[...] += np.float32(0.45 * strength) * area
    pigments.bleach[...] += np.float32(0.85 * strength) * area


def cysts(outline: Outline, pigments: Pigments, rng: Generator, strength: float) -> None:
    """Milia-like cysts: small bright round dots of keratin with a soft halo."""
    points = _within(outline, rng, round(6 + 16 * strength))
    radii = _radii(outline, rng, len(points), 0.005, 0.018)
    pigments.white[...] += np.float32(0.42 * strength) * discs(outline.size, points, radii, softness=0.8)


def comedo_openings(outline: Outline, pigments: Pigments, rng: Generator, strength: float) -> None:
    """Comedo-like openings: dark brown plugs, round or oval, sharply bounded."""
    points = _within(outline, rng, round(4 + 9 * strength))
    radii = _radii(outline, rng, len(points), 0.006, 0.024)
    beside = points + rng.normal(0, 0.35, points.shape) * radii[:, None]
    plugs = discs(outline.size, np.concatenate([points, beside]), np.concatenate([radii, radii * 0.8]), softness=0.45)
    pigments.melanin[...] += np.float32(0.55 * strength) * plugs
    pigments.white[...] *= 1 - plugs


def ridges(outline: Outline, pigments: Pigments, rng: Generator, strength: float) -> None:
    """Fissures and ridges: dark winding furrows between paler swellings, as on a brain."""
    winding = lattice_noise(rng, 19, outline.size) + np.float32(0.5) * lattice_noise(rng, 36, outline.size)
    furrows = ramp(np.abs(winding), 0.65, 0.0) * ramp(outline.depth, 0.0, 0.1)
    pigments.melanin[...] *= 1 + np.float32(strength) * (np.float32(0.7) * furrows - np.float32(0.25))


def blue_nests(outline: Outline, pigments: Pigments, rng: Generator, strength: float) -> None:
    """Blue-grey ovoid nests and leaf-like lobes: a few smooth clods of deep pigment off the centre."""
    points = _within(outline, rng, round(4 + 5 * strength), low=0.25, high=0.9)
    radii = _radii(outline, rng, len(points), 0.012, 0.06) * np.sqrt(outline.radius / (0.25 * outline.size))
    lobes = points + rng.normal(0, 0.5, points.shape) * radii[:, None]
    nests = discs(outline.size, np.concatenate([points, lobes]), np.concatenate([radii, radii * 0.75]), softness=0.7)
    pigments.deep_melanin[...] += np.float32(0.30 * strength) * nests
    pigments.blood[...] *= 1 - np.float32(0.8 * strength) * nests
    pigments.bleach[...] += np.float32(1.3 * strength) * nests


def arborising_vessels(outline: Outline, pigments: Pigments, rng: Generator, strength: float) -> None:
    """Sharp bright-red vessels that branch like trees, running in from the border."""
    paths = []
    for angle in rng.uniform(0, 2 * np.pi) + np.arange(4) * np.pi / 2 + rng.uniform(-0.5, 0.5, 4):
        start = np.array(outline.centre) + 0.85 * outline.radius * np.array([np.cos(angle), np.sin(angle)])
        heading = angle + np.pi + rng.normal(0, 0.35)
        paths += vessel_tree(rng, start, heading, outline.radius * 0.55, outline.size * 0.014, forks=4)
    drawn = strokes(outline.size, outline.size, paths)
    pigments.blood[...] += np.float32(0.30 * strength) * drawn


def red_lacunae(outline: Outline, pigments: Pigments, rng: Generator, strength: float) -> None:
    """Lakes of blood: crowded red to purple clods with whitish walls between them."""
    points = _within(outline, rng, 120, high=1.0)
    radii = _radii(outline, rng, len(points), 0.022, 0.045) * np.sqrt(outline.radius / (0.2 * outline.size))
    lakes = discs(outline.size, points, radii, softness=0.55)
    dark = discs(outline.size, points[::4], radii[::4], softness=0.8)
    pigments.blood[...] += np.float32(0.5 * strength) * lakes
    pigments.deep_melanin[...] += np.float32(0.025 * strength) * dark
    pigments.white[...] += np.float32(0.07 * strength) * (1 - lakes) * ramp(outline.depth, 0.05, 0.2)
    pigments.bleach[...] += np.float32(0.6 * strength) * ramp(outline.depth, 0.0, 0.15)


def white_patch(outline: Outline, pigments: Pigments, rng: Generator, strength: float) -> None:
    """Central white scar-like patch with a few shining white lines."""
    size = outline.size
    area = ramp(outline.rho + np.float32(0.12) * fractal_noise(rng, 8, size, octaves=3), 0.62, 0.12)
    area *= ramp(outline.depth, 0.02, 0.2)
    ends = _within(outline, rng, 26, high=0.5)
    turns, lengths = rng.uniform(0, np.pi, len(ends)), _radii(outline, rng, len(ends), 0.02, 0.06)
    half = np.stack([np.cos(turns), np.sin(turns)], axis=1) * lengths[:, None]
    paths = [((tuple(p - h), tuple(p + h)), size * 0.006) for p, h in zip(ends, half, strict=True)]
    lines = strokes(size, size, paths)
    pigments.melanin[...] *= 1 - np.float32(0.85 * strength) * area
    pigments.blood[...] *= 1 - np.float32(0.5 * strength) * area
    pigments.bleach[...] += np.float32(0.5 * strength) * area
    pigments.white[...] += np.float32(strength) * area * (np.float32(0.22) + np.float32(0.25) * lines)


def scale(outline: Outline, pigments: Pigments, rng: Generator, strength: float) -> None:
    """Scale: whitish flakes with torn edges, lying in drifts."""
    size = outline.size
    drift = ramp(lattice_noise(rng, 7, size), -0.2, 1.2)
    flakes = ramp(fractal_noise(rng, 26, size, octaves=3, gain=0.8), 0.35, 1.2)
    pigments.white[...] += np.float32(0.30 * strength) * flakes * drift * ramp(outline.depth, 0.0, 0.15)


_FUNCTIONS: tuple[Structure, ...] = (
    *(network, globules, streaks, ridges, blue_nests, red_lacunae, arborising_vessels),
    *(white_patch, blue_white_veil, cysts, comedo_openings, scale),
)
STRUCTURES = MappingProxyType[str, Structure]({draw.__name__: draw for draw in _FUNCTIONS})
"""Name, as in :class:`~dermaviz.synthetic.parameters.Form`, to function; drawn in this order."""
