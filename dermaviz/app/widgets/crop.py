"""A crop of the current photo: proposed round the lesion, moved by hand, kept in the link as left-top-right-bottom in %."""

from __future__ import annotations

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw

from dermaviz.app.cache import remembered
from dermaviz.app.case import WHOLE, Box, Photo
from dermaviz.app.current import crop_in_link, uncropped_photo
from dermaviz.app.link import CROP, ask_for
from dermaviz.app.text import escaped
from dermaviz.app.turns import DECODING
from dermaviz.data.masks import lesion_box
from dermaviz.images import RGB

_PREVIEW_SIDE = 320
_SLIDERS = ("crop across", "crop down")


def choose_crop(current: Photo) -> None:
    """Ask which part of the current photo the model is shown; nothing where it is a drawing."""
    if current.drawn:
        return
    photo = uncropped_photo()
    left, top, right, bottom = box = crop_in_link()
    st.session_state.update(dict(zip(_SLIDERS, ((left, right), (top, bottom)), strict=True)))
    with st.expander("Crop" if box == WHOLE else f"Crop: {in_words(box)}", icon=":material/crop:", key="crop"):
        pixels, proposed = _seen(photo)
        picture, sliders = st.columns([4, 5], gap="medium")
        with picture:
            st.image(
                _outlined(pixels, box),
                width="stretch",
                alt=f"{escaped(photo.name)}, the crop outlined: {in_words(box)}",
            )
        with sliders:
            for key, label in zip(_SLIDERS, ("From left to right (%)", "From top to bottom (%)"), strict=True):
                st.slider(label, 0, 100, key=key, on_change=_take)
            with st.container(horizontal=True):
                st.button(
                    "Round the lesion", key="crop lesion", on_click=_keep, args=(proposed,), disabled=proposed == WHOLE
                )
                st.button("Whole photo", key="crop whole", on_click=_keep, args=(WHOLE,), disabled=box == WHOLE)


def in_words(box: Box) -> str:
    """A crop as captions say it."""
    left, top, right, bottom = box
    return "whole photo" if box == WHOLE else f"{left}–{right}% across, {top}–{bottom}% down"


def _take() -> None:
    (left, right), (top, bottom) = (st.session_state[key] for key in _SLIDERS)
    _keep((left, top, right, bottom))


def _keep(box: Box) -> None:
    left, top, right, bottom = box
    whole = box == WHOLE or right - left < 1 or bottom - top < 1
    ask_for(CROP, "" if whole else "-".join(map(str, box)))


@remembered(max_entries=32)
def _seen(photo: Photo) -> tuple[RGB, Box]:
    """A small copy of a photo, and the box that is proposed."""
    with DECODING:
        pixels = photo.read().pixels
    picture = Image.fromarray(pixels)
    picture.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE))
    return np.asarray(picture), lesion_box(pixels)


def _outlined(pixels: RGB, box: Box) -> Image.Image:
    picture = Image.fromarray(pixels)
    left, top, right, bottom = (share * side / 100 for share, side in zip(box, 2 * picture.size, strict=True))
    corners = (left, top, right - 1, bottom - 1)
    drawing = ImageDraw.Draw(picture)
    drawing.rectangle(corners, outline="black", width=4)
    drawing.rectangle(corners, outline="white", width=2)
    return picture
