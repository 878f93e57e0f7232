"""Plain skin as maps of melanin and blood, and the light that falls on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dermaviz.colour import ita_of_linear
from dermaviz.synthetic.fields import Field, discs, fractal_noise, lattice_noise, ramp, stream, strokes, vessel_tree
from dermaviz.synthetic.optics import blood_for_ita, melanin_for_ita, root_rgb
from dermaviz.synthetic.parameters import Parameters

MIN_BLOOD, MAX_BLOOD = 0.004, 0.030


@dataclass(frozen=True)
class Skin:
    """Maps float32 ``[H, W]``: melanin and blood as volume fractions, and the gain on light (about 1)."""

    melanin: Field
    blood: Field
    shading: Field


def draw_maps(parameters: Parameters) -> Skin:
    """The skin's melanin, blood and shading, such that its median ITA in daylight is the requested one."""
    size, strength = parameters.size, parameters.texture
    wanted = MIN_BLOOD + parameters.redness * (MAX_BLOOD - MIN_BLOOD)
    level = blood_for_ita(float(parameters.ita), wanted)
    flush = fractal_noise(_stream(parameters, "flush"), 7, size)
    clouds = strength * parameters.mottling
    flush = np.exp(0.42 * clouds * np.clip(flush - flush.mean(), -2, 2))
    blood = np.asarray(level * flush + 0.014 * strength * _capillaries(parameters), dtype=np.float32)
    plain = melanin_for_ita(float(parameters.ita), level)
    mottle = fractal_noise(_stream(parameters, "mottle"), 6, size)
    # Skin with much melanin is mottled relatively less; equal shares would draw clouds on it.
    unevenness = 0.30 * clouds * np.sqrt(0.05 / max(plain, 0.05))
    spread = np.exp(unevenness * np.clip(mottle - mottle.mean(), -2, 2)).astype(np.float32)
    freckles = np.float32(0.10 * strength) * _freckles(parameters)
    shading = _light(parameters) * _relief(parameters)
    # Texture and shade move the median a little: measure by how much, and aim as much to the other side.
    off = _median_ita(np.float32(plain) * spread + freckles, blood, shading) - parameters.ita
    melanin = melanin_for_ita(float(parameters.ita - off), level)
    return Skin(np.float32(melanin) * spread + freckles, blood, shading)


def _median_ita(melanin: Field, blood: Field, shading: Field) -> float:
    """Median ITA in degrees over a grid of pixels, every seventh each way."""
    melanin, blood, shading = (field[::7, ::7] for field in (melanin, blood, shading))
    linear = root_rgb(melanin, blood, np.zeros_like(melanin)) ** 2 * shading[..., None]
    return float(np.median(ita_of_linear(np.minimum(linear, 1))))


def _stream(parameters: Parameters, name: str) -> np.random.Generator:
    return stream(parameters.seed, "skin", parameters.view, name)


def _freckles(parameters: Parameters) -> Field:
    rng, size = _stream(parameters, "freckles"), parameters.size
    n = int(rng.integers(0, 7))
    return discs(size, rng.uniform(0, size, (n, 2)), size * rng.uniform(0.008, 0.03, n), softness=1.0) * np.float32(0.5)


def _capillaries(parameters: Parameters) -> Field:
    rng, size = _stream(parameters, "capillaries"), parameters.size
    paths = []
    for _ in range(int(rng.integers(3, 9))):
        start = rng.uniform(0, size, 2)
        paths += vessel_tree(rng, start, rng.uniform(0, 2 * np.pi), size * 0.10, size * 0.006, forks=2)
    return strokes(size, size, paths)


def _relief(parameters: Parameters) -> Field:
    """Skin lines cross at a slant and bend; pores are small dark dots; fine grain is everywhere."""
    rng, size, strength = _stream(parameters, "relief"), parameters.size, parameters.texture
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / np.float32(size)
    turn = rng.uniform(0, np.pi)
    furrow = np.zeros((size, size), dtype=np.float32)
    for angle, count in ((turn, 15), (turn + 1.15, 19)):
        bend = fractal_noise(rng, 4, size, octaves=3)
        phase = count * (np.cos(angle) * x + np.sin(angle) * y) * np.float32(np.pi) + 1.3 * bend
        furrow += ramp(np.abs(np.sin(phase)), 0.45, 0.0)
    n = int(rng.integers(50, 90))
    pores = discs(size, rng.uniform(0, size, (n, 2)), size * rng.uniform(0.005, 0.010, n), softness=0.9)
    grain = 0.6 * fractal_noise(rng, 56, size, octaves=2, gain=0.8)
    relief = 0.060 * grain - 0.065 * furrow * (1 + 0.5 * lattice_noise(rng, 6, size)) - 0.12 * pores
    return np.asarray(1 + strength * (relief - relief.mean()), dtype=np.float32)


def _light(parameters: Parameters) -> Field:
    """Gain of the light, float32 ``[H, W]``: a slope across the picture and a fall towards the corners, mean 1."""
    size = parameters.size
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / np.float32(size - 1) * 2 - 1
    angle = stream(parameters.seed, "light", parameters.view).uniform(0, 2 * np.pi)
    slope = np.float32(0.10 * parameters.uneven_light) * (np.cos(angle) * x + np.sin(angle) * y)
    fall = np.float32(0.55 * parameters.vignette) * ramp(np.hypot(x, y), 0.75, 1.55)
    gain = (1 + slope) * (1 - fall)
    return np.asarray(gain / gain.mean(), dtype=np.float32)
