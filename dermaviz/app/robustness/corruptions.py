"""Robustness, tab Corruptions: what everyday faults of an image cost, by severity."""

from __future__ import annotations

import math
from functools import partial

import pandas as pd
import streamlit as st

from dermaviz.app.cache import remembered
from dermaviz.app.evidence import audited, has_table
from dermaviz.app.robustness.question import (
    CORRUPTED,
    TOGETHER,
    Ask,
    Trial,
    decline,
    decline_sentence,
    extremes_sentence,
    lines,
    trial,
)
from dermaviz.app.text import figure
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.evidence.predictions import same_images
from dermaviz.plots.robustness import corruption_figure, decline_figure
from dermaviz.robustness.corruptions import CORRUPTIONS, SEVERITIES
from dermaviz.robustness.outcomes import MEAN, corruption_errors

CORRUPTION = "corruption"
MATRIX = "corruption matrix"
_WORST = SEVERITIES[-1]


def show_corruptions(ask: Ask) -> None:
    """What each corruption leaves at each severity, their mean error, and one of them by group."""
    images, other = trial(ask.images, CORRUPTED), _other(ask)
    table = ask.measure.rows(decline(images))
    names = [name for name in CORRUPTIONS if name in set(table["corruption"])]
    st.markdown(corruption_sentence(errors_under(*(other or (images, None))), _name(ask, other)))
    place = st.container()
    chosen = st.selectbox(
        "Look at one corruption", names, format_func=lambda name: CORRUPTIONS[name].label, key=CORRUPTION,
        bind="query-params", help="Or click its row in the table above.",
    )  # fmt: skip
    with place:
        _show_matrix(ask, table[table["corruption"].isin(names)], names, chosen)
    _show_one(ask, images, other, chosen)
    show_table(table.reset_index(drop=True), f"{ask.images.checkpoint.name}-corruptions", "corruptions")


def _other(ask: Ask) -> tuple[Trial, Trial] | None:
    """Both checkpoints on the photos of both, where the other was put under corruptions as well."""
    if ask.other is None or not has_table(ask.other, CORRUPTED):
        return None
    first, second = same_images(ask.images, audited(ask.other))
    return trial(first, CORRUPTED), trial(second, CORRUPTED)


def _name(ask: Ask, other: tuple[Trial, Trial] | None) -> str | None:
    return ask.other.name if ask.other and other else None


def _show_matrix(ask: Ask, table: pd.DataFrame, names: list[str], chosen: str) -> None:
    labels = {name: CORRUPTIONS[name].label for name in names}
    meanings = {name: [CORRUPTIONS[name].in_words(at) for at in SEVERITIES] for name in names}
    figure = corruption_figure(
        table, labels, meanings, ask.measure.label, selected=(names.index(chosen), -1), ink=ink()
    )
    worst = table[table["severity"] == _WORST]
    said = ", ".join(
        f"{labels[row.corruption]} {row.value:.0%}" for row in worst.itertuples() if row.value == row.value
    )
    st.plotly_chart(
        figure, key=MATRIX, on_select=partial(_pick_row, tuple(names)), selection_mode="points",
        config={"displayModeBar": False}, alt=f"{ask.measure.label} at severity {_WORST}: {said}.",
    )  # fmt: skip
    st.caption(
        f"In each cell the {ask.measure.label} that is left; the colour is what was lost. n = {int(table['n_images'].max()):,} "
        "photos. Faint and uniform noise are as small as an attack and stay out of the mean."
    )


def _pick_row(names: tuple[str, ...]) -> None:
    """Take a clicked row, or a clicked cell's row, over into the select box."""
    points = st.session_state[MATRIX].selection.points
    if points and int(points[0]["customdata"][0]) >= 0:
        st.session_state[CORRUPTION] = names[int(points[0]["customdata"][0])]


def _show_one(ask: Ask, images: Trial, other: tuple[Trial, Trial] | None, name: str) -> None:
    """One corruption against its severity, for each group, or for both checkpoints."""

    def pick(table: pd.DataFrame) -> pd.DataFrame:
        return table[table["corruption"] == name]

    drawn = lines(images, ask, pick)
    if other and ask.grouping == TOGETHER:
        drawn |= lines(other[1], ask, pick)
    row = CORRUPTIONS[name]
    under = f"under “{row.label}” of severity {_WORST} ({row.in_words(_WORST)})"
    worst = {label: table[table["severity"] == _WORST].iloc[0] for label, table in drawn.items()}
    if ask.grouping == TOGETHER:
        first = next(iter(drawn.values()))
        said = decline_sentence(ask.measured, first[first["severity"] == 0].iloc[0], next(iter(worst.values())), under)
    else:
        said = extremes_sentence(ask.measured, worst, under)
    show_chart(
        decline_figure(drawn, "severity", ask.measured, baseline=ask.constant, ink=ink()), "one corruption", said
    )
    st.caption(f"{row.label}: {', '.join(f'{at}: {row.in_words(at)}' for at in SEVERITIES)}. Severities: {row.source}.")


@remembered(max_entries=32)
def errors_under(images: Trial, reference: Trial | None) -> pd.DataFrame:
    """Mean corruption errors: see ``robustness.outcomes.corruption_errors``."""
    return corruption_errors(images.answers, reference.answers if reference else None)


def corruption_sentence(table: pd.DataFrame, other: str | None) -> str:
    """The mean corruption error, raw and relative, as Markdown."""
    mean = table[table["corruption"] == MEAN].set_index("metric")
    found = table.loc[table["corruption"] != MEAN, "corruption"].unique()
    averaged = sum(name not in CORRUPTIONS or CORRUPTIONS[name].averaged for name in found)
    said = (
        f"Over {averaged} corruptions and their severities, the mean balanced error (1 − balanced accuracy) is "
        f"**{figure(mean.loc['error'])}**, which is {figure(mean.loc['extra_error'])} more than on the photos as they are."
    )
    if other is None or "ce" not in mean.index:
        return said
    relative = (
        f"has no value: some corruption takes nothing from {other}"
        if math.isnan(mean.loc["relative_ce", "value"])
        else f"is **{figure(mean.loc['relative_ce'])}**"
    )
    return (
        f"{said} Held against {other}, the mean corruption error is **{figure(mean.loc['ce'])}** (below 1 is better than "
        f"{other}); the relative one, which counts only what corruptions add, {relative}."
    )
