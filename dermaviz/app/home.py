"""The Home page: a story of five findings about the model in use, live where it can be; each opens the page behind it."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dermaviz.app.bar import chosen_checkpoint, current_step
from dermaviz.app.cache import remembered
from dermaviz.app.case import Case, Photo, ask
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.current import current_photo
from dermaviz.app.evidence import data_in_use, evidence_stamp, offer_report
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.link import PRESENT, link_to
from dermaviz.app.text import class_with_probability, escaped, escaped_message
from dermaviz.app.widgets.chart import draw_chart, ink, show_picture
from dermaviz.app.widgets.diagnosis import let_through, show_answer
from dermaviz.app.widgets.model_card import show_model
from dermaviz.app.widgets.panels import PLAIN, show_pictures
from dermaviz.app.widgets.photo import provenance, show_actions, verdict_words
from dermaviz.evidence.findings import STORY, Finding, Missing, read_findings
from dermaviz.evidence.store import DataSplit
from dermaviz.plots.robustness import DEFAULT_SIZE

_ANSWERED = "a model has answered in this session"


def show() -> None:
    """The five findings, what evidence says first and the live pictures into their places after; then the model's card."""
    checkpoint = chosen_checkpoint()
    presenting = PRESENT in st.query_params
    told = story(checkpoint)
    shown = [told[current_step()]] if presenting else told
    places = {one.key: _show_chapter(one, list(STORY).index(one.key) + 1) for one in shown}
    live: dict[str, DeltaGenerator] = {key: places[key] for key in ("says", "flips") if key in places}
    if live:
        _show_live(live, checkpoint)
    if not presenting:
        with st.expander("About this model: figures, data, what it is not for", icon=":material/info:"):
            show_model(checkpoint.name, checkpoint.card)
            offer_report(checkpoint)


def _show_live(places: dict[str, DeltaGenerator], checkpoint: Checkpoint) -> None:
    """The current image with its answer, and attacked, each in its place; the image at once where the model has to be loaded."""
    first, case = next(iter(places)), None
    waiting = places[first].empty()
    if not st.session_state.get(_ANSWERED):
        with waiting.container(), sentence_for_errors():
            _show_at_once(current_photo())
    places[first] = waiting.container()
    with places[first], sentence_for_errors():
        case = ask(current_photo(), checkpoint)
        if not let_through(case):
            return
    if case is not None:
        st.session_state[_ANSWERED] = True
        for key, place in places.items():
            with place, sentence_for_errors():
                (_show_answer if key == "says" else _show_attacked)(case)


def story(checkpoint: Checkpoint) -> list[Finding | Missing]:
    """The findings about a checkpoint on the data set in use; read again once its evidence changes."""
    return _story(checkpoint, data_in_use(checkpoint), evidence_stamp(checkpoint))


@remembered(max_entries=16, show_spinner="Reading the evidence …")
def _story(checkpoint: Checkpoint, of: DataSplit, stamp: tuple[str, ...]) -> list[Finding | Missing]:
    return read_findings(checkpoint, of)


def _show_chapter(one: Finding | Missing, number: int) -> DeltaGenerator:
    """A finding's sentence and picture, and the way to the page behind it; gives the place for what is live."""
    with st.container(border=number > 1, key=f"chapter-{one.key}"):
        if isinstance(one, Missing):
            st.header(f"{number} · {one.question}", anchor=False)
            live = st.container()
            st.info(
                escaped_message(f"Not said of this model on these images. {one.next_step}"),
                icon=":material/hourglass_empty:",
            )
            return live
        if one.key == "says":
            live = st.container()
            st.markdown(f"## {number} · {escaped(one.sentence)}")
            _show_details(one)
            return live
        st.caption(f"{number} · {one.question}")
        st.markdown(f"## {escaped(one.sentence)}")
        if one.key == "flips":
            seen, charted = st.columns(2, gap="medium")
            live = seen.container()
        else:
            charted = live = st.container()
        with charted:
            draw_chart(one.chart(ink()), f"finding {one.key}", escaped(one.sentence))
        _show_details(one)
        return live


def _show_details(one: Finding) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        link_to(one.page, "Show the evidence", ":material/arrow_forward:", **dict(one.link))
        with st.popover("Numbers and limits", type="tertiary"):
            st.markdown(escaped(one.detail))


def _show_at_once(photo: Photo) -> None:
    """The image alone, while a server that has just started loads its model."""
    left, right = st.columns([3, 9], gap="small", wrap=False)
    with left:
        show_picture(photo.read().pixels, "The model is loading …", f"Photo {photo.name}")
    right.caption(photo.credit)


def _show_answer(case: Case) -> None:
    """The current image, its answer and its map."""
    looking, saying = st.columns([7, 5], gap="medium")
    with saying:  # before the pictures: who sees a new image has its links already
        show_answer(case, verdict_words(case))
        st.caption(provenance(case))
        show_actions(case, "Home")
    with looking:
        show_pictures(case, PLAIN)


def _show_attacked(case: Case) -> None:
    """The same image, changed too little to see, with the answer that it gets."""
    from dermaviz.app.robustness.live import Attempt, attempt

    outcome = attempt(case, Attempt("fgsm", DEFAULT_SIZE, None, 0), lambda passes: None)
    before, after = class_with_probability(case.card, case.answer), outcome.attacked.prediction
    said = class_with_probability(case.card, after)
    left, right = st.columns(2, gap="small", wrap=False)
    with left:
        show_picture(case.answer.prepared, f"As it is: {before}", f"Model input of {case.photo.name}")
    with right:
        show_picture(outcome.filed.pixels, f"Attacked: {said}", f"The same image attacked; the model says {said}")
    if not outcome.reached:
        st.caption("This image withstands an attack of this size. Choose another one, or a larger attack.")
    link_to("Robustness", "Attack it yourself", image=case.photo.image)
