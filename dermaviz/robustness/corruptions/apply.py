"""Robustness, corruptions: apply one of them to a batch of images, by name and severity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from torch import Tensor

from dermaviz.errors import AttackError
from dermaviz.robustness.corruptions import blur, digital, grain, layers, light
from dermaviz.robustness.corruptions.catalogue import CORRUPTIONS, SEVERITIES
from dermaviz.robustness.noise import image_seeds

FUNCTIONS: Mapping[str, Callable[[Tensor, float, Sequence[int]], Tensor]] = MappingProxyType(
    {
        "gaussian_noise": grain.gaussian,
        "faint_noise": grain.gaussian,
        "uniform_noise": grain.uniform,
        "salt_and_pepper": grain.salt_and_pepper,
        "defocus": blur.defocus,
        "motion_blur": blur.motion,
        "brightness_up": light.brightness,
        "brightness_down": light.brightness,
        "contrast": light.contrast,
        "saturation": light.saturation,
        "jpeg": digital.jpeg,
        "pixelation": digital.pixelate,
        "dark_corner": layers.dark_corner,
        "hair": partial(layers.heap, artefact="hair"),
        "ink": partial(layers.heap, artefact="ink"),
        "ruler": layers.ruler,
        "bubbles": partial(layers.heap, artefact="gel"),
    }
)
"""For each row of ``CORRUPTIONS``: images float32 ``[N, 3, S, S]`` in [0, 1], the severity's value, one seed per image →
new images of the same kind."""


def corrupt(images: Tensor, name: str, severity: int, image_ids: Sequence[str]) -> Tensor:
    """The images under a corruption; the same image meets the same one in every batch, whatever the device.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1].
        name: a name in ``CORRUPTIONS``.
        severity: 0 (a copy of the images) to 5.
        image_ids: N ids, from which all chance is drawn.

    Returns:
        float32 ``[N, 3, S, S]`` in [0, 1] on the same device; the images are not changed.

    Raises:
        AttackError: no such corruption or severity, or not one id per image.
    """
    if name not in CORRUPTIONS:
        raise AttackError(
            f"corruption: expected one of {', '.join(CORRUPTIONS)}; found {name!r}. Correct the spelling."
        )
    if severity not in (0, *SEVERITIES):
        raise AttackError(f"severity: expected a whole number from 0 to 5, found {severity!r}. Choose one of them.")
    if len(image_ids) != len(images):
        raise AttackError(f"expected {len(images)} image ids, one per image; found {len(image_ids)}. Name them all.")
    if severity == 0 or not len(images):
        return images.clone()
    seeds = image_seeds([f"{name} {image_id}" for image_id in image_ids])
    return FUNCTIONS[name](images, CORRUPTIONS[name].values[severity - 1], seeds)
