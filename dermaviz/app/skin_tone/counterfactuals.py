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
from dermaviz.app.skin_tone.question import ToneAsk
from dermaviz.app.text import escaped_message, figure, images, in_points, resampling
from dermaviz.app.widgets.chart import ink, show_answer, show_details
from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import Audited
from dermaviz.evidence.store import DataSplit, Evidence
from dermaviz.evidence.tables import DRAWN
from dermaviz.metrics.bootstrap import DRAWS, cluster_weights, interval
from dermaviz.metrics.classification import weighted_mean
from dermaviz.plots.theme import percent, points
from dermaviz.plots.tone import against_ita_figure

COUNTERFACTUALS, DRAWN_TONE = "counterfactuals", "drawn_tone"
"""Tables of evidence."""
METRICS: Mapping[str, str] = MappingProxyType(
    {
        "p_malignant_change": "mean probability of malignancy",
        "p_positive_change": "mean probability of melanoma",
        "flips": "share of answers that flip",
        "accuracy_change": "accuracy",
        "energy_change": "energy in lesion",
        "rank_correlation": "rank correlation with the map on the original",
    }
)
LINES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("melanin", "fixed"): "other skin, same lesion",
        ("melanin", "re-pigmented"): "other skin and lesion",
        ("control", "fixed"): "control shift, same lesion",
        ("control", "re-pigmented"): "control shift of both",
    }
)
HOW = (
    "Skin is shifted along the melanin axis of the model that draws DermaViz's lesions. The control shifts colour as far along "
    "an axis that is no skin tone. Bands: 95%, {resampling}, of the paired change. Photos of dark skin differ in more "
    "than colour: this tests colour only."
)


def show_other_skin(ask: ToneAsk) -> None:
    """The same images with their skin at other ITA, beside an equal shift of colour that is no tone; then drawn lesions."""
    table = other_skin_table(ask.images, table_of(ask.images.checkpoint, COUNTERFACTUALS))
    place = st.container()
    offered = [name for name in METRICS if name in set(table["metric"])]
    metric = st.selectbox(
        "What is measured", offered, format_func=METRICS.__getitem__, key="followed", bind="query-params"
    )
    rows = table[table["metric"] == metric]
    lines = {
        name: mine.rename(columns={"ita_to": "ita"})
        for (axis, lesion), name in LINES.items()
        if len(mine := rows[(rows["axis"] == axis) & (rows["lesion"] == lesion)])
    }
    changes = metric.endswith("change")
    title = f"{'change, ' if changes else ''}{METRICS[metric]}"
    chart = against_ita_figure(lines, title, cuts=ask.cuts, ink=ink())
    with place:
        show_answer(other_skin_sentence(rows, METRICS[metric], changes), chart, "other skin")
    tables = {f"{ask.images.checkpoint.name}-{COUNTERFACTUALS}": table}
    try:
        drawn = drawn_by_tone(table_of(ask.images.checkpoint, DRAWN_TONE, DataSplit(DRAWN, DRAWN)), ask.card.malignant)
    except EvidenceError as error:
        st.info(f"Drawn lesions, of which the truth is known: {escaped_message(str(error))}", icon=":material/info:")
    else:
        st.markdown("### Drawn lesions, of which the truth is known")
        chart = against_ita_figure(
            drawn, "mean probability of malignancy", cuts=ask.cuts, span=(-0.02, 1.02), ink=ink()
        )
        show_answer(drawn_sentence(drawn), chart, "drawn tone")
        joined = pd.concat([line.assign(line=name) for name, line in drawn.items()], ignore_index=True)
        tables[f"{ask.images.checkpoint.name}-drawn-tone"] = joined
    show_details("other skin", HOW.format(resampling=resampling(ask.images, table)), tables)


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
    kinds = evidence.table["dx"].isin(malignant).map({True: "malignant forms", False: "benign forms"})
    lines: dict[str, pd.DataFrame] = {}
    for kind in sorted(set(kinds), reverse=True):
        rows = []
        for ita, mine in evidence.table[kinds == kind].groupby("ita"):
            values, lesions = mine["p_malignant"].to_numpy(np.float64), mine["lesion_id"].to_numpy()
            bounds = interval(weighted_mean(values, cluster_weights(lesions, DRAWS)))
            rows.append((ita, float(values.mean()), *bounds, len(values)))
        lines[kind] = pd.DataFrame(rows, columns=["ita", "value", "low", "high", "n_images"])
    return lines


def other_skin_sentence(rows: pd.DataFrame, what: str, changes: bool) -> tuple[str, str]:
    """What the largest shift towards darker skin does to a figure (or to its change); and beyond the control of equal size."""
    tone = rows[(rows["axis"] == "melanin") & (rows["lesion"] == "fixed")]
    if tone.empty:
        return "There is no shift of the skin alone among these.", ""
    row = tone.loc[tone["ita_to"].idxmin()]
    size = f"changes by **{points(row['value'])} points**" if changes else f"is **{row['value']:.2f}**"
    beyond = "" if math.isnan(row["beyond"]) else f" Beyond the control shift: {in_points(row, 'beyond')}."
    return (
        f"On skin at ITA {angle(row['ita_to'])}, the {what} {size}.",
        f"{in_points(row) if changes else figure(row)}, n = {images(int(row['n_images']))}, drawn at random.{beyond}",
    )


def drawn_sentence(lines: Mapping[str, pd.DataFrame]) -> tuple[str, str]:
    """From the lightest to the darkest skin drawn, how the mean probability of malignancy changes."""
    parts, counts = [], []
    for name, table in lines.items():
        light, dark = (table.loc[at] for at in (table["ita"].idxmax(), table["ita"].idxmin()))
        parts.append(f"{name} from **{percent(light['value'])}** to **{percent(dark['value'])}**")
        counts.append(f"{name}, n = {int(dark['n_images'])} lesions")
    ends = f"From ITA {angle(light['ita'])} to {angle(dark['ita'])}" if parts else "No lesions"
    return f"{ends}, mean probability of malignancy: {'; '.join(parts)}.", f"{'; '.join(counts).capitalize()}."


def angle(degrees: float) -> str:
    """Whole degrees."""
    return f"{degrees:.0f}°".replace("-", "−")
