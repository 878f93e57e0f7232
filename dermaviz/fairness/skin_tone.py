"""The skin tone that an image shows round its lesion, as individual typology angle (ITA), by three estimators; and the plain
skin of a picture, without lesion, hair, ink, glare, dark corners and border.

Estimates depend on the lamp as much as on the skin (docs/skin-tone.md has measurements). They are no property of a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import nan
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from dermaviz.colour import LINEAR, ita_of_lab, lab_of_linear
from dermaviz.data.masks import find_lesion
from dermaviz.errors import FairnessError
from dermaviz.images import RGB
from dermaviz.synthetic.optics import linear_rgb, melanin_for_ita, reflectance

Values = NDArray[np.float64]

MAX_SIDE = 480
"""Larger images are reduced to this shorter side: tone needs no detail."""
LEAST_PIXELS, LEAST_SHARE = 200, 0.02
LITTLE_SHARE = 0.10
UNEVEN = 12.0
WIDE = 30.0
CLIPPED = 0.05
_CLUSTERS, _CLUSTER_SAMPLE, _ROUNDS = 5, 2048, 8
_MINKOWSKI = 6

NOT_SKIN = "b* ≤ 0"
FLAGS: Mapping[str, str] = MappingProxyType(
    {
        NOT_SKIN: "the skin looks bluer than grey, which is the lamp's colour, not skin's",
        "little skin": f"less than {LITTLE_SHARE:.0%} of the picture is usable skin",
        "uneven light": f"light on the skin falls by more than {UNEVEN:g} L* across the picture",
        "wide spread": f"the middle half of the skin's pixels spans more than {WIDE:g}° of ITA",
        "clipped": f"in more than {CLIPPED:.0%} of the skin a channel is at its limit, so its true value is not known",
    }
)
"""Doubts about an estimate, each with its meaning."""


@dataclass(frozen=True)
class Tone:
    """The tone of the skin round a lesion.

    Args:
        ita: median over the skin's pixels, degrees; NaN where the photo is excluded, as are the other angles.
        ita_clusters: ITA of the dominant colour round the picture's middle, found without a mask.
        ita_constancy: ``ita`` after the picture's cast is taken for its lamp's and removed.
        spread: interquartile range of the pixels' ITA, degrees. b: their median b*.
        skin_share: share of the picture that is usable skin, 0 to 1.
        flags: names in ``FLAGS``. excluded: "" or why there is no estimate.
    """

    ita: float
    ita_clusters: float
    ita_constancy: float
    spread: float
    b: float
    skin_share: float
    flags: tuple[str, ...] = ()
    excluded: str = ""


def measure_tone(pixels: RGB, mask: NDArray[np.bool_] | None = None) -> Tone:
    """Estimate the skin tone round a lesion.

    sRGB → linear → XYZ (D65) → L*a*b*; ITA = atan2(L* − 50, b*) of each pixel of skin, and the median of those.

    Args:
        pixels: uint8 ``[H, W, 3]``, sRGB.
        mask: bool ``[H, W]``, True on the lesion; None finds the lesion (:func:`~dermaviz.data.masks.find_lesion`).

    Raises:
        FairnessError: the picture or the mask is of another kind or size.
    """
    require_mask(pixels, np.zeros(pixels.shape[:2], dtype=bool) if mask is None else mask)
    pixels, mask = _reduced(pixels, mask)
    skin = find_skin(pixels, find_lesion(pixels) if mask is None else mask)
    count, share = int(skin.sum()), float(skin.mean())
    if count < LEAST_PIXELS or share < LEAST_SHARE:
        return _excluded(f"too little skin: {share:.1%} of the picture, {count:,} pixels", "little skin", share)
    places = np.argwhere(skin)[:: -(-count // _SAMPLE)]
    colours = pixels[tuple(places.T)]
    lab = lab_of_linear(LINEAR[colours])
    lightness, _, b = (float(value) for value in np.median(lab, axis=0))
    if b <= 0 and lightness <= 50:
        reason = f"off the scale: dim (L* {lightness:.0f}) and bluer than grey (b* {b:.0f})"
        return _excluded(reason, NOT_SKIN, share, b)
    angles = _angles(lab)
    low, high = np.percentile(angles, (25, 75))
    return Tone(
        ita=float(np.median(angles)),
        ita_clusters=_ita_of_dominant_colour(pixels),
        ita_constancy=float(np.median(_angles(lab_of_linear(np.minimum(LINEAR[colours] * _lamp_gain(pixels), 1))))),
        spread=float(high - low),
        b=b,
        skin_share=share,
        flags=_doubts(colours, lab, places / max(pixels.shape[:2]), float(high - low), share),
    )


def _doubts(colours: RGB, lab: Values, places: Values, spread: float, share: float) -> tuple[str, ...]:
    """Names of the flags that skin of these colours ``[P, 3]`` at these places ``[P, 2]`` deserves."""
    doubts = {
        NOT_SKIN: np.median(lab[:, 2]) <= 0,
        "little skin": share < LITTLE_SHARE,
        "uneven light": _fall_of_light(lab[:, 0], places) > UNEVEN,
        "wide spread": spread > WIDE,
        "clipped": (colours == 255).any(axis=1).mean() > CLIPPED,
    }
    return tuple(name for name, found in doubts.items() if found)


def _excluded(reason: str, flag: str, share: float, b: float = nan) -> Tone:
    return Tone(nan, nan, nan, nan, b, share, (flag,), reason)


def _reduced(pixels: RGB, mask: NDArray[np.bool_] | None) -> tuple[RGB, NDArray[np.bool_] | None]:
    height, width = pixels.shape[:2]
    scale = MAX_SIDE / min(height, width)
    if scale >= 1:
        return pixels, mask
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    if mask is not None:
        mask = np.asarray(cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)) > 127
    return small, mask


def _angles(lab: Values) -> Values:
    """ITA of each colour ``[P, 3]``, counted on from that of the median colour, so that none jumps at ±180°."""
    centre = ita_of_lab(np.median(lab, axis=0))
    return np.asarray(centre + (ita_of_lab(lab) - centre + 180) % 360 - 180)


def _fall_of_light(lightness: Values, places: Values) -> float:
    """How much L* falls across the longer side of the picture: the steepness of the plane fitted to it."""
    away = places - places.mean(axis=0)
    slope, *_ = np.linalg.lstsq(away, lightness - lightness.mean(), rcond=None)
    return float(np.hypot(*slope))


def _ita_of_dominant_colour(pixels: RGB) -> float:
    """ITA of the colour that most of the picture's outer part has, of five found by k-means in L*a*b*.

    The outer part is what lies nearer to the border than to the middle and is no dark corner. Deterministic: the first
    centres are the picture's own colours at even ranks of L*.
    """
    height, width = pixels.shape[:2]
    stride = max(1, int(np.sqrt(height * width / _CLUSTER_SAMPLE)))
    lab = lab_of_linear(LINEAR[pixels[::stride, ::stride]])
    y, x = (np.abs(np.linspace(-1, 1, n)) for n in lab.shape[:2])
    skin_like = ((np.maximum(y[:, None], x) > 0.5) & (lab[..., 0] >= darkest_skin(lab[..., 0]))).ravel()
    colours = lab.reshape(-1, 3)
    ranks = np.argsort(colours[:, 0], kind="stable")
    centres = colours[ranks[np.linspace(0, len(ranks) - 1, 2 * _CLUSTERS + 1).astype(int)[1::2]]]
    for _ in range(_ROUNDS):
        # The square of the colour itself is the same for every centre, so it is left out of the distance.
        nearest = ((centres**2).sum(axis=1) - 2 * colours @ centres.T).argmin(axis=1)
        counts = np.bincount(nearest, minlength=_CLUSTERS)
        sums = np.stack([np.bincount(nearest, weights=c, minlength=_CLUSTERS) for c in colours.T], axis=1)
        centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
    skin = np.bincount(nearest[skin_like], minlength=_CLUSTERS).argmax()
    return float(ita_of_lab(centres[skin]))


def _lamp_gain(pixels: RGB) -> Values:
    """Gains on linear red, green and blue that give the picture the cast of light skin in daylight, its luminance kept.

    Shades of grey (Finlayson and Trezzi, Color Imaging Conference 2004; p = 6, as Barata et al., IEEE J. Biomed. Health
    Inform. 19:1146, 2015, use it on dermoscopy) with skin in the place of grey: these pictures are nearly all skin, and
    to hold their mean for grey makes every skin grey.
    """
    counts = np.stack([np.bincount(pixels[..., c].ravel(), minlength=256) for c in range(3)])
    cast = (counts @ LINEAR**_MINKOWSKI / counts[0].sum()) ** (1 / _MINKOWSKI)
    gain = skin_light(41.0, 0.017) / np.maximum(
        cast, 1e-4
    )  # at the cut between light and intermediate, with usual blood
    return np.asarray(gain * (cast @ _LUMINANCE) / (cast * gain @ _LUMINANCE))


_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


@lru_cache(maxsize=1024)
def skin_light(ita: float, blood: float) -> Values:
    """Linear red, green and blue of skin of this ITA in daylight, ``[3]``, by the drawings' optics."""
    return linear_rgb(reflectance(melanin_for_ita(ita, blood), blood))


Mask = NDArray[np.bool_]

GAP = 0.03
"""Share of the picture's shorter side from which on, away from the mask, all is taken for skin: masks are not exact."""


def margin(mask: Mask) -> int:
    """``GAP`` in pixels of a mask ``[H, W]``, at least one."""
    return max(round(GAP * min(mask.shape)), 1)


def widened(mask: Mask) -> Mask:
    """The lesion with its margin, bool ``[H, W]``; what lies outside is skin."""
    return np.asarray(binary_dilation(mask, iterations=margin(mask)))


def skin_colour(pixels: RGB, mask: Mask) -> NDArray[np.uint8]:
    """The median colour of a photo's plain skin, uint8 ``[3]``; where there is none, of all outside the lesion, or of all."""
    places = (find_skin(pixels, mask), ~mask, np.ones_like(mask))
    return np.median(pixels[next(place for place in places if place.any())], axis=0).astype(np.uint8)


def require_mask(pixels: RGB, mask: Mask) -> None:
    """Go on only with a mask bool ``[H, W]`` of a picture uint8 ``[H, W, 3]``; else a FairnessError."""
    if pixels.dtype != np.uint8 or pixels.shape != (*mask.shape, 3) or mask.dtype != np.bool_:
        raise FairnessError(
            f"expected a picture uint8 [H, W, 3] with its mask bool [H, W], found {pixels.dtype} {list(pixels.shape)} and "
            f"{mask.dtype} {list(mask.shape)}. Bring the mask to the picture's size."
        )


LESION_GAP = 0.05
"""Skin begins this share of the shorter side away from the lesion: masks are drawn by hand and borders fade."""
BORDER = 0.03
"""Share of each side left out: frames, and light that falls off."""
DARK_CORNER = 0.4
"""Part of the corner is the instrument's, not skin, where it has less than this share of the usual luminance."""
HAIR_WIDTH = 0.06
"""The widest hair or ruler mark removed, as a share of the shorter side."""
HAIR_CONTRAST = 6.0
"""How much darker or lighter than its surroundings a hair is, in L*."""
CHROMA_GATE, LIGHT_GATE = 14.0, 16.0
"""Skin lies this near to its median in (a*, b*) and in L*, or within ``SPREADS`` of its own robust spread if larger."""
SPREADS = 3.5
_SAMPLE = 4096


def find_skin(pixels: RGB, lesion: Mask) -> Mask:
    """The plain skin round a ``lesion`` bool ``[H, W]`` of a picture, bool ``[H, W]``; nowhere True where none is left."""
    lab = np.asarray(cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), dtype=np.float32)
    candidates = outside(lesion) & ~dark_corners(lab[..., 0]) & ~hair(lab[..., 0])
    return near_the_usual(lab, candidates)


def outside(lesion: Mask) -> Mask:
    """What is neither the lesion, widened by ``LESION_GAP``, nor the picture's border."""
    side = min(lesion.shape)
    result = ~_widened(lesion, round(LESION_GAP * side))
    rim = max(1, round(BORDER * side))
    result[:rim] = result[-rim:] = result[:, :rim] = result[:, -rim:] = False
    return result


def dark_corners(lightness: NDArray[np.float32]) -> Mask:
    """The dark surroundings of the round field of view: much darker than the picture's usual, and joined to a corner."""
    height, width = lightness.shape
    _, parts = cv2.connectedComponents((lightness < darkest_skin(lightness)).astype(np.uint8))
    at_corners = parts[[0, 0, height - 1, height - 1], [0, width - 1, 0, width - 1]]
    corners = np.isin(parts, at_corners[at_corners > 0])
    return _widened(corners, round(LESION_GAP * min(height, width))) if corners.any() else corners


def darkest_skin(lightness: NDArray[np.floating]) -> float:
    """The L* at which luminance is ``DARK_CORNER`` of that of the picture's median L*."""
    return float((np.median(lightness[::2, ::2]) + 16) * np.cbrt(DARK_CORNER) - 16)


def hair(lightness: NDArray[np.float32]) -> Mask:
    """Thin things, dark or light: hairs, the marks of a ruler, specks of glare (black-hat and white-hat transforms).

    After DullRazor (Lee et al., Comput. Biol. Med. 27:533, 1997), with a disc for its bars.
    """
    width = max(3, round(HAIR_WIDTH * min(lightness.shape)) | 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    hats = (cv2.morphologyEx(lightness, operation, disc) for operation in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT))
    dark, light = (hat > HAIR_CONTRAST for hat in hats)
    return _widened(dark | light, 1)


def near_the_usual(lab: NDArray[np.float32], candidates: Mask) -> Mask:
    """Those of the candidates whose colour is near their median: without ink, colour patches, crusts and glare."""
    colours = lab[candidates]
    if not len(colours):
        return candidates
    some = colours[:: -(-len(colours) // _SAMPLE)]
    usual = np.median(some, axis=0)
    spread = 1.4826 * np.median(np.abs(some - usual), axis=0)
    gates = np.maximum((LIGHT_GATE, CHROMA_GATE, CHROMA_GATE), SPREADS * spread).astype(np.float32)
    result = candidates.copy()
    result[candidates] = (((colours - usual) / gates) ** 2).sum(axis=1) < 1
    return result


def _widened(mask: Mask, pixels: int) -> Mask:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc), dtype=bool)
