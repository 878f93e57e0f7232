"""Tab: two checkpoints on the same images, asked the same question."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.confusion.matrix import group_order
from dermaviz.app.confusion.metrics import differences
from dermaviz.app.confusion.view import ALL_IMAGES, MALIGNANT, Form, View, group_words
from dermaviz.app.evidence import audited
from dermaviz.app.text import escaped, images_of_lesions, p_value
from dermaviz.app.widgets.chart import ink, intervals, show_chart
from dermaviz.evidence.predictions import Audited, same_images
from dermaviz.plots.confusion_matrix import difference_figure
from dermaviz.plots.theme import percent, signed


def show_comparison(images: Audited, other: Checkpoint, view: View, form: Form) -> None:
    """How the second checkpoint differs from the first."""
    from dermaviz.metrics.comparison import who_fixed_what

    first, second = same_images(images, audited(other))
    before, after = view.verdicts(first), view.verdicts(second)
    names = (first.checkpoint.name, second.checkpoint.name)
    one, other_one = (escaped(name) for name in names)
    st.subheader(f"What does {other_one} get right that {one} gets wrong, and the reverse?", anchor=False)
    table, card = differences(first, second), first.checkpoint.card
    _show_test((one, other_one), before.right, after.right, first.n_lesions)
    words = {group: group_words(card, group) for group in view.groups}
    order = group_order(card, before, form)
    groups = [view.groups[i] for i in order]
    figure = difference_figure(
        before.counts[order][:, order], after.counts[order][:, order], groups, groups, form.shown, form.hide_diagonal,
        ink=ink(), malignant={MALIGNANT, *card.malignant}, names=words, models=names,
    )  # fmt: skip
    row = table.iloc[0]
    change, low, high = (signed(row[name], 3) for name in ("difference", "difference_low", "difference_high"))
    said = f"{row['label']} is {row['first']:.3f} for {one} and {row['second']:.3f} for {other_one}"
    show_chart(figure, "difference", f"{said}: a difference of {change} (95% interval {low} to {high}).")
    shares = np.eye(len(view.groups))
    fixed = who_fixed_what(before.true, shares[before.called], shares[after.called], view.groups)
    fixed["class"] = [words.get(name, ALL_IMAGES) for name in fixed["class"]]
    columns = {
        "class": "true class", "both_right": "both right", "only_first_right": f"only {names[0]}",
        "only_second_right": f"only {names[1]}", "both_wrong": "neither", "n_images": "images",
    }  # fmt: skip
    st.table(fixed.rename(columns=columns), border="horizontal", hide_index=True)
    figures = {names[0]: intervals(table, "first"), names[1]: intervals(table, "second")}
    figures["difference"] = intervals(table, "difference", change=True)
    st.table(pd.DataFrame({"figure": table["label"], **figures}), border="horizontal", hide_index=True)
    st.caption("95% intervals by resampling whole lesions; both checkpoints are measured on the same resamplings.")


def _show_test(names: tuple[str, str], before: np.ndarray, after: np.ndarray, n_lesions: int) -> None:
    """How often only one of the two is right, and McNemar's test of it."""
    from dermaviz.metrics.comparison import mcnemar

    test = mcnemar(before, after)
    said = (
        f"On {images_of_lesions(len(before), n_lesions)}, only {names[0]} is right on **{test.only_first:,}** and only "
        f"{names[1]} on **{test.only_second:,}**."
    )
    if not test.only_first + test.only_second:
        st.markdown(f"{said} They are right on the same images, so there is nothing to test.")
        return
    st.markdown(
        f"{said} If both were right equally often, a split at least as uneven would come about in {percent(test.p_value)} of "
        f"such comparisons (McNemar's exact test, p {p_value(test.p_value)}, images counted as independent)."
    )
