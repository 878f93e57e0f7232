"""Widget: cards on what a probability is worth — calibration, abstaining, prediction sets."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dermaviz.figures.curves import reliability_figure, risk_coverage_figure
from dermaviz.figures.estimates import coverage_figure
from dermaviz.models.card import Card
from dermaviz.ui.confusion.cards_wording import (
    ALL_IMAGES,
    MALIGNANT_IMAGES,
    SET_KINDS,
    abstaining_sentence,
    calibration_sentence,
    sets_sentence,
)
from dermaviz.ui.evidence import Audited, audited
from dermaviz.ui.measured import COVERAGE, calibration_table, coverage_curve, reliability_bins, set_coverage
from dermaviz.ui.widgets.chart import ink, show_chart, with_interval
from dermaviz.ui.wording import class_names


def show_calibration(images: Audited) -> None:
    """Reliability before and after temperature, and what the temperature did to each figure."""
    table, bins = calibration_table(images), reliability_bins(images)
    temperature = images.checkpoint.card.temperature
    show_chart(reliability_figure(bins, ink=ink()), "reliability", calibration_sentence(images, table))
    shown = pd.DataFrame({"figure": table["label"], "images": table["n_positives"].fillna(len(images))})
    for column in ("before", "after", "difference"):
        shown[column] = [
            with_interval(value, low, high, change=column == "difference")
            for value, low, high in zip(table[column], table[f"{column}_low"], table[f"{column}_high"], strict=True)
        ]
    st.table(shown, border="horizontal", hide_index=True)
    st.caption(
        f"Before and after the logits are divided by the temperature {temperature:.3f}, which was fitted on validation "
        "photos; 95% intervals by resampling lesions, paired for the difference. The most probable class stays the same: "
        "what moves is the share that a fixed threshold catches."
    )


def show_abstaining(images: Audited) -> None:
    """How often the most confident answers are wrong."""
    curve = coverage_curve(images)
    show_chart(risk_coverage_figure({"": curve}, ink=ink()), "abstaining", abstaining_sentence(curve, len(images)))


def show_sets(images: Audited) -> None:
    """How often conformal sets hold the true class, with one threshold for all classes and with one for each."""
    validation = audited(images.checkpoint, "validation")
    card = images.checkpoint.card
    tables = {kind: set_coverage(images, validation, kind) for kind in SET_KINDS}
    st.markdown(sets_sentence(tables, len(validation), COVERAGE))
    for column, (kind, table) in zip(st.columns(2), tables.items(), strict=True):
        with column:
            rows = pd.DataFrame(
                {
                    "label": [_group(card, name) for name in table["class"]],
                    "value": table["coverage"],
                    "low": table["low"],
                    "high": table["high"],
                    "n": table["n_images"],
                }
            )
            known = table[table["mean_size"].notna()]
            sizes = ", ".join(
                f"{name or 'all'} {n:.1f}" for name, n in zip(known["class"], known["mean_size"], strict=True)
            )
            st.markdown(f"**{SET_KINDS[kind].capitalize()}**")
            show_chart(
                coverage_figure(rows, COVERAGE, ink=ink()), f"sets {kind}", f"Diagnoses in a set, on average: {sizes}."
            )


def _group(card: Card, name: str) -> str:
    return {"": ALL_IMAGES, "malignant": MALIGNANT_IMAGES}.get(name) or class_names(card)[name]
