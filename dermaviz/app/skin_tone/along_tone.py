"""Skin tone, tabs Trend and Other skin: what changes along ITA, among these images and as the skin of each is shifted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.checkpoints import table_of
from dermaviz.app.link import choose
from dermaviz.app.sessions import remembered, shared
from dermaviz.app.skin_tone.question import (
    ToneAsk,
    agreement_sentence,
    darkness,
    ita_of,
    labels_agreement,
    mean_by_group,
    names_of,
    wanted,
    wanted_classes,
)
from dermaviz.app.text import escaped_message, figure, images, in_points, resampling
from dermaviz.app.widgets.chart import ink, show_answer, show_details
from dermaviz.data.labels import TONE_LABEL
from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import Audited, counted
from dermaviz.evidence.store import DataSplit, Evidence
from dermaviz.evidence.tables import DRAWN
from dermaviz.fairness.groups import judge
from dermaviz.fairness.tone_groups import ESTIMATORS
from dermaviz.fairness.trend import FEWEST_VARIED, GRID_POINTS, Trend, ita_trend
from dermaviz.metrics.bootstrap import DRAWS, FEWEST, Estimate, cluster_weights, interval
from dermaviz.metrics.classification import weighted_mean
from dermaviz.metrics.ranking import called
from dermaviz.plots.intervals import estimates_figure
from dermaviz.plots.theme import degrees, percent, points
from dermaviz.plots.tone import against_ita_figure

RIGHT, FOUND, ALARMED = "called what it is", "found", "false alarm"
OUTCOMES: Mapping[str, str] = {
    RIGHT: "classified correctly",
    FOUND: "found, of those looked for",
    ALARMED: "false alarms, of the others",
}
"""What a trend can be of, with its name."""
HAPPENED = {RIGHT: "classified correctly", FOUND: "found", ALARMED: "raising a false alarm"}
TREND_WORDS = {"difference found": "Trend found", "inconclusive": "No trend found", "too few": "Too few for a trend"}
STEPS = 8
"""Groups of equally many images in which a trend is shown beside its line."""


def show_trend(ask: ToneAsk) -> None:
    """How an outcome goes with ITA, without bins; or from one level that people labelled to the next darker."""
    place = st.container()
    outcome = choose("Share of images", OUTCOMES, "outcome")
    found, steps = trend(ask, outcome), trend_steps(ask, outcome)
    step, share = "level" if ask.labelled else "10°", f"share {OUTCOMES[outcome].split(',')[0]}"
    verdict, reason = trend_verdict(ask, outcome)
    n = counted(found.n_images, found.n_clusters, ask.images.unit)
    n = f"n = {n}, {found.n_with:,} {HAPPENED[outcome]} and {found.n_without:,} not."
    said = "**Too few for a trend.**"
    if min(found.n_with, found.n_without) >= FEWEST and found.n_varied < FEWEST_VARIED:
        said = f"**Too few answers vary within a diagnosis to say** ({found.n_varied}, at least {FEWEST_VARIED} are needed)."
    if not found.suppressed:
        odds = darker(found)
        why = f" ({reason.replace('includes 0', 'of the odds includes ×1')})" if reason else ""
        said = f"**{TREND_WORDS[verdict]}**{why}: within a diagnosis, for each {step} darker, the odds are ×{odds.value:.2f}."
        n = f"Odds for each {step if ask.labelled else '10° of ITA'} darker: ×{odds.text('{:.2f}'.format)}. {n}"
    levels = (
        f"Each diagnosis has a line of its own height. Intervals: 95%, {resampling(ask.images, steps, found.curve)}."
    )
    if ask.labelled:
        chart = estimates_figure(
            steps.assign(n=steps["n_images"]), title=f"{share}, 0 to 1", dots_name="with 95% interval", ink=ink()
        )
        words, column = (
            f"A logistic line in the labelled level, light to dark. {levels}",
            {"labelled tone": steps["label"]},
        )
        if (agreed := labels_agreement(ask)) is not None:
            words = f"{agreement_sentence(agreed)} {words}"
    else:
        chart = against_ita_figure(
            {"trend, within each diagnosis": found.curve},
            share,
            cuts=ask.cuts,
            points=steps,
            span=(-0.02, 1.02),
            ink=ink(),
        )
        words = f"A logistic line in ITA. It ends where {FEWEST} images are left on either side. {levels} {_ITA}"
        column = {"median ITA": [f"{ita:.0f}°" for ita in steps["ita"]]}
    with place:
        show_answer((said, n), chart, "trend")
    shares = [Estimate.of(row).cell() for _, row in steps.iterrows()]
    cells = pd.DataFrame({"images": steps["n_images"], **column, "share": shares})
    show_details("trend", words, {ask.file("trend"): steps if ask.labelled else found.curve}, cells)


_ITA = (
    "Circles: eighths of the images by ITA. Dotted: borders of the groups. A trend is no effect of skin alone: ITA also measures "
    "the light."
)


def darker(found: Trend) -> Estimate:
    """The odds ratio of an outcome for 10° darker skin."""
    return Estimate(*(1 / odds for odds in (found.odds_ratio.value, found.odds_ratio.high, found.odds_ratio.low)))


@shared(max_entries=64)
def trend(ask: ToneAsk, outcome: str, draws: int = DRAWS) -> Trend:
    """How an outcome of ``OUTCOMES`` changes with ITA within the diagnoses: see ``fairness.trend.ita_trend``.

    The curve ends where the data do: at the ``FEWEST``-th darkest and lightest image.
    """
    images, happened = outcome_of(ask, outcome)
    ita = darkness(replace(ask, images=images))
    known = np.sort(ita[np.isfinite(ita)])
    grid = np.linspace(known[FEWEST - 1], known[-FEWEST], GRID_POINTS) if len(known) >= 2 * FEWEST else None
    return ita_trend(happened, ita, images.clusters, strata=images.table["dx"].tolist(), grid=grid, draws=draws)


def trend_verdict(ask: ToneAsk, outcome: str) -> tuple[str, str]:
    """Whether every other estimator of tone finds the slope of an outcome again, and why not: see ``fairness.groups.judge``."""
    others = (
        {}
        if ask.labelled
        else {
            label: trend(replace(ask, estimator=name), outcome, 0).slope.value
            for name, label in ESTIMATORS.items()
            if name != ask.estimator
        }
    )
    return judge(trend(ask, outcome).slope, others)


def trend_finding(ask: ToneAsk) -> tuple[str, str]:
    """What the trend of right answers says, in a short clause; and its odds with their interval, "" where there are none."""
    found, (verdict, reason) = trend(ask, RIGHT), trend_verdict(ask, RIGHT)
    if found.suppressed or math.isnan(found.odds_ratio.low):
        return "there are **too few images for a trend**", ""
    odds, step = darker(found), "level darker" if ask.labelled else "10° of ITA darker"
    ita = "" if ask.labelled else " ITA: the individual typology angle of skin colour; the lower, the darker."
    interval = f"Odds of a right answer for each {step}: ×{odds.text('{:.2f}'.format)}.{ita}"
    if verdict == "difference found":
        way = "less" if odds.value < 1 else "more"
        return (
            f"it is right **{way} often on darker skin** within a diagnosis (odds ×{odds.value:.2f} for each {step})",
            interval,
        )
    sure = " that other estimates of tone confirm" if reason.startswith(("the sign", "a group")) else ""
    return f"**no trend with skin tone** is found{sure}", interval


def trend_steps(ask: ToneAsk, outcome: str) -> pd.DataFrame:
    """The same in groups of equally many images: ``ita`` (their median), ``value, low, high, n_images``; of labels, by level."""
    images, happened = outcome_of(ask, outcome)
    if ask.labelled:
        labels = images.table[TONE_LABEL].to_numpy(str)
        levels = {level: labels == level for level in names_of(ask, labels)}
        return mean_by_group(images, happened, levels)
    ita = ita_of(replace(ask, images=images))
    known = np.flatnonzero(np.isfinite(ita))
    parts = np.array_split(known[np.argsort(ita[known], kind="stable")], STEPS)
    masks = {f"{np.median(ita[part]):.2f}": np.isin(np.arange(len(images)), part) for part in parts if len(part)}
    table = mean_by_group(images, happened, masks)
    return table.assign(ita=table["label"].astype(float)) if len(table) else table.assign(ita=[], value=[], n_images=[])


def outcome_of(ask: ToneAsk, outcome: str) -> tuple[Audited, NDArray[np.bool_]]:
    """The images that an outcome can happen to, and whether it did, bool."""
    images = ask.images
    if outcome == RIGHT:
        return images, images.probabilities.argmax(1) == images.labels
    some = images.take(wanted(ask) if outcome == FOUND else ~wanted(ask))
    return some, called(some.probabilities, wanted_classes(ask), ask.threshold)


COUNTERFACTUALS, DRAWN_TONE = "counterfactuals", "drawn_tone"
"""Tables of evidence."""
METRICS: Mapping[str, str] = {
    "p_malignant_change": "mean probability of malignancy",
    "p_positive_change": "mean probability of melanoma",
    "flips": "share of answers that flip",
    "accuracy_change": "accuracy",
    "energy_change": "energy in lesion",
    "rank_correlation": "rank correlation with the map on the original",
}
LINES: Mapping[tuple[str, str], str] = {
    ("melanin", "fixed"): "other skin, same lesion",
    ("melanin", "re-pigmented"): "other skin and lesion",
    ("control", "fixed"): "control shift, same lesion",
    ("control", "re-pigmented"): "control shift of both",
}
HOW = (
    "Skin is shifted along the melanin axis of the model that draws DermaViz's lesions. The control shifts colour as far along "
    "an axis that is no skin tone. Bands: 95% of the paired change, {resampling}. Photos of dark skin differ in more "
    "than colour: this tests colour only."
)


def show_other_skin(ask: ToneAsk) -> None:
    """The same images with their skin at other ITA, beside an equal shift of colour that is no tone; then drawn lesions."""
    table = other_skin_table(ask.images, table_of(ask.images.checkpoint, COUNTERFACTUALS))
    place = st.container()
    measured = set(table["metric"])
    metric = choose("What is measured", {name: METRICS[name] for name in METRICS if name in measured}, "followed")
    rows = table[table["metric"] == metric]
    lines = {
        name: mine.rename(columns={"ita_to": "ita"})
        for (axis, lesion), name in LINES.items()
        if len(mine := rows[(rows["axis"] == axis) & (rows["lesion"] == lesion)])
    }
    changes = metric.endswith("change")
    title = f"{'change, ' if changes else ''}{METRICS[metric]}"
    chart = against_ita_figure(lines, title, cuts=ask.cuts, ink=ink())
    with place:
        show_answer(other_skin_sentence(rows, METRICS[metric], changes), chart, "other skin")
    tables = {f"{ask.images.checkpoint.name}-{COUNTERFACTUALS}": table}
    try:
        drawn = drawn_by_tone(table_of(ask.images.checkpoint, DRAWN_TONE, DataSplit(DRAWN, DRAWN)), ask.card.malignant)
    except EvidenceError as error:
        st.info(f"Drawn lesions, of which the truth is known: {escaped_message(str(error))}", icon=":material/info:")
    else:
        st.markdown("### Drawn lesions, of which the truth is known")
        chart = against_ita_figure(
            drawn, "mean probability of malignancy", cuts=ask.cuts, span=(-0.02, 1.02), ink=ink()
        )
        show_answer(drawn_sentence(drawn), chart, "drawn tone")
        joined = pd.concat([line.assign(line=name) for name, line in drawn.items()], ignore_index=True)
        tables[f"{ask.images.checkpoint.name}-drawn-tone"] = joined
    show_details("other skin", HOW.format(resampling=resampling(ask.images, table)), tables)


@remembered(max_entries=16)
def other_skin_table(audited: Audited, evidence: Evidence) -> pd.DataFrame:
    """What each shift of tone does to the answers: see ``fairness.counterfactual.tone_effects``."""
    from dermaviz.fairness.counterfactual import tone_effects

    card = audited.checkpoint.card
    return tone_effects(evidence.table, audited.table, card.classes, frozenset(card.malignant))


@remembered(max_entries=8)
def drawn_by_tone(evidence: Evidence, malignant: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """The mean probability of malignancy of drawn lesions against the ITA they are drawn at, for malignant and benign forms.

    Returns:
        Per kind a table ``ita, value, low, high, n_images``; intervals from resampling drawn lesions.
    """
    kinds = evidence.table["dx"].isin(malignant).map({True: "malignant forms", False: "benign forms"})
    lines: dict[str, pd.DataFrame] = {}
    for kind in sorted(set(kinds), reverse=True):
        rows = []
        for ita, mine in evidence.table[kinds == kind].groupby("ita"):
            values, lesions = mine["p_malignant"].to_numpy(np.float64), mine["lesion_id"].to_numpy()
            bounds = interval(weighted_mean(values, cluster_weights(lesions, DRAWS)))
            rows.append((ita, float(values.mean()), *bounds, len(values)))
        lines[kind] = pd.DataFrame(rows, columns=["ita", "value", "low", "high", "n_images"])
    return lines


def other_skin_sentence(rows: pd.DataFrame, what: str, changes: bool) -> tuple[str, str]:
    """What the largest shift towards darker skin does to a figure (or to its change); and beyond the control of equal size."""
    tone = rows[(rows["axis"] == "melanin") & (rows["lesion"] == "fixed")]
    if tone.empty:
        return "There is no shift of the skin alone among these.", ""
    row = tone.loc[tone["ita_to"].idxmin()]
    size = f"changes by **{points(row['value'])} points**" if changes else f"is **{row['value']:.2f}**"
    beyond = "" if math.isnan(row["beyond"]) else f" Beyond the control shift: {in_points(row, 'beyond')}."
    return (
        f"On skin at ITA {degrees(row['ita_to'])}, the {what} {size}.",
        f"{in_points(row) if changes else figure(row)}, n = {images(int(row['n_images']))}, drawn at random.{beyond}",
    )


def drawn_sentence(lines: Mapping[str, pd.DataFrame]) -> tuple[str, str]:
    """From the lightest to the darkest skin drawn, how the mean probability of malignancy changes."""
    parts, counts = [], []
    for name, table in lines.items():
        light, dark = (table.loc[at] for at in (table["ita"].idxmax(), table["ita"].idxmin()))
        parts.append(f"{name} from **{percent(light['value'])}** to **{percent(dark['value'])}**")
        counts.append(f"{name}, n = {int(dark['n_images'])} lesions")
    ends = f"From ITA {degrees(light['ita'])} to {degrees(dark['ita'])}" if parts else "No lesions"
    return f"{ends}, mean probability of malignancy: {'; '.join(parts)}.", f"{'; '.join(counts).capitalize()}."
