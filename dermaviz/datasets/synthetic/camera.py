"""Datasets, drawn lesions: what the instrument adds — blur, grain, and the tint of its lamp on what lies on the skin."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from dermaviz.datasets.synthetic.artefacts import Layer
from dermaviz.datasets.synthetic.fields import Field, lattice_noise
from dermaviz.datasets.synthetic.parameters import Camera


def recorded(root: NDArray[np.float32], camera: Camera) -> NDArray[np.float32]:
    """Square roots of light ``[H, W, 3]`` as the camera records them: tinted, blurred, with its own vividness."""
    tint = np.sqrt(np.array(camera.gain, dtype=np.float32))
    return vivid(blurred(root * tint, camera), camera)


def vivid(light: NDArray[np.float32], camera: Camera) -> NDArray[np.float32]:
    """Light or a power of it, ``[..., 3]``, with the camera's contrast and saturation."""
    if camera.contrast == camera.saturation == 1:
        return light
    level = np.log(np.maximum(light, np.float32(1e-4)))
    grey = level.mean(axis=-1, keepdims=True)
    return np.exp(np.float32(camera.contrast) * (grey + np.float32(camera.saturation) * (level - grey)))


def blurred(field: NDArray[np.float32], camera: Camera) -> NDArray[np.float32]:
    """A map ``[H, W]`` or ``[H, W, C]`` as sharp as the camera records it."""
    sigma = camera.blur * (field.shape[0] / camera.pixels if camera.pixels else 1)
    if sigma == 0:
        return field
    return np.asarray(gaussian_filter(field, sigma, truncate=3, axes=(0, 1), mode="nearest"))


def grain(camera: Camera, size: int, rng: Generator) -> Field:
    """Noise, float32 ``[size, size]``, in levels of 255, as coarse as the camera's pixels."""
    if camera.pixels and camera.pixels < size:
        return lattice_noise(rng, camera.pixels, size) * np.float32(camera.grain)
    return rng.standard_normal((size, size), dtype=np.float32) * np.float32(camera.grain)


def seen(layer: Layer, camera: Camera) -> Layer:
    """A layer as the camera records it: tinted and blurred. Its mask grows by as much as the blur reaches."""
    tint = np.array(camera.gain, dtype=np.float32)
    return Layer(np.minimum(vivid(layer.colour * tint, camera), 1), blurred(layer.opacity, camera))
