"""TODO docstring dermaviz.app.skin_tone.groups"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.evidence import TONE_GROUP
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.skin_tone.attention import show_attention, show_looking
from dermaviz.app.skin_tone.changes import show_other_skin, show_shortcuts
from dermaviz.app.skin_tone.figures import (
    FOUND,
    OUTCOMES,
    RIGHT,
    judged_gaps,
    measured_groups,
    trend,
    trend_steps,
    trend_verdict,
)
from dermaviz.app.skin_tone.trust import show_faithfulness
from dermaviz.app.skin_tone.view import ToneAsk, ita_of, names_of, other_groups, tones
from dermaviz.app.text import class_names, images, share
from dermaviz.app.widgets.chart import ink, show_chart, show_table, with_interval
from dermaviz.fairness.tone_groups import ESTIMATORS, GROUPS, agreement, tone_groups
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.plots.confusion import signed
from dermaviz.plots.estimates import estimates_figure
from dermaviz.plots.probabilities import percent
from dermaviz.plots.tone import against_ita_figure, distribution_figure

if TYPE_CHECKING:
    from dermaviz.fairness.trend import Trend


AGREEMENT = (
    "An estimate is no skin type: ITA from a photo came within one type of people's labels on 45.8% of Fitzpatrick17k's photos "
    "(whole picture), or 53.0% (skin only) (Groh et al. 2021)."
)
INCONCLUSIVE = "inconclusive"
"""The verdict of ``fairness.gaps.judge`` on what other measurements do not bear out."""
DARKER = ("brown", "dark")
"""Groups on which HAM10000 supports no claim."""
SHARES = frozenset(
    {
        "sensitivity", "specificity", "false_negative_rate", "false_positive_rate", "balanced_accuracy", "accuracy",
    }
)  # fmt: skip
"""Figures that are said in percent; the others are plain numbers."""


def finding_sentence(
    right: Estimate, n: int, slope: Trend | None, verdict: tuple[str, str], seen: pd.DataFrame | None
) -> str:
    """The page's finding: how often it is right, whether less on darker skin, and whether for the right reason, as Markdown.

    Args:
        right: share of the ``n`` images that are called what they are.
        slope: of being right along ITA; None where tone was not measured.
        verdict: of ``tone_measured.trend_verdict`` on that slope.
        seen: of ``tone_measured.looking``; None where attention was not measured.
    """
    clauses = [f"It is right on **{percent(right.value)}** of {images(n)}"]
    if slope is not None:
        clauses.append(_trend_clause(slope, *verdict))
    if seen is not None and (clause := _looking_clause(seen)):
        clauses.append(clause)
    return f"{'; '.join(clauses)}."


def _trend_clause(slope: Trend, verdict: str, reason: str) -> str:
    if slope.suppressed:
        return "too few of them are right, or too few wrong, to say whether skin tone plays a part"
    darker = Estimate(*(1 / odds for odds in (slope.odds_ratio.value, slope.odds_ratio.high, slope.odds_ratio.low)))
    size = f"each 10° of ITA darker multiplies the odds of being right by {_number(darker)}"
    if math.isnan(darker.low):
        return f"there are too few lesions to say whether skin tone plays a part ({size})"
    if darker.low <= 1 <= darker.high:
        return f"within a diagnosis, **no trend with skin tone** stands out from chance ({size})"
    way = "less often" if darker.high < 1 else "more often"
    if verdict == INCONCLUSIVE:
        return f"whether it is right {way} the darker the estimated tone is **inconclusive**: {size}, but {reason}"
    return f"within a diagnosis it is right **{way} the darker the estimated tone** ({size})"


def _looking_clause(seen: pd.DataFrame) -> str:
    right = seen[seen["right"] & seen["ratio"].notna()]
    if right.empty:
        return ""
    off, spot = int((right["ratio"] <= 1).sum()), int((right["ratio"] <= right["ratio_centre"]).sum())
    return (
        f"and of {len(right):,} right answers, **{off:,} ({percent(off / len(right))})** have a map that lies on the lesion no "
        f"more than chance, **{spot:,} ({percent(spot / len(right))})** no more than a spot in the picture's centre"
    )


def cannot_say(
    tone: pd.DataFrame, groups: Sequence[str], positive: NDArray[np.bool_], other: str, agreed: pd.Series
) -> list[str]:
    """What this audit cannot say of these images, with the counts, a Markdown sentence each.

    Args:
        tone: the table ``tone`` of the images.
        groups: estimated tone group of each image, ``[N]``; "" where it is excluded.
        positive: which images show what is looked for, bool ``[N]``.
        other: another estimator of tone, which corrects the light or does not, and ``agreed``, its row of
            ``fairness.tone_groups.agreement`` with the one in use.
    """
    names = np.asarray(groups)
    n = int((names != "").sum())
    few = {name: (int((names == name).sum()), int((positive & (names == name)).sum())) for name in DARKER}
    dark = " and ".join(
        f"**{total:,} {name}** ({wanted:,} of what is looked for)" for name, (total, wanted) in few.items()
    )
    blue = int((tone["b"] <= 0).sum())
    return [
        f"**How it does on brown and dark skin.** Of {images(n)} with an estimate, {dark}. HAM10000 was collected in Austria and "
        "Australia: it supports no claim on dark skin, and a gap that is not found here may be there all the same.",
        f"**Which skin a person has.** {AGREEMENT}",
        f"**How much of it is the lamp.** Dermoscopic light is pink: in {blue:,} of {images(len(tone))} "
        f"({percent(blue / len(tone))}) the skin's b* is 0 or below, which no skin is: ITA measures the light too. "
        f"{changed_sentence(other, agreed)}",
        "**Whether people were kept apart.** HAM10000 names lesions, not patients: one person's lesions may lie on both sides of "
        "the split, and the intervals, which resample lesions, may be too narrow.",
    ]


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


def groups_sentence(label: str, rows: pd.DataFrame, as_share: bool) -> str:
    """For which group a figure is lowest and highest, and which groups are too small for one, as Markdown."""
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
        return f"{label}: **{_value(row, as_share)}** in the one group that is large enough, {row['group']}.{ending}"
    low, high = (known.loc[at] for at in (known["value"].idxmin(), known["value"].idxmax()))
    return (
        f"{label} is lowest for **{low['group']}**, {_value(low, as_share)}, n = {images(int(low['n_images']))}, and highest for "
        f"**{high['group']}**, {_value(high, as_share)}, n = {images(int(high['n_images']))}.{ending}"
    )


def verdict_sentence(row: Mapping[str, object] | pd.Series, as_share: bool) -> str:
    """One gap and what is left of it under other groupings."""
    gap = Estimate(*(float(row[f"difference{end}"]) for end in ("", "_low", "_high")))  # type: ignore[arg-type]
    size = _points(gap) if as_share else f"{signed(gap.value, 3)}{_ends(signed(gap.low, 3), signed(gap.high, 3), gap)}"
    reason = f" ({row['reason']})" if row["reason"] else ""
    return f"{row['group']} against {row['reference']}: {size}: **{row['verdict']}**{reason}."


def trend_sentence(outcome: str, found: Trend) -> str:
    """The slope of an outcome along ITA, as Markdown."""
    what = {RIGHT: "being called what it is", FOUND: "being found"}.get(outcome, "a false alarm")
    if found.suppressed:
        return (
            f"Of {images(found.n_images)}, {found.n_with:,} with and {found.n_without:,} without: too few for a trend."
        )
    holds = found.odds_ratio.low <= 1 <= found.odds_ratio.high
    verdict = "it holds 1: no trend" if holds else "it leaves out 1"
    return (
        f"For each 10° towards lighter skin the odds of {what} are multiplied by **{_number(found.odds_ratio)}** ({verdict}). "
        f"n = {images(found.n_images)} of {found.n_lesions:,} lesions, {found.n_with:,} with and {found.n_without:,} without."
    )


def _points(gap: Estimate) -> str:
    return f"{signed(100 * gap.value, 1)} points{_ends(signed(100 * gap.low, 1), signed(100 * gap.high, 1), gap)}"


def _ends(low: str, high: str, gap: Estimate) -> str:
    return "" if math.isnan(gap.low) else f" (95% interval {low} to {high})"


def _number(found: Estimate) -> str:
    if math.isnan(found.low):
        return f"{found.value:.2f}"
    return f"{found.value:.2f}, 95% interval {found.low:.2f} to {found.high:.2f}"


def _value(row: pd.Series, as_share: bool) -> str:
    found = Estimate(row["value"], row["low"], row["high"])
    if as_share:
        return share(found)
    return f"{found.value:.3f}{_ends(f'{found.low:.3f}', f'{found.high:.3f}', found)}"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{reason} {n:,}" for reason, n in counts.most_common())


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
