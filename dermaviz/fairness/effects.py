"""What a change of the image does to a classifier's output: paired effects with intervals, beside those of a control. And
shortcuts, things other than the lesion that it may rely on, laid over an image, or all that is left of it.

The same images are classified as they are and under each condition (a ruler laid over them, skin of another tone). Each
interval is that of the paired change: an image's own difficulty is in both and cancels out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.colour import decode_srgb
from dermaviz.errors import EvidenceError
from dermaviz.evidence.store import require_columns
from dermaviz.fairness.skin_tone import require_mask, skin_colour, widened
from dermaviz.images import RGB
from dermaviz.metrics.bootstrap import Bootstrap, Statistic, clusters, interval_table
from dermaviz.metrics.classification import MELANOMA, Labels, Values, Weights, balanced_accuracy, ratio
from dermaviz.synthetic import Layer, draw_layer, lay_over

CLEAN = "clean"
"""The condition of the images as they are, in the first column that names a condition."""


@dataclass(frozen=True, eq=False)
class Paired:
    """The output of a classifier for N images as they are and under K conditions.

    ``conditions`` has K rows. ``probabilities`` is ``[N, 1 + K, C]`` and each of ``measured`` ``[N, 1 + K]``, the images as they
    are first. ``labels`` are indices into ``classes``, −1 where the diagnosis is none of them.
    """

    classes: tuple[str, ...]
    cluster_ids: NDArray[Any]
    labels: Labels
    conditions: pd.DataFrame
    probabilities: NDArray[np.float64]
    measured: Mapping[str, NDArray[np.float64]]


def read_paired(
    table: pd.DataFrame,
    predictions: pd.DataFrame,
    classes: tuple[str, ...],
    by: Sequence[str],
    measured: Sequence[str] = (),
) -> Paired:
    """Join an evidence table with the clusters and diagnoses of its images.

    Args:
        table: ``image_id``, the columns of ``by`` that name a condition, ``p_<class>`` and those of ``measured``. Images that
            have only the clean row (no tone could be measured) are left out.
        predictions: ``image_id, lesion_id, dx``, and ``patient_id`` where known; images that are not in it are left out, so a
            cohort gives that cohort.

    Raises:
        EvidenceError: a column is missing, or an image lacks a condition or has one twice.
    """
    values = [*(f"p_{name}" for name in classes), *measured]
    require_columns(table, ("image_id", *by, *values))
    require_columns(predictions, ("image_id", "lesion_id", "dx"))
    clean = (table[by[0]] == CLEAN).to_numpy()
    known = predictions[predictions["image_id"].isin(set(table["image_id"][~clean]))]
    image = pd.Index(known["image_id"]).get_indexer(table["image_id"])
    groups = table[~clean].groupby(list(by), sort=False)
    condition = np.zeros(len(table), dtype=np.int64)
    condition[~clean] = 1 + groups.ngroup().to_numpy()
    filled = np.full((len(known), 1 + groups.ngroups, len(values)), np.nan)
    inside = image >= 0
    filled[image[inside], condition[inside]] = table.loc[inside, values].to_numpy(np.float64)
    probabilities = filled[..., : len(classes)]
    if not len(known) or inside.sum() != filled[..., 0].size or np.isnan(probabilities).any():
        raise EvidenceError(
            f"expected each of {len(known):,} images once as it is and once under each of {groups.ngroups} conditions, found "
            f"{int(inside.sum()):,} rows. Make the evidence again with `dermaviz audit`."
        )
    return Paired(
        classes,
        clusters(known),
        pd.Index(classes).get_indexer(known["dx"]).astype(np.int64),
        table.loc[~clean, list(by)].drop_duplicates(ignore_index=True),
        probabilities,
        {name: filled[..., len(classes) + i] for i, name in enumerate(measured)},
    )


def effects(
    paired: Paired,
    malignant: Collection[str],
    control_of: Callable[[tuple[Any, ...]], tuple[Any, ...]] = tuple,
    more: Mapping[str, Statistic] | None = None,
) -> pd.DataFrame:
    """What each condition does, on average over the images.

    Args:
        control_of: from the values that name a condition to those that name its control; itself where it has none.
        more: further metrics by name, each ``[K]``.

    Returns:
        The columns that name a condition; ``metric, value, low, high``; ``beyond, beyond_low, beyond_high``, the same minus the
        control's (NaN without a control); ``n_images, n_clusters``. Metrics: ``p_positive_change`` (of melanoma) and
        ``p_malignant_change`` (both of the mean probability), ``flips`` (share of images with another answer),
        ``flips_to_malignant``, ``flips_to_benign``, ``accuracy``, ``balanced_accuracy``, and the change of the two:
        ``accuracy_change``, ``balanced_accuracy_change``.
        What the classes do not define is left out.
    """
    drawn = Bootstrap.over(paired.cluster_ids)
    names = list(paired.conditions.itertuples(index=False, name=None))
    rows = {name: k for k, name in enumerate(names)}
    control = np.array([rows.get(tuple(control_of(name)), k) for k, name in enumerate(names)])
    has_control = control != np.arange(len(names))
    parts = []
    for metric, statistic in {**_metrics(paired, malignant), **(more or {})}.items():
        found = drawn.sample(statistic)
        if metric in _LEAST:
            found = found.among(drawn.counts["n_clusters"], _LEAST[metric])
        beyond = (found - found[control]).where(has_control)  # of the same draws: the interval of the paired difference
        parts.append(interval_table(paired.conditions.assign(metric=metric), value=found, beyond=beyond))
    return pd.concat(parts, ignore_index=True).assign(**drawn.counts)


_LEAST = {"flips": 0, "flips_to_malignant": 0, "flips_to_benign": 0, "accuracy": 0, "accuracy_change": -1}
"""The least that an image can add to metrics that are means of whole numbers up to 1."""


def _metrics(paired: Paired, malignant: Collection[str]) -> dict[str, Statistic]:
    p, classes, known = paired.probabilities, paired.classes, paired.labels >= 0
    called = p.argmax(axis=-1)
    bad = np.isin(classes, list(malignant))

    def balanced(weights: Weights) -> Values:
        each = (balanced_accuracy(paired.labels[known], said, weights[..., known]) for said in p[known].swapaxes(0, 1))
        return np.stack(list(each), axis=-1)

    metrics: dict[str, Statistic] = {}
    if MELANOMA in classes:
        metrics["p_positive_change"] = mean_of(change(p[..., classes.index(MELANOMA)]))
    if bad.any():
        metrics["p_malignant_change"] = mean_of(change(p[..., bad].sum(axis=-1)))
    metrics["flips"] = mean_of(called[:, 1:] != called[:, :1])
    if bad.any():
        moved = change(bad[called].astype(np.float64))
        metrics |= {"flips_to_malignant": mean_of(moved > 0), "flips_to_benign": mean_of(moved < 0)}
    right = (called == paired.labels[:, None]).astype(np.float64)
    return metrics | {
        "accuracy": mean_of(right[:, 1:]),
        "accuracy_change": mean_of(change(right)),
        "balanced_accuracy": lambda weights: balanced(weights)[..., 1:],
        "balanced_accuracy_change": lambda weights: change(balanced(weights)),
    }


def change(values: Values) -> Values:
    """Of values ``[..., 1 + K]``, by how much each of the last K is above the first: ``[..., K]``."""
    return values[..., 1:] - values[..., :1]


def mean_of(values: NDArray[Any]) -> Statistic:
    """The mean over images of ``values`` ``[N, K]``, without what is NaN."""
    defined = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.shape, dtype=bool)
    filled = np.where(defined, values, 0).astype(np.float64)
    return lambda weights: ratio(weights @ filled, weights @ defined)


SHORTCUTS: Mapping[str, str] = MappingProxyType(
    {"ruler": "ruler", "ink": "ink", "dark corner": "dark_corners", "hair": "hair", "colour patch": "colour_patch"}
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
    table: pd.DataFrame, predictions: pd.DataFrame, classes: tuple[str, ...], malignant: Collection[str]
) -> pd.DataFrame:
    """What each ``variant`` of the evidence table ``shortcuts`` does to the answers: see :func:`read_paired` and :func:`effects`.

    ``beyond`` is against the same places covered in skin colour.
    """
    paired = read_paired(table, predictions, classes, ["variant"])
    return effects(paired, malignant, _control_of)


def _control_of(condition: tuple[Any, ...]) -> tuple[Any, ...]:
    name = condition[0]
    return (name + IN_SKIN_COLOUR if name in SHORTCUTS else name,)


def _without_lesion(pixels: RGB, mask: NDArray[np.bool_], skin: NDArray[np.uint8]) -> RGB:
    gap = widened(mask)
    if gap.all():
        return np.broadcast_to(skin, pixels.shape).copy()
    radius = max(_INPAINT_RADIUS * min(mask.shape), 1)
    return np.asarray(cv2.inpaint(pixels, gap.astype(np.uint8), radius, cv2.INPAINT_TELEA), dtype=np.uint8)
