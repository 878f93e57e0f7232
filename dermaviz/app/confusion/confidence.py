"""Tabs: whether the model is right as often as it says, abstaining, and sets of diagnoses."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd
import streamlit as st

from dermaviz.app.confusion.metrics import COVERAGE, calibration_table, coverage_curve, reliability_bins, set_coverage
from dermaviz.app.confusion.view import ALL_IMAGES
from dermaviz.app.evidence import audited
from dermaviz.app.text import class_names, images, resampling
from dermaviz.app.widgets.chart import ink, intervals, show_answer, show_details
from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import Audited, internal
from dermaviz.evidence.store import UNNAMED
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.metrics.calibration import Kind
from dermaviz.plots.curves import reliability_figure, risk_coverage_figure
from dermaviz.plots.intervals import coverage_figure
from dermaviz.plots.theme import percent

SET_KINDS: Mapping[Kind, str] = MappingProxyType(
    {"marginal": "one threshold for all classes", "class-conditional": "a threshold for each class"}
)
_ABSTAIN_AT = 0.8


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
        f"95% intervals {resampling(audited, table)}, paired for the difference."
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
    names = {**class_names(images.checkpoint.card), "": ALL_IMAGES, "malignant": "all malignant ones"}
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
