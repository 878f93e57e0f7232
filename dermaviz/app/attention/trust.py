"""Attention, tab Trust: are attention maps faithful, and do they change when the weights are random?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd
import streamlit as st

from dermaviz.app.cache import remembered
from dermaviz.app.evidence import table_of
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.skin_tone.question import ToneAsk
from dermaviz.app.text import figure, images
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.attention.methods import METHODS
from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import Audited
from dermaviz.evidence.store import Evidence
from dermaviz.plots.intervals import estimates_figure

CONTROLS: Mapping[str, str] = MappingProxyType({"random": "a random map", "centre": "a spot in the centre"})
FAITHFULNESS, RANDOMISATION = "faithfulness", "randomisation"
"""Tables of evidence."""
HARDLY_CHANGES = "hardly changes"
"""The verdict of ``audits.ranking.what_is_left`` that a warning belongs to."""


@dataclass(frozen=True)
class Score:
    """A score of faithfulness: its name in words, and the ends of its axis."""

    label: str
    span: tuple[float, float]


SCORES: Mapping[str, Score] = MappingProxyType(
    {
        "road": Score("ROAD (−1 to 1, higher is better, 0 is chance)", (-0.25, 1.0)),
        "deletion": Score("deletion (0 to 1, lower is better)", (0.0, 1.0)),
        "insertion": Score("insertion (0 to 1, higher is better)", (0.0, 1.0)),
    }
)


def method_name(method: str) -> str:
    """A method or a control as people read it."""
    return METHODS[method].label if method in METHODS else CONTROLS.get(method, method)


def stays_alike(left: pd.DataFrame) -> list[str]:
    """The methods whose maps hardly change although all weights are random."""
    last = left[left["step"] == left["step"].max()]
    return last.loc[last["verdict"] == HARDLY_CHANGES, "method"].tolist()


@remembered(max_entries=32)
def ranking(audited: Audited, evidence: Evidence, score: str) -> pd.DataFrame:
    """Every method and both controls by a score, the best first: see ``evidence.ranking.rank_methods``; with ``label``.

    Raises:
        EvidenceError: none of these images was measured.
    """
    from dermaviz.evidence.ranking import rank_methods

    rows = _rows_of(audited, evidence)
    found = rank_methods(rows, _lesions(audited), [score])
    return found.assign(label=found["method"].map(method_name))


@remembered(max_entries=16)
def what_is_left(audited: Audited, evidence: Evidence) -> pd.DataFrame:
    """How much of each method's map is left as the network is made random: see ``evidence.ranking.what_is_left``.

    Raises:
        EvidenceError: none of these images was measured.
    """
    from dermaviz.evidence import ranking as rank

    return rank.what_is_left(_rows_of(audited, evidence), _lesions(audited))


def _lesions(audited: Audited) -> dict[str, str]:
    return dict(zip(audited.table["image_id"], audited.table["lesion_id"], strict=True))


def _rows_of(audited: Audited, evidence: Evidence) -> pd.DataFrame:
    """The rows of a table that are of these images."""
    table = evidence.table
    mine = table[table["image_id"].isin(audited.table["image_id"])]
    if mine.empty:
        raise EvidenceError(
            f"expected some of the {table['image_id'].nunique():,} images on which methods were measured, found none in this "
            "cohort. Widen the cohort."
        )
    return mine


WARNING = "⚠"


def show_faithfulness(ask: ToneAsk) -> None:
    """All methods by one score, the random map as the line to beat, and the check that weights matter."""
    name = st.selectbox(
        "Score", SCORES, format_func=lambda key: SCORES[key].label, key="faithful", bind="query-params",
        help="Deletion: the probability while the pixels that the map calls important are painted over. Insertion: while they "
        "are put into a blurred picture. ROAD: what remains without the least important pixels minus without the most.",
    )  # fmt: skip
    score, table = SCORES[name], ranking(ask.images, table_of(ask.images.checkpoint, FAITHFULNESS), name)
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
        return stays_alike(what_is_left(ask.images, table_of(ask.images.checkpoint, RANDOMISATION)))
    except EvidenceError:
        return []


def _show_cascade(ask: ToneAsk) -> None:
    """What is left of each method's maps, step by step from the head down."""
    left = what_is_left(ask.images, table_of(ask.images.checkpoint, RANDOMISATION))
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


def faithfulness_sentence(score: str, table: pd.DataFrame) -> str:
    """Which method is the most faithful by a score, beside both controls, and which were not shown to beat chance, as Markdown.

    Args:
        table: of ``tone_faithfulness.ranking``: the best first.
    """
    methods = table[~table["method"].isin(CONTROLS)]
    best = methods.iloc[0]
    random, centre = (table[table["method"] == control].iloc[0] for control in ("random", "centre"))
    alike = best["low"] <= centre["value"] <= best["high"]
    said = (
        f"By {score}, **{best['label']}** is the most faithful of {len(methods)} methods: {figure(best)}; a random map has "
        f"{random['value']:.3f}, and a spot in the picture's centre, which knows nothing of the photo, {centre['value']:.3f}"
        f"{': **no method is told apart from it**' if alike else ''}. n = {images(int(best['n_images']))}."
    )
    lost = methods[methods["verdict"] != "better than random"]
    return f"{said} Not shown to be better than a random map: {', '.join(lost['label'])}." if len(lost) else said


def twins_sentence(table: pd.DataFrame) -> str:
    """Which methods give one and the same map on this network, found by their equal scores; "" where none do."""
    methods = table[~table["method"].isin(CONTROLS)]
    twins = [", ".join(sorted(group["label"])) for _, group in methods.groupby("value") if len(group) > 1]
    return f"On this network, some methods give one and the same map: {'; '.join(sorted(twins))}." if twins else ""


def alike_sentence(left: pd.DataFrame, alike: Sequence[str]) -> str:
    """Which methods' maps hardly change although nothing is left of what was learnt, as Markdown."""
    n = images(int(left["n_images"].max()))
    if not alike:
        return f"No method's map stays as it was once all weights are random. n = {n}."
    return (
        f"**Warning:** {', '.join(alike)} {'shows' if len(alike) == 1 else 'show'} much the same map when all weights are "
        f"random: such a map shows the photo, not what the model has learnt. n = {n}."
    )
