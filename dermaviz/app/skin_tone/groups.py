"""Skin tone, tabs Tone and Groups: how tone is spread, each figure by group with intervals, and which gaps hold up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.cache import remembered, shared
from dermaviz.app.skin_tone.question import ToneAsk, groups_of, ita_of, names_of, other_groups, tones
from dermaviz.app.text import class_names, figure, images
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.evidence.predictions import TONE_GROUP
from dermaviz.fairness.tone_groups import ESTIMATORS, GROUPS, agreement, tone_groups
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.plots.intervals import groups_figure
from dermaviz.plots.theme import percent, points, signed
from dermaviz.plots.tone import distribution_figure

if TYPE_CHECKING:
    from dermaviz.fairness.groups import GroupFigures


AGREEMENT = (
    "An estimate is no skin type: ITA from a photo came within one type of people's labels on 45.8% of Fitzpatrick17k's photos "
    "(whole picture), or 53.0% (skin only) (Groh et al. 2021)."
)
SHARES = frozenset(
    {
        "sensitivity", "specificity", "false_negative_rate", "false_positive_rate", "balanced_accuracy", "accuracy",
    }
)  # fmt: skip
"""Figures that are said in percent; the others are plain numbers."""
_WIDEST = 0.25


def show_distribution(ask: ToneAsk) -> None:
    """How tone is spread, where its groups begin, and how many images change group when it is estimated another way."""
    table, ita = tones(ask.images), ita_of(ask)
    agreed = agreement(table, [ask.estimator, *(name for name in ESTIMATORS if name != ask.estimator)], ask.cuts)
    beside = agreed[agreed["first"] == ask.estimator]
    said = spread_sentence(ita, float(beside["near_cut"].iloc[0]))
    show_chart(distribution_figure(ita, ask.cuts, GROUPS, ink=ink()), "distribution", said)
    st.markdown(" ".join(changed_sentence(ESTIMATORS[row["second"]], row) for _, row in beside.iterrows()))
    st.caption(f"{AGREEMENT} {excluded_sentence(table['excluded'].tolist(), table['flags'].tolist())}")
    st.table(_counts_by_group(ask), border="horizontal", hide_index=True)
    show_table(_changes(ask), f"{ask.images.checkpoint.name}-tone", "tone")


def _counts_by_group(ask: ToneAsk) -> pd.DataFrame:
    """Images of each tone group, the lightest first, with those of each malignant diagnosis."""
    words = class_names(ask.card)
    facts = ask.images.table.assign(group=tone_groups(ita_of(ask), ask.cuts))
    rows = []
    for name in (*GROUPS, ""):
        mine = facts[facts["group"] == name]
        of_class = {words[dx]: f"{(mine['dx'] == dx).sum():,}" for dx in ask.card.malignant}
        row = {"images": f"{len(mine):,}", "lesions": f"{mine['lesion_id'].nunique():,}"}
        rows.append(row | {"estimated tone group": name or "no estimate"} | of_class)
    return pd.DataFrame(rows)


def _changes(ask: ToneAsk) -> pd.DataFrame:
    """Each image's estimates and its group under every estimator and with the cuts moved."""
    table = tones(ask.images)
    kept = ["image_id", *ESTIMATORS, "spread", "b", "skin_share", "flags", "excluded"]
    return table[kept].assign(group=tone_groups(ita_of(ask), ask.cuts), **other_groups(ask))


def spread_sentence(ita: NDArray[np.float64], near: float) -> str:
    """How ITA is spread over the images, as Markdown."""
    known = ita[np.isfinite(ita)]
    if not known.size:
        return "No image here has an estimate of tone."
    low, middle, high = np.percentile(known, [25, 50, 75])
    return (
        f"Half of {images(known.size)} lie between {low:.0f}° and {high:.0f}°, the median is **{middle:.1f}°**; "
        f"**{percent(near)}** lie within 2° of a border and might as well be in the next group."
    )


def excluded_sentence(reasons: Sequence[str], flags: Sequence[str]) -> str:
    """How many images have no estimate, why, and what is flagged in the others."""
    left_out = Counter(reason.split(":")[0] for reason in reasons if reason)
    flagged = Counter(flag for text in flags for flag in text.split("; ") if flag)
    said = f"{sum(left_out.values()):,} of {images(len(reasons))} have no estimate"
    said += f": {_listed(left_out)}." if left_out else "."
    return f"{said} Flagged, but kept: {_listed(flagged)}." if flagged else said


def changed_sentence(name: str, row: pd.Series) -> str:
    """How many images change group under another estimator."""
    if not row["n"]:
        return f"No image is measured by {name} as well."
    return (
        f"By {name}, **{int(row['changed']):,} of {images(int(row['n']))} ({percent(row['changed'] / row['n'])})** are in "
        f"another group; the median difference is {signed(row['difference'], 1)}°."
    )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{reason} {n:,}" for reason, n in counts.most_common())


def show_groups(ask: ToneAsk) -> None:
    """One figure by group with intervals, and which gaps outlive another estimate of tone."""
    measured = measured_groups(ask)
    labels = {figure.slug: figure.label for figure in measured.figures}
    metric = st.selectbox(
        "What is measured", labels, format_func=labels.__getitem__, key="figure", bind="query-params",
    )  # fmt: skip
    table = measured.table()
    order = names_of(ask, measured.groups)
    rows = table[table["metric"] == metric].set_index("group").loc[order].reset_index()
    as_share = metric in SHARES
    has_sign = metric == "calibration_bias"
    title = labels[metric] if has_sign else f"{labels[metric]}, 0 to 1"
    figure = groups_figure(rows, title, around_zero=has_sign, ink=ink())
    show_chart(figure, "groups", groups_sentence(labels[metric], rows, as_share))
    gaps = judged_gaps(ask)
    mine = gaps[(gaps["metric"] == metric) & ~gaps["suppressed"]]
    if len(mine):
        st.markdown("\n".join(f"- {verdict_sentence(row, as_share)}" for _, row in mine.iterrows()))
    st.caption(
        ("“The same”: the interval leaves out 0, and the sign stays with every other estimator and with cuts moved by ±2°. "
        if ask.by == TONE_GROUP
        else "“The same”: the interval leaves out 0. ")
        + "Of many gaps, one in twenty does so by chance alone. Intervals: 95%, from resampling whole lesions."
    )  # fmt: skip
    front = ["group", "n_images", "n_lesions", "n_positives", "n_negatives", "metric"]
    show_table(table[[*front, *(name for name in table if name not in front)]], file_name(ask, "groups"), "groups")
    show_table(gaps, file_name(ask, "gaps"), "gaps", "The gaps behind the verdicts")


@shared(max_entries=32)
def measured_groups(ask: ToneAsk) -> GroupFigures:
    """Every figure of every group: see ``fairness.groups.measure_groups``."""
    from dermaviz.fairness.groups import audit_figures, measure_groups

    images, card = ask.images, ask.card
    figures = audit_figures(card.classes, frozenset(card.malignant), ask.positive, ask.threshold)
    return measure_groups(images.labels, images.probabilities, images.lesions, groups_of(ask), figures)


@remembered(max_entries=32)
def judged_gaps(ask: ToneAsk) -> pd.DataFrame:
    """Each group beside the largest, and whether the gap outlives other groupings: see ``fairness.groups.judge_gaps``."""
    from dermaviz.fairness.groups import judge_gaps, measure_groups

    measured, images = measured_groups(ask), ask.images
    others = other_groups(ask) if ask.by == TONE_GROUP else {}
    again = {
        name: measure_groups(images.labels, images.probabilities, images.lesions, groups, measured.figures, draws=0)
        for name, groups in others.items()
    }
    return judge_gaps(measured, again)


def groups_sentence(label: str, rows: pd.DataFrame, as_share: bool) -> str:
    """For which group a figure is lowest and highest, and which groups are too small for one, as Markdown."""
    written = percent if as_share else "{:.3f}".format
    known = rows[rows["value"].notna()]
    few = rows[rows["suppressed"]]
    ending = ""
    if len(few):
        listed = ", ".join(f"{row.group} ({row.n_positives:,} of {row.n_images:,})" for row in few.itertuples())
        ending = f" Too few to say, under 10 of what is looked for or under 10 others: {listed}."
    if known.empty:
        return f"No group is large enough for this figure.{ending}"
    if len(known) == 1:
        row = known.iloc[0]
        return (
            f"{label}: **{figure(row, write=written)}** in the one group that is large enough, {row['group']}.{ending}"
        )
    low, high = (known.loc[at] for at in (known["value"].idxmin(), known["value"].idxmax()))
    return (
        f"{label} is lowest for **{low['group']}**, {figure(low, write=written)}, n = {images(int(low['n_images']))}, and "
        f"highest for **{high['group']}**, {figure(high, write=written)}, n = {images(int(high['n_images']))}.{ending}"
    )


def verdict_sentence(row: Mapping[str, object] | pd.Series, as_share: bool) -> str:
    """One gap and what is left of it under other groupings."""
    gap = Estimate.of(row, "difference")
    size = gap.text(points, " points") if as_share else gap.text(lambda number: signed(number, 3))
    reason = f" ({row['reason']})" if row["reason"] else ""
    return f"{row['group']} against {row['reference']}: {size}: **{row['verdict']}**{reason}."


def file_name(ask: ToneAsk, what: str) -> str:
    return f"{ask.images.checkpoint.name}-{ask.by.replace('_', '-')}-{what}"
