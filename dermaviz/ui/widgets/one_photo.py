"""Widget: one photo that a part of a page is about — chosen, classified, let through the gate, with places for what follows."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dermaviz.ui.answers import Answer, Photo, ask
from dermaviz.ui.resources import Checkpoint
from dermaviz.ui.widgets.diagnosis import show_notes
from dermaviz.ui.widgets.gate import let_through
from dermaviz.ui.widgets.photo import choose_photo, choose_source
from dermaviz.ui.widgets.settings import choose_checkpoint


@dataclass(frozen=True)
class OnePhoto:
    """A photo with a checkpoint's answer; ``doing`` is the place beside the settings, ``pictures`` the one below both."""

    photo: Photo
    checkpoint: Checkpoint
    answer: Answer
    doing: DeltaGenerator
    pictures: DeltaGenerator


def ask_for_one(checkpoints: dict[str, Checkpoint], invitation: str) -> OnePhoto | None:
    """Ask for a photo and a checkpoint; None, with the invitation or the gate's words, where there is nothing to show yet."""
    source, wide = choose_source(), st.container()
    asking, doing = st.columns([5, 8], gap="large")
    pictures = st.container()
    with asking:
        photo = choose_photo(source, wide)
        checkpoint = choose_checkpoint(checkpoints)
    if photo is None:
        doing.info(invitation)
        return None
    with doing:
        answer = ask(photo, checkpoint)
        shown = let_through(photo, answer, checkpoint)
    with asking:
        show_notes(photo, answer, checkpoint)
    return OnePhoto(photo, checkpoint, answer, doing, pictures) if shown else None
