"""Robustness, tabs Corruptions and Cameras: what everyday faults cost, and whether another camera changes an answer."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from dermaviz.app.checkpoints import table_of
from dermaviz.app.link import choose, choose_button
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
from dermaviz.app.sessions import remembered
from dermaviz.app.text import escaped, figure, resampling
from dermaviz.app.widgets.chart import draw_chart, ink, show_answer, show_details
from dermaviz.evidence.predictions import Audited, counted
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.plots.intervals import estimates_figure
from dermaviz.plots.robustness import corruption_figure, decline_figure
from dermaviz.plots.theme import percent
from dermaviz.robustness.cameras import CHANGES, KEPT, changed_answers
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
    labels = {name: CORRUPTIONS[name].label for name in names}
    chosen = choose("Corruption", labels, CORRUPTION, help="Or click its row in the chart above.")
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


CAMERAS, CHANGE = "cameras", "camera change"
"""The table of evidence, and the key of the widget that holds the chosen change."""
HOW_CAMERAS = (
    "Each photo is changed as another camera would have taken it, then prepared like every photo. An answer counts as changed "
    "when another diagnosis comes first. Sharpness: the photo reduced to so many pixels on the short "
    "side. Lesion's size: the middle alone, or the photo with its surroundings mirrored. Crop: "
    f"{KEPT:.0%} of each side, into each corner."
)


def show_cameras(ask: Ask) -> None:
    """The share of answers that each change of the photo changes, one kind of change at a time."""
    table = changes_of(ask.images)
    st.markdown("##### Would the same lesion get the same answer from another camera?")
    known = set(table["change"])
    offered = {name: change.label for name, change in CHANGES.items() if name in known}
    chosen = choose_button("Change", offered, CHANGE, label_visibility="collapsed")
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
        f"{HOW_CAMERAS} Intervals: 95%, {resampling(ask.images, table)}.",
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
        f"{Estimate.of(row, 'changed').text(percent)}; the probability of malignancy moves by {row['moved']:.3f} on average. "
        f"n = {counted(int(row['n_images']), int(row['n_clusters']), unit)}, drawn at random."
    )
    return finding, figures


@remembered(max_entries=16)
def changes_of(images: Audited) -> pd.DataFrame:
    """What each change does to the answers on these images: see ``robustness.cameras.changed_answers``."""
    cluster_of = dict(zip(images.table["image_id"], images.clusters, strict=True))
    return changed_answers(table_of(images.checkpoint, CAMERAS).table, cluster_of)
