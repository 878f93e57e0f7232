"""Robustness, the test set: what is measured, for whom and beside which other model; figures from evidence."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.checkpoints import Checkpoint, audited, has_table, other_checkpoints, table_of
from dermaviz.app.link import choose
from dermaviz.app.sessions import remembered
from dermaviz.app.text import FACETS, escaped, images, in_order, in_points, share, value_words
from dermaviz.evidence.predictions import Audited, counted, same_images
from dermaviz.evidence.store import Evidence
from dermaviz.metrics.classification import MELANOMA
from dermaviz.metrics.confusion import AGE, cohort_names
from dermaviz.models.card import Card
from dermaviz.plots.robustness import DEFAULT_SIZE, epsilon_in_words
from dermaviz.plots.theme import percent, points
from dermaviz.robustness.attacks import ATTACKS as ATTACK_ROWS
from dermaviz.robustness.outcomes import (
    ANSWERED,
    BY_ATTACK,
    BY_CORRUPTION,
    Answers,
    cohort_curves,
    curves,
    paired_curves,
    read_answers,
)

ATTACKS, FLIPS, CORRUPTED = "attacks", "flips", "corruptions"
"""Tables of evidence."""
_BY = {ATTACKS: BY_ATTACK, CORRUPTED: BY_CORRUPTION}
_COLUMNS = {ATTACKS: (*ANSWERED, *BY_ATTACK, "zero_gradient"), CORRUPTED: (*ANSWERED, *BY_CORRUPTION)}
MOST_COHORTS = 5
"""Lines that a chart can hold; of more cohorts, the largest are shown."""
TOGETHER, BY_CLASS, NOBODY = "all photos together", "the true diagnosis", "none"
METHODS = {name: row.evidence for name, row in ATTACK_ROWS.items() if row.evidence}
"""Methods of the table ``attacks``, as lists and links call them."""
NOISE = "uniform noise"
STRONGEST_FIRST = sorted(
    METHODS, key=lambda name: (not ATTACK_ROWS[name].control, ATTACK_ROWS[name].passes), reverse=True
)
"""Attacks of many passes, quick attacks, noise."""
Pick = Callable[[pd.DataFrame], pd.DataFrame]
"""Chooses, of a table of figures under all conditions, the rows of one line."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What a checkpoint called N images under each condition of a table; ``key`` tells these images and answers from others."""

    key: str
    audited: Audited
    answers: Answers


def trial(audited: Audited, table: str) -> Trial:
    """The answers on these images under attacks or corruptions."""
    evidence = table_of(audited.checkpoint, table, columns=_COLUMNS[table])
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

    def beside(self, table: str) -> tuple[Trial, Trial] | None:
        """This checkpoint and the other on the images of both, where the other one has the table too and no groups are shown."""
        if self.other is None or self.grouping != TOGETHER or not has_table(self.other, table):
            return None
        first, second = same_images(self.images, audited(self.other))
        return trial(first, table), trial(second, table)


def measures(card: Card) -> dict[str, Measure]:
    """What can be measured of a checkpoint's answers, by name: balanced accuracy first, melanoma before other diagnoses.

    Accuracy is no first choice: under noise it falls only to that of always answering with the commonest diagnosis.
    """
    words = card.words
    names = sorted(card.classes, key=lambda name: name != MELANOMA)
    rows = [
        Measure("balanced_accuracy", "", "balanced accuracy"),
        Measure("accuracy", "", "accuracy"),
        *(Measure("sensitivity", name, f"{words[name]} sensitivity") for name in names),
    ]
    return {row.label: row for row in rows}


def groupings(audited: Audited) -> dict[str, str]:
    """What images can be grouped by, with its name: only what the data set's metadata has."""
    columns = {AGE: "age", **{name: label.lower() for name, label in FACETS.items()}}
    known = {name: label for name, label in columns.items() if name in audited.table}
    return {TOGETHER: TOGETHER, BY_CLASS: BY_CLASS} | known


def lines(images: Trial, ask: Ask, pick: Pick) -> dict[str, pd.DataFrame]:
    """For each group its rows of the measure; by diagnosis, the measure is each one's sensitivity."""
    if ask.grouping == BY_CLASS:
        table = decline(images)
        words = images.audited.checkpoint.card.words
        return {words[name]: pick(Measure("sensitivity", name, "").rows(table)) for name in images.audited.classes}
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
        words = audited.checkpoint.card.words
        return {words[name]: (audited.table["dx"] == name).to_numpy() for name in audited.classes}
    names = pd.Series(cohort_names(audited.table, grouping, MOST_COHORTS))
    return {value_words(name): (names == name).to_numpy() for name in in_order(names[names != ""], grouping)}


def choose_measure(card: Card, **more: Any) -> Measure:
    """Ask what is measured; ``more`` are further arguments of ``link.choose``, here and below."""
    offered = measures(card)
    return offered[choose("What is measured", list(offered), "measure", **more)]


def choose_grouping(audited: Audited, **more: Any) -> str:
    """Ask what the lines stand for."""
    return choose("A line for each", groupings(audited), "grouping", **more)


def choose_other(checkpoint: Checkpoint, **more: Any) -> Checkpoint | None:
    """Ask which checkpoint to compare with, where there is another."""
    others = other_checkpoints(checkpoint)
    return others.get(choose("Compared with", [NOBODY, *others], "against", **more)) if others else None


def choose_method(methods: Iterable[str]) -> str:
    """Ask for one of these methods of the table ``attacks``; first the strongest."""
    found = set(methods)
    return choose("Attack", {name: METHODS[name] for name in STRONGEST_FIRST if name in found}, "method_shown")


def choose_size(sizes: Iterable[float], default: float, key: str) -> float:
    """Ask at which ε of ``sizes`` above 0 the figures are read off; first the one nearest to ``default``."""
    offered = sorted({float(size) for size in sizes if size > 0})
    first = min(offered, key=lambda size: abs(size - default))
    return st.select_slider(
        "Read off at ε", offered, first, epsilon_in_words, key=key, bind="query-params",
        help=f"In grey levels of 255. Gupta et al. used {epsilon_in_words(DEFAULT_SIZE)}, which is 0.003 of the whole range.",
    )  # fmt: skip


def decline_sentence(ask: Ask, clean: pd.Series, after: pd.Series, under: str) -> tuple[str, str]:
    """A figure on the clean images and under something; and its change with interval and n."""
    measure, n = ask.measured, counted(int(after["n_images"]), int(after["n_clusters"]), ask.images.unit)
    if math.isnan(after["value"]):
        return f"**Too few images** to say what happens to {escaped(measure)} {under}.", f"n = {n}."
    way = "falls" if after["drop"] > 0 else "goes"
    what = escaped(measure[:1].upper() + measure[1:])
    return (
        f"{what} {way} from **{percent(clean['value'])}** to **{share(after['value'])}** {under}.",
        f"Change: {in_points(after, 'drop', turned=True)}, n = {n}.",
    )


def extremes_sentence(measure: str, rows: Mapping[str, pd.Series], under: str) -> tuple[str, str]:
    """Which group loses most and which least; and both with intervals and n."""
    known = {name: row for name, row in rows.items() if not math.isnan(row["drop"])}
    few = [f"{escaped(name)} ({int(row['n_images']):,})" for name, row in rows.items() if name not in known]
    ending = f" Too few to say: {', '.join(few)}." if few else ""
    if not known:
        return "**No group is large enough.**", ending.strip()
    order = sorted(known, key=lambda name: known[name]["drop"], reverse=True)
    ends = list(dict.fromkeys((order[0], order[-1])))
    short = " to ".join(f"**{points(-known[name]['drop'])}** ({escaped(name)})" for name in ends)
    figures = "; ".join(
        f"{escaped(name)} {in_points(known[name], 'drop', turned=True)}, n = {images(int(known[name]['n_images']))}"
        for name in ends
    )
    return f"Change of {escaped(measure)} {under}: {short}, in points.", f"{figures}.{ending}"


def row_at(table: pd.DataFrame, size: str, at: float) -> pd.Series:
    """The row of a size, or of the one nearest to it."""
    return table.loc[(table[size] - at).abs().idxmin()]


def joined_lines(drawn: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of all lines, named."""
    return pd.concat([rows.assign(line=name) for name, rows in drawn.items()], ignore_index=True)


def zero_gradients(images: Trial) -> int:
    """How many of the images gave the attacks no gradient to follow."""
    table = table_of(images.audited.checkpoint, ATTACKS, columns=_COLUMNS[ATTACKS]).table
    zero = table.loc[table["zero_gradient"], "image_id"]
    return int(zero[zero.isin(images.audited.table["image_id"])].nunique())


def gradient_sentence(zero: int, n: int) -> str:
    """How many images gave the attacks nothing to follow."""
    if not zero:
        return f"All {images(n)} have a gradient to follow."
    return f"**{zero:,} of {images(n)}** ({zero / n:.1%}) have no gradient to follow: that they withstood shows no robustness."
