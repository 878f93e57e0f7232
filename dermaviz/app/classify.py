"""The Classify page: a photo, the model's answer, and where it looked; how to look and other photos below."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dermaviz.app.attention.trust import FAITHFULNESS, RANDOMISATION, ranking, what_is_left
from dermaviz.app.bar import chosen_checkpoint
from dermaviz.app.case import Case, ask
from dermaviz.app.checkpoints import Checkpoint, audited, table_of, usual_data
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.link import link_to
from dermaviz.app.sessions import remembered
from dermaviz.app.text import escaped
from dermaviz.app.widgets.diagnosis import let_through, show_answer, show_diagnosis, show_notes
from dermaviz.app.widgets.panels import (
    Look,
    choose_look,
    show_caption,
    show_pictures,
    show_side_by_side,
    show_two_models,
)
from dermaviz.app.widgets.photo import (
    choose_crop,
    choose_photo,
    provenance,
    show_actions,
    show_contact_sheet,
    verdict_words,
)
from dermaviz.attention.methods import METHODS
from dermaviz.errors import EvidenceError
from dermaviz.evidence.ranking import what_we_know

CLASS_METHOD = "gradcam"
"""The method whose map depends most on the class that is explained."""
_STICKY_PICTURES = """<style>
@media (min-width: 641px) {
  .st-key-seen { position: sticky; top: 3.75rem; align-self: flex-start; }
}
@media (max-width: 640px) {
  .stColumn:has(.st-key-seen), .stColumn:has(.st-key-seen) > .stVerticalBlock { display: contents; }
  .stColumn:has(.st-key-seen) > .stVerticalBlock > * { flex: 1 1 100%; min-width: 100%; }
  *:has(> .st-key-seen) { position: sticky; top: 3.75rem; z-index: 99; background: PAPER; padding-bottom: 0.4rem; }
}
</style>"""
"""The pictures of a drawing stay in sight while sliders farther down are moved. On a phone the sliders are in a column below
that of the pictures, so these stick to what holds both: their own column is no box there."""


def show() -> None:
    """The current image with its answer and map in front; choosing, settings and comparisons round and below them."""
    checkpoint = chosen_checkpoint()
    choosing, heading = st.container(), st.container()
    looking, saying = st.columns([8, 5], gap="medium")
    with looking:
        pictures, acting, below = st.container(key="seen"), st.container(), st.container()
    with saying:
        answering, drawing = st.container(), st.container()
    with choosing:
        photo = choose_photo(drawing)
    if drawn_live := st.session_state.get("source") == "draw":
        paper = st.get_option(f"theme.{st.context.theme.type or 'light'}.backgroundColor")
        st.html(_STICKY_PICTURES.replace("PAPER", paper))
    case: Case | None = None
    shown = known = False
    with heading, sentence_for_errors():
        case = ask(photo, checkpoint)
        shown = let_through(case)
    if case is not None:  # a photo that is refused has nothing to crop
        with choosing, sentence_for_errors():
            choose_crop(photo)
    if shown:
        with heading:
            if case.answer.notices:
                st.info(" ".join(map(escaped, case.answer.notices)), icon=":material/info:")
            show_answer(case, verdict_words(case))
        with answering:
            show_diagnosis(case)
        settings = below if drawn_live else st.container()
        with settings, st.expander("How to look: class, method, opacity, second model", icon=":material/tune:"):
            look = choose_look(checkpoint, known_lesion=photo.drawn)
        with acting:  # before the pictures: who sees a new image has its links already
            show_actions(case, "Classify")
        with pictures, sentence_for_errors():
            known = show_pictures(case, look) is not None
        with below, sentence_for_errors():
            st.caption(provenance(case))
            if known:
                _show_what_is_known(case, look)
            show_caption(case, look)
        _compare(case, look)
    if case is not None:
        with heading if not shown else below:
            show_notes(case)
    show_contact_sheet(checkpoint)


def _show_what_is_known(case: Case, look: Look) -> None:
    """One sentence on how far this method's maps can be trusted, the way to the test, and the map that depends on the class."""
    if not (sentence := known_of(case.checkpoint, look.method)):
        return
    st.caption(sentence)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        link_to("Attention", "See the test", image=case.photo.image, audit="Trust")
        if look.method != CLASS_METHOD:
            label = f"{METHODS[CLASS_METHOD].label} of this class"
            st.button(label, on_click=_take_method, args=(CLASS_METHOD,), icon=":material/swap_horiz:", type="tertiary")


def _take_method(method: str) -> None:
    st.session_state["method"] = method


@remembered(max_entries=64, show_spinner=False)
def known_of(checkpoint: Checkpoint, method: str) -> str:
    """What the audit of a checkpoint says of a method's maps; "" where nothing was measured."""
    try:
        images = audited(checkpoint, usual_data(checkpoint))
    except EvidenceError:
        return ""
    tables = []
    for table, judge in ((FAITHFULNESS, partial(ranking, score="road")), (RANDOMISATION, what_is_left)):
        try:
            tables.append(judge(images, table_of(checkpoint, table, usual_data(checkpoint))))
        except EvidenceError:
            tables.append(None)
    return what_we_know(method, *tables)


def _compare(case: Case, look: Look) -> None:
    """Other methods, and a second model, where they are asked for."""
    if look.beside:
        st.header("Methods side by side", anchor=False)
        with sentence_for_errors():
            show_side_by_side(case, look)
    if look.other:
        st.header(f"The same photo through {escaped(look.other.name)}", anchor=False)
        with sentence_for_errors():
            second = ask(case.photo, look.other)
            show_answer(second)
            show_two_models(case, second, look)
            show_diagnosis(second)
