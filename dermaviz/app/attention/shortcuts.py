"""Attention, tab Shortcuts: what changes the answers of the test set besides the lesion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.cache import remembered
from dermaviz.app.evidence import share_right, table_of
from dermaviz.app.skin_tone.question import ToneAsk
from dermaviz.app.text import figure, images, in_points
from dermaviz.app.widgets.chart import ink, show_answer, show_details
from dermaviz.evidence.predictions import Audited
from dermaviz.evidence.store import Evidence
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.plots.intervals import comparison_figure
from dermaviz.plots.theme import percent, points

SHORTCUTS = "shortcuts"
"""A table of evidence."""
METRICS: Mapping[str, str] = MappingProxyType(
    {
        "p_positive_change": "mean probability of melanoma",
        "p_malignant_change": "mean probability of malignancy",
        "flips": "share of answers that flip",
        "flips_to_malignant": "share that flips to malignant",
        "flips_to_benign": "share that flips to benign",
        "accuracy_change": "accuracy",
        "balanced_accuracy_change": "balanced accuracy",
    }
)
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "p_positive_change": "Δ p(melanoma), points",
        "flips": "answers that flip",
        "accuracy": "accuracy",
        "balanced_accuracy": "balanced accuracy",
    }
)
LEAST_SPAN = 0.02
HOW = (
    "Drawn over each test image as the model sees it. The control covers the same places in the photo's own skin colour: its "
    "effect is that of hiding. Lesion only: all else in skin colour. Background only: the lesion filled in from its surroundings."
)


def show_shortcuts(ask: ToneAsk) -> None:
    """What a ruler, ink, dark corners, hair or a colour patch do beside their control, and what half an image is worth."""
    from dermaviz.fairness.effects import BACKGROUND_ONLY, IN_SKIN_COLOUR, LESION_ONLY
    from dermaviz.fairness.effects import SHORTCUTS as VARIANTS

    evidence = table_of(ask.images.checkpoint, SHORTCUTS)
    table = shortcut_table(ask.images, evidence)
    place = st.container()
    offered = [name for name in METRICS if name in set(table["metric"])]
    metric = st.selectbox(
        "What is measured", offered, format_func=METRICS.__getitem__, key="moved", bind="query-params"
    )
    rows = table[table["metric"] == metric].set_index("variant")
    words = [name.capitalize() for name in VARIANTS]
    shown = {
        "over the photo": rows.loc[list(VARIANTS)].assign(label=words),
        "control: same places, skin colour": rows.loc[[name + IN_SKIN_COLOUR for name in VARIANTS]].assign(label=words),
    }
    chart = comparison_figure(
        shown, f"change, {METRICS[metric]}", span=_span(shown), form=".1%", reference=(0.0, "no change"), ink=ink()
    )
    parts = table[(table["metric"] == "accuracy") & table["variant"].isin([LESION_ONLY, BACKGROUND_ONLY])]
    measured = ask.images.take(ask.images.table["image_id"].isin(evidence.table["image_id"]).to_numpy())
    commonest = float(measured.table["dx"].value_counts(normalize=True).iloc[0])
    with place:
        show_answer(shortcut_sentence(shown["over the photo"], METRICS[metric]), chart, SHORTCUTS)
    st.markdown(parts_sentence(parts, share_right(measured), commonest))
    cells = _cells(table, [*VARIANTS, LESION_ONLY, BACKGROUND_ONLY])
    show_details(SHORTCUTS, HOW, {f"{ask.images.checkpoint.name}-{SHORTCUTS}": table}, cells)


def _span(shown: Mapping[str, pd.DataFrame]) -> tuple[float, float]:
    """Ends of an axis of changes: evenly about 0."""
    ends = np.concatenate([table[["value", "low", "high"]].to_numpy(np.float64).ravel() for table in shown.values()])
    most = float(np.nanmax(np.abs(ends), initial=LEAST_SPAN)) * 1.05
    return -most, most


def _cells(table: pd.DataFrame, variants: list[str]) -> pd.DataFrame:
    """A row per variant: its main figures with intervals."""
    found = table.set_index(["variant", "metric"])
    rows = []
    for name in variants:
        row = {"images": f"{int(found.loc[(name, 'flips'), 'n_images']):,}", "photo with": name}
        for metric, label in COLUMNS.items():
            if (name, metric) in found.index:
                written = points if metric.endswith("change") else percent
                row[label] = Estimate.of(found.loc[(name, metric)]).cell(written)
        rows.append(row)
    return pd.DataFrame(rows)


@remembered(max_entries=16)
def shortcut_table(audited: Audited, evidence: Evidence) -> pd.DataFrame:
    """What each shortcut does to the answers: see ``fairness.effects.shortcut_effects``."""
    from dermaviz.fairness.effects import shortcut_effects

    card = audited.checkpoint.card
    return shortcut_effects(evidence.table, audited.table, card.classes, frozenset(card.malignant))


def shortcut_sentence(rows: pd.DataFrame, what: str) -> tuple[str, str]:
    """Which shortcut moves a figure most; and by how much, also beyond its control."""
    most = rows.loc[rows["value"].abs().idxmax()]
    beyond = "" if math.isnan(most["beyond"]) else f" Beyond its control: {in_points(most, 'beyond')}."
    return (
        f"**{most['label']}** changes the {what} most: {points(most['value'])} points.",
        f"{most['label']}: {in_points(most)}, n = {images(int(most['n_images']))}.{beyond}",
    )


def parts_sentence(rows: pd.DataFrame, clean: Estimate, commonest: float) -> str:
    """Accuracy on lesion-only and background-only images beside that on whole ones, and the commonest diagnosis's share."""
    said = "; ".join(f"{name} {figure(row, write=percent)}" for name, row in rows.set_index("variant").iterrows())
    return f"Accuracy: whole images {clean.text(percent)}; {said}. Always the most frequent diagnosis: {percent(commonest)}."
