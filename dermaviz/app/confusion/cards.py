"""TODO docstring dermaviz.app.confusion.cards"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.confusion.matrix import show_by_class, show_comparison
from dermaviz.app.confusion.metrics import (
    COVERAGE,
    calibration_table,
    coverage_curve,
    metric_table,
    reliability_bins,
    set_coverage,
)
from dermaviz.app.confusion.text import (
    ALL_IMAGES,
    MALIGNANT_IMAGES,
    METRIC_MEANINGS,
    SET_KINDS,
    abstaining_sentence,
    calibration_sentence,
    metrics_sentence,
    sets_sentence,
    training_sentence,
)
from dermaviz.app.confusion.view import Form, View
from dermaviz.app.evidence import Audited, audited
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.text import class_names
from dermaviz.app.widgets.chart import ink, show_chart, with_interval
from dermaviz.models.card import Card
from dermaviz.plots.curves import learning_figure, reliability_figure, risk_coverage_figure
from dermaviz.plots.estimates import coverage_figure


def show_calibration(images: Audited) -> None:
    """Reliability before and after temperature, and what the temperature did to each figure."""
    table, bins = calibration_table(images), reliability_bins(images)
    temperature = images.checkpoint.card.temperature
    show_chart(reliability_figure(bins, ink=ink()), "reliability", calibration_sentence(images, table))
    shown = pd.DataFrame({"figure": table["label"], "images": table["n_positives"].fillna(len(images))})
    for column in ("before", "after", "difference"):
        shown[column] = [
            with_interval(value, low, high, change=column == "difference")
            for value, low, high in zip(table[column], table[f"{column}_low"], table[f"{column}_high"], strict=True)
        ]
    st.table(shown, border="horizontal", hide_index=True)
    st.caption(
        f"Before and after the logits are divided by the temperature {temperature:.3f}, which was fitted on validation "
        "photos; 95% intervals by resampling lesions, paired for the difference. The most probable class stays the same: "
        "what moves is the share that a fixed threshold catches."
    )


def show_abstaining(images: Audited) -> None:
    """How often the most confident answers are wrong."""
    curve = coverage_curve(images)
    show_chart(risk_coverage_figure({"": curve}, ink=ink()), "abstaining", abstaining_sentence(curve, len(images)))


def show_sets(images: Audited) -> None:
    """How often conformal sets hold the true class, with one threshold for all classes and with one for each."""
    validation = audited(images.checkpoint, "validation")
    card = images.checkpoint.card
    tables = {kind: set_coverage(images, validation, kind) for kind in SET_KINDS}
    st.markdown(sets_sentence(tables, len(validation), COVERAGE))
    for column, (kind, table) in zip(st.columns(2), tables.items(), strict=True):
        with column:
            rows = pd.DataFrame(
                {
                    "label": [_group(card, name) for name in table["class"]],
                    "value": table["coverage"],
                    "low": table["low"],
                    "high": table["high"],
                    "n": table["n_images"],
                }
            )
            known = table[table["mean_size"].notna()]
            sizes = ", ".join(
                f"{name or 'all'} {n:.1f}" for name, n in zip(known["class"], known["mean_size"], strict=True)
            )
            st.markdown(f"**{SET_KINDS[kind].capitalize()}**")
            show_chart(
                coverage_figure(rows, COVERAGE, ink=ink()), f"sets {kind}", f"Diagnoses in a set, on average: {sizes}."
            )


def _group(card: Card, name: str) -> str:
    return {"": ALL_IMAGES, "malignant": MALIGNANT_IMAGES}.get(name) or class_names(card)[name]


def show_metrics(audited: Audited) -> None:
    """Every metric with interval and counts beside the constant answer, as a table, a chart by class and a file."""
    card = audited.checkpoint.card
    table = metric_table(audited)
    commonest = card.classes[int(np.bincount(audited.labels, minlength=len(card.classes)).argmax())]
    st.markdown(metrics_sentence(card, audited, table, commonest), help=METRIC_MEANINGS)
    constant = f"always “{commonest}”"
    shown = table.rename(
        columns={"label": "metric", "metric": "slug", "constant": constant, "low": "from", "high": "to"}
    )
    number = st.column_config.NumberColumn(format="%.3f")
    st.dataframe(
        shown[["n_images", "n_positives", "metric", "class", "value", "from", "to", constant]], hide_index=True,
        height=380, placeholder="", alt="Metrics with 95% intervals, counts and the constant answer",
        column_config=dict.fromkeys(("value", "from", "to", constant), number)
        | {"n_images": "images", "n_positives": "positives"},
    )  # fmt: skip
    st.download_button(
        "All of it (CSV)", lambda: table.to_csv(index=False).encode(), f"{audited.checkpoint.name}-metrics.csv",
        "text/csv", key="metrics file", on_click="ignore", icon=":material/download:",
    )  # fmt: skip
    by_class = table[table["class"] != ""]
    label = st.selectbox("By class", by_class["label"].unique(), key="metric", bind="query-params")
    show_by_class(by_class[by_class["label"] == label], label, class_names(card), commonest)


def show_training(audited: Audited) -> None:
    """The learning curves of the run that made the checkpoint."""
    card = audited.checkpoint.card
    curve = pd.DataFrame(card.training.get("curve") or ())
    if curve.empty:
        st.info("This checkpoint's card holds no learning curve.", icon=":material/info:")
        return
    kept = card.training.get("kept_epoch")
    said = training_sentence(curve, kept, card.metrics.get("validation", {}).get("n_images"))
    show_chart(learning_figure(curve, kept, ink=ink()), "learning", said)


CARDS: Mapping[str, tuple[str, Callable[[Audited], None]]] = MappingProxyType(
    {
        "Metrics": ("How good is it, by every usual measure?", show_metrics),
        "Calibration": ("Is it right as often as it says?", show_calibration),
        "Abstaining": ("How often would it be wrong if it answered only when it is sure?", show_abstaining),
        "Prediction sets": ("How many diagnoses must it name to have the true one among them?", show_sets),
        "Training": ("How did it learn?", show_training),
    }
)
COMPARISON = "Two checkpoints"


def show_cards(audited: Audited, view: View, form: Form, second: Checkpoint | None) -> None:
    """A tab for each question; only the open one is computed."""
    names = [*([COMPARISON] if second else []), *CARDS]
    for name, tab in zip(names, st.tabs(names, key="card", bind="query-params"), strict=True):
        if not tab.open:
            continue
        with tab, sentence_for_errors():
            if name == COMPARISON and second:
                show_comparison(audited, second, view, form)
            else:
                question, show = CARDS[name]
                st.subheader(question, anchor=False)
                show(audited)
