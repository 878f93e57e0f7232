"""Robustness, tab Corruptions: what everyday faults of an image cost, by severity, and Gaussian noise by its σ."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from dermaviz.app.cache import remembered
from dermaviz.app.robustness.question import (
    CORRUPTED,
    TOGETHER,
    Ask,
    Trial,
    decline,
    decline_sentence,
    extremes_sentence,
    joined_lines,
    lines,
    row_at,
    trial,
)
from dermaviz.app.text import escaped, figure, resampling
from dermaviz.app.widgets.chart import draw_chart, ink, show_answer, show_details
from dermaviz.plots.robustness import corruption_figure, decline_figure
from dermaviz.robustness.corruptions import CORRUPTIONS, SEVERITIES
from dermaviz.robustness.outcomes import MEAN, corruption_errors

CORRUPTION, MATRIX = "corruption", "corruption matrix"
"""Keys of the widget that holds the chosen corruption, and of the chart."""
NOISE_SIZES = ("faint_noise", "gaussian_noise")
"""The corruptions whose severities are σ of Gaussian noise; together they make one axis."""
_WORST = SEVERITIES[-1]
HOW = (
    "Each cell has the figure that is left; its colour is what was lost. Faint and uniform noise are as small as an attack and "
    "stay out of the mean."
)


def show_corruptions(ask: Ask) -> None:
    """What each corruption leaves at each severity, their mean error, and one of them by group or for both checkpoints."""
    images, both = trial(ask.images, CORRUPTED), ask.beside(CORRUPTED)
    table = ask.measure.rows(decline(images))
    names = [name for name in CORRUPTIONS if name in set(table["corruption"])]
    errors = errors_under(*(both or (images, None)))
    mean, figures = corruption_sentence(errors, ask.other.name if ask.other and both else None)
    st.markdown(mean)
    place = st.container()
    chosen = st.selectbox(
        "Corruption", names, format_func=lambda name: CORRUPTIONS[name].label, key=CORRUPTION, bind="query-params",
        help="Or click its row in the chart above.",
    )  # fmt: skip
    with place:
        _show_matrix(ask, table[table["corruption"].isin(names)], names, chosen, mean)
        st.caption(figures)
    pick = noise_curve if chosen in NOISE_SIZES else lambda rows: rows[rows["corruption"] == chosen]
    drawn = lines(images, ask, pick)
    if both:
        drawn = lines(both[0], ask, pick) | lines(both[1], ask, pick)
    row, size = CORRUPTIONS[chosen], "sigma" if chosen in NOISE_SIZES else "severity"
    end = float(next(iter(drawn.values()))[size].max())
    under = f"under Gaussian noise of σ = {end:g}" if size == "sigma" else f"under {row.label} of severity {_WORST}"
    worst = {label: row_at(line, size, end) for label, line in drawn.items()}
    if ask.grouping == TOGETHER:
        first = next(iter(drawn.values()))
        said = decline_sentence(ask, row_at(first, size, 0), next(iter(worst.values())), under)
    else:
        said = extremes_sentence(ask.measured, worst, under)
    show_answer(said, decline_figure(drawn, size, ask.measured, baseline=ask.constant, ink=ink()), "one corruption")
    meanings = ", ".join(f"{at}: {row.in_words(at)}" for at in SEVERITIES)
    intervals = resampling(ask.images, table, joined_lines(drawn))
    words = f"{HOW} Intervals: 95%, {intervals}. Severities of {row.label} ({row.source}): {meanings}."
    name = ask.images.checkpoint.name
    tables = {f"{name}-corruptions": table.reset_index(drop=True), f"{name}-{chosen}": joined_lines(drawn)}
    show_details(CORRUPTED, words, tables)


def _show_matrix(ask: Ask, table: pd.DataFrame, names: list[str], chosen: str, mean: str) -> None:
    labels = {name: CORRUPTIONS[name].label for name in names}
    meanings = {name: [CORRUPTIONS[name].in_words(at) for at in SEVERITIES] for name in names}
    worst = table[table["severity"] == _WORST].dropna(subset=["value"])
    said = ", ".join(f"{labels[row.corruption]} {row.value:.0%}" for row in worst.itertuples())
    draw_chart(
        corruption_figure(table, labels, meanings, ask.measure.label, selected=(names.index(chosen), -1), ink=ink()),
        MATRIX, mean, f"{ask.measure.label} at severity {_WORST}: {said}.", on_select=partial(_pick_row, tuple(names)),
        selection_mode="points",
    )  # fmt: skip


def _pick_row(names: tuple[str, ...]) -> None:
    """Take a clicked row, or a clicked cell's row, over into the select box."""
    points = st.session_state[MATRIX].selection.points
    if points and int(points[0]["customdata"][0]) >= 0:
        st.session_state[CORRUPTION] = names[int(points[0]["customdata"][0])]


def noise_curve(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of Gaussian noise with their σ in a column ``sigma``, clean first."""
    rows = table[table["corruption"].isin(NOISE_SIZES)]
    rows = rows[(rows["severity"] > 0) | (rows["corruption"] == rows["corruption"].iloc[0])] if len(rows) else rows
    sizes = [
        CORRUPTIONS[name].values[int(at) - 1] if at else 0.0
        for name, at in zip(rows["corruption"], rows["severity"], strict=True)
    ]
    return rows.assign(sigma=sizes).sort_values("sigma")


@remembered(max_entries=32)
def errors_under(images: Trial, reference: Trial | None) -> pd.DataFrame:
    """Mean corruption errors: see ``robustness.outcomes.corruption_errors``."""
    return corruption_errors(images.answers, reference.answers if reference else None)


def corruption_sentence(table: pd.DataFrame, other: str | None) -> tuple[str, str]:
    """The mean corruption error; and its intervals, raw and relative."""
    mean = table[table["corruption"] == MEAN].set_index("metric")
    found = table.loc[table["corruption"] != MEAN, "corruption"].unique()
    apart = [
        CORRUPTIONS[name].label.lower() for name in found if name in CORRUPTIONS and not CORRUPTIONS[name].averaged
    ]
    over = f"{len(found) - len(apart)} corruptions" + f" (without {' and '.join(apart)})" * bool(apart)
    error, extra = (mean.loc[name] for name in ("error", "extra_error"))
    figures = f"Mean error: {figure(error)}; more than on clean images: {figure(extra)}."
    if other is not None and "ce" in mean.index:
        figures += f" Relative to {escaped(other)} (below 1 is better): mCE {figure(mean.loc['ce'])}"
        figures += f", relative mCE {figure(mean.loc['relative_ce'])}."
    return (
        f"Mean error (1 − balanced accuracy) over {over}: **{error['value']:.2f}**, {extra['value']:.2f} more "
        "than on clean images.",
        figures,
    )
