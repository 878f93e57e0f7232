"""TODO docstring dermaviz.app.robustness.view"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.evidence import Audited, table_of
from dermaviz.app.measured import FACETS, in_order, value_words
from dermaviz.app.resources import Checkpoint
from dermaviz.app.text import class_names
from dermaviz.errors import EvidenceError
from dermaviz.evidence import Evidence
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.metrics.classification import MELANOMA
from dermaviz.metrics.confusion import AGE, cohort_names
from dermaviz.models.card import Card
from dermaviz.plots.robustness import REPORTED, epsilon_in_words
from dermaviz.robustness.corruptions import CORRUPTIONS
from dermaviz.robustness.outcomes import (
    BY_ATTACK,
    BY_CORRUPTION,
    Answers,
    cohort_curves,
    corruption_errors,
    curves,
    median_flip_distance,
    paired_curves,
    read_answers,
)

ATTACKS, FLIPS, CORRUPTED = "attacks", "flips", "corruptions"
"""Tables of evidence."""
_BY = MappingProxyType({ATTACKS: BY_ATTACK, CORRUPTED: BY_CORRUPTION})
MOST_COHORTS = 5
"""Lines that a chart can hold; of more cohorts, the largest are shown."""
NOISE_SIZES = ("faint_noise", "gaussian_noise")
"""The corruptions whose severities are σ of Gaussian noise; together they make one axis."""


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


def decline(images: Trial) -> pd.DataFrame:
    """Every figure under every condition, with its drop: see ``robustness.outcomes.curves``."""
    return _decline(images.key, images)


def decline_by(images: Trial, column: str) -> pd.DataFrame:
    """:func:`decline` of the largest cohorts of a column of metadata, with a column ``cohort``."""
    return _decline_by(images.key, column, images)


def paired(first: Trial, second: Trial) -> pd.DataFrame:
    """Every figure of two checkpoints on the same images: see ``robustness.defence.paired_curves``."""
    return _paired(first.key, second.key, first, second)


def errors_under(images: Trial, reference: Trial | None) -> pd.DataFrame:
    """Mean corruption errors: see ``robustness.corruption_error``."""
    return _errors_under(images.key, reference.key if reference else "", images, reference)


def flips_of(audited: Audited) -> pd.DataFrame:
    """The table ``flips`` on these images, in their order.

    Raises:
        EvidenceError: there is no such table, it is damaged or stale, or lacks some of the images.
    """
    table = table_of(audited.checkpoint, FLIPS).table.set_index("image_id").reindex(audited.table["image_id"])
    missing = int(table["flip_epsilon"].isna().sum())
    if missing:
        raise EvidenceError(
            f"expected the smallest change that flips each of {len(audited):,} images, found {missing:,} images without. "
            f"Make the tables of the same split: `dermaviz audit {audited.checkpoint.name} --data FOLDER`."
        )
    return table.reset_index()


def zero_gradients(images: Trial) -> int:
    """How many of the images gave the attacks no gradient to follow."""
    table = table_of(images.audited.checkpoint, ATTACKS).table
    mine = table[table["zero_gradient"] & table["image_id"].isin(images.audited.table["image_id"])]
    return int(mine["image_id"].nunique())


def median_flips(audited: Audited, groups: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The median smallest change of each group of images (name to mask), in [0, 1] pixels.

    Returns:
        ``label, value, low, high, n`` (images that were right as they are) and ``n_images``.
    """
    flips = flips_of(audited)["flip_epsilon"].to_numpy(np.float64)
    rows = []
    for name, mine in groups.items():
        some = audited.take(mine)
        found = _median_flip(some.key, table_of(audited.checkpoint, FLIPS).manifest.sha256, flips[mine], some)
        right = int((flips[mine] > 0).sum())
        rows.append(
            {
                "label": name,
                "value": found.value,
                "low": found.low,
                "high": found.high,
                "n": right,
                "n_images": len(some),
            }
        )
    return pd.DataFrame(rows)


def noise_curve(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of Gaussian noise with their σ in a column ``sigma``, clean first."""
    rows = table[table["corruption"].isin(NOISE_SIZES)]
    rows = rows[(rows["severity"] > 0) | (rows["corruption"] == rows["corruption"].iloc[0])] if len(rows) else rows
    sizes = [
        CORRUPTIONS[name].values[int(at) - 1] if at else 0.0
        for name, at in zip(rows["corruption"], rows["severity"], strict=True)
    ]
    return rows.assign(sigma=sizes).sort_values("sigma")


@st.cache_resource(max_entries=16, show_spinner=False)
def _answers(key: str, table: str, _audited: Audited, _evidence: Evidence) -> Answers:
    said = pd.DataFrame(_audited.probabilities, columns=[f"p_{name}" for name in _audited.classes])
    facts = _audited.table[["image_id", "lesion_id", "dx"]]
    return read_answers(_evidence.table, pd.concat([facts, said], axis=1), _audited.classes, _BY[table])


@st.cache_data(max_entries=64, show_spinner="Computing the intervals …")
def _decline(key: str, _images: Trial) -> pd.DataFrame:
    return curves(_images.answers)


@st.cache_data(max_entries=64, show_spinner="Computing the intervals …")
def _decline_by(key: str, column: str, _images: Trial) -> pd.DataFrame:
    return cohort_curves(_images.answers, cohort_names(_images.audited.table, column, MOST_COHORTS))


@st.cache_data(max_entries=32, show_spinner="Computing the intervals …")
def _paired(first: str, second: str, _first: Trial, _second: Trial) -> pd.DataFrame:
    return paired_curves(_first.answers, _second.answers)


@st.cache_data(max_entries=32, show_spinner="Computing the intervals …")
def _errors_under(key: str, reference: str, _images: Trial, _reference: Trial | None) -> pd.DataFrame:
    return corruption_errors(_images.answers, _reference.answers if _reference else None)


@st.cache_data(max_entries=256, show_spinner=False)
def _median_flip(key: str, flips: str, _epsilons: np.ndarray, _audited: Audited) -> Estimate:
    return median_flip_distance(_epsilons, _audited.lesions.tolist())


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
        help=f"In grey levels of 255. {epsilon_in_words(REPORTED)} is the ε of Gupta et al., 0.765 of a grey level.",
    )  # fmt: skip
