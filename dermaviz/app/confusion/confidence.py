"""Tabs: whether the model is right as often as it says, abstaining, and sets of diagnoses."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd
import streamlit as st

from dermaviz.app.confusion.metrics import COVERAGE, calibration_table, coverage_curve, reliability_bins, set_coverage
from dermaviz.app.confusion.view import ALL_IMAGES
from dermaviz.app.evidence import audited
from dermaviz.app.text import class_names, images
from dermaviz.app.widgets.chart import ink, intervals, show_chart
from dermaviz.evidence.predictions import Audited, internal
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.metrics.conformal import Kind
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
    said = (
        f"On {images(len(audited))}, its mean confidence is {sure:.1%} and its accuracy {right:.1%}. The calibration error is "
        f"{error['before']:.3f} before temperature and {error['after']:.3f} after."
    )
    if "melanoma_flagged" in rows.index and (flagged := rows.loc["melanoma_flagged"])["n_positives"]:
        said += (
            f" At a malignant probability of 50% it catches {flagged['before']:.1%} of {flagged['n_positives']:,} melanomas "
            f"before and {flagged['after']:.1%} after."
        )
    show_chart(reliability_figure(reliability_bins(audited), ink=ink()), "reliability", said)
    shown = pd.DataFrame({"figure": table["label"], "images": table["n_positives"].fillna(len(audited))})
    for column in ("before", "after", "difference"):
        shown[column] = intervals(table, column, change=column == "difference")
    st.table(shown, border="horizontal", hide_index=True)
    st.caption(
        f"Before and after the logits are divided by the temperature {audited.checkpoint.card.temperature:.3f}, which was "
        "fitted on validation photos; 95% intervals by resampling lesions, paired for the difference. The most probable class "
        "stays the same: what moves is the share that a fixed threshold catches."
    )


def show_abstaining(audited: Audited) -> None:
    """How often the most confident answers are wrong, compared with all of them."""
    curve = coverage_curve(audited)
    row = curve.iloc[(curve["coverage"] - _ABSTAIN_AT).abs().argmin()]
    said = (
        f"If it answers only the {percent(row['coverage'])} of {images(len(audited))} on which it is most confident, it is "
        f"wrong on {Estimate(row['risk'], row['low'], row['high']).text(percent)}; if it answers all, on "
        f"{percent(curve.iloc[-1]['risk'])}."
    )
    show_chart(risk_coverage_figure({"": curve}, ink=ink()), "abstaining", said)


def show_sets(images: Audited) -> None:
    """How often conformal sets hold the true class, with one threshold for all classes and with one for each."""
    validation = audited(images.checkpoint, internal(images.checkpoint.card, "validation"))
    tables = {kind: set_coverage(images, validation, kind) for kind in SET_KINDS}
    st.markdown(sets_sentence(tables, len(validation)))
    names = {**class_names(images.checkpoint.card), "": ALL_IMAGES, "malignant": "all malignant ones"}
    for column, (kind, table) in zip(st.columns(2), tables.items(), strict=True):
        rows = pd.DataFrame(
            {
                "label": table["class"].map(names), "value": table["coverage"], "low": table["low"], "high": table["high"],
                "n": table["n_images"],
            }
        )  # fmt: skip
        known = table[table["mean_size"].notna()]
        sizes = ", ".join(
            f"{name or 'all'} {n:.1f}" for name, n in zip(known["class"], known["mean_size"], strict=True)
        )
        with column:
            st.markdown(f"**{SET_KINDS[kind].capitalize()}**")
            figure = coverage_figure(rows, COVERAGE, ink=ink())
            show_chart(figure, f"sets {kind}", f"Diagnoses in a set, on average: {sizes}.")


def sets_sentence(tables: Mapping[Kind, pd.DataFrame], n_fitted: int) -> str:
    """What the sets promise, and how often they contain the true class, as Markdown."""
    parts = []
    for kind, table in tables.items():
        rows = table.set_index("class")
        said = f"with {SET_KINDS[kind]}, they contain it for **{percent(rows.loc['', 'coverage'])}** of all"
        if "malignant" in rows.index and rows.loc["malignant", "n_images"]:
            said += f" and **{percent(rows.loc['malignant', 'coverage'])}** of the malignant ones"
        parts.append(f"{said} ({rows.loc['', 'mean_size']:.1f} diagnoses on average)")
    n = int(tables["marginal"]["n_images"].iloc[0])
    return (
        f"Sets of diagnoses were fitted on {n_fitted:,} validation images to contain the true one {COVERAGE:.0%} of the time. "
        f"On these {images(n)}, {'; '.join(parts)}."
    )
