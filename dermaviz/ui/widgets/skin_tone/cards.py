"""Widget: the cards of the skin-tone page — a question each, only the open one computed, its sentence under its chart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.fairness.tone_groups import ESTIMATORS, GROUPS, agreement, tone_groups
from dermaviz.figures.estimates import estimates_figure
from dermaviz.figures.tone import against_ita_figure, distribution_figure
from dermaviz.ui.evidence import TONE_GROUP
from dermaviz.ui.frame import sentence_for_errors
from dermaviz.ui.skin_tone.measured import OUTCOMES, judged_gaps, measured_groups, trend, trend_steps, trend_verdict
from dermaviz.ui.skin_tone.view import ToneAsk, ita_of, names_of, other_groups, tones
from dermaviz.ui.skin_tone.wording import (
    AGREEMENT,
    SHARES,
    changed_sentence,
    excluded_sentence,
    groups_sentence,
    spread_sentence,
    trend_sentence,
    verdict_sentence,
)
from dermaviz.ui.widgets.chart import ink, show_chart, with_interval
from dermaviz.ui.widgets.skin_tone.attention import show_attention
from dermaviz.ui.widgets.skin_tone.changes import show_other_skin, show_shortcuts
from dermaviz.ui.widgets.skin_tone.faithfulness import show_faithfulness
from dermaviz.ui.widgets.skin_tone.looking import show_looking
from dermaviz.ui.widgets.table import show_table
from dermaviz.ui.wording import class_names

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
    shown = rows.assign(label=rows["group"], n=rows["n_images"])
    figure = estimates_figure(shown, title=_title(labels[metric], metric), span=_span(rows, metric), ink=ink())
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
    show_table(table[[*front, *(name for name in table if name not in front)]], _name(ask, "groups"), "groups")
    show_table(gaps, _name(ask, "gaps"), "gaps", "The gaps behind the verdicts")


def _title(label: str, metric: str) -> str:
    return label if metric == "calibration_bias" else f"{label}, 0 to 1"


def _span(rows: pd.DataFrame, metric: str) -> tuple[float, float]:
    """Ends of the axis: shares from 0 to 1, what has a sign evenly about 0."""
    if metric != "calibration_bias":
        return 0.0, 1.0
    most = float(np.nanmax(np.abs(rows[["low", "high"]].to_numpy(np.float64)), initial=0.05))
    return -most, most


def show_trend(ask: ToneAsk) -> None:
    """How an outcome goes with ITA, without bins."""
    outcome = st.selectbox(
        "Share of photos that …", OUTCOMES, format_func=OUTCOMES.__getitem__, key="outcome", bind="query-params"
    )
    found, steps = trend(ask, outcome), trend_steps(ask, outcome)
    figure = against_ita_figure(
        {"trend, within each diagnosis": found.curve}, f"share that {OUTCOMES[outcome].split(',')[0]}", cuts=ask.cuts,
        points=steps, span=(-0.02, 1.02), ink=ink(),
    )  # fmt: skip
    verdict, reason = trend_verdict(ask, outcome)
    show_chart(figure, "trend", trend_sentence(outcome, found))
    if not found.suppressed:
        st.markdown(f"Beside the other estimators of tone: **{verdict}**{f' ({reason})' if reason else ''}.")
    st.caption(
        "A logistic line in ITA with a level of its own for each diagnosis, since diagnoses differ in tone and in light; the "
        "band is 95% over resampled lesions. Circles: eighths of the images by ITA, as they are. Dotted: borders of the groups. "
        "A trend is no effect of skin: what the light does to ITA is in it as well."
    )
    show_table(found.curve, _name(ask, "trend"), "trend")
    st.table(_steps_in_words(steps), border="horizontal", hide_index=True)


def _steps_in_words(steps: pd.DataFrame) -> pd.DataFrame:
    ends = zip(steps["value"], steps["low"], steps["high"], strict=True)
    return pd.DataFrame(
        {
            "images": steps["n_images"],
            "median ITA": [f"{ita:.0f}°" for ita in steps["ita"]],
            "share": [with_interval(*row) for row in ends],
        }
    )


def _name(ask: ToneAsk, what: str) -> str:
    return f"{ask.images.checkpoint.name}-{ask.by.replace('_', '-')}-{what}"


CARDS: Mapping[str, tuple[str, Callable[[ToneAsk], None]]] = MappingProxyType(
    {
        "Tone": ("How light or dark is the skin in these photos, as far as pixels tell?", show_distribution),
        "Groups": ("Does it do worse for some groups?", show_groups),
        "Trend": ("Does it do worse as skin gets darker?", show_trend),
        "Right × looking": ("Is it right, and was it looking at the lesion?", show_looking),
        "Attention": ("Does it look at the lesion more than a spot in the picture's centre would?", show_attention),
        "Methods": ("Can its attention maps be trusted?", show_faithfulness),
        "Shortcuts": ("What else than the lesion does it go by?", show_shortcuts),
        "Other skin": ("What if the same lesions were on other skin?", show_other_skin),
    }
)


def show_cards(ask: ToneAsk) -> None:
    """A tab for each question; only the open one is computed."""
    for (question, show), tab in zip(
        CARDS.values(), st.tabs(list(CARDS), key="audit", bind="query-params"), strict=True
    ):
        if tab.open:
            with tab, sentence_for_errors():
                st.subheader(question, anchor=False)
                show(ask)
