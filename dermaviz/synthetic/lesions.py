"""The outline, the exact mask, and maps of the pigment, blood and white that a lesion adds to skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from dermaviz.synthetic.fields import Field, fractal_noise, lattice_noise, ramp, stream
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
