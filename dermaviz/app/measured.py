"""TODO docstring dermaviz.app.measured"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import pandas as pd
import streamlit as st

from dermaviz.app.confusion.view import View
from dermaviz.app.evidence import TONE_GROUP, Audited
from dermaviz.fairness.tone_groups import GROUPS
from dermaviz.metrics.bootstrap import DRAWS, Estimate, estimate, lesion_weights
from dermaviz.metrics.classification import Weights, accuracy
from dermaviz.metrics.conformal import Kind, conformal_sets, coverage_by_class, fit_conformal
from dermaviz.metrics.confusion import AGE, AGE_GROUPS
from dermaviz.metrics.ranking import OperatingPoint, average_precision, of_group, operating_point, roc_auc

FACETS = MappingProxyType(
    {
        "sex": "Sex",
        "localization": "Body site",
        "dx_type": "Diagnosis made by",
        TONE_GROUP: "Estimated tone group",
    }
)
"""Columns of metadata to filter by; those that the data set lacks are not offered."""
_VALUE_WORDS = MappingProxyType(
    {
        "histo": "histopathology",
        "follow_up": "follow-up",
        "consensus": "expert consensus",
        "confocal": "confocal microscopy",
        "": "unknown",
    }
)
_ORDERS: Mapping[str, Sequence[str]] = MappingProxyType({AGE: tuple(AGE_GROUPS), TONE_GROUP: GROUPS})


def in_order(names: Iterable[str] | Mapping[str, int], column: str) -> list[str]:
    """The names of a column's groups, each once: in the column's own order where it has one, else the most frequent first.

    A name that the order does not know, such as "" for unknown, comes last. A mapping gives each name's frequency.
    """
    counts = Counter(names)
    order = {name: place for place, name in enumerate(_ORDERS.get(column, ()))}
    return sorted(counts, key=lambda name: (order.get(name, len(order)), name == "", -counts[name], name))


def value_words(value: str) -> str:
    """A value of metadata in words."""
    return _VALUE_WORDS.get(value, value)


COVERAGE = 0.9
"""What conformal sets promise."""


def share_right(audited: Audited) -> Estimate:
    """The share of images called what they are, with its interval."""
    return _share_right(audited.key, audited)


@st.cache_data(max_entries=256, show_spinner=False)
def _share_right(key: str, _audited: Audited) -> Estimate:
    found = estimate({"": accuracy}, _audited.labels, _audited.probabilities, _audited.lesions)
    return found[""]


def point_at(audited: Audited, view: View) -> OperatingPoint:
    """What the threshold of a view does to these images."""
    return _point_at(audited.key, view, audited)


@st.cache_data(max_entries=512, show_spinner=False)
def _point_at(key: str, view: View, _audited: Audited) -> OperatingPoint:
    return operating_point(*view.sides(_audited), view.threshold, _draws(key, _audited))


@st.cache_resource(max_entries=4, show_spinner=False)
def _draws(key: str, _audited: Audited) -> Weights:
    """Resamplings of the lesions for every position of a slider: 16 MB for 2,000 images."""
    weights = lesion_weights(_audited.lesions, DRAWS)
    weights.flags.writeable = False
    return weights


def threshold_curves(audited: Audited, view: View) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The points of the ROC and of the precision–recall curve of a view's score."""
    return _threshold_curves(audited.key, view.positive, audited, view)


@st.cache_data(max_entries=64, show_spinner=False)
def _threshold_curves(
    key: str, positive: tuple[str, ...], _audited: Audited, _view: View
) -> tuple[pd.DataFrame, pd.DataFrame]:
    from dermaviz.metrics.curves import precision_recall_points, roc_points

    sides = _view.sides(_audited)
    return roc_points(*sides), precision_recall_points(*sides)


def areas(audited: Audited, view: View) -> tuple[Estimate, Estimate]:
    """The area under the ROC curve and the average precision of a view's score."""
    return _areas(audited.key, view.positive, audited)


@st.cache_data(max_entries=64, show_spinner=False)
def _areas(key: str, positive: tuple[str, ...], _audited: Audited) -> tuple[Estimate, Estimate]:
    indices = [_audited.classes.index(name) for name in positive]
    metrics = {"roc": of_group(roc_auc, indices), "precision": of_group(average_precision, indices)}
    found = estimate(metrics, _audited.labels, _audited.probabilities, _audited.lesions)
    return found["roc"], found["precision"]


def metric_table(audited: Audited) -> pd.DataFrame:
    """Every metric with its interval and counts, beside the constant answer: see ``evaluation.summary.measure``."""
    return _metric_table(audited.key, audited)


@st.cache_data(max_entries=64, show_spinner="Computing the intervals …")
def _metric_table(key: str, _audited: Audited) -> pd.DataFrame:
    from dermaviz.metrics.summary import measure

    card = _audited.checkpoint.card
    return measure(
        _audited.labels, _audited.probabilities, _audited.lesions, card.classes, frozenset(card.malignant), DRAWS
    )


def coverage_curve(audited: Audited) -> pd.DataFrame:
    """The share of mistakes among the most confident images, with its interval."""
    return _coverage_curve(audited.key, audited)


@st.cache_data(max_entries=64, show_spinner=False)
def _coverage_curve(key: str, _audited: Audited) -> pd.DataFrame:
    from dermaviz.metrics.curves import risk_coverage

    return risk_coverage(_audited.labels, _audited.probabilities, _audited.lesions)


def reliability_bins(audited: Audited) -> dict[str, pd.DataFrame]:
    """How often answers of a confidence are right, before and after temperature."""
    return _reliability_bins(audited.key, audited)


@st.cache_data(max_entries=64, show_spinner=False)
def _reliability_bins(key: str, _audited: Audited) -> dict[str, pd.DataFrame]:
    from dermaviz.metrics.calibration import uncalibrated
    from dermaviz.metrics.curves import reliability

    raw = uncalibrated(_audited.probabilities, _audited.checkpoint.card.temperature)
    said = {"before": raw, "after": _audited.probabilities}
    return {name: reliability(_audited.labels, probabilities) for name, probabilities in said.items()}


def calibration_table(audited: Audited) -> pd.DataFrame:
    """What the temperature did, figure by figure: see ``evaluation.calibration.before_and_after``."""
    return _calibration_table(audited.key, audited)


@st.cache_data(max_entries=64, show_spinner="Computing the intervals …")
def _calibration_table(key: str, _audited: Audited) -> pd.DataFrame:
    from dermaviz.metrics.calibration import before_and_after

    card = _audited.checkpoint.card
    return before_and_after(
        _audited.labels, _audited.probabilities, card.temperature, _audited.lesions, card.classes,
        frozenset(card.malignant),
    )  # fmt: skip


def set_coverage(audited: Audited, fitted_on: Audited, kind: Kind) -> pd.DataFrame:
    """How often conformal sets hold the true class: see ``evaluation.conformal.coverage_by_class``."""
    return _set_coverage(audited.key, fitted_on.key, kind, audited, fitted_on)


@st.cache_data(max_entries=64, show_spinner=False)
def _set_coverage(key: str, fitted_on: str, kind: Kind, _audited: Audited, _fitted_on: Audited) -> pd.DataFrame:
    thresholds = fit_conformal(_fitted_on.labels, _fitted_on.probabilities, COVERAGE, kind)
    sets = conformal_sets(_audited.probabilities, thresholds)
    malignant = frozenset(_audited.checkpoint.card.malignant)
    return coverage_by_class(_audited.labels, sets, _audited.lesions, _audited.classes, malignant)


def differences(first: Audited, second: Audited) -> pd.DataFrame:
    """The card's figures of two checkpoints on the same images, and their paired differences."""
    return _differences(first.key, second.key, first, second)


@st.cache_data(max_entries=64, show_spinner="Computing the intervals …")
def _differences(key: str, second: str, _first: Audited, _second: Audited) -> pd.DataFrame:
    from dermaviz.metrics.comparison import paired_differences
    from dermaviz.metrics.summary import figures_for, metrics_for

    card = _first.checkpoint.card
    malignant = frozenset(card.malignant)
    metrics = metrics_for(card.classes, malignant)
    table = paired_differences(metrics, _first.labels, _first.probabilities, _second.probabilities, _first.lesions)
    labels = {figure.slug: figure.label for figure in figures_for(card.classes, malignant)}
    return table.assign(label=table["metric"].map(labels))
