"""Skin tone, tabs Groups and Tone: a figure by group, which differences are found, and how tone is spread."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.checkpoints import one_each
from dermaviz.app.confusion.view import group_words
from dermaviz.app.link import choose
from dermaviz.app.sessions import remembered, shared
from dermaviz.app.skin_tone.question import (
    ToneAsk,
    agreement_sentence,
    groups_of,
    ita_of,
    labels_agreement,
    names_of,
    other_groups,
)
from dermaviz.app.text import escaped, figure, images, resampling
from dermaviz.app.widgets.chart import ink, show_answer, show_details
from dermaviz.data.labels import TONE_LABEL
from dermaviz.evidence.predictions import TONE, TONE_GROUP
from dermaviz.fairness.groups import (
    COUNTS,
    INCONCLUSIVE,
    MALIGNANT,
    SIDES,
    GroupFigures,
    audit_figures,
    either_too_few,
    judge_gaps,
    measure_groups,
    sides,
    too_few_sides,
)
from dermaviz.fairness.tone_groups import ESTIMATORS, GROUPS, agreement, tone_groups
from dermaviz.metrics.bootstrap import Estimate, clusters
from dermaviz.plots.intervals import groups_figure
from dermaviz.plots.theme import percent, points, signed
from dermaviz.plots.tone import distribution_figure

AGREEMENT = (
    "An estimate is no skin type. ITA of the whole picture came within one type of people's labels on 45.8% of Fitzpatrick17k's "
    "photos. ITA of the skin alone did on 53.0% (Groh et al. 2021)."
)
SHARES = frozenset(
    {"sensitivity", "specificity", "false_negative_rate", "false_positive_rate", "balanced_accuracy", "accuracy"}
)
"""Figures that are said in percent; the others are plain numbers."""
HOW = (
    "Intervals: 95%, {resampling}. A difference is found where its interval excludes 0{again}. "
    "Of many comparisons, one in twenty does so by chance alone."
)
RULE = "{} Here an image counts as {} from p ≥ {} on. Home and Confusion go by the most probable class{}."
"""Added to what is said of a share of the flagged images: why another page has another figure."""
CLOSE = 0.05
"""A difference that an interval must leave out before "no difference found" may stand alone."""
_AGAIN = " and its sign stays with every other estimate of tone and with cuts moved by ±2°"


def show_groups(ask: ToneAsk) -> None:
    """One figure by group with intervals, and which differences are found."""
    measured, place = measured_groups(ask), st.container()
    labels = {figure.slug: figure.label for figure in measured.figures}
    metric = choose("What is measured", labels, "figure")
    table = measured.table()
    shown = GROUPS if ask.by == TONE_GROUP else names_of(ask, measured.groups)
    rows = table[table["metric"] == metric].set_index("group").reindex(shown).reset_index()
    rows[list(COUNTS)] = rows[list(COUNTS)].fillna(0)
    for name, of_none in (("suppressed", True), ("exact", False)):  # of a group without an image
        rows[name] = [of_none if pd.isna(value) else bool(value) for value in rows[name]]
    of = "" if metric not in SIDES else f"; n: {group_words(ask.card, ask.positive) if SIDES[metric] else 'all others'}"
    gaps = judged_gaps(ask)
    mine = gaps[(gaps["metric"] == metric) & ~gaps["suppressed"]]
    has_sign = metric == "calibration_bias"
    chart = groups_figure(
        rows.assign(n_images=rows[of_what(ask, metric)[0]]), labels[metric] + ("" if has_sign else ", 0 to 1") + of,
        around_zero=has_sign, ink=ink(),
    )  # fmt: skip
    said = groups_sentence(ask, metric, labels[metric], rows, mine)
    if metric in SIDES and (len(ask.card.classes) > 2 or ask.threshold != 0.5):
        more = ask.positive != MALIGNANT and ask.threshold >= 0.5  # the most probable class may have less
        wanted = "malignant" if ask.positive == MALIGNANT else escaped(group_words(ask.card, ask.positive))
        ending = ", so more may count there" if more else ""
        said = RULE.format(said[0], wanted, percent(ask.threshold), ending), said[1]
    with place:
        show_answer(said, chart, "groups")
    cells = pd.DataFrame(
        {
            "group": mine["group"] + " against " + mine["reference"],
            "difference": [_size(row, metric in SHARES) for _, row in mine.iterrows()],
            "verdict": mine["verdict"].replace(INCONCLUSIVE, "no difference found"),
            "why": mine["reason"],
        }
    )
    front = ["group", *(name for name in table if name.startswith(("n_", "clusters_"))), "metric"]
    tables = {
        ask.file("groups"): table[[*front, *(name for name in table if name not in front)]],
        ask.file("gaps"): gaps,
    }
    how = HOW.format(again=_AGAIN if ask.by == TONE_GROUP else "", resampling=resampling(ask.images, rows, mine))
    if ask.labelled and (found := labels_agreement(ask)) is not None:
        how = f"{agreement_sentence(found)} {how}"
    show_details("groups", how, tables, cells if len(cells) else None)


@shared(max_entries=32)
def measured_groups(ask: ToneAsk) -> GroupFigures:
    """Every figure of every group: see ``fairness.groups.measure_groups``."""
    images, card = ask.images, ask.card
    figures = audit_figures(card.classes, frozenset(card.malignant), ask.positive, ask.threshold)
    return measure_groups(images.labels, images.probabilities, images.clusters, groups_of(ask), figures)


@remembered(max_entries=32)
def judged_gaps(ask: ToneAsk) -> pd.DataFrame:
    """Each group beside the largest, and whether the gap outlives other groupings: see ``fairness.groups.judge_gaps``."""
    measured, images = measured_groups(ask), ask.images
    others = other_groups(ask) if ask.by == TONE_GROUP else {}
    again = {
        name: measure_groups(images.labels, images.probabilities, images.clusters, groups, measured.figures, draws=0)
        for name, groups in others.items()
    }
    return judge_gaps(measured, again)


def of_what(ask: ToneAsk, metric: str) -> tuple[str, str]:
    """The column with the images that a figure is of, and what they are: of a sensitivity, those of what is looked for."""
    words = escaped(group_words(ask.card, ask.positive))
    if metric not in SIDES:
        return "n_images", "images"
    return ("n_positives", f"images of {words}") if SIDES[metric] else ("n_negatives", "other images")


def groups_sentence(ask: ToneAsk, metric: str, label: str, rows: pd.DataFrame, gaps: pd.DataFrame) -> tuple[str, str]:
    """Which difference between groups is found; and the lowest and highest group, with those that are too small and why.

    ``rows`` and ``gaps`` are those of the metric, ``label`` its name.
    """
    (counted, noun), unit = of_what(ask, metric), ask.images.unit
    wanted, write = group_words(ask.card, ask.positive), percent if metric in SHARES else "{:.3f}".format
    known = rows[rows["value"].notna()]
    few = rows[rows["suppressed"]]
    listed = "; ".join(escaped(sides(row["group"], row, unit)) for _, row in few.iterrows())
    ending = f" Too few to say ({escaped(either_too_few(wanted, unit))}): {listed}." if len(few) else ""
    if known.empty:
        return f"**No group can be judged**: each has {escaped(too_few_sides(few, wanted, unit))}.", ending.strip()

    def said(row: pd.Series) -> str:
        return f"{escaped(row['group'])}, {figure(row, write=write)}, n = {int(row[counted]):,} {noun}"

    def pairs(some: pd.DataFrame) -> str:
        return "; ".join(
            f"{escaped(row['group'])} against {escaped(row['reference'])}, {_size(row, metric in SHARES)}"
            for _, row in some.iterrows()
        )

    low, high = (known.loc[at] for at in (known["value"].idxmin(), known["value"].idxmax()))
    if len(known) == 1:
        return (
            f"**Only {escaped(low['group'])} is large enough.** {escaped(label.replace(': ', ' ', 1))}: "
            f"**{write(low['value'])}**.",
            f"{escaped(label)}: {said(low)}.{ending}",
        )
    found = gaps[gaps["verdict"] == "difference found"]
    verdict = "**No difference found**"
    if len(found):
        verdict = f"**Difference found:** {pairs(found)}"
    else:
        if gaps["reason"].str.startswith(("the sign", "a group")).any():
            verdict += " that other estimates of tone confirm"
        ends = gaps[["difference_low", "difference_high"]].abs()
        if not (ends <= CLOSE).all(axis=None):
            verdict += "; too few images to rule one out"
            ending = f" Differences: {pairs(gaps)}.{ending}"
    if low["value"] == high["value"]:
        return f"{verdict}.", f"{escaped(label)}, the same in every group that can be judged: {said(low)}.{ending}"
    return f"{verdict}.", f"{escaped(label)}. Lowest: {said(low)}. Highest: {said(high)}.{ending}"


def _size(row: pd.Series, as_share: bool) -> str:
    gap = Estimate.of(row, "difference")
    return gap.text(points, " points") if as_share else gap.text(lambda number: signed(number, 3))


def show_distribution(ask: ToneAsk) -> None:
    """How tone is spread, where its groups begin, and how many images change group when it is estimated another way."""
    table, ita = one_each(ask.images, TONE), ita_of(ask)
    given = {TONE_LABEL: ask.images.table[TONE_LABEL].tolist()} if TONE_LABEL in ask.images.table else {}
    known = ita[np.isfinite(ita)]
    others = [name for name in ESTIMATORS if name != ask.estimator]
    agreed = agreement(table, [ask.estimator, *others], ask.cuts)
    beside = agreed[agreed["first"] == ask.estimator]
    said = ("No image here has an estimate of tone.", "")
    if known.size:
        low, middle, high = np.percentile(known, [25, 50, 75])
        near = percent(float(beside["near_cut"].iloc[0]))
        said = (
            f"The median ITA of {images(known.size)} is **{middle:.1f}°**; half lie between {low:.0f}° and {high:.0f}°.",
            f"{near} lie within 2° of a border and might as well be in the next group.",
        )
    show_answer(said, distribution_figure(ita, ask.cuts, GROUPS, ink=ink()), "distribution")
    found = labels_agreement(ask)
    lines = [] if found is None else [agreement_sentence(found)]
    lines += [changed_sentence(ESTIMATORS[row["second"]], row) for _, row in beside.iterrows()]
    st.markdown("\n".join(f"- {line}" for line in lines))
    left_out = Counter(reason.split(":")[0] for reason in table["excluded"] if reason)
    flagged = Counter(flag for flags in table["flags"] for flag in flags.split("; ") if flag)
    reasons = ", ".join(f"{escaped(reason)} {n:,}" for reason, n in left_out.most_common())
    doubts = ", ".join(f"{escaped(flag)} {n:,}" for flag, n in flagged.most_common())
    words = (
        f"{AGREEMENT} {left_out.total():,} of {images(len(table))} have no estimate{f': {reasons}' if reasons else ''}."
        f"{f' Flagged, but kept: {doubts}.' if doubts else ''}"
    )
    kept = ["image_id", *ESTIMATORS, "spread", "b", "skin_share", "flags", "excluded"]
    changes = table[kept].assign(**given, group=tone_groups(ita, ask.cuts), **other_groups(ask))
    show_details("tone", words, {f"{ask.images.checkpoint.name}-tone": changes}, _counts_by_group(ask))


def _counts_by_group(ask: ToneAsk) -> pd.DataFrame:
    """Images of each tone group, the lightest first, with those of each malignant diagnosis."""
    words = ask.card.words
    facts = ask.images.table.assign(group=tone_groups(ita_of(ask), ask.cuts))
    rows = []
    for name in (*GROUPS, ""):
        mine = facts[facts["group"] == name]
        row = {"images": f"{len(mine):,}", ask.images.unit: f"{len(set(clusters(mine))):,}"}
        row["estimated tone group"] = name or "no estimate"
        rows.append(row | {words[dx]: f"{(mine['dx'] == dx).sum():,}" for dx in ask.card.malignant})
    return pd.DataFrame(rows)


def changed_sentence(name: str, row: pd.Series) -> str:
    """How many images change group under another estimator."""
    if not row["n"]:
        return f"No image is measured by {name} as well."
    return (
        f"By {name}, **{int(row['changed']):,} of {images(int(row['n']))} ({percent(row['changed'] / row['n'])})** are in "
        f"another group; the median difference is {signed(row['difference'], 1)}°."
    )
