"""Tabs: every usual metric, also by class, and how the model was trained; the same beside another checkpoint or data set."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.checkpoints import Checkpoint, audited
from dermaviz.app.confusion.matrix import group_order
from dermaviz.app.confusion.view import ALL_IMAGES, EVERY_CLASS, MALIGNANT, Form, View, group_words, questions, view_of
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.link import choose
from dermaviz.app.sessions import remembered
from dermaviz.app.text import escaped, figure, images, listed, p_value, resampling
from dermaviz.app.widgets.chart import ink, intervals, offer_csv, show_answer, show_cells, show_chart, show_details
from dermaviz.evidence.predictions import Audited, alike, compare_sets, data_sets, external_sets, internal, same_images
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.metrics.comparison import mcnemar, paired_differences, who_fixed_what
from dermaviz.metrics.summary import figures_for, metrics_for
from dermaviz.plots.confusion_matrix import difference_figure
from dermaviz.plots.curves import learning_figure
from dermaviz.plots.intervals import estimates_figure
from dermaviz.plots.theme import percent, signed

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
    table, names = metric_table(shown), card.words
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
    wide = st.column_config.NumberColumn(format="%.3f", width=52 + 6 * max(0, len(commonest) - 2))
    st.dataframe(
        table.rename(columns=renamed).assign(interval=np.where(table["exact"], "exact", ""))[
            ["metric", "class", "value", "from", "to", *exact, constant, "n_images", "n_positives"]
        ],
        hide_index=True, height=380, placeholder="", alt="Metrics with 95% intervals, counts and the constant answer",
        column_config=dict.fromkeys(("value", "from", "to"), number)
        | {constant: wide}
        | {"class": st.column_config.TextColumn(width=50)}
        | {"n_images": "images", "n_positives": "positives"},
    )  # fmt: skip
    offer_csv(table, f"{shown.checkpoint.name}-metrics.csv", "All of it (CSV)", key="metrics file")
    by_class = table[table["class"] != ""].sort_values(
        "n_positives", ascending=False, kind="stable"
    )  # as in the matrix
    label = choose("By class", by_class["label"].unique().tolist(), "metric")
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
        rows: those of one metric as ``metrics.summary.measure`` makes them; ``label`` is its name.
        names: each class in words; ``commonest`` is that of the constant answer.
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


def show_comparison(photos: Audited, other: Checkpoint, view: View, form: Form) -> None:
    """How the second checkpoint differs from the first."""
    first, second = same_images(photos, audited(other))
    before, after = view.verdicts(first), view.verdicts(second)
    names = (first.checkpoint.name, second.checkpoint.name)
    one, other_one = (escaped(name) for name in names)
    st.subheader(f"What does {other_one} get right that {one} gets wrong, and the reverse?", anchor=False)
    table, card = differences(first, second), first.checkpoint.card
    _show_test((one, other_one), before.right, after.right, first.counted)
    words = {group: group_words(card, group) for group in view.groups}
    order = group_order(card, before, form)
    groups = [view.groups[i] for i in order]
    figure = difference_figure(
        before.counts[order][:, order], after.counts[order][:, order], groups, groups, form.shown, form.hide_diagonal,
        ink=ink(), malignant={MALIGNANT, *card.malignant}, names=words, models=names,
    )  # fmt: skip
    row = table.iloc[0]
    change = Estimate.of(row, "difference").text(partial(signed, digits=3))
    said = f"{row['label']} is {row['first']:.3f} for {one} and {row['second']:.3f} for {other_one}"
    show_chart(figure, "difference", f"{said}: a difference of {change}.")
    shares = np.eye(len(view.groups))
    fixed = who_fixed_what(before.true, shares[before.called], shares[after.called], view.groups)
    fixed["class"] = [words.get(name, ALL_IMAGES) for name in fixed["class"]]
    columns = {
        "class": "true class", "both_right": "both right", "only_first_right": f"only {names[0]}",
        "only_second_right": f"only {names[1]}", "both_wrong": "neither", "n_images": "images",
    }  # fmt: skip
    show_cells(fixed.rename(columns=columns))
    figures = {names[0]: intervals(table, "first"), names[1]: intervals(table, "second")}
    figures["difference"] = intervals(table, "difference", change=True)
    show_cells(pd.DataFrame({"figure": table["label"], **figures}))
    st.caption(f"95% intervals {resampling(first, table)}; both checkpoints are measured on the same resamplings.")


QUOTED = ("melanoma_auc", "malignant_auc", "balanced_accuracy")
"""The figure in the sentence: the first of these that both sets define."""


def show_sets_compared(first: Audited, second: Audited, view: View, form: Form) -> None:
    """How the same checkpoint does on another data set: like with like, on the diagnoses that both hold."""
    table = set_differences(first, second)
    one, other = alike(first, second)
    card = other.checkpoint.card
    asked = view if view.question in questions(card) else view_of(card, EVERY_CLASS)
    asked = view_of(card, asked.question, asked.threshold)
    before, after = asked.verdicts(one), asked.verdicts(other)
    names = (set_name(one), set_name(other))
    order = np.flatnonzero(np.bincount(before.true, minlength=len(asked.groups)))
    show_answer(
        sets_sentence(table, *names),
        difference_figure(
            before.counts[order], after.counts[order], [asked.groups[i] for i in order], asked.groups, "true",
            form.hide_diagonal, ink=ink(), malignant={MALIGNANT, *card.malignant},
            names={group: group_words(card, group) for group in asked.groups}, models=names, same_images=False,
        ),
        "data sets",
    )  # fmt: skip
    ways = " and ".join(dict.fromkeys((resampling(one), resampling(other, table))))
    show_details(
        "data sets",
        f"95% intervals {ways}, {pairing(table)}. Only diagnoses that both hold are compared, for telling melanoma from nevi "
        "alone is not telling it from everything." + (f" {' '.join(map(escaped, other.said))}" if other.said else ""),
        {f"{first.checkpoint.name}-data-sets": table},
        beside(table, *names),
    )


def set_name(images: Audited) -> str:
    """A data set in sentences: ``isic-uda1 (test)``."""
    return f"{images.of.data_set} ({images.of.split})" if images.of else "these images"


def pairing(table: pd.DataFrame) -> str:
    """How the difference of two data sets was resampled, in words."""
    return (
        "of both data sets together: they share images, so the interval of the difference is paired"
        if table["paired"].any()
        else "of each data set by itself: the images are different, so the interval of the difference is unpaired"
    )


def beside(table: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """The figures of two data sets side by side with their differences, as cells."""
    return pd.DataFrame(
        {
            "figure": table["label"], first: intervals(table, "first"), second: intervals(table, "second"),
            "difference": intervals(table, "difference", change=True),
        }
    )  # fmt: skip


def sets_sentence(table: pd.DataFrame, first: str, second: str) -> tuple[str, str]:
    """What changes on the second data set, as Markdown, and on how many images of which diagnoses."""
    rows = table.set_index("metric")
    slug = next((name for name in QUOTED if name in rows.index), rows.index[0])
    row, n = rows.loc[slug], table.iloc[0]
    said = f"**{row['label']} {row['second']:.2f} on {second}, {row['first']:.2f} on {first}.**"
    if "melanoma_sensitivity" in rows.index:
        found = rows.loc["melanoma_sensitivity"]
        said += f" It finds {percent(found['second'])} and {percent(found['first'])} of melanomas."
    change = Estimate.of(row, "difference").text(partial(signed, digits=3))
    return said, (
        f"Difference: {change}, on the diagnoses that both hold, {escaped(n['diagnoses'])}: {images(int(n['n_second']))} against "
        f"{images(int(n['n_first']))}."
    )


def _show_test(names: tuple[str, str], before: np.ndarray, after: np.ndarray, n: str) -> None:
    """How often only one of the two is right, and McNemar's test of it."""
    test = mcnemar(before, after)
    said = (
        f"On {n}, only {names[0]} is right on **{test.only_first:,}** and only {names[1]} on **{test.only_second:,}**."
    )
    if not test.only_first + test.only_second:
        st.markdown(f"{said} They are right on the same images, so there is nothing to test.")
        return
    st.markdown(
        f"{said} If both were right equally often, a split this uneven would come about in {percent(test.p_value)} of "
        f"comparisons (McNemar's exact test, p {p_value(test.p_value)}). Images are counted as independent."
    )


@remembered(max_entries=64)
def metric_table(audited: Audited) -> pd.DataFrame:
    """Every metric with its interval and counts, beside the constant answer: see ``metrics.summary.measure``."""
    return audited.summary()


set_differences = remembered(max_entries=16)(compare_sets)
"""The card's figures on two sets of images, and their differences."""


@remembered(max_entries=64)
def differences(first: Audited, second: Audited) -> pd.DataFrame:
    """The card's figures of two checkpoints on the same images, and their paired differences."""
    card = first.checkpoint.card
    malignant = frozenset(card.malignant)
    metrics = metrics_for(card.classes, malignant)
    table = paired_differences(metrics, first.labels, first.probabilities, second.probabilities, first.clusters)
    labels = {figure.slug: figure.label for figure in figures_for(card.classes, malignant)}
    return table.assign(label=table["metric"].map(labels))
