"""What the robustness page measures on the test set, and for whom: an outcome, and what its lines stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.evaluation.cohorts import AGE, cohort_names
from dermaviz.evaluation.metrics import MELANOMA
from dermaviz.models.card import Card
from dermaviz.ui.evidence import Audited
from dermaviz.ui.groupings import FACETS, in_order, value_words
from dermaviz.ui.resources import Checkpoint
from dermaviz.ui.robustness.trials import MOST_COHORTS, Trial, decline, decline_by
from dermaviz.ui.wording import class_names

TOGETHER, BY_CLASS = "all photos together", "the true diagnosis"
METHODS = MappingProxyType({"fgsm": "FGSM", "pgd": "PGD, 20 steps", "uniform noise": "noise of the same size"})
"""Methods of the table ``attacks``, as lists and links call them."""
NOISE = "uniform noise"
STRONGEST_FIRST = ("pgd", "fgsm", NOISE)


@dataclass(frozen=True)
class Measure:
    """What is measured: a ``metric`` of ``robustness.outcomes.curves``, of one class or of all (""), and its name in words."""

    metric: str
    class_name: str
    label: str

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Its rows in a table of figures."""
        return table[(table["metric"] == self.metric) & (table["class"] == self.class_name)]


@dataclass(frozen=True)
class Ask:
    """What is asked: of these images this measure, a line for each group, beside another checkpoint if there is one."""

    images: Audited
    measure: Measure
    grouping: str
    other: Checkpoint | None

    @property
    def measured(self) -> str:
        """What the lines measure, in words."""
        return "sensitivity" if self.grouping == BY_CLASS else self.measure.label

    @property
    def constant(self) -> tuple[float, str] | None:
        """What always giving the commonest diagnosis of these images would get, and its name; None where it says nothing."""
        counts = self.images.table["dx"].value_counts()
        values = {"accuracy": counts.iloc[0] / counts.sum(), "balanced_accuracy": 1 / len(counts)}
        if self.grouping != TOGETHER or self.measure.metric not in values:
            return None
        return float(values[self.measure.metric]), f"always “{counts.index[0]}”"


Pick = Callable[[pd.DataFrame], pd.DataFrame]
"""Chooses, of a table of figures under all conditions, the rows of one line."""


def measures(card: Card) -> dict[str, Measure]:
    """What can be measured of a checkpoint's answers, by name; melanoma before the other diagnoses."""
    words = class_names(card)
    first = [name for name in card.classes if name == MELANOMA]
    rows = [
        Measure("accuracy", "", "accuracy"),
        Measure("balanced_accuracy", "", "balanced accuracy"),
        *(sensitivity(card, name) for name in (*first, *(name for name in words if name not in first))),
    ]
    return {row.label: row for row in rows}


def sensitivity(card: Card, class_name: str) -> Measure:
    """The sensitivity to one class."""
    return Measure("sensitivity", class_name, f"{class_names(card)[class_name]} sensitivity")


def groupings(audited: Audited) -> dict[str, str]:
    """What the photos can be told apart by, with its name: only what the data set's metadata has."""
    columns = {AGE: "age", **{name: label.lower() for name, label in FACETS.items()}}
    known = {name: label for name, label in columns.items() if name in audited.table}
    return {TOGETHER: TOGETHER, BY_CLASS: BY_CLASS} | known


def lines(images: Trial, ask: Ask, pick: Pick) -> dict[str, pd.DataFrame]:
    """For each group its rows of the measure; by diagnosis, the measure is each one's sensitivity."""
    card = images.audited.checkpoint.card
    if ask.grouping == BY_CLASS:
        table = decline(images)
        return {
            words: pick(sensitivity(card, name).rows(table))
            for name, words in class_names(card).items()
            if name in card.classes
        }
    if ask.grouping == TOGETHER:
        return {images.audited.checkpoint.name: pick(ask.measure.rows(decline(images)))}
    table = ask.measure.rows(decline_by(images, ask.grouping))
    return {value_words(name): pick(table[table["cohort"] == name]) for name in in_order(table["cohort"], ask.grouping)}


def first_size(conditions: pd.DataFrame, method: str) -> float | None:
    """The smallest ε of a method, where others were made at smaller ones: a line from clean to it would only join two points."""
    sizes = conditions.groupby("method")["epsilon"].min()
    return float(sizes[method]) if sizes[method] > sizes.min() else None


def group_masks(audited: Audited, grouping: str) -> dict[str, NDArray[np.bool_]]:
    """For each group which of the images are in it, bool ``[N]``."""
    if grouping == TOGETHER:
        return {audited.checkpoint.name: np.ones(len(audited), dtype=bool)}
    if grouping == BY_CLASS:
        words = class_names(audited.checkpoint.card)
        return {words[name]: (audited.table["dx"] == name).to_numpy() for name in audited.classes}
    names = pd.Series(cohort_names(audited.table, grouping, MOST_COHORTS))
    return {value_words(name): (names == name).to_numpy() for name in in_order(names[names != ""], grouping)}
