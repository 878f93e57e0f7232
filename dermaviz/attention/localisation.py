"""Attention: a map over its image. Drawn in colour, with the border of the lesion as a line; where it lies beside the lesion,
how far it moved, and maps that know nothing to compare it with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from plotly.colors import sequential
from scipy.ndimage import distance_transform_edt
from scipy.stats import spearmanr

from dermaviz.attention.methods import AttentionMap
from dermaviz.errors import AttentionError
from dermaviz.images import RGB


@dataclass(frozen=True)
class Drift:
    """``rank_correlation`` in [−1, 1] of the maps before and after; the share of each map's energy that lies in the lesion.

    NaN where a map shows nothing, or, for the energies, where no mask of the lesion was given.
    """

    rank_correlation: float
    energy_before: float
    energy_after: float


def drift(before: AttentionMap, after: AttentionMap, mask: NDArray[np.bool_] | None = None) -> Drift:
    """What happened to the attention map of one image; ``mask`` bool ``[H, W]`` is the lesion in the model's input.

    Raises:
        AttentionError: the maps are of different class, method, layer or size, or the mask is none.
    """
    first, second = ((m.method, m.layer, m.class_index, m.raw.shape) for m in (before, after))
    if first != second:
        raise AttentionError(
            f"expected two maps of one method, layer, class and size, found {first} and {second}. "
            "Explain the same class before and after."
        )
    energies = (np.nan, np.nan) if mask is None else (energy_in_lesion(before, mask), energy_in_lesion(after, mask))
    return Drift(rank_correlation(before.raw, after.raw), *energies)


def rank_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Spearman's ρ of two raw maps of one shape, place by place, in [−1, 1]; NaN where one is constant or not finite.

    As a measure of how similar two attention maps are: Adebayo et al. 2018.
    """
    if not all(np.isfinite(values).all() and np.ptp(values) for values in (first, second)):
        return float("nan")
    return float(spearmanr(first, second, axis=None).statistic)


POINTING_TOLERANCE = 0.0
"""How far the map's peak may lie from the lesion and still count as on it, in shares of the picture's shorter side: not
at all. The pointing game's authors allowed 15 pixels (Zhang et al., Int. J. Comput. Vis. 126:1084, 2018);
``peak_distance`` gives the answer for any tolerance."""
IOU_THRESHOLDS = (0.25, 0.5)
"""Shares of the map's maximum from which a place belongs to the map's region."""
CENTRE_SIGMA = 0.2
"""σ of the centre-Gaussian map in shares of the side: as wide as the lesions of HAM10000 laid over one another (.18 down
and .20 across the central square, each lesion counted alike)."""


@dataclass(frozen=True)
class Localisation:
    """Where a map lies beside a lesion.

    ``lesion_area`` is the lesion's share of the picture, which is also the ``energy`` that an even map would have there.
    ``energy`` is the share of the map's positive part on the lesion. ``pointing`` says whether the map's peak is on the
    lesion, within ``POINTING_TOLERANCE``; ``peak_distance`` is how far off it is, in shares of the picture's shorter
    side, 0 inside. ``iou`` is intersection over union of lesion and map region at each of ``IOU_THRESHOLDS``.
    Where the map shows nothing or the mask is empty, ``pointing`` is False and the others but the area are NaN.
    """

    lesion_area: float
    energy: float
    pointing: bool
    peak_distance: float
    iou: tuple[float, ...]


def localise(attention: AttentionMap | NDArray[np.floating], mask: NDArray[np.bool_]) -> Localisation:
    """Where an attention map, or any map ``[h, w]``, lies beside the lesion. See :class:`Localisation`.

    Energy and regions are measured on the map enlarged to the mask's size, as it is shown. The peak is the centre of the
    highest place of the map as it is, before enlarging; of several as high, the first in reading order.

    Args:
        attention: of a plain array what is negative counts as 0, as for an attention map.
        mask: bool ``[H, W]``, the lesion in the same view as the map, of any resolution.

    Raises:
        AttentionError: the mask is not a boolean picture.
    """
    _require_mask(mask)
    values = _positive(attention)
    area = float(mask.mean())
    if values is None or not mask.any():
        return Localisation(area, float("nan"), False, float("nan"), (float("nan"),) * len(IOU_THRESHOLDS))
    shown = enlarge(values, *mask.shape)
    away = _peak_distance(values, mask)
    regions = (shown >= threshold for threshold in IOU_THRESHOLDS)
    ious = (float((region & mask).sum() / (region | mask).sum()) for region in regions)
    return Localisation(area, _energy(shown, mask), away <= POINTING_TOLERANCE, away, tuple(ious))


def energy_in_lesion(attention: AttentionMap, mask: NDArray[np.bool_]) -> float:
    """Share of the map's positive part that lies in the mask bool ``[H, W]``, in [0, 1]; NaN of a map that shows nothing.

    The map is enlarged to the mask's size, as it is shown. Chance is the share of the picture that the mask covers.
    Source: energy-based pointing game, Wang et al. 2020.

    Raises:
        AttentionError: the mask is not a boolean picture.
    """
    _require_mask(mask)
    values = _positive(attention)
    return float("nan") if values is None else _energy(enlarge(values, *mask.shape), mask)


def centre_gaussian_map(side: int) -> NDArray[np.float32]:
    """A round Gaussian in the middle, of σ ``CENTRE_SIGMA``, float32 ``[side, side]``, at most 1."""
    along = np.exp(-(((np.arange(side) + 0.5) / side - 0.5) ** 2) / (2 * CENTRE_SIGMA**2))
    return np.outer(along, along).astype(np.float32)


def random_map(side: int, seed: int) -> NDArray[np.float32]:
    """Even random numbers from 0 to 1, float32 ``[side, side]``. Of an attention map's own side, it is as coarse."""
    return np.random.default_rng(seed).random((side, side), dtype=np.float32)


def _require_mask(mask: NDArray[np.bool_]) -> None:
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise AttentionError(
            f"expected a mask bool [H, W], found {mask.dtype} {list(mask.shape)}. Compare it with a level first."
        )


def _positive(attention: AttentionMap | NDArray[np.floating]) -> NDArray[np.float32] | None:
    """The map's positive part in units of its maximum; None where it shows nothing. A plain map may be even."""
    if isinstance(attention, AttentionMap):
        return attention.normalised if attention.status == "ok" else None
    top = attention.max()
    return (np.maximum(attention, 0) / top).astype(np.float32) if 0 < top < np.inf else None


def _energy(shown: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    return float(shown[mask].sum(dtype=np.float64) / shown.sum(dtype=np.float64))


def _peak_distance(values: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """From the pixel under the peak to the nearest pixel of the lesion, in shares of the mask's shorter side."""
    place = np.unravel_index(int(values.argmax()), values.shape)
    row, column = (int((p + 0.5) * n / m) for p, n, m in zip(place, mask.shape, values.shape, strict=True))
    if mask[row, column]:
        return 0.0
    rows, columns = np.nonzero(mask)
    return float(np.hypot(rows - row, columns - column).min() / min(mask.shape))


LIGHT = (255, 255, 255)
DARK = (10, 14, 16)
_SIDE = 192
_CORE, _RIM = 1.5, 2.5
"""Half widths in pixels of a picture of 192 pixels a side; a larger picture gets a wider line."""


def outlined(pixels: RGB, mask: NDArray[np.bool_]) -> RGB:
    """The picture with the border of the mask as a light line between two dark ones.

    Light and dark stand side by side, so that one of them contrasts with whatever colour is there. Pixels farther from the
    border than a fiftieth of the side are untouched.

    Raises:
        AttentionError: picture and mask differ in height or width.
    """
    if pixels.shape[:2] != mask.shape:
        raise AttentionError(
            f"expected a mask of the picture's {pixels.shape[0]} × {pixels.shape[1]} pixels, found {list(mask.shape)}. "
            "Resize the mask as the picture was."
        )
    if mask.all() or not mask.any():
        return pixels.copy()
    unit = max(min(mask.shape) / _SIDE, 1.0)
    away = np.where(mask, distance_transform_edt(mask), distance_transform_edt(~mask)) - 0.5  # from the line between
    result = pixels.astype(np.float32)
    for colour, reach in ((DARK, _RIM), (LIGHT, _CORE)):
        cover = np.clip(reach * unit - away, 0, 1)[..., None]
        result += cover * (np.array(colour) - result)
    return np.rint(result).astype(np.uint8)


COLOUR_MAPS = MappingProxyType(
    {"viridis": sequential.Viridis, "magma": sequential.Magma, "cividis": sequential.Cividis}
)
"""Colour scales, dark to bright, that are uniform to the eye and safe for colour-blind readers; a figure's colour bar of
the same name shows the same colours."""


def overlay(
    pixels: RGB, attention: AttentionMap, opacity: float = 0.5, colour_map: str = "viridis", *, follow: bool = False
) -> RGB:
    """The image, uint8 ``[H, W, 3]``, with its attention map in colour on top, normalised by its maximum and enlarged bilinearly.

    Args:
        opacity: of the colours, from 0 (the image) to 1 (the map alone, unless it follows the map).
        colour_map: a name in ``COLOUR_MAPS``.
        follow: whether the opacity follows the map: 0 where it is 0, ``opacity`` where it is highest. The image stays as it is
            where there is no evidence.

    Returns:
        uint8 ``[H, W, 3]``; a copy of ``pixels`` where the map's status is not ``ok``, since there is nothing to show.

    Raises:
        AttentionError: opacity, colour map or pixels are out of range.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise AttentionError(f"expected uint8 pixels [H, W, 3], found {pixels.dtype} {list(pixels.shape)}.")
    if not 0 <= opacity <= 1:
        raise AttentionError(f"expected an opacity from 0 to 1, found {opacity}.")
    if attention.status != "ok":
        return pixels.copy()
    values = enlarge(attention.normalised, pixels.shape[0], pixels.shape[1])
    cover = opacity * np.clip(values, 0, 1)[..., None] if follow else opacity
    mixed = (1 - cover) * pixels + cover * colourise(values, colour_map)
    return np.rint(mixed).astype(np.uint8)


def enlarge(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Bilinear interpolation between pixel centres: float32 ``[h, w]`` → ``[height, width]``, range kept."""
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR))


def colourise(values: NDArray[np.float32], colour_map: str = "viridis") -> RGB:
    """Values in [0, 1], ``[h, w]`` → colours uint8 ``[h, w, 3]``; an AttentionError where there is no such colour map."""
    if colour_map not in COLOUR_MAPS:
        raise AttentionError(f"expected a colour map among {', '.join(COLOUR_MAPS)}; found {colour_map!r}.")
    return _colours(colour_map)[np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)]


@cache
def _colours(colour_map: str) -> RGB:
    """A colour scale at 256 steps, uint8 ``[256, 3]``, interpolated between its stops as Plotly does."""
    stops = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in COLOUR_MAPS[colour_map]])
    steps = np.linspace(0, len(stops) - 1, 256)
    channels = [np.interp(steps, np.arange(len(stops)), stops[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)
