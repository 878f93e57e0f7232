"""Figures of the skin-tone page, computed from evidence and remembered under the key of what was asked.

What stands on SciPy or OpenCV is imported where it is used, and nothing here loads torch: the page opens without them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.evidence import TONE_GROUP, Audited, table_of
from dermaviz.app.resources import Checkpoint
from dermaviz.app.skin_tone.view import ToneAsk, groups_of, ita_of, one_each, other_groups, wanted, wanted_classes
from dermaviz.fairness.tone_groups import ESTIMATORS
from dermaviz.metrics.bootstrap import DRAWS, FEWEST, Estimate, interval, lesion_weights
from dermaviz.metrics.classification import weighted_mean
from dermaviz.metrics.ranking import called

if TYPE_CHECKING:
    from dermaviz.fairness.groups import GroupFigures
    from dermaviz.fairness.trend import Trend


ATTENTION, SHORTCUTS, COUNTERFACTUALS, DRAWN_TONE = "attention", "shortcuts", "counterfactuals", "drawn_tone"
"""Tables of evidence."""
RIGHT, FOUND, ALARMED = "called what it is", "found", "false alarm"
OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        RIGHT: "is called what it is",
        FOUND: "is found, of the photos of what is looked for",
        ALARMED: "is a false alarm, of the others",
    }
)
"""What a trend can be of, with its name."""
BARS: Mapping[str, str] = MappingProxyType(
    {"lesion_area": "more than an even map (chance)", "energy_centre": "more than a spot in the picture's centre"}
)
"""Columns of the table ``attention``: how much energy must lie in the lesion for looking at it, with their names."""
STEPS = 8
"""Groups of equally many images in which a trend is shown beside its line."""


def measured_groups(ask: ToneAsk) -> GroupFigures:
    """Every figure of every group: see ``fairness.groups.measure_groups``."""
    return _measured_groups(ask.key, ask)


def judged_gaps(ask: ToneAsk) -> pd.DataFrame:
    """Each group beside the largest, and whether the gap outlives other groupings: see ``fairness.audit.verdicts``."""
    return _judged_gaps(ask.key, ask)


def trend(ask: ToneAsk, outcome: str) -> Trend:
    """How an outcome of ``OUTCOMES`` goes with ITA within the diagnoses: see ``fairness.trend.ita_trend``."""
    return _trend(ask.key, outcome, DRAWS, ask)


def trend_verdict(ask: ToneAsk, outcome: str) -> tuple[str, str]:
    """Whether every other estimator of tone finds the slope of an outcome again, and why not: see ``fairness.gaps.judge``."""
    from dermaviz.fairness.groups import judge

    others = {
        label: _trend(replace(ask, estimator=name).key, outcome, 0, replace(ask, estimator=name)).slope.value
        for name, label in ESTIMATORS.items()
        if name != ask.estimator
    }
    return judge(trend(ask, outcome).slope, others)


def trend_steps(ask: ToneAsk, outcome: str) -> pd.DataFrame:
    """The same in groups of equally many images: ``ita`` (their median), ``value, low, high, n_images``."""
    images, happened = outcome_of(ask, outcome)
    ita = ita_of(replace(ask, images=images))
    known = np.flatnonzero(np.isfinite(ita))
    parts = np.array_split(known[np.argsort(ita[known], kind="stable")], STEPS)
    masks = {}
    for part in parts:
        if len(part):
            masks[f"{np.median(ita[part]):.2f}"] = np.isin(np.arange(len(images)), part)
    table = mean_by_group(images, happened.astype(np.float64), masks)
    return table.assign(ita=table["label"].astype(float)) if len(table) else table


def outcome_of(ask: ToneAsk, outcome: str) -> tuple[Audited, NDArray[np.bool_]]:
    """The images that an outcome can happen to, and whether it did, bool."""
    images = ask.images
    if outcome == RIGHT:
        return images, images.probabilities.argmax(1) == images.labels
    some = images.take(wanted(ask) if outcome == FOUND else ~wanted(ask))
    return some, called(some.probabilities, wanted_classes(ask), ask.threshold)


def looking(audited: Audited) -> pd.DataFrame:
    """Whether each image was called what it is, and how much of the map lies on the lesion, in the images' order.

    Returns:
        The columns of the table ``attention`` with ``right`` (bool), ``ratio`` (energy ÷ lesion area; NaN where there is no
        map or no lesion) and ``ratio_centre``, the same of a centred Gaussian.
    """
    table = one_each(audited, ATTENTION)
    area = table["lesion_area"].where(table["lesion_area"] > 0)
    right = audited.probabilities.argmax(1) == audited.labels
    return table.assign(right=right, ratio=table["energy"] / area, ratio_centre=table["energy_centre"] / area)


def looking_counts(ask: ToneAsk, bar: str) -> pd.DataFrame:
    """Right × looking by group: see ``fairness.right_and_looking``; looking is more energy than a column of ``BARS``."""
    return _looking_counts(ask.key, hash_of(ask.images, ATTENTION), bar, ask)


def mean_by_group(
    audited: Audited, values: NDArray[np.float64], groups: Mapping[str, NDArray[np.bool_]]
) -> pd.DataFrame:
    """The mean of a value per image ``[N]`` (NaN: none) in each group (name to mask), with its lesion-bootstrap interval.

    Returns:
        ``label, value, low, high, n_images, n_lesions``; no interval of fewer than ``FEWEST`` lesions, whose resamples are too
        much alike to bound anything.
    """
    known = ~np.isnan(values)
    rows = []
    for name, mine in groups.items():
        said, lesions = values[mine & known], audited.lesions[mine & known]
        found = _mean(hashlib.sha256(said.tobytes() + "\n".join(lesions).encode()).hexdigest(), said, lesions)
        n = len(set(lesions))
        bounds = {} if n >= FEWEST else {"low": np.nan, "high": np.nan}
        rows.append({"label": name, **asdict(found), **bounds, "n_images": len(said), "n_lesions": n})
    return pd.DataFrame(rows)


def shortcut_table(audited: Audited) -> pd.DataFrame:
    """What each shortcut does to the answers: see ``fairness.shortcuts.shortcut_effects``."""
    return _shortcut_table(audited.key, hash_of(audited, SHORTCUTS), audited)


def other_skin_table(audited: Audited) -> pd.DataFrame:
    """What each shift of tone does to the answers: see ``fairness.tone_effects.tone_effects``."""
    return _other_skin_table(audited.key, hash_of(audited, COUNTERFACTUALS), audited)


def drawn_by_tone(checkpoint: Checkpoint) -> dict[str, pd.DataFrame]:
    """The mean probability of malignancy of drawn lesions against the ITA they are drawn at, for malignant and benign forms.

    Returns:
        Per kind a table ``ita, value, low, high, n_images``; intervals from resampling drawn lesions.

    Raises:
        EvidenceError: there is no such table, it is damaged or stale.
    """
    evidence = table_of(checkpoint, DRAWN_TONE, "drawn")
    return _drawn_by_tone(evidence.manifest.sha256, checkpoint.card.malignant, evidence.table)


def hash_of(audited: Audited, table: str) -> str:
    """The sha256 of a table of the checkpoint's evidence."""
    return table_of(audited.checkpoint, table).manifest.sha256


@st.cache_resource(max_entries=32, show_spinner="Computing the intervals …")
def _measured_groups(key: str, _ask: ToneAsk) -> GroupFigures:
    from dermaviz.fairness.groups import audit_figures, measure_groups

    images, card = _ask.images, _ask.card
    figures = audit_figures(card.classes, frozenset(card.malignant), _ask.positive, _ask.threshold)
    return measure_groups(images.labels, images.probabilities, images.lesions, groups_of(_ask), figures)


@st.cache_data(max_entries=32, show_spinner="Computing the intervals …")
def _judged_gaps(key: str, _ask: ToneAsk) -> pd.DataFrame:
    from dermaviz.fairness.audit import judged
    from dermaviz.fairness.groups import measure_groups

    measured, images = measured_groups(_ask), _ask.images
    others = other_groups(_ask) if _ask.by == TONE_GROUP else {}
    again = {
        name: measure_groups(images.labels, images.probabilities, images.lesions, groups, measured.figures, draws=0)
        for name, groups in others.items()
    }
    return judged(measured, again)


@st.cache_resource(max_entries=32, show_spinner="Computing the intervals …")
def _trend(key: str, outcome: str, draws: int, _ask: ToneAsk) -> Trend:
    from dermaviz.fairness.trend import ita_trend

    images, happened = outcome_of(_ask, outcome)
    ita = ita_of(replace(_ask, images=images))
    return ita_trend(happened, ita, images.lesions, strata=images.table["dx"].tolist(), draws=draws)


@st.cache_data(max_entries=32, show_spinner="Computing the intervals …")
def _looking_counts(key: str, table: str, bar: str, _ask: ToneAsk) -> pd.DataFrame:
    from dermaviz.fairness.effects import right_and_looking

    seen = looking(_ask.images)
    energy, least = (seen[name].to_numpy(np.float64) for name in ("energy", bar))
    return right_and_looking(seen["right"].to_numpy(), energy, least, groups_of(_ask), _ask.images.lesions)


@st.cache_data(max_entries=1024, show_spinner=False)
def _mean(key: str, _values: NDArray[np.float64], _lesions: NDArray[Any]) -> Estimate:
    weights = lesion_weights(_lesions, DRAWS)
    return Estimate(float(weighted_mean(_values, None)), *interval(weighted_mean(_values, weights)))


@st.cache_data(max_entries=16, show_spinner="Computing the intervals …")
def _shortcut_table(key: str, table: str, _audited: Audited) -> pd.DataFrame:
    from dermaviz.fairness.shortcuts import shortcut_effects

    card = _audited.checkpoint.card
    rows = table_of(_audited.checkpoint, SHORTCUTS).table
    return shortcut_effects(rows, _audited.table, card.classes, frozenset(card.malignant))


@st.cache_data(max_entries=16, show_spinner="Computing the intervals …")
def _other_skin_table(key: str, table: str, _audited: Audited) -> pd.DataFrame:
    from dermaviz.fairness.counterfactual import tone_effects

    card = _audited.checkpoint.card
    rows = table_of(_audited.checkpoint, COUNTERFACTUALS).table
    return tone_effects(rows, _audited.table, card.classes, frozenset(card.malignant))


@st.cache_data(max_entries=8, show_spinner="Computing the intervals …")
def _drawn_by_tone(key: str, malignant: tuple[str, ...], _table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    kinds = _table["dx"].isin(malignant).map({True: "malignant forms, drawn", False: "benign forms, drawn"})
    lines: dict[str, pd.DataFrame] = {}
    for kind in sorted(set(kinds), reverse=True):
        rows = []
        for ita, mine in _table[kinds == kind].groupby("ita"):
            values, lesions = mine["p_malignant"].to_numpy(np.float64), mine["lesion_id"].to_numpy()
            drawn = interval(weighted_mean(values, lesion_weights(lesions, DRAWS)))
            rows.append((ita, float(values.mean()), *drawn, len(values)))
        lines[kind] = pd.DataFrame(rows, columns=["ita", "value", "low", "high", "n_images"])
    return lines
