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
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.evidence.predictions import Audited
from dermaviz.evidence.store import Evidence
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.plots.intervals import comparison_figure
from dermaviz.plots.theme import percent, points

SHORTCUTS = "shortcuts"
_SHORTCUT_METRICS: Mapping[str, str] = MappingProxyType(
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
_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "p_positive_change": "Δ p(melanoma), points",
        "flips": "answers that flip",
        "accuracy": "accuracy",
        "balanced_accuracy": "balanced accuracy",
    }
)
_LEAST_SPAN = 0.02


def show_shortcuts(ask: ToneAsk) -> None:
    """What a ruler, ink, dark corners, hair or a colour patch do beside their control, and what half a photo is worth."""
    from dermaviz.fairness.shortcuts import BACKGROUND_ONLY, IN_SKIN_COLOUR, LESION_ONLY
    from dermaviz.fairness.shortcuts import SHORTCUTS as VARIANTS

    table = shortcut_table(ask.images, table_of(ask.images.checkpoint, SHORTCUTS))
    offered = [name for name in _SHORTCUT_METRICS if name in set(table["metric"])]
    metric = st.selectbox(
        "What moves", offered, format_func=_SHORTCUT_METRICS.__getitem__, key="moved", bind="query-params"
    )
    rows = table[table["metric"] == metric].set_index("variant")
    words = {name: name.capitalize() for name in VARIANTS}
    shown = {
        "laid over the photo": rows.loc[list(VARIANTS)].assign(label=list(words.values())),
        "the same places in skin colour": rows.loc[[name + IN_SKIN_COLOUR for name in VARIANTS]].assign(
            label=list(words.values())
        ),
    }
    figure = comparison_figure(
        shown, f"change, {_SHORTCUT_METRICS[metric]}", span=_span(shown), form=".1%", reference=(0.0, "no change"),
        ink=ink(),
    )  # fmt: skip
    laid = rows.loc[list(VARIANTS)].reset_index()
    show_chart(figure, "shortcuts", shortcut_sentence(laid, words, _SHORTCUT_METRICS[metric]))
    parts = table[(table["metric"] == "accuracy") & table["variant"].isin([LESION_ONLY, BACKGROUND_ONLY])]
    mine = ask.images.table["image_id"].isin(table_of(ask.images.checkpoint, SHORTCUTS).table["image_id"])
    measured = ask.images.take(mine.to_numpy())
    commonest = measured.table["dx"].value_counts(normalize=True).iloc[0]
    st.markdown(parts_sentence(parts, share_right(measured), float(commonest)))
    st.table(_in_words(table, [*VARIANTS, LESION_ONLY, BACKGROUND_ONLY]), border="horizontal", hide_index=True)
    st.caption(
        "Drawn over each test image as the model sees it. What the skin-coloured cover of the same places does is done by "
        "hiding, not by the thing itself. Lesion only: all else in the colour of the skin; background only: the lesion filled "
        "in from its surroundings. A model right far above chance on backgrounds knows more than the lesion."
    )
    show_table(table, f"{ask.images.checkpoint.name}-{SHORTCUTS}", "shortcuts")


def _span(shown: Mapping[str, pd.DataFrame]) -> tuple[float, float]:
    """Ends of an axis of changes: evenly about 0."""
    ends = np.concatenate([table[["value", "low", "high"]].to_numpy(np.float64).ravel() for table in shown.values()])
    most = float(np.nanmax(np.abs(ends), initial=_LEAST_SPAN)) * 1.05
    return -most, most


def _in_words(table: pd.DataFrame, variants: list[str]) -> pd.DataFrame:
    """A row per variant: its main figures with intervals."""
    found = table.set_index(["variant", "metric"])
    rows = []
    for name in variants:
        row = {"images": f"{int(found.loc[(name, 'flips'), 'n_images']):,}", "photo with": name}
        for metric, label in _COLUMNS.items():
            if (name, metric) in found.index:
                written = points if metric.endswith("change") else percent
                row[label] = Estimate.of(found.loc[(name, metric)]).cell(written)
        rows.append(row)
    return pd.DataFrame(rows)


@remembered(max_entries=16)
def shortcut_table(audited: Audited, evidence: Evidence) -> pd.DataFrame:
    """What each shortcut does to the answers: see ``fairness.shortcuts.shortcut_effects``."""
    from dermaviz.fairness.shortcuts import shortcut_effects

    card = audited.checkpoint.card
    return shortcut_effects(evidence.table, audited.table, card.classes, frozenset(card.malignant))


def shortcut_sentence(rows: pd.DataFrame, labels: Mapping[str, str], what: str) -> str:
    """Which shortcut moves a figure most, and by how much beyond its control, as Markdown."""
    most = rows.loc[rows["value"].abs().idxmax()]
    n = images(int(most["n_images"]))
    beyond = ""
    if not math.isnan(most["beyond"]):
        beyond = (
            f"; that is {in_points(most, 'beyond')} more than the same places covered in the photo's own skin colour"
        )
    return f"**{labels[most['variant']]}** moves the {what} most: by {in_points(most)}{beyond}. n = {n}."


def parts_sentence(rows: pd.DataFrame, clean: Estimate, commonest: float) -> str:
    """Accuracy on lesion-only and background-only images beside that on whole photos, and the commonest diagnosis's share."""
    found = rows.set_index("variant")
    said = [f"{figure(found.loc[name], write=percent)} on {name} images" for name in found.index]
    return (
        f"It is right on {clean.text(percent)} of whole photos, {' and '.join(said)}; always giving the commonest diagnosis "
        f"would be right on {percent(commonest)}."
    )
