"""The model in use: its headline figures with intervals and counts, and what it is not for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import streamlit as st

from dermaviz.app.text import class_names, escaped
from dermaviz.app.widgets.chart import show_cells
from dermaviz.data.selection import DIAGNOSIS, find_task
from dermaviz.errors import DatasetError
from dermaviz.evidence.predictions import counted
from dermaviz.evidence.store import audit_command
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.models.card import Card

HEADLINES = MappingProxyType(
    {
        "balanced_accuracy": "Balanced accuracy",
        "macro_f1": "Macro-F1",
        "melanoma_auc": "Melanoma AUC",
        "malignant_auc": "Malignant AUC",
        "accuracy": "Accuracy",
    }
)
_CHANCE_AUC = 0.5


def show_model(name: str, card: Card) -> None:
    """A checkpoint's card: figures first, then what it was made of and for."""
    st.markdown(
        f"**{escaped(name)}** · {escaped(card.architecture)} at {card.input_size} × {card.input_size} pixels · "
        f"{len(card.classes)} classes: {escaped(', '.join(class_names(card).values()))}."
    )
    if leak := card.data.get("leak"):
        st.warning(escaped(str(leak)), icon=":material/warning:")
    if figures := card.metrics.get("test"):
        rows = headline_rows(figures)
        for column, row in zip(st.columns(3), rows, strict=False):
            column.metric(row["figure"], row["model"], border=True, help="On test photos; the table has its interval.")
            column.caption(row["95% interval"] and f"95% interval {row['95% interval']}")
        show_cells(pd.DataFrame(rows))
        unit = "patients" if "n_patients" in figures else "lesions"
        if (n_images := figures.get("n_images")) and (n_clusters := figures.get(f"n_{unit}")):
            n = counted(n_images, n_clusters, unit).replace("image", "test photo")
            exact = any(isinstance(of, Mapping) and of.get("exact") for of in figures.values())
            st.caption(
                f"n = {n}{'' if leak else ', none of which the model was trained on'}; intervals by resampling whole "
                f"{unit}{', exact where marked so' * exact}. The last column: always giving the most frequent answer."
            )
    else:
        st.info(
            "This checkpoint's card holds no test figures, so nothing is known of how good it is. "
            f"`{_measuring(name, card)}` measures it.",
            icon=":material/info:",
        )
    with st.expander("What it is for, what it is not for, data and licence"):
        st.markdown(
            f"**For:** {escaped(card.intended_use)}\n\n**Not for:** {escaped(card.not_for)}\n\n"
            f"**Data:** {escaped(data_in_words(card))}\n\n**Licence:** {escaped(card.licence)}"
        )
        if card.granted:
            st.markdown("**Taken for granted at import:**\n" + "".join(f"\n- {escaped(one)}" for one in card.granted))


def _measuring(name: str, card: Card) -> str:
    """The command that measures a checkpoint: on the data set of its card, else on another."""
    own = f"dermaviz evaluate {name} --data FOLDER --split test"
    return own if {"dataset", "manifest"} <= set(card.data) else audit_command(Path(name), None)


def data_in_words(card: Card) -> str:
    """What the model was trained on, and what was asked of it."""
    said = str(card.data.get("citation") or card.data.get("dataset", "not named"))
    try:
        task = find_task(str(card.data.get("task", DIAGNOSIS)))
    except DatasetError:  # a task of a study that is not here
        return said
    if not task.classes:
        return said
    return f"{said} Asked of it: {task.about}{', as many images of each' if card.data.get('balance') else ''}."


def headline_rows(figures: Mapping[str, Any]) -> list[dict[str, str]]:
    """Rows of the table of figures: the model's value with its interval beside that of always giving one class.

    ``figures`` are those of one split on a card. The AUC of a constant answer is 0.5, since it ranks nothing.
    """
    constant = figures.get("constant_answer", {})
    rows = []
    for name, label in HEADLINES.items():
        if (figure := figures.get(name)) is None:
            continue
        of = figure if isinstance(figure, Mapping) else {"value": figure}
        chance = constant.get(name, _CHANCE_AUC if name.endswith("_auc") else None)
        rows.append(
            {
                "figure": label,
                "model": f"{of['value']:.3f}",
                "95% interval": Estimate.of(of).bounds() if "low" in of else "",
                f"always “{constant.get('class', '–')}”": "–" if chance is None else f"{chance:.3f}",
            }
        )
    return rows
