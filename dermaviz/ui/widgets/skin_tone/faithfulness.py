"""Widget: which attention methods can be trusted — ranked by faithfulness beside a random map, with warnings."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dermaviz.errors import EvidenceError
from dermaviz.figures.estimates import estimates_figure
from dermaviz.ui.frame import sentence_for_errors
from dermaviz.ui.skin_tone.faithfulness import (
    FAITHFULNESS,
    SCORES,
    method_name,
    ranking,
    stays_alike,
    what_is_left,
)
from dermaviz.ui.skin_tone.looking_wording import alike_sentence, faithfulness_sentence, twins_sentence
from dermaviz.ui.skin_tone.view import ToneAsk
from dermaviz.ui.widgets.chart import ink, show_chart
from dermaviz.ui.widgets.table import show_table

WARNING = "⚠"


def show_faithfulness(ask: ToneAsk) -> None:
    """All methods by one score, the random map as the line to beat, and the check that weights matter."""
    name = st.selectbox(
        "Score", SCORES, format_func=lambda key: SCORES[key].label, key="faithful", bind="query-params",
        help="Deletion: the probability while the pixels that the map calls important are painted over. Insertion: while they "
        "are put into a blurred picture. ROAD: what remains without the least important pixels minus without the most.",
    )  # fmt: skip
    score, table = SCORES[name], ranking(ask.images, name)
    warned = _warned(ask)
    marked = [f"{WARNING} {row.label}" if row.method in warned else row.label for row in table.itertuples()]
    random = float(table.loc[table["method"] == "random", "value"].iloc[0])
    figure = estimates_figure(
        table.assign(label=marked), title=score.label, span=score.span, reference=(random, "a random map"),
        dots_name="mean, with 95% interval", ink=ink(),
    )  # fmt: skip
    show_chart(figure, "faithfulness", faithfulness_sentence(score.label.split(" (")[0], table))
    st.caption(
        "Whether the class's probability follows what a map calls important. No mask is asked for: this is about the model, not "
        "about medicine. Intervals resample whole lesions; each method is held against the random map image by image. "
        f"{twins_sentence(table)}"
    )
    show_table(table, f"{ask.images.checkpoint.name}-{FAITHFULNESS}-{name}", "faithfulness")
    st.markdown("##### Does a map notice that the weights were made random?")
    with sentence_for_errors():
        _show_cascade(ask)


def _warned(ask: ToneAsk) -> list[str]:
    """The methods that fail the randomisation check; none where it was not made, which its own place says."""
    try:
        return stays_alike(what_is_left(ask.images))
    except EvidenceError:
        return []


def _show_cascade(ask: ToneAsk) -> None:
    """What is left of each method's maps, step by step from the head down."""
    left = what_is_left(ask.images)
    st.markdown(alike_sentence(left, [method_name(name) for name in stays_alike(left)]))
    wide = left.pivot(index="method", columns="step", values="value").loc[list(dict.fromkeys(left["method"]))]
    names = dict(zip(left["step"], left["stage"], strict=True))
    shown = {"method": [method_name(name) for name in wide.index]}
    shown |= {f"to {names[step]}": [f"{value:.2f}" for value in wide[step]] for step in wide}
    st.table(pd.DataFrame(shown), border="horizontal", hide_index=True)
    st.caption(
        "Mean rank correlation of the maps with those of the intact network while the layers from the head down to the one named "
        "have random weights (Adebayo et al. 2018)."
    )
    show_table(left, f"{ask.images.checkpoint.name}-randomisation", "randomisation")
