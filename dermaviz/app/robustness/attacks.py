"""Robustness, tabs Attacks and Smallest change: what an attack leaves as it grows, and how small a change flips each answer."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.checkpoints import audited, has_table, one_each, table_of
from dermaviz.app.robustness.live import GREY, levels_words
from dermaviz.app.robustness.question import (
    ATTACKS,
    FLIPS,
    METHODS,
    NOISE,
    STRONGEST_FIRST,
    TOGETHER,
    Ask,
    Trial,
    choose_method,
    choose_size,
    decline,
    decline_sentence,
    extremes_sentence,
    first_size,
    gradient_sentence,
    group_masks,
    joined_lines,
    lines,
    paired,
    row_at,
    trial,
    zero_gradients,
)
from dermaviz.app.sessions import remembered
from dermaviz.app.text import escaped, images, in_points, resampling, share
from dermaviz.app.widgets.cases import case_table, show_cases
from dermaviz.app.widgets.chart import ink, show_answer, show_details
from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import Audited, counted, same_images
from dermaviz.evidence.store import Evidence, audit_command
from dermaviz.metrics.bootstrap import FEWEST, Estimate
from dermaviz.metrics.confusion import by_class
from dermaviz.plots.intervals import estimates_figure
from dermaviz.plots.robustness import DEFAULT_SIZE, decline_figure, epsilon_in_words
from dermaviz.plots.theme import percent, points
from dermaviz.robustness.outcomes import median_flip_distance

OVERSHOT = 0.02
HOW = (
    "ε is the most that any value may change. FGSM takes one step along the sign of the gradient, PGD twenty small ones; noise "
    "moves each value at random."
)


def finding_sentence(images: Audited) -> str:
    """What the strongest attack leaves of balanced accuracy at one grey level or nearest to it, beside noise of that size."""
    table = decline(trial(images, ATTACKS))
    table = table[table["metric"] == "balanced_accuracy"]
    sized = table[table["epsilon"] > 0]
    method = next(name for name in STRONGEST_FIRST if name in set(sized["method"]))
    after = row_at(sized[sized["method"] == method], "epsilon", GREY)
    clean = table[table["epsilon"] == 0].iloc[0]
    noise = sized[(sized["method"] == NOISE) & (sized["epsilon"] == after["epsilon"])]
    beside = f"; random noise of that size, to {percent(noise['value'].iloc[0])}" if len(noise) else ""
    size = "one grey level" if after["epsilon"] == GREY else f"ε = {epsilon_in_words(after['epsilon'])}"
    fall = f"from {percent(clean['value'])} to **{percent(after['value'])}**"
    return f"{method.upper()} of {size} takes balanced accuracy {fall}{beside}."


def show_attacks(ask: Ask) -> None:
    """The measure against ε: all methods on one chart; or one of them for each group, or for both checkpoints."""
    images, both = trial(ask.images, ATTACKS), ask.beside(ATTACKS)
    if ask.other is not None and ask.grouping == TOGETHER and both is None:
        raise EvidenceError(
            f"expected the table attacks of {ask.other.name} to compare with, found none. Make it: "
            f"`{audit_command(ask.other.folder, ask.images.of, ATTACKS, like=ask.images.checkpoint.folder)}`."
        )
    place = st.container()
    drawn, said = _compared(ask, *both) if both else (_together if ask.grouping == TOGETHER else _by_group)(ask, images)
    with place:
        figure = decline_figure(drawn, "epsilon", ask.measured, baseline=ask.constant, ink=ink())
        show_answer(said, figure, ATTACKS)
    how = f"{HOW} Intervals: 95%, {resampling(ask.images, joined_lines(drawn))}; differences are paired."
    words = f"{how} {gradient_sentence(zero_gradients(images), len(ask.images))}"
    cells = pd.DataFrame({"ε": [epsilon_in_words(at) for at in sorted({*joined_lines(drawn)["epsilon"]})]})
    for name, rows in drawn.items():
        at = {epsilon_in_words(row["epsilon"]): Estimate.of(row).cell(share) for _, row in rows.iterrows()}
        cells[name] = cells["ε"].map(at).fillna("–")
    show_details(ATTACKS, words, {f"{ask.images.checkpoint.name}-attacks": joined_lines(drawn)}, cells)


def _together(ask: Ask, images: Trial) -> tuple[dict[str, pd.DataFrame], tuple[str, str]]:
    """A line for each method, from the smallest ε at which it was made, and what they say."""
    table = ask.measure.rows(decline(images))
    whole = {name: rows for name in METHODS if len(rows := table[table["method"] == name])}
    epsilon = choose_size(pd.concat([rows["epsilon"] for rows in whole.values()]), DEFAULT_SIZE, "at")
    here = {name: rows for name, rows in whole.items() if (rows["epsilon"] == epsilon).any()}
    method = next(name for name in STRONGEST_FIRST if name in here)
    clean, after = (row_at(here[method], "epsilon", at) for at in (0, epsilon))
    under = f"under {METHODS[method]} at ε = {epsilon_in_words(epsilon)}"
    answer, figures = decline_sentence(ask, clean, after, under)
    if NOISE in here and method != NOISE:
        figures += f" Noise of that size: {in_points(row_at(here[NOISE], 'epsilon', epsilon), 'drop', turned=True)}."
    begun = {name: first_size(images.answers.conditions, name) or 0 for name in whole}
    drawn = {METHODS[name]: rows[rows["epsilon"] >= begun[name]] for name, rows in whole.items()}
    return drawn, (answer, figures + (overshoot_sentence(whole["fgsm"]) if "fgsm" in whole else ""))


def _one_method(methods: pd.Series, table: pd.DataFrame, default: float) -> tuple[str, float, str]:
    """Ask for a method and a size: both, and how a sentence names them."""
    method = choose_method(methods)
    epsilon = choose_size(table.loc[table["method"] == method, "epsilon"], default, f"at_{method.replace(' ', '_')}")
    return method, epsilon, f"under {METHODS[method]} at ε = {epsilon_in_words(epsilon)}"


def _by_group(ask: Ask, images: Trial) -> tuple[dict[str, pd.DataFrame], tuple[str, str]]:
    """A line for each group under one method, and what they say."""
    conditions = images.answers.conditions
    method, epsilon, under = _one_method(conditions["method"], conditions, DEFAULT_SIZE)
    drawn = lines(images, ask, lambda table: table[table["method"] == method])
    rows = {name: row_at(table, "epsilon", epsilon) for name, table in drawn.items()}
    answer, figures = extremes_sentence(ask.measured, rows, under)
    return drawn, (answer, figures + join_sentence(method, conditions))


def _compared(ask: Ask, one: Trial, another: Trial) -> tuple[dict[str, pd.DataFrame], tuple[str, str]]:
    """A line for each checkpoint under one method, and their paired differences on clean images and at one ε."""
    table, names = (
        ask.measure.rows(paired(one, another)),
        (one.audited.checkpoint.name, another.audited.checkpoint.name),
    )
    method, epsilon, under = _one_method(table["method"], table, GREY)
    rows = table[table["method"] == method]
    drawn = {}
    for name, which in zip(names, ("first", "second"), strict=True):
        columns = {which: "value", f"{which}_low": "low", f"{which}_high": "high"}
        drawn[name] = rows[["method", "epsilon", "n_images", "n_clusters", *columns]].rename(columns=columns)
    clean, after = (row_at(rows, "epsilon", at) for at in (0, epsilon))
    n = counted(int(after["n_images"]), int(after["n_clusters"]), ask.images.unit)
    answer = (
        f"{escaped(f'{names[1]}: {ask.measure.label}')} **{points(clean['difference'])} points** on clean images, "
        f"**{points(after['difference'])}** {under}."
    )
    figures = " ".join(
        f"{when}: {percent(row['first'])} and {percent(row['second'])}, {in_points(row, 'difference')}."
        for when, row in (("Clean", clean), ("Attacked", after))
    )
    return drawn, (answer, f"{figures} n = {n}.{join_sentence(method, one.answers.conditions)}")


def join_sentence(method: str, conditions: pd.DataFrame) -> str:
    """That a line's first stretch joins two points between which nothing was measured; nothing where that is not so."""
    first = first_size(conditions, method)
    return "" if first is None else f" {METHODS[method]} was measured from ε = {epsilon_in_words(first)} on."


def overshoot_sentence(rows: pd.DataFrame) -> str:
    """That a single large step of FGSM overshoots, where it does; else nothing."""
    known = rows.dropna(subset=["value"])
    if not len(known):
        return ""
    strongest, longest = known.loc[known["value"].idxmin()], known.loc[known["epsilon"].idxmax()]
    if longest["value"] - strongest["value"] < OVERSHOT:
        return ""
    return (
        f" FGSM is strongest at ε = {epsilon_in_words(strongest['epsilon'])} ({strongest['value']:.0%} left): a single larger "
        "step overshoots."
    )


CHANGE = "smallest change, grey levels"


def show_smallest(ask: Ask) -> None:
    """The median of the smallest changes that flip answers, for each group; then the images that flip first."""
    flips, cap = one_each(ask.images, FLIPS), float(one_each(ask.images, FLIPS)["cap"].max())
    table = median_flips(
        ask.images, {name: mask for name, mask in group_masks(ask.images, ask.grouping).items() if mask.any()}
    )
    answer, figures = flip_sentence(median_flips(ask.images, group_masks(ask.images, TOGETHER)).iloc[0], cap)
    if ask.other and ask.grouping == TOGETHER and has_table(ask.other, FLIPS):
        _, second = same_images(ask.images, audited(ask.other))
        beside = median_flips(second, group_masks(second, TOGETHER))
        figures = f"{figures} {escaped(ask.other.name)}: {' '.join(flip_sentence(beside.iloc[0], cap))}"
        table = pd.concat([table, beside], ignore_index=True)
    shown = table.assign(**{name: table[name].clip(upper=cap) / GREY for name in ("value", "low", "high")})
    shown.loc[table["low"].isna(), ["value", "low", "high"]] = np.nan
    top = float(np.nanmax(shown["high"], initial=1))
    figure = estimates_figure(shown, title="median smallest change, grey levels of 255", span=(0.0, top), ink=ink())
    show_answer((answer, figures), figure, "smallest")
    words = (
        "Searched along FGSM's direction in steps of 1/8 of a grey level; PGD may need less. What withstands "
        f"{cap / GREY:g} grey levels counts as larger. n: images classified correctly. "
        f"{gradient_sentence(int(flips['zero_gradient'].sum()), len(flips))}"
    )
    worst = flips_first(ask.images, ask.measure.class_name)
    name = ask.images.checkpoint.name
    show_details("smallest", words, {f"{name}-smallest-changes": table, f"{name}-flip-first": worst})
    if worst.empty:
        st.info("No correctly classified image here flips.", icon=":material/info:")
        return
    first, mine = worst.iloc[0], ask.measure.class_name
    of = f" of {escaped(ask.images.checkpoint.card.words[mine])}" if mine else ""
    st.markdown("### Which images need the smallest change?")
    st.markdown(
        f"Of **{images(len(worst))}**{of} that flip, {escaped(first['image'])} needs least: "
        f"**{levels_words(first[CHANGE] * GREY)}** turns {escaped(first['diagnosis'])} into {escaped(first['turns into'])}."
    )
    show_cases(ask.images, worst)


def median_flips(audited: Audited, groups: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The median smallest change of each group of images (name to mask), in [0, 1] pixels.

    Returns:
        ``label, value, low, high, n`` (images that were right as they are) and ``n_images``.
    """
    rows, evidence = [], table_of(audited.checkpoint, FLIPS)
    for name, mine in groups.items():
        some = audited.take(mine)
        found, n = _median_flip(some, evidence)
        rows.append(
            {"label": name, "value": found.value, "low": found.low, "high": found.high, "n": n, "n_images": len(some)}
        )
    return pd.DataFrame(rows)


@remembered(max_entries=256, show_spinner=False)
def _median_flip(some: Audited, evidence: Evidence) -> tuple[Estimate, int]:
    """The median smallest change, and of how many images that are right as they are."""
    flips = one_each(some, FLIPS)["flip_epsilon"].to_numpy(np.float64)
    return median_flip_distance(flips, some.clusters.tolist()), int((flips > 0).sum())


def flip_sentence(found: pd.Series, cap: float) -> tuple[str, str]:
    """The median smallest change that flips an answer; and its interval, of how many images."""
    n = f"n = {images(int(found['n']))} classified correctly."
    if found["n"] < FEWEST or math.isnan(found["value"]):
        return "**Too few images** are classified correctly to say.", n
    if math.isinf(found["value"]):
        return f"**More than half withstand** a change of {levels_words(cap)}.", n
    low, high = (
        "more than was tried" if math.isinf(end) else f"{end / GREY:.2g}" for end in (found["low"], found["high"])
    )
    interval = (
        ""
        if math.isnan(found["low"])
        else f"95% interval of the median: {low} to {high} grey levels, in steps of 0.125. "
    )
    return f"Half of the answers flip when each value changes by **{levels_words(found['value'])}**.", f"{interval}{n}"


def flips_first(audited: Audited, class_name: str) -> pd.DataFrame:
    """Correctly classified images that flip, the smallest change first, then the surest; of one diagnosis, or of all ("").

    Returns:
        The columns of ``widgets.cases.case_table`` with ``CHANGE`` and ``turns into``.
    """
    flips, words = one_each(audited, FLIPS), audited.checkpoint.card.words
    size = flips["flip_epsilon"].to_numpy(np.float64)
    mine = np.isfinite(size) & (size > 0)
    if class_name:
        mine &= (audited.table["dx"] == class_name).to_numpy()
    sure = audited.probabilities[np.arange(len(audited)), audited.labels]
    rows = np.flatnonzero(mine)
    rows = rows[np.lexsort((-sure[rows], size[rows]))]
    table = case_table(audited, by_class(audited.labels, audited.probabilities, audited.classes), rows)
    table.insert(1, CHANGE, size[rows] / GREY)
    table.insert(3, "turns into", flips["flipped_to"].iloc[rows].map(words).to_numpy())
    return table
