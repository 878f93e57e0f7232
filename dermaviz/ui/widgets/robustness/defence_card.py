"""Widget: two checkpoints under attack on the same photos — what a defence costs on clean ones, and what it buys."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dermaviz.errors import EvidenceError
from dermaviz.figures.robustness import decline_figure
from dermaviz.ui.evidence import audited, same_images
from dermaviz.ui.robustness.trials import ATTACKS, paired, trial
from dermaviz.ui.robustness.view import METHODS, Ask, first_size
from dermaviz.ui.robustness.wording import defence_sentence, epsilon_words, join_sentence
from dermaviz.ui.widgets.chart import ink, show_chart
from dermaviz.ui.widgets.robustness.settings import choose_method, choose_size
from dermaviz.ui.widgets.table import show_table

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
