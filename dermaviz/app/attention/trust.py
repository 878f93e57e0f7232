"""Attention, tab Trust: are attention maps faithful, and do they change when the weights are random?"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd
import streamlit as st

from dermaviz.app.cache import remembered
from dermaviz.app.evidence import table_of
from dermaviz.app.skin_tone.question import ToneAsk
from dermaviz.app.text import escaped_message, figure, images, resampling
from dermaviz.app.widgets.chart import ink, show_answer, show_details
from dermaviz.attention.methods import METHODS
from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import Audited
from dermaviz.evidence.store import Evidence
from dermaviz.plots.intervals import estimates_figure

CONTROLS: Mapping[str, str] = MappingProxyType({"random": "a random map", "centre": "a centre spot"})
FAITHFULNESS, RANDOMISATION = "faithfulness", "randomisation"
"""Tables of evidence."""
WARNING = "⚠"
SCORES: Mapping[str, tuple[str, tuple[float, float]]] = MappingProxyType(
    {
        "road": ("ROAD (−1 to 1, higher is better, 0 is chance)", (-0.25, 1.0)),
        "deletion": ("deletion (0 to 1, lower is better)", (0.0, 1.0)),
        "insertion": ("insertion (0 to 1, higher is better)", (0.0, 1.0)),
    }
)
"""Scores of faithfulness: name in words, and the ends of the axis."""
HOW = (
    "Faithfulness: does the class's probability follow what a map calls important? Each method is compared with a random map on "
    "the same images. Randomisation: mean rank correlation with the intact network's map. The "
    "layers from the head down to the one named have random weights (Adebayo et al. 2018)."
)


def method_name(method: str) -> str:
    """A method or a control as people read it."""
    return METHODS[method].label if method in METHODS else CONTROLS.get(method, method)


def failing(left: pd.DataFrame) -> list[str]:
    """The methods that keep more than half of their map when the classifier, or everything, is random."""
    from dermaviz.evidence.ranking import FAILS

    return left.loc[left["verdict"] == FAILS, "method"].unique().tolist()


@remembered(max_entries=32)
def ranking(audited: Audited, evidence: Evidence, score: str) -> pd.DataFrame:
    """Every method and both controls by a score, the best first: see ``evidence.ranking.rank_methods``; with ``label``.

    Raises:
        EvidenceError: none of these images was measured.
    """
    from dermaviz.evidence.ranking import rank_methods

    found = rank_methods(*_rows_of(audited, evidence), [score])
    return found.assign(label=found["method"].map(method_name))


@remembered(max_entries=16)
def what_is_left(audited: Audited, evidence: Evidence) -> pd.DataFrame:
    """How much of each method's map is left as the network is made random: see ``evidence.ranking.what_is_left``.

    Raises:
        EvidenceError: none of these images was measured.
    """
    from dermaviz.evidence import ranking as rank

    return rank.what_is_left(*_rows_of(audited, evidence))


def _rows_of(audited: Audited, evidence: Evidence) -> tuple[pd.DataFrame, dict[str, str]]:
    """The rows of a table that are of these images, and each image's cluster."""
    table = evidence.table
    mine = table[table["image_id"].isin(audited.table["image_id"])]
    if mine.empty:
        raise EvidenceError(
            f"expected some of the {table['image_id'].nunique():,} images on which methods were measured, found none in this "
            "cohort. Widen the cohort."
        )
    return mine, dict(zip(audited.table["image_id"], audited.clusters, strict=True))


def show_faithfulness(ask: ToneAsk) -> None:
    """All methods by one score beside the controls, and whether their maps notice that the weights are random."""
    place = st.container()
    name = st.selectbox(
        "Score", SCORES, format_func=lambda key: SCORES[key][0], key="faithful", bind="query-params",
        help="Deletion: probability while the important pixels are painted over. Insertion: while they are put into a blurred "
        "picture. ROAD: what remains without the least important pixels minus without the most.",
    )  # fmt: skip
    (label, span), checkpoint = SCORES[name], ask.images.checkpoint
    table = ranking(ask.images, table_of(checkpoint, FAITHFULNESS), name)
    left, tables = None, {f"{checkpoint.name}-{FAITHFULNESS}-{name}": table}
    try:
        left = what_is_left(ask.images, table_of(checkpoint, RANDOMISATION))
        tables[f"{checkpoint.name}-{RANDOMISATION}"] = left
        place.markdown(alike_sentence(left))
    except EvidenceError as error:
        place.info(escaped_message(str(error)), icon=":material/info:")
    warned = [] if left is None else failing(left)
    marked = [f"{WARNING} {row.label}" if row.method in warned else row.label for row in table.itertuples()]
    random = float(table.loc[table["method"] == "random", "value"].iloc[0])
    chart = estimates_figure(
        table.assign(label=marked), title=label, span=span, reference=(random, "a random map"),
        dots_name="mean, with 95% interval", ink=ink(),
    )  # fmt: skip
    with place:
        show_answer(faithfulness_sentence(label.split(" (")[0], table), chart, FAITHFULNESS)
    how = f"{HOW} Intervals: 95%, {resampling(ask.images, table, *([] if left is None else [left]))}. {twins_sentence(table)}"
    show_details(
        FAITHFULNESS,
        how,
        tables,
        None if left is None else _cascade(left),
    )


def _cascade(left: pd.DataFrame) -> pd.DataFrame:
    """What is left of each method's maps, a column for each step from the head down."""
    wide = left.pivot(index="method", columns="step", values="value").loc[list(dict.fromkeys(left["method"]))]
    names = dict(zip(left["step"], left["stage"], strict=True))
    shown = {"method": [method_name(name) for name in wide.index]}
    return pd.DataFrame(shown | {f"to {names[step]}": [f"{value:.2f}" for value in wide[step]] for step in wide})


def faithfulness_sentence(score: str, table: pd.DataFrame) -> tuple[str, str]:
    """The most faithful method by a score beside both controls, and those not shown to beat chance.

    Args:
        table: of :func:`ranking`: the best first.
    """
    methods = table[~table["method"].isin(CONTROLS)]
    best = methods.iloc[0]
    random, centre = (table[table["method"] == control].iloc[0] for control in ("random", "centre"))
    alike = best["low"] <= centre["value"] <= best["high"]
    lost = methods[methods["verdict"] != "better than random"]
    worse = f" Not better than random: {', '.join(lost['label'])}." if len(lost) else ""
    chance = f"{random['value']:.3f}".replace("-", "−")
    return (
        f"By {score}, **no method is better than a centre spot**."
        if alike
        else f"By {score}, **{best['label']}** is the most faithful of {len(methods)} methods.",
        f"{best['label']} {figure(best)}, a centre spot {centre['value']:.3f}, a random map {chance}, n = "
        f"{images(int(best['n_images']))}, drawn at random.{worse}",
    )


def twins_sentence(table: pd.DataFrame) -> str:
    """Which methods give one and the same map on this network, found by their equal scores; "" where none do."""
    methods = table[~table["method"].isin(CONTROLS)]
    twins = [", ".join(sorted(group["label"])) for _, group in methods.groupby("value") if len(group) > 1]
    return f"The same map on this network: {'; '.join(sorted(twins))}." if twins else ""


def alike_sentence(left: pd.DataFrame) -> str:
    """Which methods' maps stay much the same although nothing is left of what the classifier has learnt, as Markdown."""
    n, alike = images(int(left["n_images"].max())), [method_name(name) for name in failing(left)]
    if not alike:
        return f"With a random classifier, every method's map changes (n = {n}, drawn at random)."
    return (
        f"**Do not trust {', '.join(alike)}** (⚠): more than half of the map stays when the classifier is random. n = {n}, drawn "
        "at random."
    )
