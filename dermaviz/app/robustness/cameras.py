"""Robustness, tab Cameras: would the same lesion get the same answer from another camera?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dermaviz.app.cache import remembered
from dermaviz.app.evidence import table_of
from dermaviz.app.robustness.question import Ask
from dermaviz.app.text import resampling
from dermaviz.app.widgets.chart import ink, show_answer, show_details
from dermaviz.evidence.predictions import Audited, counted
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.plots.intervals import estimates_figure
from dermaviz.plots.theme import percent
from dermaviz.robustness.cameras import CHANGES, KEPT, changed_answers

CAMERAS, CHANGE = "cameras", "camera change"
"""The table of evidence, and the key of the widget that holds the chosen change."""
HOW = (
    "Each photo is changed as another camera would have taken it, then prepared like every photo. An answer counts as changed "
    "when another diagnosis comes first. Sharpness: the photo reduced to so many pixels on the short "
    "side. Lesion's size: the middle alone, or the photo with its surroundings mirrored. Crop: "
    f"{KEPT:.0%} of each side, into each corner."
)


def show_cameras(ask: Ask) -> None:
    """The share of answers that each change of the photo changes, one kind of change at a time."""
    table = changes_of(ask.images)
    st.markdown("##### Would the same lesion get the same answer from another camera?")
    names = [name for name in CHANGES if name in set(table["change"])]
    chosen = st.segmented_control(
        "Change", names, default=names[0], required=True, format_func=lambda name: CHANGES[name].label, key=CHANGE,
        bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    rows = table[(table["change"] == chosen) & (table["level"] != 0)]
    shown = pd.DataFrame(
        {
            "label": [CHANGES[chosen].words(level) for level in rows["level"]],
            "value": rows["changed"],
            "low": rows["changed_low"],
            "high": rows["changed_high"],
            "n": rows["n_images"],
        }
    ).reset_index(drop=True)
    figure = estimates_figure(
        shown, title="share of answers that change, 0 to 1", dots_name="changed answers, with 95% interval", ink=ink()
    )
    show_answer(said_of(table, chosen, ask.images.unit), figure, f"cameras {chosen}")
    show_details(
        CAMERAS,
        f"{HOW} Intervals: 95%, {resampling(ask.images, table)}.",
        {f"{ask.images.checkpoint.name}-cameras": table},
    )


def said_of(table: pd.DataFrame, chosen: str, unit: str) -> tuple[str, str]:
    """The finding of a change in a sentence, and its figures; as Markdown."""
    rows = table[table["change"] == chosen]
    worst, whole = rows[rows["level"] > 0].sort_values("changed").iloc[-1], rows[rows["level"] == 0]
    row, share = worst, percent(worst["changed"])
    if len(whole) and rows["level"].max() > 150:
        row = whole.iloc[0]
        share = percent(row["changed"])
        finding = f"**{share}** of images get more than one answer when the same photo has 150 to 600 pixels."
    else:
        at = CHANGES[chosen].words(row["level"])
        finding = f"**{share}** of answers change at worst ({CHANGES[chosen].label.lower()}: {at})."
    figures = (
        f"{Estimate.of(row, 'changed').text(percent)}; the probability of malignant moves by {row['moved']:.3f} on average. "
        f"n = {counted(int(row['n_images']), int(row['n_clusters']), unit)}, drawn at random."
    )
    return finding, figures


@remembered(max_entries=16)
def changes_of(images: Audited) -> pd.DataFrame:
    """What each change does to the answers on these images: see ``robustness.cameras.changed_answers``.

    Raises:
        EvidenceError: there is no table ``cameras`` of them.
    """
    cluster_of = dict(zip(images.table["image_id"], images.clusters, strict=True))
    return changed_answers(table_of(images.checkpoint, CAMERAS).table, cluster_of)
