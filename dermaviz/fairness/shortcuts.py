"""Shortcuts: things other than the lesion that a classifier may rely on, laid over an image, or all that is left of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.colour import decode_srgb
from dermaviz.fairness.effects import effects, read_paired
from dermaviz.fairness.skin_pixels import require_mask, skin_colour, widened
from dermaviz.images import RGB
from dermaviz.metrics.bootstrap import DRAWS
from dermaviz.metrics.classification import MELANOMA
from dermaviz.synthetic import Layer, draw_layer, lay_over

SHORTCUTS: Mapping[str, str] = MappingProxyType(
    {
        "ruler": "ruler",
        "ink": "ink",
        "dark corner": "dark_corners",
        "hair": "hair",
        "colour patch": "colour_patch",
    }
)
"""What is laid over an image: its name in evidence, to that of the drawn lesions' artefact."""
IN_SKIN_COLOUR = " in skin colour"
"""Ends the name of a shortcut's control: the same places covered by the colour of the image's own skin."""
CONTROLS = tuple(name + IN_SKIN_COLOUR for name in SHORTCUTS)
LESION_ONLY, BACKGROUND_ONLY = "lesion only", "background only"
VARIANTS = (*SHORTCUTS, *CONTROLS, LESION_ONLY, BACKGROUND_ONLY)
_INPAINT_RADIUS = 0.02
"""Share of the shorter side that is looked at round a gap to fill it."""


def shortcut_variants(pixels: RGB, mask: NDArray[np.bool_], seed: int) -> dict[str, RGB]:
    """An image in all ``VARIANTS``; the same seed gives the same pictures.

    - Each shortcut is a layer of the drawn lesions' own artefact; its control is the same layer in the skin's median colour.
    - In ``lesion only`` all outside the mask has the skin's median colour.
    - In ``background only`` the lesion, with a margin of 3% of the side, is filled in from its surroundings (A. Telea, J.
      Graphics Tools 9:23, 2004); where it leaves none, all has the median colour.

    Args:
        pixels: uint8 ``[H, W, 3]`` sRGB, as the model sees it: an artefact at the edge of a wider photo would be cut away.
        mask: the lesion, bool ``[H, W]``.
        seed: fixes what is random, a whole number of at least 0.

    Returns:
        Name → uint8 ``[H, W, 3]``, in the order of ``VARIANTS``.

    Raises:
        FairnessError: the mask is not the picture's.
    """
    require_mask(pixels, mask)
    skin = skin_colour(pixels, mask)
    height, width = mask.shape
    layers = {name: draw_layer(artefact, height, width, seed) for name, artefact in SHORTCUTS.items()}
    variants = {name: lay_over(pixels, layer) for name, layer in layers.items()}
    for name, layer in layers.items():
        plain = np.broadcast_to(decode_srgb(skin / 255).astype(np.float32), layer.colour.shape)
        variants[name + IN_SKIN_COLOUR] = lay_over(pixels, Layer(plain, layer.opacity))
    variants[LESION_ONLY] = np.where(mask[..., None], pixels, skin)
    variants[BACKGROUND_ONLY] = _without_lesion(pixels, mask, skin)
    return variants


def shortcut_effects(
    table: pd.DataFrame,
    predictions: pd.DataFrame,
    classes: tuple[str, ...],
    malignant: Collection[str],
    positive: str = MELANOMA,
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """What each variant does to the answers, from the evidence table ``shortcuts``.

    Args:
        table: ``image_id, variant`` (``clean`` and those in ``VARIANTS``) and ``p_<class>``.
        predictions: ``image_id, lesion_id, dx``, and ``patient_id`` where known, of the images to count.

    Returns:
        ``variant, metric, value, low, high, beyond, beyond_low, beyond_high, n_images, n_clusters``, see
        :func:`~dermaviz.fairness.effects.effects`; ``beyond`` is against the same places covered in skin colour.

    Raises:
        EvidenceError: a column is missing, or an image lacks a variant or has one twice.
    """
    paired = read_paired(table, predictions, classes, ["variant"])
    return effects(paired, malignant, _control_of, positive, draws=draws, seed=seed)


def _control_of(condition: tuple[Any, ...]) -> tuple[Any, ...]:
    name = condition[0]
    return (name + IN_SKIN_COLOUR if name in SHORTCUTS else name,)


def _without_lesion(pixels: RGB, mask: NDArray[np.bool_], skin: NDArray[np.uint8]) -> RGB:
    gap = widened(mask)
    if gap.all():
        return np.broadcast_to(skin, pixels.shape).copy()
    radius = max(_INPAINT_RADIUS * min(mask.shape), 1)
    return np.asarray(cv2.inpaint(pixels, gap.astype(np.uint8), radius, cv2.INPAINT_TELEA), dtype=np.uint8)
