"""Widget: what to measure over the test set, for whom, and at which ε to read it off."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from dermaviz.figures.robustness import REPORTED, epsilon_in_words
from dermaviz.models.card import Card
from dermaviz.ui.evidence import Audited
from dermaviz.ui.robustness.trials import MOST_COHORTS
from dermaviz.ui.robustness.view import METHODS, STRONGEST_FIRST, Measure, groupings, measures


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
