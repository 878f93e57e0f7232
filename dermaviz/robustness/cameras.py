"""Robustness: would the same lesion get the same answer from another camera? Changes of a whole photograph before it is
prepared: its sharpness, how large the lesion is in the frame, the crop, its colour, and JPEG."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from PIL import Image

from dermaviz.errors import EvidenceError
from dermaviz.images import RGB, reduce_to
from dermaviz.metrics.bootstrap import Bootstrap, interval_table
from dermaviz.robustness.corruptions import through_jpeg

AS_IT_IS = "none"
KEPT = 0.85
"""Share of each side that a crop into a corner keeps."""
_CORNERS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
"""From the top left: shares of what is cut off that lie above and to the left."""


@dataclass(frozen=True)
class Change:
    """A way in which another camera, or another hand, would have taken the same lesion.

    ``make`` gives the photograph, uint8 ``[H, W, 3]``, at a level; None where it cannot be made of this one. ``words`` says
    a level in a few words.
    """

    label: str
    levels: tuple[float, ...]
    make: Callable[[RGB, float], RGB | None]
    words: Callable[[float], str]


def _sharpness(pixels: RGB, side: float) -> RGB | None:
    return reduce_to(pixels, int(side), "bicubic") if min(pixels.shape[:2]) >= side else None


def _scale(pixels: RGB, zoom: float) -> RGB:
    """Nearer (the middle alone), or farther away, with the surroundings mirrored at the photograph's edge."""
    height, width = pixels.shape[:2]
    rows, columns = round(height / zoom), round(width / zoom)
    if zoom < 1:
        above, left = (rows - height) // 2, (columns - width) // 2
        around = ((above, rows - height - above), (left, columns - width - left), (0, 0))
        return np.asarray(np.pad(pixels, around, mode="reflect"))
    above, left = (height - rows) // 2, (width - columns) // 2
    return pixels[above : above + rows, left : left + columns]


def _crop(pixels: RGB, corner: float) -> RGB:
    down, across = _CORNERS[int(corner) - 1]
    height, width = pixels.shape[:2]
    rows, columns = round(height * KEPT), round(width * KEPT)
    above, left = round((height - rows) * down), round((width - columns) * across)
    return pixels[above : above + rows, left : left + columns]


def _grey(pixels: RGB, share: float) -> RGB:
    grey = np.asarray(Image.fromarray(pixels).convert("L").convert("RGB"), dtype=np.float32)
    return np.rint(grey * share + pixels * (1 - share)).astype(np.uint8)


CHANGES: Mapping[str, Change] = MappingProxyType(
    {
        "sharpness": Change("Sharpness", (64, 100, 150, 225, 300, 450, 600), _sharpness, lambda at: f"{at:g} px"),
        "scale": Change("Lesion's size", (0.5, 0.7, 1.4, 2), _scale, lambda at: f"{at:g} ×"),
        "crop": Change("Crop", (1, 2, 3, 4), _crop, lambda at: f"corner {at:g}"),
        "grey": Change("Colour lost", (0.5, 1), _grey, lambda at: f"{at:.0%}"),
        "jpeg": Change("JPEG quality", (90, 70, 50, 30, 10), through_jpeg, lambda at: f"{at:g}"),
    }
)
"""Every change by the name it has in the table ``cameras``."""


def variants(pixels: RGB) -> Iterator[tuple[str, float, RGB]]:
    """A photograph as it is, then under every change that can be made of it: the change's name, its level, the pixels."""
    yield AS_IT_IS, 0.0, pixels
    for name, change in CHANGES.items():
        for level in change.levels:
            made = change.make(pixels, level)
            if made is not None:
                yield name, level, made


def changed_answers(table: pd.DataFrame, cluster_of: Mapping[str, str]) -> pd.DataFrame:
    """How many answers another camera would change, from the table ``cameras``.

    Args:
        table: rows ``image_id, change, level, predicted, p_malignant``.
        cluster_of: what each image is drawn together with (``Audited.clusters``).

    Returns:
        A row per change and level: ``changed`` (the share of images with another diagnosis than as they are), ``moved`` (the
        mean change of the probability of malignant, either way), each with its 95% interval over clusters, ``n_images`` and
        ``n_clusters``. The last row of sharpness, ``level`` 0, is over all levels from 150 px on: any of them differs.

    Raises:
        EvidenceError: there are no images as they are.
    """
    clean = table[table["change"] == AS_IT_IS].set_index("image_id")
    if clean.empty:
        raise EvidenceError("expected each image as it is in the table cameras, found none. Make the evidence again.")
    order = clean.index[clean.index.isin(list(cluster_of))]
    table, place = table[table["image_id"].isin(order)], pd.Series(np.arange(len(order)), index=order)
    whole = Bootstrap.over([cluster_of[image_id] for image_id in order])

    def row(change: str, level: float, image_ids: pd.Index, changed: pd.Series, moved: pd.Series) -> pd.DataFrame:
        images = whole.take(place[image_ids].to_numpy())
        names = {"change": [change], "level": [level], **{key: [count] for key, count in images.counts.items()}}
        moved_by = images.mean(moved.to_numpy()[:, None])
        return interval_table(names, changed=images.mean(changed.to_numpy(bool)[:, None]), moved=moved_by)

    rows = []
    for (change, level), part in table[table["change"] != AS_IT_IS].groupby(["change", "level"], sort=False):
        after = part.set_index("image_id")
        before = clean.loc[after.index]
        moved = (after["p_malignant"] - before["p_malignant"]).abs()
        rows.append(row(str(change), float(level), after.index, after["predicted"] != before["predicted"], moved))
    sharp = table[(table["change"] == "sharpness") & (table["level"] >= 150)]
    if len(sharp):
        each = sharp.groupby("image_id", sort=False)
        several = each["predicted"].nunique() > 1
        rows.append(
            row("sharpness", 0.0, several.index, several, each["p_malignant"].max() - each["p_malignant"].min())
        )
    return pd.concat(rows, ignore_index=True)
