"""What the skin-tone page asks: by what the photos are told apart, how tone is estimated, and which diagnosis is looked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.errors import EvidenceError
from dermaviz.evaluation.cohorts import AGE, cohort_names
from dermaviz.evaluation.metrics import MELANOMA
from dermaviz.fairness.tone_groups import CUTS, ESTIMATORS, tone_groups
from dermaviz.models.card import Card
from dermaviz.ui.confusion.view import MALIGNANT
from dermaviz.ui.evidence import TONE, TONE_GROUP, Audited, has_table, table_of
from dermaviz.ui.groupings import in_order
from dermaviz.ui.wording import class_label

GROUPINGS = MappingProxyType({TONE_GROUP: "estimated skin tone", AGE: "age", "sex": "sex", "localization": "body site"})
"""Columns that photos are told apart by, with their names."""
MOST_GROUPS = 8
"""Of more groups, such as body sites, the largest are shown."""


@dataclass(frozen=True)
class ToneAsk:
    """What is asked: of these images, told apart by a column; tone by this estimator and these cuts; what is looked for.

    ``positive`` is a class or ``MALIGNANT``, ``threshold`` the probability in [0, 1] from which it is called.
    """

    images: Audited
    by: str
    estimator: str = "ita"
    cuts: tuple[float, ...] = CUTS
    positive: str = MELANOMA
    threshold: float = 0.5

    @property
    def key(self) -> str:
        """Tells these images, in these groups, under this question from all others."""
        parts = (self.images.key, self.by, self.estimator, self.cuts, self.positive, self.threshold)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    @property
    def card(self) -> Card:
        """The checkpoint's card."""
        return self.images.checkpoint.card


def groupings(audited: Audited) -> dict[str, str]:
    """What the photos can be told apart by, with its name: only what was measured or is in the metadata."""
    return {
        name: label
        for name, label in GROUPINGS.items()
        if (has_table(audited.checkpoint, TONE) if name == TONE_GROUP else name in audited.table)
    }


def positives(card: Card) -> dict[str, str]:
    """What can be looked for, with its name: all malignant diagnoses together, then each, melanoma first."""
    together = {MALIGNANT: "all malignant diagnoses"} if set(card.malignant) < set(card.classes) else {}
    first = [name for name in card.classes if name == MELANOMA]
    others = [name for name in card.classes if name != MELANOMA]
    return (
        {name: class_label(card, name) for name in first}
        | together
        | {name: class_label(card, name) for name in others}
    )


def wanted_classes(ask: ToneAsk) -> list[int]:
    """Indices of the classes that are looked for."""
    names = ask.card.malignant if ask.positive == MALIGNANT else (ask.positive,)
    return [ask.card.classes.index(name) for name in names]


def wanted(ask: ToneAsk) -> NDArray[np.bool_]:
    """Which images show what is looked for, bool ``[N]``."""
    return np.isin(ask.images.labels, wanted_classes(ask))


def one_each(audited: Audited, table: str) -> pd.DataFrame:
    """A table with one row per image, in the order of these images.

    Raises:
        EvidenceError: there is no such table, it is damaged or stale, or lacks some of the images.
    """
    found = table_of(audited.checkpoint, table).table.set_index("image_id")
    missing = int((~audited.table["image_id"].isin(found.index)).sum())
    if missing:
        raise EvidenceError(
            f"expected a row of the table {table} for each of {len(audited):,} images, found {missing:,} images without. "
            f"Make it on the same split: `dermaviz audit {audited.checkpoint.name} --data FOLDER --table {table}`."
        )
    return found.reindex(audited.table["image_id"]).reset_index()


def tones(audited: Audited) -> pd.DataFrame:
    """The estimates of tone of these images, in their order; NaN where an image is excluded."""
    return one_each(audited, TONE)


def ita_of(ask: ToneAsk) -> NDArray[np.float64]:
    """ITA of each image by the estimator chosen, degrees, ``[N]``; NaN where an image is excluded."""
    return tones(ask.images)[ask.estimator].to_numpy(np.float64)


def other_groups(ask: ToneAsk) -> dict[str, list[str]]:
    """By name, the tone group of each image ``[N]`` by the same estimator with the cuts moved, and by each other estimator."""
    from dermaviz.fairness.regrouping import tone_regroupings

    table = tones(ask.images)
    names = [ask.estimator, *(name for name in ESTIMATORS if name != ask.estimator)]
    return tone_regroupings({ESTIMATORS[name]: table[name].to_numpy(np.float64) for name in names}, ask.cuts)


def groups_of(ask: ToneAsk) -> list[str]:
    """The group of each image, ``[N]``; "" where it is unknown, or, of many values, none of the largest."""
    if ask.by == TONE_GROUP:
        return tone_groups(ita_of(ask), ask.cuts)
    return cohort_names(ask.images.table, ask.by, MOST_GROUPS)


def names_of(ask: ToneAsk, groups: Iterable[str]) -> list[str]:
    """The known groups among these, each once, in the order in which charts show them."""
    return in_order([name for name in groups if name], ask.by)
