"""Tabs: two checkpoints on the same images, or one on two data sets, asked the same question."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.confusion.matrix import group_order
from dermaviz.app.confusion.metrics import differences, set_differences
from dermaviz.app.confusion.view import (
    ALL_IMAGES,
    EVERY_CLASS,
    MALIGNANT,
    Form,
    View,
    group_words,
    questions,
    view_of,
)
from dermaviz.app.evidence import audited
from dermaviz.app.text import escaped, images, p_value, resampling
from dermaviz.app.widgets.chart import ink, intervals, show_answer, show_cells, show_chart, show_details
from dermaviz.evidence.predictions import Audited, alike, same_images
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.plots.confusion_matrix import difference_figure
from dermaviz.plots.theme import percent, signed


def show_comparison(photos: Audited, other: Checkpoint, view: View, form: Form) -> None:
    """How the second checkpoint differs from the first."""
    from dermaviz.metrics.comparison import who_fixed_what

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
        said += f" It finds {percent(found['second'])} of melanomas there, {percent(found['first'])} here."
    change = Estimate.of(row, "difference").text(partial(signed, digits=3))
    return said, (
        f"Difference: {change}, on the diagnoses that both hold, {escaped(n['diagnoses'])}: {images(int(n['n_second']))} against "
        f"{images(int(n['n_first']))}."
    )


def _show_test(names: tuple[str, str], before: np.ndarray, after: np.ndarray, n: str) -> None:
    """How often only one of the two is right, and McNemar's test of it."""
    from dermaviz.metrics.comparison import mcnemar

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
