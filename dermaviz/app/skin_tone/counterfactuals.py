"""Skin tone, tab Other skin: the test set with its skin at other tones, and drawn lesions of which the truth is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.cache import remembered
from dermaviz.app.evidence import table_of
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.skin_tone.question import ToneAsk
from dermaviz.app.text import figure, images, in_points
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.evidence.predictions import Audited
from dermaviz.evidence.store import DataSplit, Evidence
from dermaviz.evidence.tables import DRAWN
from dermaviz.metrics.bootstrap import DRAWS, interval, lesion_weights
from dermaviz.metrics.classification import weighted_mean
from dermaviz.plots.theme import percent
from dermaviz.plots.tone import against_ita_figure

COUNTERFACTUALS = "counterfactuals"
DRAWN_TONE = "drawn_tone"
_SKIN_METRICS: Mapping[str, str] = MappingProxyType(
    {
        "p_malignant_change": "mean probability of malignancy",
        "p_positive_change": "mean probability of melanoma",
        "flips": "share of answers that flip",
        "accuracy_change": "accuracy",
        "energy_change": "energy in lesion",
        "rank_correlation": "rank correlation with the map on the photo as it is",
    }
)
_LINES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("melanin", "fixed"): "other skin, the lesion as it is",
        ("melanin", "re-pigmented"): "other skin and lesion",
        ("control", "fixed"): "an equal shift that is no tone, the lesion as it is",
        ("control", "re-pigmented"): "the same on skin and lesion",
    }
)


def show_other_skin(ask: ToneAsk) -> None:
    """The same photos with their skin at other ITA, beside an equal shift of colour that is no tone."""
    table = other_skin_table(ask.images, table_of(ask.images.checkpoint, COUNTERFACTUALS))
    offered = [name for name in _SKIN_METRICS if name in set(table["metric"])]
    metric = st.selectbox(
        "What is followed", offered, format_func=_SKIN_METRICS.__getitem__, key="followed", bind="query-params"
    )
    rows = table[table["metric"] == metric].rename(columns={"ita_to": "ita"})
    drawn = {
        name: mine
        for (axis, lesion), name in _LINES.items()
        if len(mine := rows[(rows["axis"] == axis) & (rows["lesion"] == lesion)])
    }
    said = other_skin_sentence(table[table["metric"] == metric], _SKIN_METRICS[metric], metric.endswith("change"))
    title = f"{'change, ' if metric.endswith('change') else ''}{_SKIN_METRICS[metric]}"
    figure = against_ita_figure(drawn, title, cuts=ask.cuts, ink=ink())
    show_chart(figure, "other skin", said)
    st.caption(
        "Skin is shifted along the melanin axis of the skin model that draws DermaViz's lesions; the control moves colour as "
        "far along an axis that is no tone. Bands: 95% over resampled lesions, of the paired change from the photo as it is. "
        "A photo of dark skin differs in more than its colour: this asks only about colour."
    )
    show_table(table, f"{ask.images.checkpoint.name}-{COUNTERFACTUALS}", "other skin")
    st.markdown("##### And on drawn lesions, of which the truth is known?")
    with sentence_for_errors():
        _show_drawn(ask)


def _show_drawn(ask: ToneAsk) -> None:
    """The same drawn lesions on skin of every tone."""
    lines = drawn_by_tone(table_of(ask.images.checkpoint, DRAWN_TONE, DataSplit(DRAWN, DRAWN)), ask.card.malignant)
    figure = against_ita_figure(lines, "mean probability of malignancy", cuts=ask.cuts, span=(-0.02, 1.02), ink=ink())
    show_chart(figure, "drawn tone", drawn_sentence(lines))
    st.caption(
        "The same lesions drawn on each skin: only its melanin differs. Nothing measured on drawings is a clinical finding."
    )
    joined = pd.concat([table.assign(line=name) for name, table in lines.items()], ignore_index=True)
    show_table(joined, f"{ask.images.checkpoint.name}-drawn-tone", "drawn tone")


@remembered(max_entries=16)
def other_skin_table(audited: Audited, evidence: Evidence) -> pd.DataFrame:
    """What each shift of tone does to the answers: see ``fairness.counterfactual.tone_effects``."""
    from dermaviz.fairness.counterfactual import tone_effects

    card = audited.checkpoint.card
    return tone_effects(evidence.table, audited.table, card.classes, frozenset(card.malignant))


@remembered(max_entries=8)
def drawn_by_tone(evidence: Evidence, malignant: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """The mean probability of malignancy of drawn lesions against the ITA they are drawn at, for malignant and benign forms.

    Returns:
        Per kind a table ``ita, value, low, high, n_images``; intervals from resampling drawn lesions.
    """
    kinds = evidence.table["dx"].isin(malignant).map({True: "malignant forms, drawn", False: "benign forms, drawn"})
    lines: dict[str, pd.DataFrame] = {}
    for kind in sorted(set(kinds), reverse=True):
        rows = []
        for ita, mine in evidence.table[kinds == kind].groupby("ita"):
            values, lesions = mine["p_malignant"].to_numpy(np.float64), mine["lesion_id"].to_numpy()
            drawn = interval(weighted_mean(values, lesion_weights(lesions, DRAWS)))
            rows.append((ita, float(values.mean()), *drawn, len(values)))
        lines[kind] = pd.DataFrame(rows, columns=["ita", "value", "low", "high", "n_images"])
    return lines


def other_skin_sentence(rows: pd.DataFrame, what: str, changes: bool) -> str:
    """What the largest shift towards darker skin does to a figure, beside the control of equal size, as Markdown.

    Args:
        changes: whether the figure is a change from the photo as it is.
    """
    tone = rows[(rows["axis"] == "melanin") & (rows["lesion"] == "fixed")]
    if tone.empty:
        return "There is no shift of the skin alone among these."
    row = tone.loc[tone["ita_to"].idxmin()]
    n = images(int(row["n_images"]))
    size = f"changes by **{in_points(row)}**" if changes else f"is **{figure(row)}**"
    said = f"With the skin at ITA {angle(row['ita_to'])} and the lesion as it is, the {what} {size}"
    if math.isnan(row["beyond"]):
        return f"{said}. n = {n}."
    return f"{said}; beyond an equal shift of colour that is no tone: {in_points(row, 'beyond')}. n = {n}."


def drawn_sentence(lines: Mapping[str, pd.DataFrame]) -> str:
    """From the lightest to the darkest skin drawn, how the probability of malignancy changes, as Markdown."""
    parts = []
    for name, table in lines.items():
        light, dark = (table.loc[at] for at in (table["ita"].idxmax(), table["ita"].idxmin()))
        parts.append(
            f"{name}: **{percent(light['value'])}** at ITA {angle(light['ita'])}, **{percent(dark['value'])}** at "
            f"{angle(dark['ita'])} ({int(dark['n_images'])} lesions)"
        )
    return f"Mean probability of malignancy, {'; '.join(parts)}."


def angle(degrees: float) -> str:
    """Whole degrees."""
    return f"{degrees:.0f}°".replace("-", "−")
