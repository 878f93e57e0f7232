"""Robustness, tab Attacks: what is left of a figure as an attack grows, beside noise and beside another checkpoint."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dermaviz.app.robustness.question import (
    ATTACKS,
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
    joined_lines,
    lines,
    paired,
    points,
    row_at,
    trial,
    zero_gradients,
)
from dermaviz.app.text import escaped, resampling, share
from dermaviz.app.widgets.chart import ink, show_answer, show_details
from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import Audited, counted
from dermaviz.evidence.store import audit_command
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.plots.robustness import DEFAULT_SIZE, decline_figure, epsilon_in_words
from dermaviz.plots.theme import percent
from dermaviz.plots.theme import points as points_of

ONE_LEVEL = 1 / 255
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
    after = row_at(sized[sized["method"] == method], "epsilon", ONE_LEVEL)
    clean = table[table["epsilon"] == 0].iloc[0]
    noise = sized[(sized["method"] == NOISE) & (sized["epsilon"] == after["epsilon"])]
    beside = f"; random noise of that size, to {percent(noise['value'].iloc[0])}" if len(noise) else ""
    size = "one grey level" if after["epsilon"] == ONE_LEVEL else f"ε = {epsilon_in_words(after['epsilon'])}"
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
        figures += f" Noise of that size: {points(row_at(here[NOISE], 'epsilon', epsilon), 'drop', turned=True)}."
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
    method, epsilon, under = _one_method(table["method"], table, ONE_LEVEL)
    rows = table[table["method"] == method]
    drawn = {}
    for name, which in zip(names, ("first", "second"), strict=True):
        columns = {which: "value", f"{which}_low": "low", f"{which}_high": "high"}
        drawn[name] = rows[["method", "epsilon", "n_images", "n_clusters", *columns]].rename(columns=columns)
    clean, after = (row_at(rows, "epsilon", at) for at in (0, epsilon))
    n = counted(int(after["n_images"]), int(after["n_clusters"]), ask.images.unit)
    answer = (
        f"{escaped(f'{names[1]}: {ask.measure.label}')} **{points_of(clean['difference'])} points** on clean images, "
        f"**{points_of(after['difference'])}** {under}."
    )
    figures = " ".join(
        f"{when}: {percent(row['first'])} and {percent(row['second'])}, {points(row, 'difference')}."
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
