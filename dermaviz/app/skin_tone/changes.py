"""Widget: what moves the answers — shortcuts laid over the photo, the lesion or its background alone, and other skin."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.evidence import table_of
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.measured import share_right
from dermaviz.app.skin_tone.attention_text import (
    change_between,
    drawn_sentence,
    other_skin_sentence,
    parts_sentence,
    shares_between,
    shortcut_sentence,
)
from dermaviz.app.skin_tone.figures import COUNTERFACTUALS, SHORTCUTS, drawn_by_tone, other_skin_table, shortcut_table
from dermaviz.app.skin_tone.view import ToneAsk
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.plots.tone import against_ita_figure, beside_figure

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

    table = shortcut_table(ask.images)
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
    figure = beside_figure(
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


def show_other_skin(ask: ToneAsk) -> None:
    """The same photos with their skin at other ITA, beside an equal shift of colour that is no tone."""
    table = other_skin_table(ask.images)
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
    lines = drawn_by_tone(ask.images.checkpoint)
    figure = against_ita_figure(lines, "mean probability of malignancy", cuts=ask.cuts, span=(-0.02, 1.02), ink=ink())
    show_chart(figure, "drawn tone", drawn_sentence(lines))
    st.caption(
        "The same lesions drawn on each skin: only its melanin differs. Nothing measured on drawings is a clinical finding."
    )
    joined = pd.concat([table.assign(line=name) for name, table in lines.items()], ignore_index=True)
    show_table(joined, f"{ask.images.checkpoint.name}-drawn-tone", "drawn tone")


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
                value, low, high = found.loc[(name, metric), ["value", "low", "high"]]
                written = change_between if metric.endswith("change") else shares_between
                row[label] = written(value, low, high)
        rows.append(row)
    return pd.DataFrame(rows)
