"""Classify: a photo → diagnosis → attention map."""

from __future__ import annotations

import streamlit as st

from dermaviz.app.case import ask
from dermaviz.app.frame import CLASSIFY, page, sentence_for_errors
from dermaviz.app.resources import installed_checkpoints
from dermaviz.app.widgets.diagnosis import (
    beside_the_diagnosis,
    beside_the_sliders,
    let_through,
    show_diagnosis,
    show_notes,
)
from dermaviz.app.widgets.panels import (
    choose_checkpoint,
    choose_look,
    show_caption,
    show_panels,
    show_pictures,
    show_side_by_side,
)
from dermaviz.app.widgets.photo import choose_photo, choose_source

with page(CLASSIFY):
    checkpoints = installed_checkpoints()
    source = choose_source()
    live = source == "draw"
    places = beside_the_sliders() if live else beside_the_diagnosis()
    with places.asking:
        photo = choose_photo(source, places.wide)
        checkpoint = choose_checkpoint(checkpoints)
    if photo is None:
        places.saying.info("Once there is a photo, the diagnosis appears here and the attention map below.")
    else:
        with places.saying:
            case = ask(photo, checkpoint)
            shown = let_through(case)
            if shown:
                show_diagnosis(case)
        with places.asking:
            show_notes(case)
        if not shown:
            st.stop()

        with places.looking:
            st.header("How to look" if live else "Where did it look?", anchor=False)
            look = choose_look(checkpoint, checkpoints, known_lesion=photo.drawn)
        with places.pictures, sentence_for_errors():
            show_pictures(case, look, narrow=live)
        with places.below, sentence_for_errors():
            show_caption(case, look)
        if look.beside:
            st.header("Methods side by side", anchor=False)
            with sentence_for_errors():
                show_side_by_side(case, look)
        if look.other:
            st.header(f"The same photo through {look.other.name}", anchor=False)
            with sentence_for_errors():
                second = ask(photo, look.other)
                show_diagnosis(second)
                show_panels(second, look)
