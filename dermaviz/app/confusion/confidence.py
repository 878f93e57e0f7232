"""Tabs: whether the model is right as often as it says, abstaining, and sets of diagnoses."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from dermaviz.app.checkpoints import audited
from dermaviz.app.confusion.view import ALL_IMAGES
from dermaviz.app.sessions import remembered
from dermaviz.app.text import images, resampling
from dermaviz.app.widgets.chart import ink, intervals, show_answer, show_details
from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import Audited, internal
from dermaviz.evidence.store import UNNAMED
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.metrics.calibration import (
    Kind,
    before_and_after,
    conformal_sets,
    coverage_by_class,
    fit_conformal,
    reliability,
    uncalibrated,
)
from dermaviz.metrics.ranking import risk_coverage
from dermaviz.plots.curves import reliability_figure, risk_coverage_figure
from dermaviz.plots.intervals import coverage_figure
from dermaviz.plots.theme import percent

SET_KINDS: Mapping[Kind, str] = {
    "marginal": "one threshold for all classes",
    "class-conditional": "a threshold for each class",
}
_ABSTAIN_AT, COVERAGE = 0.8, 0.9
"""The share of answers that the sentence on abstaining is about, and what conformal sets promise."""


def show_calibration(audited: Audited) -> None:
    """Reliability before and after temperature scaling, and what the temperature did to each figure."""
    table = calibration_table(audited)
    rows, sure = table.set_index("metric"), float(audited.probabilities.max(1).mean())
    right = float((audited.probabilities.argmax(1) == audited.labels).mean())
    error = rows.loc["expected_calibration_error"]
    figures = (
        f"Calibration error {error['before']:.3f} before temperature scaling and {error['after']:.3f} after, n = "
        f"{images(len(audited))}."
    )
    if "melanoma_flagged" in rows.index and (flagged := rows.loc["melanoma_flagged"])["n_positives"]:
        figures += (
            f" At a malignant probability of 50%, {flagged['before']:.1%} of {flagged['n_positives']:,} melanomas are flagged "
            f"before and {flagged['after']:.1%} after."
        )
    said = f"Mean confidence is **{sure:.1%}**, accuracy **{right:.1%}**.", figures
    show_answer(said, reliability_figure(reliability_bins(audited), ink=ink()), "reliability")
    shown = pd.DataFrame({"figure": table["label"], "images": table["n_positives"].fillna(len(audited))})
    for column in ("before", "after", "difference"):
        shown[column] = intervals(table, column, change=column == "difference")
    words = (
        f"Logits are divided by the temperature {audited.checkpoint.card.temperature:.3f}, fitted on validation images. The most "
        "probable class stays the same. Bars: 95% score intervals (Wilson), each image by itself; figures: "
        f"95% intervals, paired for the difference, {resampling(audited, table)}."
    )
    show_details("calibration", words, {}, shown)


def show_abstaining(audited: Audited) -> None:
    """How often the most confident answers are wrong, compared with all of them."""
    curve = coverage_curve(audited)
    row, last = curve.iloc[(curve["coverage"] - _ABSTAIN_AT).abs().argmin()], curve.iloc[-1]
    risk, n = Estimate(row["risk"], row["low"], row["high"], exact=bool(row["exact"])), images(len(audited))
    said = (
        f"Of the most confident {percent(row['coverage'])} of answers **{percent(risk.value)}** are wrong, of all answers "
        f"**{percent(last['risk'])}**.",
        f"Wrong among the most confident: {risk.text(percent)}, of {n}.",
    )
    show_answer(said, risk_coverage_figure({"": curve}, ink=ink()), "abstaining")


def show_sets(images: Audited) -> None:
    """How often conformal sets hold the true class, with one threshold for all classes and with one for each."""
    own = internal(images.checkpoint.card, "validation")
    if own.data_set == UNNAMED:
        raise EvidenceError(
            "Sets of diagnoses are fitted on validation images of the data set that a model was trained on, and this model's "
            "card names none."
        )
    validation = audited(images.checkpoint, own)
    tables = {kind: set_coverage(images, validation, kind) for kind in SET_KINDS}
    st.markdown(sets_sentence(tables, len(validation)))
    names = {**images.checkpoint.card.words, "": ALL_IMAGES, "malignant": "all malignant ones"}
    for column, (kind, table) in zip(st.columns(2), tables.items(), strict=True):
        rows = table.assign(label=table["class"].map(names)).rename(columns={"coverage": "value", "n_images": "n"})
        known = table[table["mean_size"].notna()]
        sizes = ", ".join(
            f"{name or 'all'} {n:.1f}" for name, n in zip(known["class"], known["mean_size"], strict=True)
        )
        with column:
            figure = coverage_figure(rows, COVERAGE, ink=ink())
            said = f"**{SET_KINDS[kind].capitalize()}**", f"Diagnoses in a set, on average: {sizes}."
            show_answer(said, figure, f"sets {kind}")


def sets_sentence(tables: Mapping[Kind, pd.DataFrame], n_fitted: int) -> str:
    """How often sets contain the true class, of all and of the malignant images, and how many diagnoses they hold."""
    parts = []
    for kind, table in tables.items():
        rows = table.set_index("class")
        said = f"With {SET_KINDS[kind]}: **{percent(rows.loc['', 'coverage'])}** of all"
        if "malignant" in rows.index and rows.loc["malignant", "n_images"]:
            said += f", **{percent(rows.loc['malignant', 'coverage'])}** of the malignant ones"
        parts.append(f"{said}; {rows.loc['', 'mean_size']:.1f} diagnoses in a set.")
    n = int(tables["marginal"]["n_images"].iloc[0])
    return (
        f"How often do sets of diagnoses contain the true one? They promise {COVERAGE:.0%}. {' '.join(parts)} n = {images(n)}, "
        f"fitted on {n_fitted:,} validation images."
    )


@remembered(max_entries=64, show_spinner=False)
def coverage_curve(audited: Audited) -> pd.DataFrame:
    """The share of mistakes among the most confident images, with its interval."""
    return risk_coverage(audited.labels, audited.probabilities, audited.clusters)


@remembered(max_entries=64, show_spinner=False)
def reliability_bins(audited: Audited) -> dict[str, pd.DataFrame]:
    """How often answers of a confidence are right, before and after temperature."""
    raw = uncalibrated(audited.probabilities, audited.checkpoint.card.temperature)
    said = {"before": raw, "after": audited.probabilities}
    return {name: reliability(audited.labels, probabilities) for name, probabilities in said.items()}


@remembered(max_entries=64)
def calibration_table(audited: Audited) -> pd.DataFrame:
    """What the temperature did, figure by figure: see ``metrics.calibration.before_and_after``."""
    card = audited.checkpoint.card
    return before_and_after(
        audited.labels,
        audited.probabilities,
        card.temperature,
        audited.clusters,
        card.classes,
        frozenset(card.malignant),
    )


@remembered(max_entries=64, show_spinner=False)
def set_coverage(audited: Audited, fitted_on: Audited, kind: Kind) -> pd.DataFrame:
    """How often conformal sets hold the true class: see ``metrics.calibration.coverage_by_class``."""
    thresholds = fit_conformal(fitted_on.labels, fitted_on.probabilities, COVERAGE, kind)
    sets = conformal_sets(audited.probabilities, thresholds)
    malignant = frozenset(audited.checkpoint.card.malignant)
    return coverage_by_class(audited.labels, sets, audited.clusters, audited.classes, malignant)
