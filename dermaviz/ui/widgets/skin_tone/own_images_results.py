"""Widget: what an audit of a few photos counts — shares with exact intervals, over all and by group — and its file."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dermaviz.fairness.skin_tone import GROUPS
from dermaviz.fairness.small_audit import Difference, counts_by, largest_difference
from dermaviz.figures.estimates import estimates_figure
from dermaviz.ui.skin_tone.own_images_wording import ABOUT_TONE, counts_sentence
from dermaviz.ui.widgets.chart import ink, show_chart

_GROUPINGS = {
    "tone_group": "estimated skin tone",
    "tone": "tone label given",
    "group": "group given",
    "kind": "malignant or benign",
}
_FILE = (
    "image", "label", "predicted", "right", "p_predicted", "p_malignant", "looked", "flagged", "energy", "lesion_area", "mask",
    "ita", "tone_group", "tone_excluded", "tone_flags", "tone", "group", "lesion_id", "distance",
)  # fmt: skip


def show_counts(table: pd.DataFrame, key: str) -> None:
    """Counts as dots with exact intervals, and the same in words."""
    figure = estimates_figure(table, title="share of these photos, 0 to 1", ink=ink())
    show_chart(figure, key, counts_sentence(table))


def show_groups(photos: pd.DataFrame) -> Difference | None:
    """How many were right in each group, and the two largest groups beside each other, where there are two."""
    st.subheader("For whom is it right?", anchor=False)
    offered = [column for column in _GROUPINGS if (photos[column] != "").any()]
    column = st.selectbox(
        "Groups", offered, format_func=_GROUPINGS.__getitem__, key="own_groups", bind="query-params", help=ABOUT_TONE
    )
    table = counts_by(photos, column, GROUPS)
    show_counts(table, f"own {column}")
    return largest_difference(table)


def file_table(photos: pd.DataFrame) -> pd.DataFrame:
    """The photos with all that was found of them, in the order in which a reader looks."""
    return photos[list(_FILE)]
