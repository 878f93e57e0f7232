"""Skin tone, tab Trend: how an outcome changes with ITA, without bins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.cache import shared
from dermaviz.app.skin_tone.groups import file_name
from dermaviz.app.skin_tone.question import ToneAsk, ita_of, mean_by_group, wanted, wanted_classes
from dermaviz.app.text import images
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.evidence.predictions import Audited
from dermaviz.fairness.tone_groups import ESTIMATORS
from dermaviz.metrics.bootstrap import DRAWS, Estimate
from dermaviz.metrics.ranking import called
from dermaviz.plots.tone import against_ita_figure

if TYPE_CHECKING:
    from dermaviz.fairness.trend import Trend


RIGHT, FOUND, ALARMED = "called what it is", "found", "false alarm"
OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        RIGHT: "is called what it is",
        FOUND: "is found, of the photos of what is looked for",
        ALARMED: "is a false alarm, of the others",
    }
)
"""What a trend can be of, with its name."""
STEPS = 8
"""Groups of equally many images in which a trend is shown beside its line."""


def show_trend(ask: ToneAsk) -> None:
    """How an outcome goes with ITA, without bins."""
    outcome = st.selectbox(
        "Share of photos that …", OUTCOMES, format_func=OUTCOMES.__getitem__, key="outcome", bind="query-params"
    )
    found, steps = trend(ask, outcome), trend_steps(ask, outcome)
    figure = against_ita_figure(
        {"trend, within each diagnosis": found.curve}, f"share that {OUTCOMES[outcome].split(',')[0]}", cuts=ask.cuts,
        points=steps, span=(-0.02, 1.02), ink=ink(),
    )  # fmt: skip
    verdict, reason = trend_verdict(ask, outcome)
    show_chart(figure, "trend", trend_sentence(outcome, found))
    if not found.suppressed:
        st.markdown(f"Beside the other estimators of tone: **{verdict}**{f' ({reason})' if reason else ''}.")
    st.caption(
        "A logistic line in ITA with a level of its own for each diagnosis, since diagnoses differ in tone and in light; the "
        "band is 95% over resampled lesions. Circles: eighths of the images by ITA, as they are. Dotted: borders of the groups. "
        "A trend is no effect of skin: what the light does to ITA is in it as well."
    )
    show_table(found.curve, file_name(ask, "trend"), "trend")
    st.table(_steps_in_words(steps), border="horizontal", hide_index=True)


@shared(max_entries=64)
def trend(ask: ToneAsk, outcome: str, draws: int = DRAWS) -> Trend:
    """How an outcome of ``OUTCOMES`` changes with ITA within the diagnoses: see ``fairness.trend.ita_trend``."""
    from dermaviz.fairness.trend import ita_trend

    images, happened = outcome_of(ask, outcome)
    ita = ita_of(replace(ask, images=images))
    return ita_trend(happened, ita, images.lesions, strata=images.table["dx"].tolist(), draws=draws)


def trend_verdict(ask: ToneAsk, outcome: str) -> tuple[str, str]:
    """Whether every other estimator of tone finds the slope of an outcome again, and why not: see ``fairness.gaps.judge``."""
    from dermaviz.fairness.groups import judge

    others = {
        label: trend(replace(ask, estimator=name), outcome, 0).slope.value
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


def trend_sentence(outcome: str, found: Trend) -> str:
    """The slope of an outcome along ITA, as Markdown."""
    what = {RIGHT: "being called what it is", FOUND: "being found"}.get(outcome, "a false alarm")
    if found.suppressed:
        return (
            f"Of {images(found.n_images)}, {found.n_with:,} with and {found.n_without:,} without: too few for a trend."
        )
    holds = found.odds_ratio.low <= 1 <= found.odds_ratio.high
    verdict = "it holds 1: no trend" if holds else "it leaves out 1"
    return (
        f"For each 10° towards lighter skin the odds of {what} are multiplied by **{odds_text(found.odds_ratio)}** ({verdict}). "
        f"n = {images(found.n_images)} of {found.n_lesions:,} lesions, {found.n_with:,} with and {found.n_without:,} without."
    )


def odds_text(found: Estimate) -> str:
    if math.isnan(found.low):
        return f"{found.value:.2f}"
    return f"{found.value:.2f}, 95% interval {found.low:.2f} to {found.high:.2f}"


def _steps_in_words(steps: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "images": steps["n_images"],
            "median ITA": [f"{ita:.0f}°" for ita in steps["ita"]],
            "share": [Estimate.of(row).cell() for _, row in steps.iterrows()],
        }
    )
