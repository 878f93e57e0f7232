"""Robustness, tab Defence: what a defence costs on clean images, and what it buys under attack."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dermaviz.app.evidence import audited
from dermaviz.app.robustness.question import (
    ATTACKS,
    METHODS,
    Ask,
    capitalised,
    choose_method,
    choose_size,
    counted,
    epsilon_words,
    first_size,
    join_sentence,
    paired,
    points,
    trial,
)
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import same_images
from dermaviz.plots.robustness import decline_figure

_ONE_LEVEL = 1 / 255


def show_defence(ask: Ask) -> None:
    """Both checkpoints on one chart, with their paired difference on clean photos and at one ε."""
    if ask.other is None:
        raise EvidenceError(
            "expected a second checkpoint to hold this one against, found one checkpoint. Put the folder of a defended one "
            "beside it in `checkpoints/`: `dermaviz train recipes/ham10000-efficientnet-lite0-robust.yaml` makes one."
        )
    first, second = same_images(ask.images, audited(ask.other))
    one, another = trial(first, ATTACKS), trial(second, ATTACKS)
    table = ask.measure.rows(paired(one, another))
    names = (first.checkpoint.name, second.checkpoint.name)
    left, right = st.columns(2)
    with left:
        method = choose_method("defence_method", table["method"].unique())
    rows = table[table["method"] == method]
    with right:
        epsilon = choose_size(rows["epsilon"], _ONE_LEVEL, f"defence_at_{method.replace(' ', '_')}")
    drawn = {name: _of(rows, which) for name, which in zip(names, ("first", "second"), strict=True)}
    under = f"under {METHODS[method]} at {epsilon_words(epsilon)}"
    said = defence_sentence(
        names, ask.measure.label, rows[rows["epsilon"] == 0].iloc[0], rows[rows["epsilon"] == epsilon].iloc[0], under
    )
    show_chart(decline_figure(drawn, "epsilon", ask.measure.label, baseline=ask.constant, ink=ink()), "defence", said)
    joined = join_sentence(METHODS[method], first_size(one.answers.conditions, method))
    st.caption(f"{joined}Differences are paired: both are measured on the same resamplings of whole lesions.")
    show_table(table, f"{names[0]}-and-{names[1]}-attacks", "defence")


def _of(rows: pd.DataFrame, which: str) -> pd.DataFrame:
    """One checkpoint's line, as figures take it."""
    columns = {which: "value", f"{which}_low": "low", f"{which}_high": "high"}
    return rows[["epsilon", "n_images", *columns]].rename(columns=columns)


def defence_sentence(names: tuple[str, str], measure: str, clean: pd.Series, after: pd.Series, under: str) -> str:
    """What the second checkpoint costs on clean images and buys under attack, as Markdown."""
    return (
        f"On the photos as they are, {measure} is {clean['first']:.1%} for {names[0]} and {clean['second']:.1%} for "
        f"{names[1]}: **{points(clean, 'difference')}**. {capitalised(under)}, it is {after['first']:.1%} and "
        f"{after['second']:.1%}: **{points(after, 'difference')}**. n = {counted(after)}."
    )
