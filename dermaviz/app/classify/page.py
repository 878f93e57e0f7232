"""The Classify page: a photo, its diagnosis, and where the model looked."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dermaviz.app.case import Case, ask
from dermaviz.app.checkpoints import installed_checkpoints
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.text import escaped
from dermaviz.app.widgets.diagnosis import let_through, show_diagnosis, show_notes
from dermaviz.app.widgets.model_card import choose_checkpoint
from dermaviz.app.widgets.panels import (
    Look,
    choose_look,
    show_caption,
    show_panels,
    show_pictures,
    show_side_by_side,
)
from dermaviz.app.widgets.photo import choose_photo, choose_source

_STICKY_PICTURES = """<style>
@media (min-width: 641px) {
  .st-key-drawing-room > [data-testid="stHorizontalBlock"] > [data-testid="stColumn"]:first-child {
    position: sticky; top: 3.75rem; align-self: flex-start;
  }
}
@media (max-width: 640px) {
  .st-key-drawing-room [data-testid="stColumn"]:first-child,
  .st-key-drawing-room [data-testid="stColumn"]:first-child > [data-testid="stVerticalBlock"] { display: contents; }
  .st-key-drawing-room > [data-testid="stHorizontalBlock"] > * { width: 100%; flex: 1 1 100%; }
  *:has(> .st-key-live) { position: sticky; top: 3.75rem; z-index: 99; background: PAPER; padding-bottom: 0.4rem; }
  .st-key-live [data-testid="stHorizontalBlock"] { flex-wrap: nowrap; }
  .st-key-live [data-testid="stColumn"] { min-width: 0; display: block !important; }
}
</style>"""
"""The pictures stay in sight while sliders farther down are moved; on a phone they stand side by side on top."""


def show() -> None:
    """Ask for a photo, then show what the model says of it, and where it looked."""
    checkpoints = installed_checkpoints()
    source = choose_source()
    live = source == "draw"
    layout = _beside_the_sliders() if live else _beside_the_diagnosis()
    with layout.asking:
        photo = choose_photo(source, layout.wide)
        checkpoint = choose_checkpoint(checkpoints)
    if photo is None:
        layout.saying.info("Once there is a photo, the diagnosis appears here and the attention map below.")
        return
    with layout.saying:
        case = ask(photo, checkpoint)
        shown = let_through(case)
        if shown:
            show_diagnosis(case)
    with layout.asking:
        show_notes(case)
    if not shown:
        return
    with layout.looking:
        st.header("How to look" if live else "Where did it look?", anchor=False)
        look = choose_look(checkpoint, checkpoints, known_lesion=photo.drawn)
    with layout.pictures, sentence_for_errors():
        show_pictures(case, look, narrow=live)
    with layout.below, sentence_for_errors():
        show_caption(case, look)
    _compare(case, look)


def _compare(case: Case, look: Look) -> None:
    """Other methods, and a second checkpoint, where they are asked for."""
    if look.beside:
        st.header("Methods side by side", anchor=False)
        with sentence_for_errors():
            show_side_by_side(case, look)
    if look.other:
        st.header(f"The same photo through {escaped(look.other.name)}", anchor=False)
        with sentence_for_errors():
            second = ask(case.photo, look.other)
            show_diagnosis(second)
            show_panels(second, look)


@dataclass(frozen=True)
class _Layout:
    """Containers: ``wide`` over all others, then for what is asked of the user, what the model says, how to look at the
    pictures, the pictures, and what comes below them."""

    wide: DeltaGenerator
    asking: DeltaGenerator
    saying: DeltaGenerator
    looking: DeltaGenerator
    pictures: DeltaGenerator
    below: DeltaGenerator


def _beside_the_diagnosis() -> _Layout:
    """Questions left, diagnosis right, the pictures under both over the whole width."""
    wide = st.container()
    asking, saying = st.columns([5, 8], gap="large")
    looking, pictures = st.container(), st.container()
    return _Layout(wide, asking, saying, looking, pictures, pictures)


def _beside_the_sliders() -> _Layout:
    """Pictures and diagnosis left, sliders right, so that the effect of a slider is in sight while it moves."""
    paper = st.get_option(f"theme.{st.context.theme.type or 'light'}.backgroundColor")
    st.html(_STICKY_PICTURES.replace("PAPER", paper))
    wide = st.container()
    with st.container(key="drawing-room"):
        left, asking = st.columns([8, 5], gap="large")
    pictures = left.container(key="live")
    saying = left.container()
    looking = st.container()
    return _Layout(wide, asking, saying, looking, pictures, looking)
