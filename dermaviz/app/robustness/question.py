"""Robustness, the test set: what is measured, for whom and beside which other model; answers and figures from evidence."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.cache import remembered
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.evidence import table_of
from dermaviz.app.robustness.live_text import levels_words
from dermaviz.app.text import FACETS, class_names, figure, images, images_of_lesions, in_order, value_words
from dermaviz.evidence.predictions import Audited
from dermaviz.evidence.store import Evidence
from dermaviz.metrics.classification import MELANOMA
from dermaviz.metrics.confusion import AGE, cohort_names
from dermaviz.models.card import Card
from dermaviz.plots.robustness import DEFAULT_SIZE, epsilon_in_words
from dermaviz.plots.theme import percent, signed
from dermaviz.robustness.attacks import ATTACKS as ATTACK_ROWS
from dermaviz.robustness.outcomes import (
    BY_ATTACK,
    BY_CORRUPTION,
    Answers,
    cohort_curves,
    curves,
    paired_curves,
    read_answers,
)

ATTACKS = "attacks"
FLIPS = "flips"
CORRUPTED = "corruptions"
"""Tables of evidence."""
_BY = MappingProxyType({ATTACKS: BY_ATTACK, CORRUPTED: BY_CORRUPTION})
MOST_COHORTS = 5
"""Lines that a chart can hold; of more cohorts, the largest are shown."""
TOGETHER = "all photos together"
BY_CLASS = "the true diagnosis"
METHODS = MappingProxyType({name: row.evidence for name, row in ATTACK_ROWS.items() if row.evidence})
"""Methods of the table ``attacks``, as lists and links call them."""
NOISE = "uniform noise"
STRONGEST_FIRST = sorted(
    METHODS, key=lambda name: (not ATTACK_ROWS[name].control, ATTACK_ROWS[name].passes), reverse=True
)
"""Attacks of many passes, quick attacks, noise."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What a checkpoint called N images under each condition of a table; ``key`` tells these images and answers from others."""

    key: str
    audited: Audited
    answers: Answers


def trial(audited: Audited, table: str) -> Trial:
    """The answers on these images under attacks or corruptions.

    Raises:
        EvidenceError: there is no such table, it is damaged or stale, or it is of other images.
    """
    evidence = table_of(audited.checkpoint, table)
    key = hashlib.sha256(f"{audited.key} {evidence.manifest.sha256}".encode()).hexdigest()
    return Trial(key, audited, _answers(key, table, audited, evidence))


@st.cache_resource(max_entries=16, show_spinner=False)
def _answers(key: str, table: str, _audited: Audited, _evidence: Evidence) -> Answers:
    return read_answers(_evidence.table, _audited, _BY[table])


@remembered(max_entries=64)
def decline(images: Trial) -> pd.DataFrame:
    """Every figure under every condition, with its drop: see ``robustness.outcomes.curves``."""
    return curves(images.answers)


@remembered(max_entries=64)
def decline_by(images: Trial, column: str) -> pd.DataFrame:
    """:func:`decline` of the largest cohorts of a column of metadata, with a column ``cohort``."""
    return cohort_curves(images.answers, cohort_names(images.audited.table, column, MOST_COHORTS))


@remembered(max_entries=32)
def paired(first: Trial, second: Trial) -> pd.DataFrame:
    """Every figure of two checkpoints on the same images: see ``robustness.outcomes.paired_curves``."""
    return paired_curves(first.answers, second.answers)


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


def choose_measure(card: Card) -> Measure:
    """Ask what is measured."""
    offered = measures(card)
    name = st.selectbox(
        "What is measured", offered, key="measure", bind="query-params",
        help="Accuracy counts every photo alike, and two of three are nevi. Balanced accuracy is the mean of all "
        "sensitivities, so that a rare diagnosis counts as much as a frequent one. A sensitivity is the share of one "
        "diagnosis's photos that are called it.",
    )  # fmt: skip
    return offered[name]


def choose_grouping(audited: Audited) -> str:
    """Ask what the lines stand for."""
    offered = groupings(audited)
    return st.selectbox(
        "A line for each", offered, format_func=offered.__getitem__, key="grouping", bind="query-params",
        help=f"Of more groups than {MOST_COHORTS}, the largest are shown; a group with too few photos gets no figure.",
    )  # fmt: skip


def choose_method(key: str, methods: Iterable[str]) -> str:
    """Ask for one of these methods of the table ``attacks``."""
    found = set(methods)
    offered = [name for name in METHODS if name in found]
    strongest = next(name for name in STRONGEST_FIRST if name in found)
    return st.selectbox(
        "Attack", offered, index=offered.index(strongest), format_func=METHODS.__getitem__, key=key,
        bind="query-params",
        help="FGSM takes one step along the sign of the gradient, PGD twenty small ones: at every ε PGD fools at least the "
        "photos that FGSM fools. Noise moves each value at random by up to the same ε.",
    )  # fmt: skip


def choose_size(sizes: Iterable[float], default: float, key: str) -> float:
    """Ask at which ε of ``sizes`` above 0 the figures are read off; first the one nearest to ``default``."""
    offered = sorted({float(size) for size in sizes if size > 0})
    first = min(offered, key=lambda size: abs(size - default))
    return st.select_slider(
        "Read off at ε", offered, first, epsilon_in_words, key=key, bind="query-params",
        help=f"In grey levels of 255. {epsilon_in_words(DEFAULT_SIZE)} is the ε of Gupta et al., 0.765 of a grey level.",
    )  # fmt: skip


TOO_FEW = "too few photos to say"


def decline_sentence(measure: str, clean: pd.Series, after: pd.Series, under: str) -> str:
    """A figure on the clean images and under something, its drop, and n, as Markdown."""
    if math.isnan(after["value"]):
        return f"{capitalised(measure)} {under}: {TOO_FEW} (n = {images(int(after['n_images']))})."
    return (
        f"{capitalised(measure)} is **{share_of(clean)}** on the photos as they are and **{share_of(after)}** {under}: a "
        f"change of **{points(after, 'drop', turned=True)}**. n = {counted(after)}."
    )


def extremes_sentence(measure: str, rows: Mapping[str, pd.Series], under: str) -> str:
    """Which group loses most and which least."""
    known = {name: row for name, row in rows.items() if not math.isnan(row["drop"])}
    left_out = [name for name in rows if name not in known]
    ending = f" Left out: {', '.join(left_out)} ({TOO_FEW})." if left_out else ""
    if not known:
        return f"There are {TOO_FEW.replace(' to say', '')} in every group."
    order = sorted(known, key=lambda name: known[name]["drop"], reverse=True)
    parts = [
        f"{word} for **{name}**, by {points(known[name], 'drop', turned=True)} (n = {images(int(known[name]['n_images']))})"
        for word, name in (("most", order[0]), ("least", order[-1]))
    ]
    said = " and ".join(parts if len(order) > 1 else parts[:1])
    return f"{capitalised(under)}, {measure} changes {said}.{ending}"


def epsilon_words(epsilon: float) -> str:
    """An ε as sentences write it."""
    written = f"ε = {epsilon_in_words(epsilon)}"
    return f"{written} ({levels_words(epsilon)})" if math.isclose(epsilon, DEFAULT_SIZE) else written


def join_sentence(method: str, first: float | None) -> str:
    """That a line's first stretch joins two points between which nothing was measured; nothing where that is not so."""
    if first is None:
        return ""
    return f"{method} was made from ε = {epsilon_in_words(first)} on; before that, its line only joins two points. "


def points(row: Mapping[str, Any] | pd.Series, name: str, *, turned: bool = False) -> str:
    """A difference in percentage points with its interval; ``turned``, a drop is written as a change."""
    value, low, high = (100 * float(row[column]) for column in (name, f"{name}_low", f"{name}_high"))
    if turned:
        value, low, high = -value, -high, -low
    said = f"{signed(value, 1)} point{'' if abs(round(value, 1)) == 1 else 's'}"
    if math.isnan(low) or math.isnan(high):
        return said
    return f"{said} (95% interval {signed(low, 1)} to {signed(high, 1)})"


def counted(row: pd.Series) -> str:
    """How many images of how many lesions a figure is of."""
    return images_of_lesions(int(row["n_images"]), int(row["n_lesions"]))


def capitalised(words: str) -> str:
    return words[:1].upper() + words[1:]


def share_of(row: pd.Series) -> str:
    return figure(row, write=percent)


def row_at(table: pd.DataFrame, size: str, at: float) -> pd.Series:
    """The row of a size, or of the one nearest to it."""
    return table.loc[(table[size] - at).abs().idxmin()]


def joined_lines(drawn: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of all lines, named."""
    return pd.concat([rows.assign(line=name) for name, rows in drawn.items()], ignore_index=True)


def zero_gradients(images: Trial) -> int:
    """How many of the images gave the attacks no gradient to follow."""
    table = table_of(images.audited.checkpoint, ATTACKS).table
    mine = table[table["zero_gradient"] & table["image_id"].isin(images.audited.table["image_id"])]
    return int(mine["image_id"].nunique())


def gradient_sentence(zero: int, n: int) -> str:
    """How many images gave the attacks nothing to follow."""
    if not zero:
        return f"Every one of the {images(n)} has a gradient that the attacks could follow."
    return (
        f"**{zero:,} of {images(n)}** ({zero / n:.1%}) have no gradient that an attack could follow: that they withstood shows "
        "no robustness."
    )
