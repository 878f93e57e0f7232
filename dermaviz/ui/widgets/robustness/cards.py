"""Widget: the cards of the test set — a question each, only the open one computed, its sentence under its chart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.figures.estimates import estimates_figure
from dermaviz.figures.robustness import REPORTED, decline_figure
from dermaviz.ui.evidence import audited, has_table, same_images
from dermaviz.ui.frame import sentence_for_errors
from dermaviz.ui.robustness.trials import (
    ATTACKS,
    CORRUPTED,
    FLIPS,
    Trial,
    decline,
    flips_of,
    median_flips,
    noise_curve,
    trial,
    zero_gradients,
)
from dermaviz.ui.robustness.view import METHODS, NOISE, STRONGEST_FIRST, TOGETHER, Ask, first_size, group_masks, lines
from dermaviz.ui.robustness.wording import (
    decline_sentence,
    epsilon_words,
    extremes_sentence,
    flip_distance_sentence,
    further_sentence,
    gradient_sentence,
    join_sentence,
    noise_sentence,
    overshoot_sentence,
)
from dermaviz.ui.widgets.chart import ink, show_chart
from dermaviz.ui.widgets.robustness.corruption_card import show_corruptions
from dermaviz.ui.widgets.robustness.defence_card import show_defence
from dermaviz.ui.widgets.robustness.hit_worst import show_hit_worst
from dermaviz.ui.widgets.robustness.settings import choose_method, choose_size
from dermaviz.ui.widgets.table import show_table

_GREY_LEVELS = 255


def show_attacks(ask: Ask) -> None:
    """The measure against ε: attacks and noise on one chart, or one of them for each group."""
    images = trial(ask.images, ATTACKS)
    drawn, said, note = (_together if ask.grouping == TOGETHER else _by_group)(ask, images)
    show_chart(decline_figure(drawn, "epsilon", ask.measured, baseline=ask.constant, ink=ink()), "attacks", said)
    st.caption(note + gradient_sentence(zero_gradients(images), len(ask.images)))
    show_table(_joined(drawn), f"{ask.images.checkpoint.name}-attacks", "attacks")


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
    epsilon = choose_size(sizes, REPORTED, f"at_{method.replace(' ', '_')}")
    rows = {name: _at(table, "epsilon", epsilon) for name, table in drawn.items()}
    said = extremes_sentence(ask.measured, rows, f"under {METHODS[method]} at {epsilon_words(epsilon)}")
    return drawn, said, join_sentence(METHODS[method], first_size(conditions, method))


def _said_together(ask: Ask, drawn: Mapping[str, pd.DataFrame]) -> str:
    """The strongest attack that was made at an ε, noise of the same size, and what a longer step of FGSM does."""
    epsilon = choose_size(pd.concat([rows["epsilon"] for rows in drawn.values()]), REPORTED, "at")
    here = {name: rows for name, rows in drawn.items() if (rows["epsilon"] == epsilon).any()}
    method = next(name for name in STRONGEST_FIRST if name in here)
    clean, after = (_at(drawn[method], "epsilon", at) for at in (0, epsilon))
    said = [decline_sentence(ask.measured, clean, after, f"under {METHODS[method]} at {epsilon_words(epsilon)}")]
    if NOISE in here and method != NOISE:
        said.append(noise_sentence(_at(here[NOISE], "epsilon", epsilon)))
    if "fgsm" in drawn:
        said.append(overshoot_sentence(ask.measured, drawn["fgsm"]))
    return " ".join(filter(None, said))


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
        reported = f"at σ = {REPORTED:g}, as reported"
        said = decline_sentence(ask.measured, _at(first, "sigma", 0), _at(first, "sigma", REPORTED), reported)
        said = f"{said} {further_sentence(_at(first, 'sigma', worst), under)}"
    else:
        said = extremes_sentence(
            ask.measured, {name: _at(table, "sigma", worst) for name, table in drawn.items()}, under
        )
    show_chart(decline_figure(drawn, "sigma", ask.measured, baseline=ask.constant, ink=ink()), "noise", said)
    show_table(_joined(drawn), f"{ask.images.checkpoint.name}-noise", "noise")


def show_smallest(ask: Ask) -> None:
    """The median of the smallest changes that flip answers, for each group."""
    masks = {name: mask for name, mask in group_masks(ask.images, ask.grouping).items() if mask.any()}
    table, flips = median_flips(ask.images, masks), flips_of(ask.images)
    cap = float(flips["cap"].max())
    whole = median_flips(ask.images, group_masks(ask.images, TOGETHER)).iloc[0]
    said = flip_distance_sentence(whole, cap)
    if ask.other and ask.grouping == TOGETHER and has_table(ask.other, FLIPS):
        _, second = same_images(ask.images, audited(ask.other))
        beside = median_flips(second, group_masks(second, TOGETHER))
        said = f"{said} {ask.other.name}: {flip_distance_sentence(beside.iloc[0], cap)}"
        table = pd.concat([table, beside], ignore_index=True)
    shown = table.assign(**{name: table[name].clip(upper=cap) * _GREY_LEVELS for name in ("value", "low", "high")})
    few = table["value"].isna() | table["low"].isna()
    shown.loc[few, ["value", "low", "high"]] = np.nan
    top = float(np.nanmax(shown["high"], initial=1))
    figure = estimates_figure(shown, title="median smallest change, grey levels of 255", span=(0.0, top), ink=ink())
    show_chart(figure, "smallest", said)
    st.caption(
        "Looked for along FGSM's direction in steps of 1/8 of a grey level; PGD may need less still. "
        f"What withstands {cap * _GREY_LEVELS:g} grey levels counts as larger. n: photos that the model calls rightly. "
        + gradient_sentence(int(flips["zero_gradient"].sum()), len(flips))
    )
    show_table(table, f"{ask.images.checkpoint.name}-smallest-changes", "smallest")


CARDS: Mapping[str, tuple[str, Callable[[Ask], None]]] = MappingProxyType(
    {
        "Attacks": ("How fast does an attack break it, and does noise of the same size?", show_attacks),
        "Defence": ("What does a defence cost, and what does it buy?", show_defence),
        "Noise": ("How much noise does it take?", show_noise),
        "Corruptions": ("Which everyday faults of a photo hurt it?", show_corruptions),
        "Smallest change": ("How small a change flips the answer?", show_smallest),
        "Hit worst": ("Which photos need the smallest change?", show_hit_worst),
    }
)


def show_cards(ask: Ask) -> None:
    """A tab for each question; only the open one is computed."""
    for (question, show), tab in zip(
        CARDS.values(), st.tabs(list(CARDS), key="test", bind="query-params"), strict=True
    ):
        if tab.open:
            with tab, sentence_for_errors():
                st.subheader(question, anchor=False)
                show(ask)


def _at(table: pd.DataFrame, size: str, at: float) -> pd.Series:
    """The row of a size, or of the one nearest to it."""
    return table.loc[(table[size] - at).abs().idxmin()]


def _joined(drawn: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of all lines, named."""
    return pd.concat([rows.assign(line=name) for name, rows in drawn.items()], ignore_index=True)
