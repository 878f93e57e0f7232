"""The same image on skin of another tone, shifted along the melanin axis of a skin model, and a control that is no tone.

The counterfactual changes colour only. An image of dark skin differs in more than its colour, and a shift is no such image.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_fill_holes, gaussian_filter

from dermaviz.colour import LINEAR, encode_srgb, lab_of_linear, linear_of_lab
from dermaviz.errors import FairnessError
from dermaviz.fairness.effects import change, effects, mean_of, read_paired
from dermaviz.fairness.skin_tone import margin, outside, require_mask, skin_colour, skin_light
from dermaviz.images import RGB
from dermaviz.synthetic.optics import ITA_RANGE, blood_for_ita, linear_rgb, melanin_for_ita, reflectance

Axis = Literal["melanin", "control"]
LesionChoice = Literal["fixed", "re-pigmented"]

LESION_CHOICES: tuple[LesionChoice, ...] = ("fixed", "re-pigmented")
"""The lesion keeps its colours inside a soft border, or it darkens and lightens with the skin."""
BLOOD = 0.017
"""Blood fraction of the skin that is modelled, the middle of the drawn lesions' range. Twice or half of it changes a gain by
a tenth between ITA 44° and −50°."""
_SOFT_SIGMA, _SMOOTH_SIGMA = 0.02, 0.006
"""Shares of the picture's shorter side."""
_MELANIN = np.linspace(0, 2, 401) ** 2
_LINEAR = LINEAR.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """An image on other skin: ``pixels`` uint8 ``[H, W, 3]``; ``clipped`` is the share of pixels, in [0, 1], that would be
    brighter than the file can hold in some channel and were not before."""

    pixels: RGB
    clipped: float


def counterfactual(
    pixels: RGB,
    mask: NDArray[np.bool_],
    to_ita: float,
    from_ita: float,
    lesion: LesionChoice = "fixed",
    axis: Axis = "melanin",
) -> Counterfactual:
    """The same image on skin of another tone. No shift gives the same pixels, bit for bit.

    Args:
        pixels: uint8 ``[H, W, 3]`` sRGB, not changed.
        mask: the lesion, bool ``[H, W]``.
        to_ita: degrees, within ``ITA_RANGE`` (−60 to 70).
        from_ita: the skin's ITA as it is, degrees. Beyond ``ITA_RANGE``, where only a lamp can put it, the nearer end.
        lesion: a name in ``LESION_CHOICES``.
        axis: a name in ``AXES``; the control changes the colour as much (ΔE of CIE 1976) and leaves the ITA.

    Raises:
        FairnessError: the mask is not the picture's, or an ITA, choice or axis is none.
    """
    require_mask(pixels, mask)
    for what, found, known in (("lesion", lesion, LESION_CHOICES), ("axis", axis, tuple(AXES))):
        if found not in known:
            raise FairnessError(f"{what}: expected one of {', '.join(known)}; found {found!r}. Correct the spelling.")
    gain = _gain_by_red(to_ita, from_ita, axis, skin_colour(pixels, mask))[pixels[..., 0]]
    light = _LINEAR[pixels]
    if lesion == "fixed":
        kept = _kept(light, mask)[..., None]
        gain = kept + (1 - kept) * gain
    shifted = light * gain
    beyond = (shifted > 1).any(axis=-1) & (pixels < 255).all(axis=-1)
    return Counterfactual((encode_srgb(shifted) * 255 + 0.5).astype(np.uint8), float(beyond.mean()))


def tone_gain(to_ita: float, from_ita: float, axis: Axis = "melanin") -> NDArray[np.float64]:
    """The factors on linear red, green and blue that take skin from one ITA to another: ``[3]``, 1 without a shift.

    Raises:
        FairnessError: ``to_ita`` lies outside ``ITA_RANGE``, or one of the two is not a number.
    """
    low, high = ITA_RANGE
    if not low <= to_ita <= high or np.isnan(from_ita):
        raise FairnessError(
            f"expected a tone from {low:g}° to {high:g}° and a known one to start from, found {to_ita:g}° and {from_ita:g}°. "
            "Choose another tone; a photo without a measured ITA has no counterfactual."
        )
    return AXES[axis](float(to_ita), float(np.clip(from_ita, low, high)))


@lru_cache(maxsize=1024)
def _along_melanin(to_ita: float, from_ita: float) -> NDArray[np.float64]:
    """The ratio of two skins that differ only in the melanin of the epidermis; the blood is the most the lighter one can have."""
    blood = blood_for_ita(max(to_ita, from_ita), BLOOD)
    return skin_light(to_ita, blood) / skin_light(from_ita, blood)


@lru_cache(maxsize=1024)
def _along_green_and_red(to_ita: float, from_ita: float) -> NDArray[np.float64]:
    """As far in CIE L*a*b* as melanin leads, but along a*, which ITA does not contain: green for darker, red for lighter.

    Colours beyond sRGB are clipped, so that from dark skin on the control stays the smaller shift.
    """
    blood = blood_for_ita(max(to_ita, from_ita), BLOOD)
    start, end = skin_light(from_ita, blood), skin_light(to_ita, blood)
    lab = lab_of_linear(start)
    size = np.linalg.norm(lab_of_linear(end) - lab)
    lab[1] += np.copysign(size, to_ita - from_ita)
    return np.clip(linear_of_lab(lab), 0, 1) / start if size else np.ones(3)


AXES: Mapping[Axis, Callable[[float, float], NDArray[np.float64]]] = MappingProxyType(
    {"melanin": _along_melanin, "control": _along_green_and_red}
)
"""Directions of a shift, each a function of the ITA to reach and the one to start from."""


def _gain_by_red(to_ita: float, from_ita: float, axis: Axis, skin: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The factors on a pixel's light, ``[256, 3]`` by its level of red, in an image whose skin is of colour ``skin``.

    Red measures melanin, since blood lets it pass (the melanin index: Diffey et al., Br. J. Dermatol. 111:663, 1984).
    """
    usual = tone_gain(to_ita, from_ita, axis)
    gain = np.tile(usual, (256, 1))
    if axis == "melanin":
        start = float(np.clip(from_ita, *ITA_RANGE))
        blood = blood_for_ita(max(to_ita, start), BLOOD)
        before, after = (melanin_for_ita(ita, blood) for ita in (start, to_ita))
        light = _darkening(blood)
        lamp = max(_LINEAR[skin[0]], _LINEAR[1]) / np.interp(before, _MELANIN, light[:, 0])
        own = np.maximum(np.interp(_LINEAR / lamp, light[::-1, 0], _MELANIN[::-1]), before)
        darker = own > before
        for channel, reached in enumerate(light.T):
            step = np.interp(own + after - before, _MELANIN, reached) / np.interp(own, _MELANIN, reached)
            gain[darker, channel] = step[darker]
        # The surface's white share would turn shadows blue: from what is darker, blue goes no less than red or than from skin.
        within, beyond = (np.minimum, np.maximum) if after > before else (np.maximum, np.minimum)
        gain = within(gain, beyond(gain[:, :1], usual))
    return gain.astype(np.float32)


@lru_cache(maxsize=1024)
def _darkening(blood: float) -> NDArray[np.float64]:
    """Linear red, green and blue of skin with each of ``_MELANIN``, ``[M, 3]``."""
    return linear_rgb(reflectance(_MELANIN, blood))


def _kept(light: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How much of its colour each pixel keeps as the lesion's own, float32 ``[H, W]``: 0 from the lesion's border on outwards.

    Masks are drawn a little wide, and a rim of the old skin round the lesion would be new to any eye. The border is therefore
    drawn in to where the picture is half as much darker than the skin outside as it is over most of the lesion.
    """
    side = min(mask.shape)
    skin = outside(mask)
    if mask.any() and skin.any():
        root = np.sqrt(light).sum(axis=-1)  # near to the eye's scale, as in the skin model
        darker = gaussian_filter(np.median(root[skin]) - root, _SMOOTH_SIGMA * side)
        within = mask & (darker > np.median(darker[mask]) / 2)
        within = binary_fill_holes(binary_closing(within, iterations=margin(mask))) & mask
        mask = within if within.sum() > mask.sum() * 2 / 3 else mask
    blurred = gaussian_filter(mask.astype(np.float32), _SOFT_SIGMA * side)
    return np.clip(2 * blurred - 1, 0, 1)


BY = ("axis", "lesion", "ita_to")
"""Columns that name a condition."""


def tone_effects(
    table: pd.DataFrame, predictions: pd.DataFrame, classes: tuple[str, ...], malignant: Collection[str]
) -> pd.DataFrame:
    """What each shift of tone in the evidence table ``counterfactuals`` does on average over the images.

    The columns and errors are those of :func:`~dermaviz.fairness.effects.read_paired` and
    :func:`~dermaviz.fairness.effects.effects`; ``shift`` is the mean of ``ita_to − ita_from`` in degrees, and ``beyond`` is
    against the control that is no tone. Further metrics: ``rank_correlation`` of the attention map with the clean one,
    ``energy`` (in the lesion) and ``energy_change``, means over the images whose maps show anything.
    """
    paired = read_paired(table, predictions, classes, BY, ("shift", "rank_correlation", "energy"))
    energy = paired.measured["energy"]
    attention = {
        "rank_correlation": mean_of(paired.measured["rank_correlation"][:, 1:]),
        "energy": mean_of(energy[:, 1:]),
        "energy_change": mean_of(change(energy)),
    }
    found = effects(paired, malignant, _control_of, attention)
    mean_shift = paired.conditions.assign(shift=paired.measured["shift"][:, 1:].mean(axis=0))
    columns = [*BY, "shift", *(name for name in found if name not in BY)]
    return found.merge(mean_shift, on=list(BY), how="left")[columns]


def _control_of(condition: tuple[Any, ...]) -> tuple[Any, ...]:
    axis, *rest = condition
    return ("control" if axis == "melanin" else axis, *rest)
