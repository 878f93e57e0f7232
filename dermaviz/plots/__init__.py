"""Plotly figures from plain tables and arrays. Knows nothing of models, torch or Streamlit.

Each chart is a function of this package, such as ``dermaviz.plots.roc``, loaded when it is first used. Adding one is a function
in the file of its idea, marked :func:`~dermaviz.plots.theme.chart` and with ``ink`` among what it takes, and a row in ``CHARTS``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import MappingProxyType
from typing import Any

CHARTS = MappingProxyType(
    {
        "confusion": "confusion_matrix:confusion_figure",
        "confusion_difference": "confusion_matrix:difference_figure",
        "cases": "confusion_matrix:cases_figure",
        "roc": "curves:roc_figure",
        "precision_recall": "curves:precision_recall_figure",
        "reliability": "curves:reliability_figure",
        "risk_coverage": "curves:risk_coverage_figure",
        "learning": "curves:learning_figure",
        "estimates": "intervals:estimates_figure",
        "coverage": "intervals:coverage_figure",
        "groups": "intervals:groups_figure",
        "comparison": "intervals:comparison_figure",
        "probabilities": "intervals:probability_bars",
        "decline": "robustness:decline_figure",
        "corruptions": "robustness:corruption_figure",
        "tone_distribution": "tone:distribution_figure",
        "along_tone": "tone:against_ita_figure",
        "right_and_looking": "tone:looking_figure",
        "other_skin": "tone:counterfactual_figure",
    }
)
"""Chart, as it is called here, to the file and the function that draws it. Each takes ``ink``, the colour of words on the page
that it stands on, such as one of ``theme.INK``; by default they have Plotly's."""

__all__ = [*CHARTS]


def __getattr__(name: str) -> Callable[..., Any]:
    if name not in CHARTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; its charts are {', '.join(CHARTS)}")
    module, function = CHARTS[name].split(":")
    return getattr(import_module(f"{__name__}.{module}"), function)


def __dir__() -> list[str]:
    return sorted(CHARTS)
