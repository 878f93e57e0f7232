"""Attention, tabs Trust and Shortcuts: do maps show what the network uses, and what besides the lesion changes an answer?"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.checkpoints import table_of, worth
from dermaviz.app.link import choose
from dermaviz.app.sessions import remembered
from dermaviz.app.skin_tone.question import ToneAsk
from dermaviz.app.text import escaped_message, figure, images, in_points, resampling
from dermaviz.app.widgets.chart import ink, show_answer, show_details
from dermaviz.attention.methods import METHODS
from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import Audited
from dermaviz.evidence.ranking import FAILS, rank_methods
from dermaviz.evidence.ranking import what_is_left as still_left
from dermaviz.evidence.store import Evidence
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.plots.intervals import comparison_figure, estimates_figure
from dermaviz.plots.theme import percent, points

CONTROLS: Mapping[str, str] = {"random": "a random map", "centre": "a centre spot"}
FAITHFULNESS, RANDOMISATION = "faithfulness", "randomisation"
"""Tables of evidence."""
WARNING = "⚠"
SCORES: Mapping[str, tuple[str, tuple[float, float]]] = {
    "road": ("ROAD (−1 to 1, higher is better, 0 is chance)", (-0.25, 1.0)),
    "deletion": ("deletion (0 to 1, lower is better)", (0.0, 1.0)),
    "insertion": ("insertion (0 to 1, higher is better)", (0.0, 1.0)),
}
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
    return left.loc[left["verdict"] == FAILS, "method"].unique().tolist()


@remembered(max_entries=32)
def ranking(audited: Audited, evidence: Evidence, score: str) -> pd.DataFrame:
    """Every method and both controls by a score, the best first: see ``evidence.ranking.rank_methods``; with ``label``."""
    found = rank_methods(*_rows_of(audited, evidence), [score])
    return found.assign(label=found["method"].map(method_name))


@remembered(max_entries=16)
def what_is_left(audited: Audited, evidence: Evidence) -> pd.DataFrame:
    """How much of each method's map is left as the network is made random: see ``evidence.ranking.what_is_left``."""
    return still_left(*_rows_of(audited, evidence))


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
    name = choose(
        "Score", {score: words for score, (words, _) in SCORES.items()}, "faithful",
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
    show_details(FAITHFULNESS, how, tables, None if left is None else _cascade(left))


def _cascade(left: pd.DataFrame) -> pd.DataFrame:
    """What is left of each method's maps, a column for each step from the head down."""
    wide = left.pivot(index="method", columns="step", values="value").loc[list(dict.fromkeys(left["method"]))]
    names = dict(zip(left["step"], left["stage"], strict=True))
    shown = {"method": [method_name(name) for name in wide.index]}
    return pd.DataFrame(shown | {f"to {names[step]}": [f"{value:.2f}" for value in wide[step]] for step in wide})


def faithfulness_sentence(score: str, table: pd.DataFrame) -> tuple[str, str]:
    """The most faithful method by a score beside both controls, and those not shown to beat chance."""
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


SHORTCUTS = "shortcuts"
"""A table of evidence."""
METRICS: Mapping[str, str] = {
    "p_positive_change": "mean probability of melanoma",
    "p_malignant_change": "mean probability of malignancy",
    "flips": "share of answers that flip",
    "flips_to_malignant": "share that flips to malignant",
    "flips_to_benign": "share that flips to benign",
    "accuracy_change": "accuracy",
    "balanced_accuracy_change": "balanced accuracy",
}
COLUMNS: Mapping[str, str] = {
    "p_positive_change": "Δ p(melanoma), points",
    "flips": "answers that flip",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
}
LEAST_SPAN = 0.02
HOW_SHORTCUTS = (
    "Drawn over each test image as the model sees it. The control covers the same places in the photo's own skin colour: its "
    "effect is that of hiding. Lesion only: all else in skin colour. Background only: the lesion filled in from its surroundings."
)


def show_shortcuts(ask: ToneAsk) -> None:
    """What a ruler, ink, dark corners, hair or a colour patch do beside their control, and what half an image is worth."""
    from dermaviz.fairness.effects import BACKGROUND_ONLY, IN_SKIN_COLOUR, LESION_ONLY
    from dermaviz.fairness.effects import SHORTCUTS as VARIANTS

    evidence = table_of(ask.images.checkpoint, SHORTCUTS)
    table = shortcut_table(ask.images, evidence)
    place = st.container()
    known = set(table["metric"])
    metric = choose("What is measured", {name: METRICS[name] for name in METRICS if name in known}, "moved")
    rows = table[table["metric"] == metric].set_index("variant")
    words = [name.capitalize() for name in VARIANTS]
    shown = {
        "over the photo": rows.loc[list(VARIANTS)].assign(label=words),
        "control: same places, skin colour": rows.loc[[name + IN_SKIN_COLOUR for name in VARIANTS]].assign(label=words),
    }
    chart = comparison_figure(
        shown, f"change, {METRICS[metric]}", span=_span(shown), form=".1%", reference=(0.0, "no change"), ink=ink()
    )
    parts = table[(table["metric"] == "accuracy") & table["variant"].isin([LESION_ONLY, BACKGROUND_ONLY])]
    measured = ask.images.take(ask.images.table["image_id"].isin(evidence.table["image_id"]).to_numpy())
    commonest = float(measured.table["dx"].value_counts(normalize=True).iloc[0])
    with place:
        show_answer(shortcut_sentence(shown["over the photo"], METRICS[metric]), chart, SHORTCUTS)
    halves = "; ".join(f"{name} {figure(row, write=percent)}" for name, row in parts.set_index("variant").iterrows())
    st.markdown(
        f"Accuracy: whole images {worth(measured).right.text(percent)}; {halves}. "
        f"Always the most frequent diagnosis: {percent(commonest)}."
    )
    cells = _cells(table, [*VARIANTS, LESION_ONLY, BACKGROUND_ONLY])
    show_details(SHORTCUTS, HOW_SHORTCUTS, {f"{ask.images.checkpoint.name}-{SHORTCUTS}": table}, cells)


def _span(shown: Mapping[str, pd.DataFrame]) -> tuple[float, float]:
    """Ends of an axis of changes: evenly about 0."""
    ends = np.concatenate([table[["value", "low", "high"]].to_numpy(np.float64).ravel() for table in shown.values()])
    most = float(np.nanmax(np.abs(ends), initial=LEAST_SPAN)) * 1.05
    return -most, most


def _cells(table: pd.DataFrame, variants: list[str]) -> pd.DataFrame:
    """A row per variant: its main figures with intervals."""
    found = table.set_index(["variant", "metric"])
    rows = []
    for name in variants:
        row = {"images": f"{int(found.loc[(name, 'flips'), 'n_images']):,}", "photo with": name}
        for metric, label in COLUMNS.items():
            if (name, metric) in found.index:
                written = points if metric.endswith("change") else percent
                row[label] = Estimate.of(found.loc[(name, metric)]).cell(written)
        rows.append(row)
    return pd.DataFrame(rows)


@remembered(max_entries=16)
def shortcut_table(audited: Audited, evidence: Evidence) -> pd.DataFrame:
    """What each shortcut does to the answers: see ``fairness.effects.shortcut_effects``."""
    from dermaviz.fairness.effects import shortcut_effects

    card = audited.checkpoint.card
    return shortcut_effects(evidence.table, audited.table, card.classes, frozenset(card.malignant))


def shortcut_sentence(rows: pd.DataFrame, what: str) -> tuple[str, str]:
    """Which shortcut moves a figure most; and by how much, also beyond its control."""
    most = rows.loc[rows["value"].abs().idxmax()]
    beyond = "" if math.isnan(most["beyond"]) else f" Beyond its control: {in_points(most, 'beyond')}."
    return (
        f"**{most['label']}** changes the {what} most: {points(most['value'])} points.",
        f"{most['label']}: {in_points(most)}, n = {images(int(most['n_images']))}.{beyond}",
    )
