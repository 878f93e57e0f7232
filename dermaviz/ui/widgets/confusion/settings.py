"""Widget: what to count and how to show it — question, threshold, a second checkpoint, and the form of the matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import streamlit as st

from dermaviz.figures.confusion import Shown
from dermaviz.models.card import Card
from dermaviz.ui.confusion.view import EVERY_CLASS, View, question_label, questions, view_of
from dermaviz.ui.resources import Checkpoint

SHOWN: Mapping[Shown, str] = MappingProxyType(
    {
        "true": "% of the true class",
        "predicted": "% of what it is called",
        "all": "% of all",
        "counts": "counts",
    }
)
SORTS = MappingProxyType(
    {"frequency": "the commonest first", "confusion": "the most confused first", "name": "by name"}
)
NO_OTHER = "none"


@dataclass(frozen=True)
class Form:
    """How the matrix is shown: what its cells say, in which order its classes stand, and what is hidden or spread."""

    shown: Shown
    sort: str
    hide_diagonal: bool
    log_colour: bool


def choose_question(card: Card) -> View:
    """Ask what is asked of each image, and at which threshold the answer becomes yes."""
    question = st.selectbox(
        "Question asked of each photo", questions(card), format_func=lambda name: question_label(card, name),
        key="question", bind="query-params",
    )  # fmt: skip
    if question == EVERY_CLASS:
        return view_of(card, question)
    threshold = st.slider(
        "Threshold", 0.0, 100.0, 50.0, 0.5, format="%g%%", key="threshold", bind="query-params",
        help="It says yes from this probability on. Lower it and it misses fewer, at the price of more false alarms. A "
        "threshold for use is chosen on validation photos, never on the test photos that it is judged by.",
    )  # fmt: skip
    return view_of(card, question, threshold / 100)


def choose_second(checkpoint: Checkpoint, checkpoints: dict[str, Checkpoint]) -> Checkpoint | None:
    """Ask for a second checkpoint to compare with, where there is another."""
    others = [name for name in checkpoints if name != checkpoint.name]
    if not others:
        return None
    name = st.selectbox("Second checkpoint", [NO_OTHER, *others], key="second", bind="query-params")
    return checkpoints.get(name)


def choose_form() -> Form:
    """Ask how the matrix is shown."""
    with st.expander("How the matrix is shown", icon=":material/grid_on:"):
        shown = st.selectbox("Cells show", SHOWN, format_func=SHOWN.__getitem__, key="shown", bind="query-params")
        sort = st.selectbox("Classes stand", SORTS, format_func=SORTS.__getitem__, key="sort", bind="query-params")
        hide = st.toggle("Hide the diagonal", key="mistakes", bind="query-params", help="Only mistakes are left.")
        spread = st.toggle(
            "Logarithmic colour", key="log", bind="query-params", help="Shows rare confusions beside frequent ones."
        )
    return Form(shown, sort, hide, spread)
