"""Tabs: every usual metric beside the constant answer, also by class, and how the model was trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.confusion.comparison import beside, set_name, sets_sentence
from dermaviz.app.confusion.metrics import metric_table, set_differences
from dermaviz.app.evidence import audited
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.text import class_names, escaped, figure, images, listed
from dermaviz.app.widgets.chart import ink, offer_csv, show_cells, show_chart
from dermaviz.evidence.predictions import Audited, data_sets, external_sets, internal
from dermaviz.plots.curves import learning_figure
from dermaviz.plots.intervals import estimates_figure

METRIC_MEANINGS = """
- **Sensitivity** (recall): the share of a class's images that are classified as it. **Specificity**: the share of all others
  that are not.
- **Precision**: the share of what is classified as a class that is of it. **F1**: the harmonic mean of precision and
  sensitivity.
- **Balanced accuracy**, **macro F1**: means over the classes, so that a rare class counts as much as a frequent one.
- **Accuracy**, **weighted F1**: a frequent class counts more. **Cohen's κ**: agreement beyond chance, 1 at most.
- **ROC AUC**: how often an image of the class scores above another one; 0.5 is chance.
- **Average precision**: mean precision from the highest score down; chance is the share of positives.
- **Brier score**, **negative log-likelihood**, **calibration error**: distance of the probabilities from the truth; 0 is best.
- **Intervals**: 95%, from 1,000 resamplings of whole {unit}. None is given where a class has too few. Where all
  are alike resampling sees no chance: a share of none or all has the exact interval of as many {unit}, marked so; F1 and areas
  have none.
"""


def show_metrics(shown: Audited) -> None:
    """Every metric with interval and counts beside the constant answer, as a table, a chart by class and a file."""
    card = shown.checkpoint.card
    table, names = metric_table(shown), class_names(card)
    commonest = card.classes[int(np.bincount(shown.labels, minlength=len(card.classes)).argmax())]
    row = table.set_index("metric").loc["balanced_accuracy"]
    st.markdown(
        f"Its balanced accuracy is **{figure(row)}** on {shown.counted}; always "
        f"answering {escaped(names[commonest])} would get {row['constant']:.3f}.",
        help=METRIC_MEANINGS.format(unit=shown.unit),
    )
    show_elsewhere(shown.checkpoint)
    constant = f"always “{commonest}”"
    renamed = {"label": "metric", "metric": "slug", "constant": constant, "low": "from", "high": "to"}
    number, exact = st.column_config.NumberColumn(format="%.3f", width=52), ["interval"] if table["exact"].any() else []
    st.dataframe(
        table.rename(columns=renamed).assign(interval=np.where(table["exact"], "exact", ""))[
            ["metric", "class", "value", "from", "to", *exact, constant, "n_images", "n_positives"]
        ],
        hide_index=True, height=380, placeholder="", alt="Metrics with 95% intervals, counts and the constant answer",
        column_config=dict.fromkeys(("value", "from", "to", constant), number)
        | {"class": st.column_config.TextColumn(width=50)}
        | {"n_images": "images", "n_positives": "positives"},
    )  # fmt: skip
    offer_csv(table, f"{shown.checkpoint.name}-metrics.csv", "All of it (CSV)", key="metrics file")
    by_class = table[table["class"] != ""].sort_values(
        "n_positives", ascending=False, kind="stable"
    )  # as in the matrix
    label = st.selectbox("By class", by_class["label"].unique(), key="metric", bind="query-params")
    show_by_class(by_class[by_class["label"] == label], label, names, commonest)


def show_elsewhere(checkpoint: Checkpoint) -> None:
    """The figures of the checkpoint's own test beside those of the first external data set; nothing where there is none."""
    elsewhere, own = external_sets(checkpoint), internal(checkpoint.card)
    if not elsewhere or own not in data_sets(checkpoint):
        return
    first, second = audited(checkpoint, own), audited(checkpoint, elsewhere[0])
    with sentence_for_errors():
        table, names = set_differences(first, second), (set_name(first), set_name(second))
        answer, figures = sets_sentence(table, *names)
        st.markdown(answer)
        show_cells(beside(table, *names))
        st.caption(
            f"{figures} Intervals are {'paired' if table['paired'].any() else 'unpaired'}; choose “Compare with” for the matrix."
        )


def show_by_class(rows: pd.DataFrame, label: str, names: Mapping[str, str], commonest: str) -> None:
    """A dot for each class.

    Args:
        rows: the rows of one metric, one for each class, as ``metrics.summary.measure`` makes them.
        label: the metric in words.
        names: each class in words.
        commonest: the class of the constant answer.
    """
    chart = pd.DataFrame(
        {
            "label": rows["class"].map(dict(names)),
            "n": rows["n_positives"].astype(int),
            **{name: rows[name].astype(float) for name in ("value", "low", "high", "constant")},
        }
    ).reset_index(drop=True)
    bars = estimates_figure(chart, title=f"{label}, 0 to 1", constant_name=f"always “{commonest}”", ink=ink())
    show_chart(bars, "metrics by class", lowest_sentence(rows, label, names))


def lowest_sentence(rows: pd.DataFrame, label: str, names: Mapping[str, str]) -> str:
    """For which class a metric is lowest, or for which ones alike; the arguments are those of :func:`show_by_class`."""
    known = rows[rows["value"].notna()]
    if known.empty:
        return f"{label} is defined for none of the classes here."
    lowest = known[known["value"] == known["value"].min()]
    first, which = lowest.iloc[0], listed([escaped(names[name]) for name in lowest["class"]])
    if len(lowest) == 1:
        return f"{label} is lowest for {which}: {figure(first)}, with {images(int(first['n_positives']))} of it."
    if len(lowest) == len(known):
        return f"{label} is the same for all classes here: {first['value']:.3f}."
    return f"{label} is lowest for {which}: {first['value']:.3f} each, with {images(int(lowest['n_positives'].sum()))} of them."


def show_training(audited: Audited) -> None:
    """The learning curves of the run that made the checkpoint."""
    card = audited.checkpoint.card
    curve = pd.DataFrame(card.training.get("curve") or ())
    if curve.empty:
        st.info("This checkpoint's card holds no learning curve.", icon=":material/info:")
        return
    kept, n = card.training.get("kept_epoch"), card.metrics.get("validation", {}).get("n_images")
    show_chart(learning_figure(curve, kept, ink=ink()), "learning", training_sentence(curve, kept, n))


def training_sentence(curve: pd.DataFrame, kept: int | None, n: int | None, by: str = "balanced_accuracy") -> str:
    """How long it was trained and which epoch was kept, with its figure ``by`` on the ``n`` validation images."""
    said = f"It was trained for {len(curve)} epoch{'' if len(curve) == 1 else 's'}"
    row = curve[curve["epoch"] == kept]
    if row.empty or by not in curve:
        return f"{said}."
    on = f" on {images(n)} of the validation split" if n else " on validation"
    value, best = row.iloc[0][by], curve[by].max()
    rank = "the highest of all" if value == best else f"the highest being {best:.3f}"
    return f"{said}; the weights of epoch {kept} are kept: {by.replace('_', ' ')} {value:.3f}{on}, {rank}."
