"""Widget: what else the answers tell — a card for each question, the open one computed, each with its sentence and n."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.figures.learning import learning_figure
from dermaviz.ui.confusion.cards_wording import METRIC_MEANINGS, metrics_sentence, training_sentence
from dermaviz.ui.confusion.view import View
from dermaviz.ui.evidence import Audited
from dermaviz.ui.frame import sentence_for_errors
from dermaviz.ui.measured import metric_table
from dermaviz.ui.resources import Checkpoint
from dermaviz.ui.widgets.chart import ink, show_chart
from dermaviz.ui.widgets.confusion.by_class import show_by_class
from dermaviz.ui.widgets.confusion.comparison import show_comparison
from dermaviz.ui.widgets.confusion.settings import Form
from dermaviz.ui.widgets.confusion.trust_cards import show_abstaining, show_calibration, show_sets
from dermaviz.ui.wording import class_names


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
