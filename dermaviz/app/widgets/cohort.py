"""A cohort: which images of a data set to count, chosen by their metadata."""

from __future__ import annotations

import math
from types import MappingProxyType

import streamlit as st

from dermaviz.app.text import FACETS, escaped, images_of_lesions, in_order, value_words
from dermaviz.evidence.predictions import TONE_GROUP, Audited, tone_note
from dermaviz.metrics.confusion import AGE, Cohort, ages, in_cohort, values_of
from dermaviz.plots.theme import percent

_FACET_HELP = MappingProxyType(
    {
        TONE_GROUP: "Estimated from the pixels of the skin round the lesion; such estimates agree with people on about half of "
        "the photos.",
    }
)
_YEARS = 5
_FILTERS = "filters in words"


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
        if (note := tone_note(audited.checkpoint, audited.of)) is not None:
            st.caption(f"Tone groups are left out. {note}")
    parts = [
        f"{FACETS[name].lower()} {' or '.join(map(value_words, values))}" for name, values in chosen.items() if values
    ]
    parts += [f"age {span[0]:.0f} to {span[1]:.0f}"] if span else []
    st.session_state[_FILTERS] = escaped("; ".join(parts))
    images = audited.take(in_cohort(audited.table, Cohort(chosen, span)))
    (st.caption if len(images) else st.warning)(cohort_sentence(images, audited))
    return images


def filter_words() -> str:
    """The filters of the cohort that was chosen last, for the headline that they change: ``sex female; age 40 to 60``; or ""."""
    return str(st.session_state.get(_FILTERS, ""))


def among() -> str:
    """How a headline begins where filters change it; else nothing."""
    return f"Of images with {words}: " if (words := filter_words()) else ""


def cohort_sentence(cohort: Audited, whole: Audited) -> str:
    """How many images remain of how many."""
    n, total = images_of_lesions(len(cohort), cohort.n_lesions), len(whole)
    if len(cohort) == total:
        return f"All {n} of the test split."
    if not len(cohort):
        return (
            f"None of the {total:,} test images is in this cohort, so there is nothing to count. "
            "Widen the age, or clear one of the choices."
        )
    return f"This cohort: {n}, {percent(len(cohort) / total)} of the {total:,} test images."


def _choose_ages(audited: Audited) -> tuple[float, float] | None:
    """A range of ages in years; None for all, those of unknown age among them."""
    known = ages(audited.table).dropna()
    if known.empty or known.min() == known.max():
        return None
    lowest = _YEARS * math.floor(known.min() / _YEARS)
    highest = _YEARS * math.ceil(known.max() / _YEARS)
    low, high = st.slider(
        "Age in years", lowest, highest, (lowest, highest), _YEARS, key="age", bind="query-params",
        help=f"Both ends included. {len(audited) - len(known):,} photos are of unknown age; a narrower range leaves them out.",
    )  # fmt: skip
    return None if (low, high) == (lowest, highest) else (low, high)
