"""Widget: two checkpoints on the same images — the difference of their matrices, who fixed what, and whether it is chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.figures.confusion import difference_figure
from dermaviz.ui.confusion.cards_wording import ALL_IMAGES, difference_sentence, mcnemar_sentence
from dermaviz.ui.confusion.view import MALIGNANT, View, group_words
from dermaviz.ui.evidence import Audited, audited, same_images
from dermaviz.ui.measured import differences
from dermaviz.ui.resources import Checkpoint
from dermaviz.ui.widgets.chart import ink, show_chart, with_interval
from dermaviz.ui.widgets.confusion.matrix import group_order
from dermaviz.ui.widgets.confusion.settings import Form


def show_comparison(images: Audited, other: Checkpoint, view: View, form: Form) -> None:
    """How the second checkpoint differs from the first on the same images, asked the same question."""
    from dermaviz.evaluation.comparison import mcnemar, who_fixed_what

    first, second = same_images(images, audited(other))
    before, after = view.verdicts(first), view.verdicts(second)
    names = (first.checkpoint.name, second.checkpoint.name)
    st.subheader(f"What does {names[1]} get right that {names[0]} gets wrong, and the reverse?", anchor=False)
    table = differences(first, second)
    test = mcnemar(before.right, after.right)
    st.markdown(mcnemar_sentence(names, test, first))
    card = first.checkpoint.card
    words = {group: group_words(card, group) for group in view.groups}
    order = group_order(card, before, form)
    groups = [view.groups[i] for i in order]
    figure = difference_figure(
        before.counts[order][:, order], after.counts[order][:, order], groups, groups, form.shown, form.hide_diagonal,
        ink=ink(), malignant={MALIGNANT, *card.malignant}, names=words, models=names,
    )  # fmt: skip
    show_chart(figure, "difference", difference_sentence(names, table.iloc[0]))
    shares = np.eye(len(view.groups))
    fixed = who_fixed_what(before.true, shares[before.called], shares[after.called], view.groups)
    fixed["class"] = [words.get(name, ALL_IMAGES) for name in fixed["class"]]
    st.table(
        fixed.rename(
            columns={
                "class": "true class",
                "both_right": "both right",
                "only_first_right": f"only {names[0]}",
                "only_second_right": f"only {names[1]}",
                "both_wrong": "neither",
                "n_images": "images",
            }
        ),
        border="horizontal", hide_index=True,
    )  # fmt: skip
    st.table(_figures(table, names), border="horizontal", hide_index=True)
    st.caption("95% intervals by resampling whole lesions; both checkpoints are measured on the same resamplings.")


def _figures(table: pd.DataFrame, names: tuple[str, str]) -> pd.DataFrame:
    """The figures of both and their difference, each with its interval, as text."""
    shown = {"figure": table["label"]}
    for column, name in (("first", names[0]), ("second", names[1]), ("difference", "difference")):
        rows = zip(table[column], table[f"{column}_low"], table[f"{column}_high"], strict=True)
        shown[name] = [with_interval(*row, change=column == "difference") for row in rows]
    return pd.DataFrame(shown)
