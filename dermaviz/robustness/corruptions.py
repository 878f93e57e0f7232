"""Robustness: the registry of corruptions, everyday faults of an image in five severities. A row and a function add one.

Free of torch, so that a page can list them at once: the functions import it when they run. All of them take images float32
``[N, 3, S, S]`` in [0, 1], the value of a severity and one seed per image, and return new images of the same kind."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from dermaviz.errors import AttackError
from dermaviz.images import RGB
from dermaviz.robustness.attacks import image_seeds
from dermaviz.synthetic import Layer, draw_layer, lay_over
from dermaviz.synthetic.fields import ramp

if TYPE_CHECKING:
    from torch import Tensor

CLEAN = "clean"
"""Name, in the column ``corruption`` of evidence, of the images as they are; their severity is 0."""
SEVERITIES = (1, 2, 3, 4, 5)
REFERENCE_SIDE = 224
"""Side in pixels of the images for which MedMNIST-C and ImageNet-C state radii."""
POOL = 32
"""Different layers of an artefact that are drawn; an image gets one of them by its seed."""
_SUBPIXELS = 9
_REACH = 2.5
_LARGEST_ANGLE = 45
_SOFT_EDGE = 0.03


@dataclass(frozen=True)
class Corruption:
    """A row of the registry.

    ``quantity`` and ``unit`` say what ``values`` measure, one value per severity; ``source`` says whose values they are.
    ``averaged`` is False for noise as small as an attack's, which would water down a mean over corruptions.
    """

    name: str
    label: str
    family: str
    quantity: str
    unit: str
    values: tuple[float, float, float, float, float]
    source: str
    function: Callable[[Tensor, float, Sequence[int]], Tensor]
    averaged: bool = True

    def in_words(self, severity: int) -> str:
        """What a severity from 0 to 5 means: ``σ = 0.04``, ``clean``."""
        if severity == 0:
            return "clean"
        return f"{self.quantity} = {self.values[severity - 1]:.3g} {self.unit}".strip()


def corrupt(images: Tensor, name: str, severity: int, image_ids: Sequence[str]) -> Tensor:
    """Images float32 ``[N, 3, S, S]`` in [0, 1] under a corruption of ``CORRUPTIONS``, at a severity from 0 (a copy) to 5.

    All chance is drawn from the ids: the same image meets the same corruption in every batch, whatever the device.

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
    return CORRUPTIONS[name].function(images, CORRUPTIONS[name].values[severity - 1], seeds)


def gaussian(images: Tensor, sigma: float, seeds: Sequence[int]) -> Tensor:
    """Independent normal noise of standard deviation ``sigma`` on every value, cut at black and white."""
    import torch

    shape = images.shape[1:]
    drawn = torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
    return (images + sigma * drawn.to(images.device)).clamp_(0, 1)


def uniform(images: Tensor, levels: float, seeds: Sequence[int]) -> Tensor:
    """Uniform noise of up to ``levels`` / 255 either way on every value, cut at black and white: as large as an attack."""
    from dermaviz.robustness.linf import unit_noise

    return (images + levels / 255 * unit_noise(images, seeds)).clamp_(0, 1)


def salt_and_pepper(images: Tensor, share: float, seeds: Sequence[int]) -> Tensor:
    """A ``share`` of all values, each channel for itself, becomes 0 or 1 with equal chance."""
    import torch

    from dermaviz.robustness.linf import unit_noise

    drawn = unit_noise(images, seeds)
    return torch.where(drawn.abs() > 1 - share, (drawn > 0).float(), images)


def defocus(images: Tensor, radius: float, seeds: Sequence[int]) -> Tensor:
    """Every point spread evenly over a disc of ``radius`` px at a side of 224 px; the image is mirrored beyond its edges."""
    import torch
    from torch.nn import functional as F

    kernel = disc(radius * images.shape[-1] / REFERENCE_SIDE).to(images.device)
    half = kernel.shape[-1] // 2
    padded = F.pad(images, (half, half, half, half), mode="reflect")
    size = padded.shape[-2:]
    spread = torch.fft.rfft2(padded) * torch.fft.rfft2(kernel, s=size)  # a convolution this wide is 20 times slower
    return torch.fft.irfft2(spread, s=size)[..., 2 * half :, 2 * half :].clamp_(0, 1)


@lru_cache(maxsize=16)
def disc(radius: float) -> Tensor:
    """A disc with the share of each pixel that it covers, of sum 1: float32 ``[k, k]``, k odd."""
    import torch
    from torch.nn import functional as F

    half = math.ceil(radius)
    steps = (torch.arange((2 * half + 1) * _SUBPIXELS) + 0.5) / _SUBPIXELS - (half + 0.5)
    inside = (torch.hypot(steps[:, None], steps[None]) <= radius).float()
    covered = F.avg_pool2d(inside[None, None], _SUBPIXELS)[0, 0]
    return covered / covered.sum()


def motion(images: Tensor, sigma: float, seeds: Sequence[int]) -> Tensor:
    """Every point drawn out on one side into half a Gaussian of ``sigma`` px at a side of 224 px, cut at 2.5 σ.

    The direction, within ±45° of the rows, is the image's own. Beyond the edges the border pixels go on.
    """
    import torch
    from torch.nn import functional as F

    side = images.shape[-1]
    sigma = sigma * side / REFERENCE_SIDE
    reach = math.ceil(_REACH * sigma)
    padded = F.pad(images, (reach, reach, reach, reach), mode="replicate")
    moved = torch.zeros_like(images)
    for image, source, seed in zip(moved, padded, seeds, strict=True):
        turn = 2 * float(torch.rand((), generator=torch.Generator().manual_seed(seed))) - 1
        angle = math.radians(_LARGEST_ANGLE * turn)
        steps = range(math.floor(_REACH * sigma * math.cos(angle)) + 1)  # one pixel of the trail in each column
        weights = [math.exp(-((i / math.cos(angle) / sigma) ** 2) / 2) for i in steps]
        for i, weight in zip(steps, weights, strict=True):
            left, top = reach + i, reach + round(i * math.tan(angle))
            image.add_(source[:, top : top + side, left : left + side], alpha=weight / sum(weights))
    return moved.clamp_(0, 1)


def light(images: Tensor, factor: float, seeds: Sequence[int], *, quantity: str) -> Tensor:
    """Torchvision's ``adjust_brightness``, ``_contrast`` or ``_saturation`` by ``factor``; nothing here is random.

    Brightness multiplies every value; contrast its distance from the image's mean luma, saturation that from its pixel's
    luma (ITU-R BT.601). Cut at black and white.
    """
    from torchvision.transforms.v2 import functional as V

    changed: Tensor = getattr(V, f"adjust_{quantity}")(images, factor)
    return changed


def jpeg(images: Tensor, quality: float, seeds: Sequence[int]) -> Tensor:
    """Each image rounded to 8 bits, saved by Pillow as JPEG of ``quality`` (1 to 95) with its usual 4:2:0 and read back."""
    return from_pictures((through_jpeg(picture, quality) for picture in to_pictures(images)), images)


def through_jpeg(picture: RGB, quality: float) -> RGB:
    """A picture uint8 ``[H, W, 3]`` as it comes back from a JPEG file of a quality from 1 to 95."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=round(quality))
    with Image.open(file, formats=("JPEG",)) as read:
        return np.array(read)


def pixelate(images: Tensor, factor: float, seeds: Sequence[int]) -> Tensor:
    """Each image rounded to 8 bits, shrunk by Pillow to ``factor`` of its side by means over boxes, and blown up in blocks."""

    def in_blocks(picture: RGB) -> RGB:
        side = len(picture)
        coarse = Image.fromarray(picture).resize((max(int(side * factor), 1),) * 2, Image.Resampling.BOX)
        return np.array(coarse.resize((side, side), Image.Resampling.BOX))

    return from_pictures(map(in_blocks, to_pictures(images)), images)


def artefacts(images: Tensor, count: float, seeds: Sequence[int], *, artefact: str) -> Tensor:
    """``count`` layers of an artefact (a name in ``ARTEFACT_NAMES``) on top of each other; a seed keeps its layers."""
    return _covered(images, seeds, partial(joined_layer, artefact, round(count)))


def ruler(images: Tensor, magnification: float, seeds: Sequence[int]) -> Tensor:
    """A ruler along the lower or the left edge, its ticks ``magnification`` times as long, thick and far apart."""
    return _covered(images, seeds, partial(_enlarged_layer, "ruler", magnification))


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
def _enlarged_layer(artefact: str, magnification: float, side: int, number: int) -> Layer:
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


def to_pictures(images: Tensor) -> list[RGB]:
    """Images float32 ``[N, 3, S, S]`` in [0, 1] rounded to 8 bits: N pictures uint8 ``[S, S, 3]``."""
    import torch

    return list(images.mul(255).round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy())


def from_pictures(pictures: Iterable[RGB], like: Tensor) -> Tensor:
    """Pictures uint8 ``[S, S, 3]`` as float32 ``[N, 3, S, S]`` in [0, 1] on the device of ``like``."""
    import torch

    stacked = torch.from_numpy(np.stack(list(pictures))).to(like.device)
    return stacked.permute(0, 3, 1, 2).float().div_(255)


_MEDMNIST_C = "MedMNIST-C, DermaMNIST (Di Salvo et al. 2024)"
_ROWS = (
    Corruption("gaussian_noise", "Gaussian noise", "noise", "σ", "", (0.04, 0.08, 0.12, 0.18, 0.26), _MEDMNIST_C, gaussian),
    Corruption(
        "faint_noise", "Faint noise", "noise", "σ", "", (0.003, 0.006, 0.012, 0.02, 0.03),
        "severity 1 is the σ of Gupta et al.; the others are ours and lead from it to MedMNIST-C's mildest",
        gaussian, averaged=False,
    ),
    Corruption(
        "uniform_noise", "Uniform noise", "noise", "ε", "grey levels", (1, 2, 4, 8, 16),
        "ours: the L∞ sizes at which attacks are reported", uniform, averaged=False,
    ),
    Corruption(
        "salt_and_pepper", "Salt and pepper", "noise", "share of values", "", (0.01, 0.03, 0.06, 0.09, 0.17),
        f"{_MEDMNIST_C}, impulse noise", salt_and_pepper,
    ),
    Corruption(
        "defocus", "Defocus", "blur", "radius", "px of 224", (4, 5, 6, 7, 8),
        f"{_MEDMNIST_C}; edge of the disc by covered area", defocus,
    ),
    Corruption(
        "motion_blur", "Motion blur", "blur", "σ", "px of 224", (3, 5, 8, 12, 15),
        "ImageNet-C (Hendrycks and Dietterich 2019); trail cut at 2.5 σ, within ±45°", motion,
    ),
    Corruption(
        "brightness_up", "Brighter", "light", "factor", "", (1.1, 1.2, 1.3, 1.4, 1.5), _MEDMNIST_C,
        partial(light, quantity="brightness"),
    ),
    Corruption(
        "brightness_down", "Darker", "light", "factor", "", (0.9, 0.8, 0.7, 0.6, 0.5), _MEDMNIST_C,
        partial(light, quantity="brightness"),
    ),
    Corruption(
        "contrast", "Less contrast", "light", "factor", "", (0.8, 0.7, 0.6, 0.5, 0.4), _MEDMNIST_C,
        partial(light, quantity="contrast"),
    ),
    Corruption(
        "saturation", "Less colour", "light", "factor", "", (0.8, 0.6, 0.4, 0.2, 0.0),
        "ours: even steps from the photo's colours to grey", partial(light, quantity="saturation"),
    ),
    Corruption("jpeg", "JPEG compression", "digital", "quality", "", (30, 20, 15, 10, 7), _MEDMNIST_C, jpeg),
    Corruption(
        "pixelation", "Pixelation", "digital", "share of the side's pixels", "", (0.7, 0.5, 0.4, 0.3, 0.25),
        _MEDMNIST_C, pixelate,
    ),
    Corruption(
        "dark_corner", "Dark corners", "artefact", "radius", "half sides", (1.1, 1.05, 1.0, 0.95, 0.9),
        f"{_MEDMNIST_C}, whose last two are put in falling order", dark_corner,
    ),
    Corruption(
        "hair", "Hair", "artefact", "layers of 7–15 hairs", "", (1, 2, 3, 4, 5),
        "ours: from a few hairs to a hairy arm", partial(artefacts, artefact="hair"),
    ),
    Corruption(
        "ink", "Surgical ink", "artefact", "layers of 2 marks", "", (1, 2, 3, 4, 5),
        "ours: from two marks to a ring of them", partial(artefacts, artefact="ink"),
    ),
    Corruption(
        "ruler", "Ruler", "artefact", "magnification", "", (1, 1.5, 2, 3, 4),
        "ours: long ticks reach a tenth to nearly half of the side", ruler,
    ),
    Corruption(
        "bubbles", "Gel and bubbles", "artefact", "layers of 9–19 bubbles", "", (1, 2, 3, 4, 5),
        "ours: from a few bubbles to foam", partial(artefacts, artefact="gel"),
    ),
)  # fmt: skip
CORRUPTIONS: Mapping[str, Corruption] = MappingProxyType({row.name: row for row in _ROWS})
"""Name, as in evidence, to corruption."""
