"""Widget: what to ask of the test set — by what photos are told apart, how tone is estimated and cut, what is looked for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import streamlit as st

from dermaviz.fairness.tone_groups import CUTS, ESTIMATORS, GROUPS, NARROW_CUTS, tone_groups
from dermaviz.models.card import Card
from dermaviz.ui.evidence import Audited
from dermaviz.ui.skin_tone.view import groupings, positives

CUT_VARIANTS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {"55, 41, 28, 10, −30": CUTS, "55, 41, 28, 19, 10": NARROW_CUTS}
)
"""Published borders of the tone groups, degrees of ITA: Del Bino and Bernerd 2013; Kinyanjui et al. 2019."""
OWN_CUTS = "my own"
_LOWEST, _HIGHEST = -60, 90


def choose_grouping(audited: Audited) -> str:
    """Ask by what the photos are told apart."""
    offered = groupings(audited)
    return st.selectbox(
        "Photos told apart by", offered, format_func=offered.__getitem__, key="by", bind="query-params",
        help="Skin tone is not the only thing that a model may treat unequally, nor the best measured: age, sex and body site "
        "are asked the same questions.",
    )  # fmt: skip


def choose_tone() -> tuple[str, tuple[float, ...]]:
    """Ask how tone is estimated, and where its groups begin."""
    with st.expander("How tone is estimated, and where its groups begin", icon=":material/tune:"):
        estimator = st.selectbox(
            "Estimated by", ESTIMATORS, format_func=ESTIMATORS.__getitem__, key="estimator", bind="query-params",
            help="Region median: of the skin round the lesion, without the lesion, hair, ink, glare, dark corners and borders. "
            "Dominant colour: of the colours round the picture's middle, without a mask. Colour constancy: the region median "
            "after the picture's cast is taken for its lamp's and removed.",
        )  # fmt: skip
        variant = st.selectbox(
            "Groups begin at an ITA of", (*CUT_VARIANTS, OWN_CUTS), key="cuts", bind="query-params",
            help="Degrees. The borders were published in two variants; choose your own to see how much hangs on them.",
        )  # fmt: skip
        cuts = CUT_VARIANTS[variant] if variant in CUT_VARIANTS else _choose_cuts()
    return estimator, cuts


def choose_wanted(card: Card) -> tuple[str, float]:
    """Ask which diagnosis is looked for, and from which probability in [0, 1] on it is called."""
    offered = positives(card)
    positive = st.selectbox(
        "What is looked for", offered, format_func=offered.__getitem__, key="wanted", bind="query-params",
        help="Sensitivity is the share of these photos that are called so, specificity that of the others that are not.",
    )  # fmt: skip
    threshold = st.slider(
        "Called so from", 0.0, 100.0, 50.0, 0.5, format="%g%%", key="threshold", bind="query-params",
        help="The probability from which on it counts as called.",
    )  # fmt: skip
    return positive, threshold / 100


def _choose_cuts() -> tuple[float, ...]:
    """A slider for each border; they count in falling order, however they are set."""
    chosen = [
        st.slider(
            f"{lighter} above", _LOWEST, _HIGHEST, int(cut), 1, format="%d°", key=f"cut{place}", bind="query-params"
        )
        for place, (lighter, cut) in enumerate(zip(GROUPS, CUTS, strict=False), start=1)
    ]
    ordered = tuple(float(cut) for cut in sorted(chosen, reverse=True))
    if list(ordered) != chosen:
        st.caption(f"Taken in falling order: {', '.join(f'{cut:g}°' for cut in ordered)}.")
    tone_groups([], ordered)
    return ordered
