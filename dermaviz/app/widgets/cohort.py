"""A cohort: which images of a data set to count, chosen by their metadata."""

from __future__ import annotations

import math
import re
from types import MappingProxyType

import streamlit as st

from dermaviz.app.bar import FILTER_WORDS, filter_place
from dermaviz.app.evidence import tone_note
from dermaviz.app.link import AGE as AGE_LINK
from dermaviz.app.link import all_asked, ask_for
from dermaviz.app.text import FACETS, escaped, escaped_message, in_order, value_words
from dermaviz.data.split import SPLITS, leaks
from dermaviz.evidence.predictions import BALANCED, TONE_GROUP, Audited
from dermaviz.metrics.confusion import AGE, Cohort, ages, in_cohort, values_of
from dermaviz.plots.theme import percent

_FACET_HELP = MappingProxyType(
    {
        TONE_GROUP: "Estimated from the pixels of the skin round the lesion; such estimates agree with people on about half of "
        "the photos.",
    }
)
_YEARS = 5


def choose_cohort(audited: Audited) -> Audited:
    """Ask in the bar which images to count, by the metadata that their data set has; a filter that is set is a chip to remove."""
    span, chosen = None, {}
    folded = filter_place().popover("Filter", icon=":material/filter_alt:", key="filter")
    with folded:
        if AGE in audited.table:
            span = _choose_ages(audited)
        for name, label in FACETS.items():
            if name in audited.table:
                chosen[name] = _choose_values(audited, name, label)
        if not chosen and AGE not in audited.table:
            st.caption("These images come without metadata to choose by.")
        if (note := tone_note(audited.checkpoint, audited.of)) is not None:
            st.caption(f"Tone groups are left out. {note}")
        if audited.said:
            st.markdown(
                "\n".join(["How the images were read:", "", *(f"- {escaped_message(one)}" for one in audited.said)])
            )
    for leak in leaks(audited.said):
        st.warning(escaped(leak), icon=":material/warning:")
    chips = [(FACETS[name].lower(), name, " or ".join(map(value_words, v))) for name, v in chosen.items() if v]
    chips += [("age", AGE_LINK, f"{span[0]:.0f} to {span[1]:.0f}")] if span else []
    with filter_place():
        for label, name, words in chips:
            st.button(
                f"{label} {escaped(words)}", key=f"chip {name}", icon=":material/close:", icon_position="right",
                on_click=ask_for, args=(name, None), help="Remove this filter", type="tertiary",
            )  # fmt: skip
    st.session_state[FILTER_WORDS] = escaped("; ".join(f"{label} {words}" for label, _, words in chips))
    images = audited.take(in_cohort(audited.table, Cohort(chosen, span)))
    place = st if chips or audited.balanced else folded
    (place.caption if len(images) else place.warning)(cohort_sentence(images, audited))
    return images


def _choose_values(audited: Audited, name: str, label: str) -> tuple[str, ...]:
    """Values of a column; none is all. The link may give them as they are or in words."""
    values = in_order(values_of(audited.table, name), name)
    said = set(all_asked(name))
    st.session_state[name] = [value for value in values if value in said or value_words(value) in said]
    chosen = st.multiselect(
        label, values, format_func=value_words, key=name, placeholder="all", help=_FACET_HELP.get(name),
        on_change=lambda: ask_for(name, st.session_state[name]),
    )  # fmt: skip
    return tuple(chosen)


def filter_words() -> str:
    """The filters of the page, for the headline that they change: ``sex female; age 40 to 60``; or ""."""
    return str(st.session_state.get(FILTER_WORDS, ""))


def among() -> str:
    """How a headline begins where filters change it; else nothing."""
    return f"Of images with {escaped(words)}: " if (words := filter_words()) else ""


def cohort_sentence(cohort: Audited, whole: Audited) -> str:
    """How many images remain of how many."""
    n, total = cohort.counted, len(whole)
    if len(cohort) == total:
        of = f" of the {whole.of.split} split" if whole.of is not None and whole.of.split in SPLITS else ""
        return f"{n}. {BALANCED}" if whole.balanced else f"All {n}{of}."
    if not len(cohort):
        return (
            f"None of the {total:,} images is in this cohort, so there is nothing to count. "
            "Widen the age, or clear one of the choices."
        )
    return f"This cohort: {n}, {percent(len(cohort) / total)} of the {total:,} images."


def _choose_ages(audited: Audited) -> tuple[float, float] | None:
    """A range of ages in years; None for all, those of unknown age among them."""
    known = ages(audited.table).dropna()
    if known.empty or known.min() == known.max():
        return None
    lowest = _YEARS * math.floor(known.min() / _YEARS)
    highest = _YEARS * math.ceil(known.max() / _YEARS)
    said = [float(part) for part in ",".join(all_asked(AGE_LINK)).split(",") if re.fullmatch(r"\d{1,3}(\.\d+)?", part)]
    within = (lowest, highest) if len(said) != 2 else tuple(int(min(max(one, lowest), highest)) for one in sorted(said))
    st.session_state[AGE_LINK] = within

    def write() -> None:
        chosen = st.session_state[AGE_LINK]
        ask_for(AGE_LINK, None if chosen == (lowest, highest) else [str(age) for age in chosen])

    low, high = st.slider(
        "Age in years", lowest, highest, step=_YEARS, key=AGE_LINK, on_change=write,
        help=f"Both ends included. {len(audited) - len(known):,} images are of unknown age; a narrower range leaves them out.",
    )  # fmt: skip
    return None if (low, high) == (lowest, highest) else (low, high)
