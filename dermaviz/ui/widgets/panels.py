"""Widget: model input · attention map · overlay, named and captioned, with downloads and a scale."""

from __future__ import annotations

import io
from functools import partial

import numpy as np
import streamlit as st
from PIL import Image

from dermaviz.explain.methods import METHODS
from dermaviz.explain.overlay import COLOUR_MAPS, overlay
from dermaviz.types import RGB, AttentionMap
from dermaviz.ui.answers import Answer, Photo, attention
from dermaviz.ui.resources import Checkpoint
from dermaviz.ui.widgets.settings import Look
from dermaviz.ui.wording import STATUS_SENTENCES, class_with_probability, file_stem, map_caption, slow_sentence

SLOW_METHODS = "slow methods asked for"


def show_panels(photo: Photo, answer: Answer, checkpoint: Checkpoint, look: Look) -> None:
    """The three panels of one photo, checkpoint and method, their caption and downloads."""
    attended = _attend(photo, answer, checkpoint, look.class_name, look.method, "panels")
    saw, where, together = st.columns(3)
    with saw:
        show_picture(answer.prepared, "Model input: what the model saw", f"Model input of {photo.name}")
    if attended is None:
        return
    named = class_with_probability(checkpoint.card, answer.prediction, attended.class_index)
    if attended.status != "ok":
        where.info(
            f"**Attention map · {named}.** {STATUS_SENTENCES[attended.status]}", icon=":material/visibility_off:"
        )
    else:
        with where:
            coloured = overlay(answer.prepared, attended, 1, look.colour_map)
            show_picture(coloured, f"Attention map · {named}", f"Attention map for {named}")
            _show_scale(attended, look.colour_map)
        with together:
            mixed = overlay(answer.prepared, attended, look.opacity, look.colour_map)
            show_picture(mixed, f"Overlay · {named}", f"Attention map for {named} laid over the model input")
    st.caption(map_caption(checkpoint.name, checkpoint.card, answer.prediction, attended), help=_about(attended))
    _offer_downloads(photo, answer, checkpoint, attended, look)


def show_side_by_side(photo: Photo, answer: Answer, checkpoint: Checkpoint, look: Look) -> None:
    """The overlay of each method of ``look.beside`` for the same class."""
    for column, method in zip(st.columns(len(look.beside)), look.beside, strict=True):
        with column:
            attended = _attend(photo, answer, checkpoint, look.class_name, method, "beside")
            if attended is None:
                continue
            named = class_with_probability(checkpoint.card, answer.prediction, attended.class_index)
            label = METHODS[method].label
            if attended.status == "ok":
                mixed = overlay(answer.prepared, attended, look.opacity, look.colour_map)
                show_picture(mixed, f"{label} · {named}", f"{label} map for {named} laid over the model input")
            else:
                st.info(f"**{label} · {named}.** {STATUS_SENTENCES[attended.status]}", icon=":material/visibility_off:")
            st.caption(f"layer {attended.layer} · {attended.seconds:.2f} s", help=_about(attended))


def show_picture(pixels: RGB, caption: str, alt: str) -> None:
    """Pixels exactly as they are: PNG, since JPEG would change them."""
    st.image(pixels, caption=caption, width="stretch", output_format="PNG", alt=alt)


def _attend(
    photo: Photo, answer: Answer, checkpoint: Checkpoint, class_name: str | None, method: str, place: str
) -> AttentionMap | None:
    """The map asked for; None while a slow method waits for the user's word."""
    index = checkpoint.card.classes.index(class_name) if class_name in checkpoint.card.classes else None
    row = METHODS[method]
    if not row.fast:
        asked: set[str] = st.session_state.setdefault(SLOW_METHODS, set())
        if method not in asked:
            st.info(slow_sentence(method), icon=":material/hourglass:")
            if not st.button(f"Compute {row.label}", key=f"start {place} {checkpoint.name} {method}", type="primary"):
                return None
            asked.add(method)
    with st.spinner(f"{row.label} is being computed …", show_time=not row.fast):
        return attention(photo, answer, checkpoint, index, method)


def _about(attended: AttentionMap) -> str:
    row = METHODS[attended.method]
    same = "" if row.class_specific else " The map is the same for every class."
    return f"{row.label}: {row.about}{same} ({row.source}.) It shows what raised the score, not why."


def _show_scale(attended: AttentionMap, colour_map: str) -> None:
    """The colours from no evidence to the strongest place, with the raw value there."""
    st.html(
        f'<div role="img" aria-label="Scale from 0 to {attended.raw.max():.3g}" style="height:0.7rem;'
        f'border-radius:0.35rem;background:linear-gradient(90deg,{",".join(COLOUR_MAPS[colour_map])})"></div>'
        '<div style="display:flex;justify-content:space-between;font-size:0.8rem;opacity:0.8">'
        f"<span>0: no evidence</span><span>{attended.raw.max():.3g}: strongest place</span></div>"
    )


def _offer_downloads(photo: Photo, answer: Answer, checkpoint: Checkpoint, attended: AttentionMap, look: Look) -> None:
    stem = file_stem(photo.name, checkpoint.name, answer.prediction, attended)
    with st.container(horizontal=True):
        st.download_button(
            "Overlay (PNG)", partial(overlay_png, answer.prepared, attended, look), f"{stem}-overlay.png", "image/png",
            key=f"overlay {checkpoint.name}", on_click="ignore", icon=":material/download:",
            disabled=attended.status != "ok",
        )  # fmt: skip
        st.download_button(
            "Raw map (NPY)", partial(raw_map, attended), f"{stem}-map.npy", "application/octet-stream",
            key=f"raw {checkpoint.name}", on_click="ignore", icon=":material/download:",
        )  # fmt: skip


def overlay_png(prepared: RGB, attended: AttentionMap, look: Look) -> bytes:
    """The overlay as shown, as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(overlay(prepared, attended, look.opacity, look.colour_map)).save(file, "PNG")
    return file.getvalue()


def raw_map(attended: AttentionMap) -> bytes:
    """The raw map, float32 ``[h, w]``, as the bytes of an NPY file."""
    file = io.BytesIO()
    np.save(file, attended.raw)
    return file.getvalue()
