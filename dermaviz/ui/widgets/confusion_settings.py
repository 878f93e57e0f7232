"""Widget: what to count and how to show it — question, threshold, cohort, and the form of the matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import streamlit as st

from dermaviz.evaluation.cohorts import AGE, Cohort, ages, in_cohort, values_of
from dermaviz.figures.confusion import Shown
from dermaviz.models.card import Card
from dermaviz.ui.confusion_view import EVERY_CLASS, View, question_label, questions, view_of
from dermaviz.ui.confusion_wording import cohort_sentence
from dermaviz.ui.evidence import TONE_GROUP, Audited, tone_note
from dermaviz.ui.groupings import in_order
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
FACETS = MappingProxyType(
    {
        "sex": "Sex",
        "localization": "Body site",
        "dx_type": "Diagnosis made by",
        TONE_GROUP: "Estimated tone group",
    }
)
"""Columns of metadata to filter by; those that the data set lacks are not offered."""
_FACET_HELP = MappingProxyType(
    {
        TONE_GROUP: "Estimated from the pixels of the skin round the lesion; such estimates agree with people on about half of "
        "the photos. HAM10000 shows almost no brown and no dark skin: it supports no claim about them.",
    }
)
_VALUE_WORDS = MappingProxyType(
    {
        "histo": "histopathology",
        "follow_up": "follow-up",
        "consensus": "expert consensus",
        "confocal": "confocal microscopy",
        "": "unknown",
    }
)
NO_OTHER = "none"
_YEARS = 5


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


def choose_cohort(audited: Audited) -> Audited:
    """Ask which images to count, by the metadata that their data set has, and say how many remain."""
    with st.expander("Cohort: count only some photos", icon=":material/filter_alt:"):
        span = _choose_ages(audited) if AGE in audited.table else None
        chosen = {}
        for name, label in FACETS.items():
            if name in audited.table:
                values = st.multiselect(
                    label, in_order(values_of(audited.table, name), name), format_func=value_words, key=name, bind="query-params",
                    placeholder="all", help=_FACET_HELP.get(name),
                )  # fmt: skip
                chosen[name] = tuple(values)
        if not chosen and AGE not in audited.table:
            st.caption("These photos come without metadata to choose by.")
        if (note := tone_note(audited.checkpoint)) is not None:
            st.caption(f"Tone groups are left out. {note}")
    images = audited.take(in_cohort(audited.table, Cohort(chosen, span)))
    (st.caption if len(images) else st.warning)(cohort_sentence(images, audited))
    return images


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


def value_words(value: str) -> str:
    """A value of metadata in words."""
    return _VALUE_WORDS.get(value, value)


def _choose_ages(audited: Audited) -> tuple[float, float] | None:
    known = ages(audited.table).dropna()
    if known.empty or known.min() == known.max():
        return None
    lowest, highest = (
        int(_YEARS * f(edge / _YEARS)) for f, edge in ((math.floor, known.min()), (math.ceil, known.max()))
    )
    unknown = len(audited) - len(known)
    low, high = st.slider(
        "Age in years", lowest, highest, (lowest, highest), _YEARS, key="age", bind="query-params",
        help=f"Both ends included. {unknown:,} photos are of unknown age; a narrower range leaves them out.",
    )  # fmt: skip
    return None if (low, high) == (lowest, highest) else (low, high)
