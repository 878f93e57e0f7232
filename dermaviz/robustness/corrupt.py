"""TODO docstring dermaviz.robustness.corrupt"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as V

from dermaviz.errors import AttackError
from dermaviz.images import RGB
from dermaviz.robustness.attacks import image_seeds, unit_noise
from dermaviz.robustness.corruptions import CORRUPTIONS, SEVERITIES
from dermaviz.synthetic import Layer, draw_layer, lay_over
from dermaviz.synthetic.fields import ramp

REFERENCE_SIDE = 224
"""Side in pixels of the images for which MedMNIST-C and ImageNet-C state radii."""
_SUBPIXELS = 9
_REACH = 2.5
_LARGEST_ANGLE = 45


def defocus(images: Tensor, radius: float, seeds: Sequence[int]) -> Tensor:
    """Every point spread evenly over a disc of ``radius`` px at a side of 224 px; the image is mirrored beyond its edges.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1]. seeds: unused, nothing here is random.
    """
    side = images.shape[-1]
    kernel = disc(radius * side / REFERENCE_SIDE).to(images.device)
    half = kernel.shape[-1] // 2
    padded = F.pad(images, (half, half, half, half), mode="reflect")
    size = padded.shape[-2:]
    spread = torch.fft.rfft2(padded) * torch.fft.rfft2(kernel, s=size)  # a convolution this wide is 20 times slower
    return torch.fft.irfft2(spread, s=size)[..., 2 * half :, 2 * half :].clamp_(0, 1)


@lru_cache(maxsize=16)
def disc(radius: float) -> Tensor:
    """A disc with the share of each pixel that it covers, of sum 1: float32 ``[k, k]``, k odd."""
    half = math.ceil(radius)
    steps = (torch.arange((2 * half + 1) * _SUBPIXELS) + 0.5) / _SUBPIXELS - (half + 0.5)
    inside = (torch.hypot(steps[:, None], steps[None]) <= radius).float()
    covered = F.avg_pool2d(inside[None, None], _SUBPIXELS)[0, 0]
    return covered / covered.sum()


def motion(images: Tensor, sigma: float, seeds: Sequence[int]) -> Tensor:
    """Every point drawn out on one side into half a Gaussian of ``sigma`` px at a side of 224 px, cut at 2.5 σ.

    The direction, within ±45° of the rows, is the image's own. Beyond the edges the border pixels go on.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1]. seeds: one per image.
    """
    side = images.shape[-1]
    sigma = sigma * side / REFERENCE_SIDE
    reach = math.ceil(_REACH * sigma)
    padded = F.pad(images, (reach, reach, reach, reach), mode="replicate")
    moved = torch.zeros_like(images)
    for image, source, seed in zip(moved, padded, seeds, strict=True):
        turn = 2 * float(torch.rand((), generator=Generator().manual_seed(seed))) - 1
        for across, down, weight in _trail(sigma, math.radians(_LARGEST_ANGLE * turn)):
            left, top = reach + across, reach + down
            image.add_(source[:, top : top + side, left : left + side], alpha=weight)
    return moved.clamp_(0, 1)


def _trail(sigma: float, angle: float) -> Iterator[tuple[int, int, float]]:
    """The pixels of a line from the origin, one in each column, and their weights, of sum 1."""
    steps = range(math.floor(_REACH * sigma * math.cos(angle)) + 1)
    weights = [math.exp(-((i / math.cos(angle) / sigma) ** 2) / 2) for i in steps]
    for i, weight in zip(steps, weights, strict=True):
        yield i, round(i * math.tan(angle)), weight / sum(weights)


def jpeg(images: Tensor, quality: float, seeds: Sequence[int]) -> Tensor:
    """Each image rounded to 8 bits, saved by Pillow as JPEG of ``quality`` (1 to 95) with its usual 4:2:0 and read back."""
    return from_pictures((_through_jpeg(picture, round(quality)) for picture in to_pictures(images)), images)


def pixelate(images: Tensor, factor: float, seeds: Sequence[int]) -> Tensor:
    """Each image rounded to 8 bits, shrunk by Pillow to ``factor`` of its side by means over boxes, and blown up in blocks."""
    return from_pictures((_in_blocks(picture, factor) for picture in to_pictures(images)), images)


def to_pictures(images: Tensor) -> list[RGB]:
    """Images float32 ``[N, 3, S, S]`` in [0, 1] rounded to 8 bits: N pictures uint8 ``[S, S, 3]``."""
    return list(images.mul(255).round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy())


def from_pictures(pictures: Iterable[RGB], like: Tensor) -> Tensor:
    """Pictures uint8 ``[S, S, 3]`` as float32 ``[N, 3, S, S]`` in [0, 1] on the device of ``like``."""
    stacked = torch.from_numpy(np.stack(list(pictures))).to(like.device)
    return stacked.permute(0, 3, 1, 2).float().div_(255)


def _through_jpeg(picture: RGB, quality: int) -> RGB:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    with Image.open(file, formats=("JPEG",)) as read:
        return np.array(read)


def _in_blocks(picture: RGB, factor: float) -> RGB:
    side = len(picture)
    coarse = Image.fromarray(picture).resize((max(int(side * factor), 1),) * 2, Image.Resampling.BOX)
    return np.array(coarse.resize((side, side), Image.Resampling.BOX))


def gaussian(images: Tensor, sigma: float, seeds: Sequence[int]) -> Tensor:
    """Independent normal noise of standard deviation ``sigma`` on every value, cut at black and white.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1]. seeds: one per image.
    """
    shape = images.shape[1:]
    drawn = torch.stack([torch.randn(shape, generator=Generator().manual_seed(seed)) for seed in seeds])
    return (images + sigma * drawn.to(images.device)).clamp_(0, 1)


def uniform(images: Tensor, levels: float, seeds: Sequence[int]) -> Tensor:
    """Uniform noise of up to ``levels`` / 255 either way on every value, cut at black and white: as large as an attack."""
    return (images + levels / 255 * unit_noise(images, seeds)).clamp_(0, 1)


def salt_and_pepper(images: Tensor, share: float, seeds: Sequence[int]) -> Tensor:
    """A ``share`` of all values, each channel for itself, becomes 0 or 1 with equal chance."""
    drawn = unit_noise(images, seeds)
    return torch.where(drawn.abs() > 1 - share, (drawn > 0).float(), images)


POOL = 32
_SOFT_EDGE = 0.03


def heap(images: Tensor, count: float, seeds: Sequence[int], *, artefact: str) -> Tensor:
    """``count`` layers of an artefact on top of each other; a seed keeps its layers and only gets more.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1]. seeds: one per image. artefact: a name in ``ARTEFACT_NAMES``.
    """
    return _covered(images, seeds, partial(joined_layer, artefact, round(count)))


def ruler(images: Tensor, magnification: float, seeds: Sequence[int]) -> Tensor:
    """A ruler along the lower or the left edge, its ticks ``magnification`` times as long, thick and far apart."""
    return _covered(images, seeds, partial(enlarged_layer, "ruler", magnification))


def dark_corner(images: Tensor, radius: float, seeds: Sequence[int]) -> Tensor:
    """Black beyond a circle round the middle, of a ``radius`` in halves of the side; nothing here is random."""
    return _covered(images, seeds, lambda side, number: round_field(radius, side))


@lru_cache(maxsize=15 * POOL)
def joined_layer(artefact: str, count: int, side: int, number: int) -> Layer:
    """The darker of ``count`` layers at each pixel: those of ``count − 1`` and one more."""
    one = draw_layer(artefact, side, side, seed=number + POOL * count)
    if count == 1:
        return one
    return Layer(one.colour, np.maximum(one.opacity, joined_layer(artefact, count - 1, side, number).opacity))


@lru_cache(maxsize=5 * POOL)
def enlarged_layer(artefact: str, magnification: float, side: int, number: int) -> Layer:
    """The lower left corner, ``side`` pixels each way, of a layer drawn ``magnification`` times as large."""
    canvas = round(side * magnification)
    whole = draw_layer(artefact, canvas, canvas, seed=number)
    corner = (slice(canvas - side, None), slice(side))
    return Layer(whole.colour[corner], whole.opacity[corner].copy())  # a copy, so that the large canvas can go


@lru_cache(maxsize=16)
def round_field(radius: float, side: int) -> Layer:
    """A dermatoscope's round field, black from ``radius`` (in halves of the side) on, with a soft edge inside it."""
    steps = (np.arange(side, dtype=np.float32) + np.float32(0.5)) / np.float32(side / 2) - np.float32(1)
    distance = np.hypot(steps[:, None], steps[None])
    return Layer(draw_layer("dark_corners", side, side).colour, ramp(distance, radius - _SOFT_EDGE, radius))


def _covered(images: Tensor, seeds: Sequence[int], layer_of: Callable[[int, int], Layer]) -> Tensor:
    """Each image, rounded to 8 bits, under the layer that ``layer_of(side, number)`` draws for it."""
    side = images.shape[-1]
    pairs = zip(to_pictures(images), seeds, strict=True)
    return from_pictures((lay_over(picture, layer_of(side, seed % POOL)) for picture, seed in pairs), images)


def brightness(images: Tensor, factor: float, seeds: Sequence[int]) -> Tensor:
    """Every value times ``factor``, cut at white. Images float32 ``[N, 3, S, S]`` in [0, 1]; nothing here is random."""
    return V.adjust_brightness(images, factor)


def contrast(images: Tensor, factor: float, seeds: Sequence[int]) -> Tensor:
    """Distance of every value from the image's mean luma (ITU-R BT.601) times ``factor``, cut at black and white."""
    return V.adjust_contrast(images, factor)


def saturation(images: Tensor, factor: float, seeds: Sequence[int]) -> Tensor:
    """Distance of every value from its pixel's luma (ITU-R BT.601) times ``factor``, cut at black and white."""
    return V.adjust_saturation(images, factor)


FUNCTIONS: Mapping[str, Callable[[Tensor, float, Sequence[int]], Tensor]] = MappingProxyType(
    {
        "gaussian_noise": gaussian,
        "faint_noise": gaussian,
        "uniform_noise": uniform,
        "salt_and_pepper": salt_and_pepper,
        "defocus": defocus,
        "motion_blur": motion,
        "brightness_up": brightness,
        "brightness_down": brightness,
        "contrast": contrast,
        "saturation": saturation,
        "jpeg": jpeg,
        "pixelation": pixelate,
        "dark_corner": dark_corner,
        "hair": partial(heap, artefact="hair"),
        "ink": partial(heap, artefact="ink"),
        "ruler": ruler,
        "bubbles": partial(heap, artefact="gel"),
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
