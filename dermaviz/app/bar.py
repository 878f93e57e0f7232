"""What stands round every page: model, data set and filters in one bar, page links, the tour, the presentation."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.state import get_session_state

from dermaviz.app.case import show_image
from dermaviz.app.checkpoints import Checkpoint, installed_checkpoints, tone_note, usual_data
from dermaviz.app.link import AGE as AGE_LINK
from dermaviz.app.link import (
    CHECKPOINT,
    DATA,
    IMAGE,
    LESSON,
    PICKS,
    PRESENT,
    STEP,
    TOUR,
    all_asked,
    ask_for,
    asked,
    kept,
    link_to,
)
from dermaviz.app.pages import PAGES, Page
from dermaviz.app.text import FACETS, escaped, escaped_message, in_order, value_words
from dermaviz.data.split import SPLITS, leaks
from dermaviz.errors import CheckpointError
from dermaviz.evidence.findings import STORY
from dermaviz.evidence.predictions import BALANCED, TONE_GROUP, Audited, data_sets
from dermaviz.metrics.confusion import AGE, Cohort, ages, in_cohort, values_of
from dermaviz.plots.theme import percent

_FILTERS, _LINKS, _SEEN_TOUR = "place of the filters", "place of the page links", "tour was seen or skipped"
FILTER_WORDS = "filters in words"
"""Where a page keeps its filters in words, for as long as it is shown."""
STEPPED = {"Home": (STEP, 0, len(STORY)), "Lesson": (LESSON, 1, 8)}
"""Pages shown a step at a time: what the link calls the step, from which number, and how many there are."""
_NO_STEPS = ("", 0, 1)
_OLD_SIZES = {"3e-3": "0.77/255", "3e-3 = 0.765/255 (as reported)": ""}  # the latter is the usual one
_OLD_SIZES |= {"⅛/255": "0.125/255", "¼/255": "0.25/255", "½/255": "0.5/255", "¾/255": "0.75/255"}
_KEYS = "Large type, no side bar. Arrow keys step on and back, Escape ends it."
TOURED = {
    "Home": "Five findings about one model: a picture and a sentence each. “Show the evidence” opens the page behind.",
    "Classify": "A photo, the model's answer and its attention map. Choose another below, or open your own.",
    "Robustness": "The same photo, changed too little to see. Watch the answer and the map.",
    "Skin tone": "For which skin the model works, and for which nothing can be said.",
    "Attention": "Whether an attention map can be trusted at all.",
}
"""What a first visit is shown: pages and one thing to look at on each."""


def show_bar() -> None:
    """Ask which model and data set all pages are about; :func:`filter_place` is where a page asks for filters."""
    st.session_state.pop(FILTER_WORDS, None)
    try:
        checkpoints = installed_checkpoints()
    except CheckpointError:  # the page says so
        return
    with st.container(key="frame-bar", horizontal=True, vertical_alignment="center", gap="small"):
        checkpoint = checkpoints[_choose("Model", {name: name for name in checkpoints}, CHECKPOINT)]
        known = (usual_data(checkpoint), *data_sets(checkpoint))
        _choose("Data set", {str(of): str(of) for of in known}, DATA)
        st.session_state[_FILTERS] = st.container(
            key="filters", horizontal=True, vertical_alignment="center", gap="small"
        )


def _choose(label: str, words: Mapping[str, str], key: str) -> str:
    """One of these names, each with its words: the link says which, and is told when another is chosen."""
    names = list(words)
    st.session_state[key] = asked(key) if asked(key) in names else names[0]

    def write() -> None:
        chosen = st.session_state[key]
        ask_for(key, "" if chosen == names[0] else chosen)

    st.selectbox(label, names, format_func=words.__getitem__, key=key, on_change=write, label_visibility="collapsed")
    return str(st.session_state[key])


def filter_place() -> DeltaGenerator:
    """The end of the bar, where a page asks for filters and shows those that are set."""
    return st.session_state.get(_FILTERS) or st.container()


def chosen_checkpoint() -> Checkpoint:
    """The model in use."""
    checkpoints = installed_checkpoints()
    return checkpoints.get(asked(CHECKPOINT)) or next(iter(checkpoints.values()))


def show_links(image: str | None = None) -> None:
    """Links to all pages in the side bar; once the page knows that another image is current (a drawing), to that one."""
    place = st.session_state[_LINKS] if image else st.empty()
    st.session_state[_LINKS] = place
    with place.container():
        for page in PAGES:
            link_to(page.title, **({IMAGE: image} if image else {}))


def offer_presentation() -> None:
    """A button that shows the page in large type."""
    st.button(
        "Present this page",
        on_click=ask_for,
        args=(PRESENT, "on"),
        icon=":material/slideshow:",
        type="tertiary",
        help=_KEYS,
    )


def adopt_old_links(page: Page) -> None:
    """Links of earlier versions named a drawn sample by its label, which is the image now, and one size of attack otherwise."""
    from dermaviz.app.widgets.photo import sample_labels

    for name in [name for name in st.query_params if st.query_params[name] in _OLD_SIZES]:
        ask_for(name, _OLD_SIZES[asked(name)])
        with get_session_state().query_params() as of_link:  # which widgets read
            of_link.set_initial_query_params_from_current()
    old = st.query_params.get("sample")
    if old is not None:
        show_image(sample_labels().get(old, ""))
        del st.query_params["sample"]


def show_tour(page: Page) -> None:
    """On a first visit, the offer of a tour; on the tour, what to look at here, and the way on."""
    stops = list(TOURED)
    if asked(TOUR) and page.title in TOURED:
        at = stops.index(page.title)
        with st.container(border=True, horizontal=True, vertical_alignment="center", key="tour"):
            st.markdown(f"**{at + 1} of {len(stops)}** · {TOURED[page.title]}", width="stretch")
            if at + 1 < len(stops):
                link_to(stops[at + 1], "Next", ":material/arrow_forward:", **{TOUR: "on"})
            st.button("End the tour", on_click=_end_tour, type="tertiary")
    elif page.title == "Home" and not st.session_state.get(_SEEN_TOUR) and PRESENT not in st.query_params:
        with st.container(horizontal=True, vertical_alignment="center", key="tour"):
            st.markdown("New here?")
            st.button(
                "Tour in five steps", on_click=ask_for, args=(TOUR, "on"), icon=":material/explore:", type="tertiary"
            )
            st.button("Skip", on_click=_end_tour, type="tertiary")


def _end_tour() -> None:
    st.session_state[_SEEN_TOUR] = True
    ask_for(TOUR, "")


def show_steps(page: Page) -> None:
    """In a presentation: the way on and back, by button or arrow key; Home and the lesson are one step at a time."""
    with st.container(horizontal=True, horizontal_alignment="center", key="steps"):
        if st.button("Previous", shortcut="Left", icon=":material/arrow_back:"):
            _step(page, -1)
        st.button("End the presentation", shortcut="Esc", on_click=_end_presentation, type="tertiary")
        if st.button("Next", shortcut="Right", icon=":material/arrow_forward:"):
            _step(page, 1)


def current_step(title: str = "Home") -> int:
    """Which step of a page the link names, such as a finding of the story, from 0."""
    name, first, n = STEPPED[title]
    said = asked(name)
    return min(max(int(said) - first, 0), n - 1) if said.isdecimal() else 0


def _step(page: Page, by: int) -> None:
    """To the next or previous step of a page, or beyond its ends to its neighbour."""
    there, (name, first, n) = page, STEPPED.get(page.title, _NO_STEPS)
    at = (current_step(page.title) if name else 0) + by
    if not 0 <= at < n:
        there = PAGES[(PAGES.index(page) + by) % len(PAGES)]
        name, first, n = STEPPED.get(there.title, _NO_STEPS)
        at = n - 1 if by < 0 else 0
    picks = all_asked(PICKS) if there is page else ()
    st.switch_page(there.file, query_params=kept(**{PICKS: picks} | ({name: str(first + at)} if name and at else {})))


def _end_presentation() -> None:
    for name in (PRESENT, STEP):
        ask_for(name, "")


_OF_TONE = "Estimated from the pixels of the skin round the lesion; such estimates agree with people on about half of the photos."
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
        label, values, format_func=value_words, key=name, placeholder="all", help=_OF_TONE if name == TONE_GROUP else None,
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
