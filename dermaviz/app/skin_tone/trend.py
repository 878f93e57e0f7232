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
from dermaviz.app.skin_tone.question import (
    ToneAsk,
    agreement_sentence,
    darkness,
    ita_of,
    labels_agreement,
    mean_by_group,
    names_of,
    wanted,
    wanted_classes,
)
from dermaviz.app.text import resampling
from dermaviz.app.widgets.chart import ink, show_answer, show_details
from dermaviz.data.labels import TONE_LABEL
from dermaviz.evidence.predictions import Audited, counted
from dermaviz.fairness.tone_groups import ESTIMATORS
from dermaviz.metrics.bootstrap import DRAWS, FEWEST, Estimate
from dermaviz.metrics.ranking import called
from dermaviz.plots.intervals import estimates_figure
from dermaviz.plots.tone import against_ita_figure

if TYPE_CHECKING:
    from dermaviz.fairness.trend import Trend

RIGHT, FOUND, ALARMED = "called what it is", "found", "false alarm"
OUTCOMES: Mapping[str, str] = MappingProxyType(
    {RIGHT: "classified correctly", FOUND: "found, of those looked for", ALARMED: "false alarms, of the others"}
)
"""What a trend can be of, with its name."""
HAPPENED = {RIGHT: "classified correctly", FOUND: "found", ALARMED: "raising a false alarm"}
TREND_WORDS = {"difference found": "Trend found", "inconclusive": "No trend found", "too few": "Too few for a trend"}
STEPS = 8
"""Groups of equally many images in which a trend is shown beside its line."""


def show_trend(ask: ToneAsk) -> None:
    """How an outcome goes with ITA, without bins; or from one level that people labelled to the next darker."""
    place = st.container()
    outcome = st.selectbox(
        "Share of images", OUTCOMES, format_func=OUTCOMES.__getitem__, key="outcome", bind="query-params"
    )
    from dermaviz.fairness.trend import FEWEST_VARIED

    found, steps = trend(ask, outcome), trend_steps(ask, outcome)
    step, share = "level" if ask.labelled else "10°", f"share {OUTCOMES[outcome].split(',')[0]}"
    verdict, reason = trend_verdict(ask, outcome)
    n = counted(found.n_images, found.n_clusters, ask.images.unit)
    n = f"n = {n}, {found.n_with:,} {HAPPENED[outcome]} and {found.n_without:,} not."
    said = "**Too few for a trend.**"
    if min(found.n_with, found.n_without) >= FEWEST and found.n_varied < FEWEST_VARIED:
        said = f"**Too few answers vary within a diagnosis to say** ({found.n_varied}, at least {FEWEST_VARIED} are needed)."
    if not found.suppressed:
        odds = darker(found)
        why = f" ({reason.replace('includes 0', 'of the odds includes ×1')})" if reason else ""
        said = f"**{TREND_WORDS[verdict]}**{why}: within a diagnosis, for each {step} darker, the odds are ×{odds.value:.2f}."
        n = f"Odds for each {step if ask.labelled else '10° of ITA'} darker: ×{odds.text('{:.2f}'.format)}. {n}"
    levels = (
        f"Each diagnosis has a line of its own height. Intervals: 95%, {resampling(ask.images, steps, found.curve)}."
    )
    if ask.labelled:
        chart = estimates_figure(
            steps.assign(n=steps["n_images"]), title=f"{share}, 0 to 1", dots_name="with 95% interval", ink=ink()
        )
        words, column = (
            f"A logistic line in the labelled level, light to dark. {levels}",
            {"labelled tone": steps["label"]},
        )
        if (agreed := labels_agreement(ask)) is not None:
            words = f"{agreement_sentence(agreed)} {words}"
    else:
        chart = against_ita_figure(
            {"trend, within each diagnosis": found.curve},
            share,
            cuts=ask.cuts,
            points=steps,
            span=(-0.02, 1.02),
            ink=ink(),
        )
        words = f"A logistic line in ITA. It ends where {FEWEST} images are left on either side. {levels} {_ITA}"
        column = {"median ITA": [f"{ita:.0f}°" for ita in steps["ita"]]}
    with place:
        show_answer((said, n), chart, "trend")
    shares = [Estimate.of(row).cell() for _, row in steps.iterrows()]
    cells = pd.DataFrame({"images": steps["n_images"], **column, "share": shares})
    show_details("trend", words, {ask.file("trend"): steps if ask.labelled else found.curve}, cells)


_ITA = (
    "Circles: eighths of the images by ITA. Dotted: borders of the groups. A trend is no effect of skin alone: ITA also measures "
    "the light."
)


def darker(found: Trend) -> Estimate:
    """The odds ratio of an outcome for 10° darker skin."""
    return Estimate(*(1 / odds for odds in (found.odds_ratio.value, found.odds_ratio.high, found.odds_ratio.low)))


@shared(max_entries=64)
def trend(ask: ToneAsk, outcome: str, draws: int = DRAWS) -> Trend:
    """How an outcome of ``OUTCOMES`` changes with ITA within the diagnoses: see ``fairness.trend.ita_trend``.

    The curve ends where the data do: at the ``FEWEST``-th darkest and lightest image.
    """
    from dermaviz.fairness.trend import GRID_POINTS, ita_trend

    images, happened = outcome_of(ask, outcome)
    ita = darkness(replace(ask, images=images))
    known = np.sort(ita[np.isfinite(ita)])
    grid = np.linspace(known[FEWEST - 1], known[-FEWEST], GRID_POINTS) if len(known) >= 2 * FEWEST else None
    return ita_trend(happened, ita, images.clusters, strata=images.table["dx"].tolist(), grid=grid, draws=draws)


def trend_verdict(ask: ToneAsk, outcome: str) -> tuple[str, str]:
    """Whether every other estimator of tone finds the slope of an outcome again, and why not: see ``fairness.groups.judge``."""
    from dermaviz.fairness.groups import judge

    others = (
        {}
        if ask.labelled
        else {
            label: trend(replace(ask, estimator=name), outcome, 0).slope.value
            for name, label in ESTIMATORS.items()
            if name != ask.estimator
        }
    )
    return judge(trend(ask, outcome).slope, others)


def trend_finding(ask: ToneAsk) -> tuple[str, str]:
    """What the trend of right answers says, in a short clause; and its odds with their interval, "" where there are none."""
    found, (verdict, reason) = trend(ask, RIGHT), trend_verdict(ask, RIGHT)
    if found.suppressed or math.isnan(found.odds_ratio.low):
        return "there are **too few images for a trend**", ""
    odds, step = darker(found), "level darker" if ask.labelled else "10° of ITA darker"
    ita = "" if ask.labelled else " ITA: the individual typology angle of skin colour; the lower, the darker."
    interval = f"Odds of a right answer for each {step}: ×{odds.text('{:.2f}'.format)}.{ita}"
    if verdict == "difference found":
        way = "less" if odds.value < 1 else "more"
        return (
            f"it is right **{way} often on darker skin** within a diagnosis (odds ×{odds.value:.2f} for each {step})",
            interval,
        )
    sure = " that other estimates of tone confirm" if reason.startswith(("the sign", "a group")) else ""
    return f"**no trend with skin tone** is found{sure}", interval


def trend_steps(ask: ToneAsk, outcome: str) -> pd.DataFrame:
    """The same in groups of equally many images: ``ita`` (their median), ``value, low, high, n_images``; of labels, by level."""
    images, happened = outcome_of(ask, outcome)
    if ask.labelled:
        labels = images.table[TONE_LABEL].to_numpy(str)
        levels = {level: labels == level for level in names_of(ask, labels)}
        return mean_by_group(images, happened, levels)
    ita = ita_of(replace(ask, images=images))
    known = np.flatnonzero(np.isfinite(ita))
    parts = np.array_split(known[np.argsort(ita[known], kind="stable")], STEPS)
    masks = {f"{np.median(ita[part]):.2f}": np.isin(np.arange(len(images)), part) for part in parts if len(part)}
    table = mean_by_group(images, happened, masks)
    return table.assign(ita=table["label"].astype(float)) if len(table) else table.assign(ita=[], value=[], n_images=[])


def outcome_of(ask: ToneAsk, outcome: str) -> tuple[Audited, NDArray[np.bool_]]:
    """The images that an outcome can happen to, and whether it did, bool."""
    images = ask.images
    if outcome == RIGHT:
        return images, images.probabilities.argmax(1) == images.labels
    some = images.take(wanted(ask) if outcome == FOUND else ~wanted(ask))
    return some, called(some.probabilities, wanted_classes(ask), ask.threshold)
