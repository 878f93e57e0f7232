"""Robustness, tabs Attacks and Noise: what is left of a figure as an attack or noise grows."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd
import streamlit as st

from dermaviz.app.evidence import audited, has_table
from dermaviz.app.robustness.question import (
    ATTACKS,
    CORRUPTED,
    METHODS,
    NOISE,
    STRONGEST_FIRST,
    TOGETHER,
    Ask,
    Trial,
    capitalised,
    choose_method,
    choose_size,
    decline,
    decline_sentence,
    epsilon_words,
    extremes_sentence,
    first_size,
    gradient_sentence,
    join_sentence,
    joined_lines,
    lines,
    points,
    row_at,
    share_of,
    trial,
    zero_gradients,
)
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.evidence.predictions import same_images
from dermaviz.plots.robustness import DEFAULT_SIZE, decline_figure, epsilon_in_words
from dermaviz.robustness.corruptions import CORRUPTIONS

_OVERSHOT = 0.02


def show_attacks(ask: Ask) -> None:
    """The measure against ε: attacks and noise on one chart, or one of them for each group."""
    images = trial(ask.images, ATTACKS)
    drawn, said, note = (_together if ask.grouping == TOGETHER else _by_group)(ask, images)
    show_chart(decline_figure(drawn, "epsilon", ask.measured, baseline=ask.constant, ink=ink()), "attacks", said)
    st.caption(note + gradient_sentence(zero_gradients(images), len(ask.images)))
    show_table(joined_lines(drawn), f"{ask.images.checkpoint.name}-attacks", "attacks")


def _together(ask: Ask, images: Trial) -> tuple[dict[str, pd.DataFrame], str, str]:
    """A line for each method, from the smallest ε at which it was made, and what they say."""
    table = ask.measure.rows(decline(images))
    whole = {name: rows for name in METHODS if len(rows := table[table["method"] == name])}
    begun = {name: first_size(images.answers.conditions, name) or 0 for name in whole}
    drawn = {METHODS[name]: rows[rows["epsilon"] >= begun[name]] for name, rows in whole.items()}
    return drawn, _said_together(ask, whole), ""


def _by_group(ask: Ask, images: Trial) -> tuple[dict[str, pd.DataFrame], str, str]:
    """A line for each group under one method, what they say, and where they only join two points."""
    conditions = images.answers.conditions
    method = choose_method("method_shown", conditions["method"].unique())
    drawn = lines(images, ask, lambda table: table[table["method"] == method])
    sizes = conditions.loc[conditions["method"] == method, "epsilon"]
    epsilon = choose_size(sizes, DEFAULT_SIZE, f"at_{method.replace(' ', '_')}")
    rows = {name: row_at(table, "epsilon", epsilon) for name, table in drawn.items()}
    said = extremes_sentence(ask.measured, rows, f"under {METHODS[method]} at {epsilon_words(epsilon)}")
    return drawn, said, join_sentence(METHODS[method], first_size(conditions, method))


def _said_together(ask: Ask, drawn: Mapping[str, pd.DataFrame]) -> str:
    """The strongest attack that was made at an ε, noise of the same size, and what a longer step of FGSM does."""
    epsilon = choose_size(pd.concat([rows["epsilon"] for rows in drawn.values()]), DEFAULT_SIZE, "at")
    here = {name: rows for name, rows in drawn.items() if (rows["epsilon"] == epsilon).any()}
    method = next(name for name in STRONGEST_FIRST if name in here)
    clean, after = (row_at(drawn[method], "epsilon", at) for at in (0, epsilon))
    said = [decline_sentence(ask.measured, clean, after, f"under {METHODS[method]} at {epsilon_words(epsilon)}")]
    if NOISE in here and method != NOISE:
        said.append(noise_sentence(row_at(here[NOISE], "epsilon", epsilon)))
    if "fgsm" in drawn:
        said.append(overshoot_sentence(ask.measured, drawn["fgsm"]))
    return " ".join(filter(None, said))


def noise_sentence(after: pd.Series) -> str:
    """What noise of the same size costs."""
    return f"Noise of the same size changes it by {points(after, 'drop', turned=True)}."


def overshoot_sentence(measure: str, rows: pd.DataFrame) -> str:
    """That FGSM grows weaker with a longer step, where it does; else nothing."""
    known = rows.dropna(subset=["value"])
    if known.empty:
        return ""
    strongest, longest = known.loc[known["value"].idxmin()], known.loc[known["epsilon"].idxmax()]
    if longest["value"] - strongest["value"] < _OVERSHOT:
        return ""
    return (
        f"A longer step is no stronger attack: FGSM does most at ε = {epsilon_in_words(strongest['epsilon'])} "
        f"({strongest['value']:.0%} {measure}), and at {epsilon_in_words(longest['epsilon'])} it walks past what its one "
        f"gradient knows of ({longest['value']:.0%}). PGD asks anew after each step."
    )


NOISE_SIZES = ("faint_noise", "gaussian_noise")
"""The corruptions whose severities are σ of Gaussian noise; together they make one axis."""


def show_noise(ask: Ask) -> None:
    """The measure against σ of Gaussian noise, beside that of the other checkpoint where it was tested as well."""
    images = trial(ask.images, CORRUPTED)
    drawn = lines(images, ask, noise_curve)
    if ask.other and ask.grouping == TOGETHER and has_table(ask.other, CORRUPTED):
        _, second = same_images(ask.images, audited(ask.other))
        drawn |= lines(trial(second, CORRUPTED), ask, noise_curve)
    first = next(iter(drawn.values()))
    worst = float(first["sigma"].max())
    under = f"under Gaussian noise of σ = {worst:g}"
    if ask.grouping == TOGETHER:
        reported = f"at σ = {DEFAULT_SIZE:g}, as reported"
        said = decline_sentence(ask.measured, row_at(first, "sigma", 0), row_at(first, "sigma", DEFAULT_SIZE), reported)
        said = f"{said} {further_sentence(row_at(first, 'sigma', worst), under)}"
    else:
        said = extremes_sentence(
            ask.measured, {name: row_at(table, "sigma", worst) for name, table in drawn.items()}, under
        )
    show_chart(decline_figure(drawn, "sigma", ask.measured, baseline=ask.constant, ink=ink()), "noise", said)
    show_table(joined_lines(drawn), f"{ask.images.checkpoint.name}-noise", "noise")


def noise_curve(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of Gaussian noise with their σ in a column ``sigma``, clean first."""
    rows = table[table["corruption"].isin(NOISE_SIZES)]
    rows = rows[(rows["severity"] > 0) | (rows["corruption"] == rows["corruption"].iloc[0])] if len(rows) else rows
    sizes = [
        CORRUPTIONS[name].values[int(at) - 1] if at else 0.0
        for name, at in zip(rows["corruption"], rows["severity"], strict=True)
    ]
    return rows.assign(sigma=sizes).sort_values("sigma")


def further_sentence(after: pd.Series, under: str) -> str:
    """The same figure under something else; follows :func:`decline_sentence`, as Markdown."""
    if math.isnan(after["value"]):
        return ""
    return f"{capitalised(under)}, it is **{share_of(after)}**: {points(after, 'drop', turned=True)}."
