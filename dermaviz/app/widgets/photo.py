"""The current image chosen, from the samples, drawn to order, from files or the camera; its crop; and the way on from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw
from streamlit.delta_generator import DeltaGenerator

from dermaviz.app.bar import chosen_checkpoint, show_links
from dermaviz.app.case import (
    WHOLE,
    Box,
    Case,
    Photo,
    ask,
    crop_in_link,
    current_photo,
    drawn_name,
    missing_image,
    neighbours,
    offered_photos,
    show_image,
    take_files,
    true_class,
    true_label,
    uncropped_photo,
    uploads,
)
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.link import CROP, ask_for, choose_button, link_to
from dermaviz.app.sessions import DECODING, remembered
from dermaviz.app.text import class_with_probability, escaped
from dermaviz.app.widgets.chart import square_address
from dermaviz.app.widgets.diagnosis import let_through, show_notes
from dermaviz.app.widgets.drawing import choose_drawing, drawn_caption, take_over
from dermaviz.data.masks import lesion_box
from dermaviz.data.records import HAM10000
from dermaviz.errors import ImageError
from dermaviz.images import FORMATS_IN_WORDS, MAX_BYTES, MAX_PIXELS, RGB, SUFFIXES
from dermaviz.synthetic import SAMPLES, Parameters, Sample, draw, tone_word

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


THUMBNAIL_SIDE = 96
_LIMITS = f"{FORMATS_IN_WORDS}, at most {MAX_BYTES // 2**20} MB and {MAX_PIXELS // 10**6} megapixels each"
_GALLERY_LOOK = """<style>
.st-key-gallery, .st-key-gallery > div { width: 100% !important; }
.st-key-gallery [role="radiogroup"] { display: flex; flex-wrap: nowrap; overflow-x: auto; gap: 0.35rem; padding: 3px; }
.st-key-gallery button { flex: 0 0 3.4rem; width: 3.4rem; height: 3.4rem; padding: 0; border-width: 2px; border-radius: 0.5rem;
  overflow: hidden; }
.st-key-gallery button[aria-checked="true"] { outline: 3px solid; outline-offset: 0; }
.st-key-gallery button * { width: 100%; height: 100%; max-height: none !important; margin: 0; padding: 0; object-fit: cover; }
.st-key-sheet img { aspect-ratio: 1; object-fit: cover; }
</style>"""
"""The pills as small square pictures in one row that scrolls sideways."""


def sample_label(sample: Sample) -> str:
    """A drawn sample's form and skin in few words, as links named it."""
    parameters = sample.parameters
    with_what = "".join(f", {name}" for name in parameters.artefacts)
    return f"{HAM10000.classes[parameters.dx]}, {tone_word(parameters.ita)} skin{with_what}"


def sample_labels() -> Mapping[str, str]:
    """Each drawn sample's label with its name as an image."""
    return {sample_label(sample): sample.slug for sample in SAMPLES}


@cache
def gallery() -> Mapping[str, tuple[str, str]]:
    """Every sample to choose from by its name as an image, real photographs first: its words and a small picture of 1 to 4 kB."""
    found = {}
    for photo in offered_photos():
        with Image.open(photo.path) as picture:
            small = square_address(picture, THUMBNAIL_SIDE)
        found[photo.image_id] = (f"photograph {photo.image_id}, {photo.label}", small)
    for sample in SAMPLES:
        drawn = Image.fromarray(draw(replace(sample.parameters, size=THUMBNAIL_SIDE)).image)
        found[sample.slug] = (f"drawn lesion, {sample_label(sample)}", square_address(drawn, THUMBNAIL_SIDE))
    return found


def choose_photo(drawing: DeltaGenerator | None = None) -> Photo:
    """Ask for the current image, and give it. Sliders of a drawing go to their own place; without one there is no drawing."""
    st.html(_GALLERY_LOOK)
    sources = {name: name.capitalize() for name in SOURCES if drawing is not None or name != "draw"}
    source = choose_button("Photo from", sources, "source", label_visibility="collapsed")
    if source == "draw" and drawing is not None:
        with drawing:
            photo = choose_drawing()
        assert photo.parameters is not None
        photo = replace(photo, image=drawn_name(photo.parameters), label=photo.parameters.dx)
        show_links(photo.image)
        return photo
    {"sample": _choose_sample, "upload": _upload, "camera": _camera}[source]()
    if said := missing_image():
        st.info(said, icon=":material/hide_image:")
    photo = current_photo()
    if photo.parameters and drawing is not None:
        st.button("Change this lesion", on_click=_redraw, args=(photo.parameters,), icon=":material/tune:")
    return photo


def _choose_sample() -> None:
    names, now = gallery(), current_photo().image
    st.session_state["gallery"] = now if now in names else None
    with st.container(key="gallery-strip"):
        st.pills(
            "Samples: real photographs first, then drawn lesions", list(names), key="gallery", label_visibility="collapsed",
            format_func=lambda name: f"![{names[name][0]}]({names[name][1]})", on_change=_take_from_gallery,
        )  # fmt: skip


def _take_from_gallery() -> None:
    if chosen := st.session_state["gallery"]:
        show_image(chosen)


def _redraw(parameters: Parameters) -> None:
    take_over(parameters)
    st.session_state["source"] = "draw"


def _upload() -> None:
    st.file_uploader(
        "Photos of a lesion", SUFFIXES, accept_multiple_files=True, key="files", help=_LIMITS, on_change=_take_uploads
    )
    st.caption(
        f"{_LIMITS}. Several become a contact sheet. Files stay in memory and out of links, and go with the session. The small "
        "square that the model saw may stay until others take its place."
    )


def _take_uploads() -> None:
    files: list[UploadedFile] = st.session_state["files"]
    take_files([(file.name, file.getvalue()) for file in files])


def _camera() -> None:
    st.camera_input(
        "Take a photo", key="shot", on_change=_take_shot, resolution="1080p", help="The browser asks before it opens the camera.",
    )  # fmt: skip
    st.caption("At most 1080 lines. For a phone's full resolution choose Upload, which offers its camera.")


def _take_shot() -> None:
    if shot := st.session_state["shot"]:
        take_files([("camera.jpg", shot.getvalue())])


SOURCES = ("sample", "draw", "upload", "camera")
"""Where an image comes from, as the link says it."""


def show_contact_sheet(checkpoint: Checkpoint) -> None:
    """Several files of the user as thumbnails with their answers; one opens where it is chosen. Refused files say why."""
    files = uploads()
    if len(files) < 2:
        return
    st.header(f"Your {len(files)} photos", anchor=False)
    with st.container(key="sheet", horizontal=True):
        for name, photo in files.items():
            with st.container(width=132, gap="xxsmall"), sentence_for_errors():
                try:
                    case = ask(photo, checkpoint)
                except ImageError as refusal:
                    st.caption(f":material/hide_image: {escaped(photo.name)}: refused", help=str(refusal))
                    continue
                st.image(case.answer.prepared, width=132, output_format="PNG", alt=f"Model input of {photo.name}")
                said = class_with_probability(case.card, case.answer)
                st.button(
                    said,
                    key=f"open {name}",
                    on_click=show_image,
                    args=(name,),
                    help=escaped(photo.name),
                    type="tertiary",
                )


def provenance(case: Case) -> str:
    """What an image is, its true class and its source, as Markdown."""
    photo = case.photo
    if photo.parameters is not None:
        return drawn_caption(photo.parameters)
    label = true_label(photo, case)
    words = escaped(case.card.called(label)) if label else ""
    parts = [escaped(photo.name.removesuffix(".jpg")), f"true diagnosis: **{words}**" if label else "", photo.credit]
    return " · ".join(part for part in parts if part)


def verdict_words(case: Case) -> str:
    """Whether the answer is right, where the truth is known, as a badge in Markdown; else "". Also that this cannot be said
    where none of the model's classes has the name of the truth."""
    label = true_class(case.photo, case)
    if not label:
        return ":gray-badge[:material/help: Not comparable]" if true_label(case.photo, case) else ""
    right = label == case.answer.diagnosis
    return f":{'green' if right else 'orange'}-badge[:material/{'check' if right else 'close'}: {'Right' if right else 'Wrong'}]"


def show_actions(case: Case, here: str) -> None:
    """What else to do with the current image: step to its neighbours, and take it to another page."""
    photo, card = case.photo, case.card
    others = neighbours(photo)
    with st.container(horizontal=True, vertical_alignment="center", key="actions", gap="xsmall"):
        if len(others) > 1:
            at = others.index(photo.image)
            for label, step, icon in (("Previous", -1, "arrow_back"), ("Next", 1, "arrow_forward")):
                there = others[(at + step) % len(others)]
                st.button(label, key=f"step {step}", icon=f":material/{icon}:", on_click=show_image, args=(there,))
        going = {"image": photo.image}
        if here != "Classify":
            link_to("Classify", "Classify it", **going)
        if here != "Robustness":
            link_to("Robustness", "Attack it", **going)
        if here != "Skin tone":
            link_to("Skin tone", "Other skin", **going, part="One photo, other skin")
        cell = {"called": card.label(case.answer.diagnosis)}
        if (label := true_class(photo, case)) and not photo.drawn:
            cell["true"] = card.label(label)
        link_to("Confusion", "Similar cases", **going, **cell)


@dataclass(frozen=True)
class OneCase:
    """A case; ``doing`` is the place for what is done to it, ``pictures`` the one below that."""

    case: Case
    doing: DeltaGenerator
    pictures: DeltaGenerator


def ask_for_one(here: str) -> OneCase | None:
    """The current image with the model's answer on a page that does something with it; None where it must not be answered."""
    with st.expander("Choose another photo", icon=":material/photo_library:"):
        photo = choose_photo()
    doing, asking = st.columns([9, 4], gap="large")
    pictures = st.container()
    with doing:
        case = ask(photo, chosen_checkpoint())
        shown = let_through(case)
    with asking:
        st.caption(provenance(case))
        show_actions(case, here)
        show_notes(case)
    return OneCase(case, doing, pictures) if shown else None


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
