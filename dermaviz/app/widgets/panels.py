"""Attention panels: what the model saw, the map of a class, and both laid over each other, with captions and downloads."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from streamlit.delta_generator import DeltaGenerator

from dermaviz.app.case import Case, map_channels
from dermaviz.app.checkpoints import Checkpoint, other_checkpoints
from dermaviz.app.frame import REMINDER
from dermaviz.app.link import choose, choose_button
from dermaviz.app.text import STATUS_SENTENCES, class_with_probability, escaped, file_stem
from dermaviz.app.widgets.chart import png, show_picture, size_words
from dermaviz.attention.localisation import COLOUR_MAPS, Drift, enlarge, outlined, overlay
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS, AttentionMap
from dermaviz.images import RGB
from dermaviz.models.answer import Prediction
from dermaviz.models.card import Card
from dermaviz.plots.theme import percent
from dermaviz.synthetic import CAPTION

PREDICTED = "predicted class"
NO_OTHER = "none"
MOST_BESIDE = 4
Mask = NDArray[np.bool_]
_ONE_FORWARD_PER_CHANNEL = frozenset({"scorecam", "ablationcam"})
_SLOW_METHODS = "slow methods asked for"


@dataclass(frozen=True)
class Look:
    """How to look at a photo: ``class_name`` is None for the predicted class, ``opacity`` in [0, 1].

    ``beside`` names methods to show side by side, ``other`` a second checkpoint to ask the same. ``outline`` draws the
    border of the lesion over the maps, where it is known. ``alone`` shows the map without the picture under it.
    """

    class_name: str | None
    method: str
    opacity: float
    colour_map: str
    beside: tuple[str, ...]
    other: Checkpoint | None
    outline: bool = False
    alone: bool = False

    def mask(self, case: Case) -> Mask | None:
        """The lesion to outline, bool ``[S, S]``; None where it is unknown, or no outline is wanted."""
        return case.true_mask() if self.outline else None

    def index(self, case: Case) -> int | None:
        """The class as the case's checkpoint counts it; None, for the predicted one, where it has no such class."""
        return case.card.classes.index(self.class_name) if self.class_name in case.card.classes else None


def choose_look(checkpoint: Checkpoint, *, known_lesion: bool = False) -> Look:
    """Ask how to look, in one row, with what is rarely changed folded below it; where the lesion is known, its outline."""
    left, middle, right = st.columns(3)
    words = {PREDICTED: PREDICTED} | {name: checkpoint.card.label(name) for name in checkpoint.card.classes}
    class_name = choose("Class to explain", words, "class", left)
    method = middle.selectbox(
        "Attention method", METHODS, index=list(METHODS).index(DEFAULT_METHOD), format_func=method_label, key="method",
        bind="query-params",
    )  # fmt: skip
    opacity = right.slider(
        "Overlay opacity", 0, 100, 70, 5, format="%d%%", key="opacity", bind="query-params",
        help="Where the map is highest; it follows the map down to nothing.",
    )  # fmt: skip
    with st.expander("More settings: side by side, second model, colours"):
        beside = st.multiselect(
            "Methods side by side (2 to 4)", METHODS, format_func=method_label, max_selections=MOST_BESIDE, key="beside",
            bind="query-params", placeholder="Choose methods to compare",
        )  # fmt: skip
        if len(beside) == 1:
            st.caption("Choose at least one more method to compare.")
        other = _choose_other(checkpoint)
        colour_map = choose_button(
            "Colours", {name: name.capitalize() for name in COLOUR_MAPS}, "colours", default="viridis"
        )
        alone = st.toggle("The map alone, without the picture", key="alone", bind="query-params")
    outline = known_lesion and st.toggle(
        "Outline of the true lesion over the map", value=True, key="outline", bind="query-params",
        help="The lesion was drawn, so its border is known exactly. The model does not see the line.",
    )  # fmt: skip
    chosen = None if class_name == PREDICTED else class_name
    several = tuple(beside) if len(beside) > 1 else ()
    return Look(chosen, method, opacity / 100, colour_map, several, other, outline, alone)


def method_label(name: str) -> str:
    """A method as lists and links name it; the slow ones say so."""
    method = METHODS[name]
    return method.label if method.fast else f"{method.label} (slow)"


def _choose_other(checkpoint: Checkpoint) -> Checkpoint | None:
    others = other_checkpoints(checkpoint)
    if not others:
        st.caption("To ask a second model the same, put its folder beside the first one in `checkpoints/`.")
        return None
    return others.get(choose("Second model", [NO_OTHER, *others], "second"))


def show_pictures(case: Case, look: Look) -> AttentionMap | None:
    """What the model saw and the overlay with its scale, side by side on a phone too; the map, where there is one."""
    left, right = st.columns(2, gap="small", wrap=False)
    with left:
        shown = f"{CAPTION if case.photo.drawn else 'what the model saw'} {size_words(case.answer.prepared)}"
        show_picture(case.answer.prepared, f"Model input: {shown}", f"Model input of {case.photo.name}")
    with right:
        attended = _attend(case, look, look.method, "panels")
        if attended is None:
            return None
        named = class_with_probability(case.card, case.answer, attended.class_index)
        alt = f"Attention map for {named} laid over the model input"
        show_map(case.answer.prepared, attended, f"Where it looked: {named}", alt, look, look.mask(case))
        if attended.status == "ok":
            _show_scale(attended, look.colour_map)
    return attended


PLAIN = Look(None, DEFAULT_METHOD, 0.7, "viridis", (), None)
"""How maps are shown where nothing is asked."""


def show_map(
    pixels: RGB, attended: AttentionMap, title: str, alt: str, look: Look = PLAIN, mask: Mask | None = None
) -> None:
    """A map laid over a picture, uint8 ``[S, S, 3]``, with the outline of a mask; in words where it shows nothing."""
    if attended.status == "ok":
        show_picture(laid_over(pixels, attended, look, mask), title, alt)
    else:
        st.info(f"**{title}.** {STATUS_SENTENCES[attended.status]}", icon=":material/visibility_off:")


def laid_over(pixels: RGB, attended: AttentionMap, look: Look, mask: Mask | None) -> RGB:
    """A map over a picture, uint8 ``[S, S, 3]``, or alone, as asked, with the outline of a mask bool ``[S, S]``."""
    mixed = overlay(pixels, attended, 1 if look.alone else look.opacity, look.colour_map, follow=not look.alone)
    return mixed if mask is None else outlined(mixed, mask)


def show_caption(case: Case, look: Look) -> None:
    """What the pictures show, and the files to keep; nothing where there is no map, or none yet."""
    if not is_ready(look.method):
        return
    attended = case.attention(look.index(case), look.method)
    if attended.status == "unavailable":  # the picture's place says so
        return
    st.caption(f"{caption_of(case, attended)} · {attended.seconds:.2f} s", help=_about(attended))
    stem = file_stem(case.photo.name, case.checkpoint.name, case.answer, attended)
    with st.container(horizontal=True):
        for label, write, ending in (("Slide (PNG)", slide_png, "slide"), ("Overlay (PNG)", overlay_png, "overlay")):
            st.download_button(
                label, partial(write, case, attended, look), f"{stem}-{ending}.png", "image/png",
                key=f"{ending} {case.checkpoint.name}", on_click="ignore", icon=":material/download:",
                disabled=attended.status != "ok",
            )  # fmt: skip
        st.download_button(
            "Raw map (NPY)", partial(raw_map, attended), f"{stem}-map.npy", "application/octet-stream",
            key=f"raw {case.checkpoint.name}", on_click="ignore", icon=":material/download:",
        )  # fmt: skip


def caption_of(case: Case, attended: AttentionMap) -> str:
    """Where a map comes from: model, method, class, layer."""
    named = class_with_probability(case.card, case.answer, attended.class_index)
    parts = (escaped(case.checkpoint.name), METHODS[attended.method].label, named, f"layer {attended.layer}")
    return " · ".join(parts)


def show_two_models(case: Case, other: Case, look: Look) -> None:
    """The maps of two models for the same class, and what the second adds (orange) or leaves out (blue)."""
    index = look.index(case)
    name = case.card.classes[case.answer.index if index is None else index]
    if name not in other.card.classes:
        st.info(f"{escaped(other.checkpoint.name)} knows no class {escaped(name)}, so there is no map to compare.")
        return
    if not is_ready(look.method):
        return
    first = case.attention(case.card.classes.index(name), look.method)
    second = other.attention(other.card.classes.index(name), look.method)
    pixels = case.answer.prepared
    *places, last = st.columns(3, gap="small", wrap=False)
    for place, one, of in zip(places, (case, other), (first, second), strict=True):
        with place:
            named = class_with_probability(one.card, one.answer, of.class_index)
            title = f"{escaped(one.checkpoint.name)}: {named}"
            show_map(pixels, of, title, f"Map of {one.checkpoint.name} for {named}", look, look.mask(case))
    with last:
        show_picture(difference_picture(pixels, first, second), "Difference of the two maps", "Difference of the maps")
    st.caption(
        f"{METHODS[look.method].label}, each map divided by its maximum. Orange: more with {escaped(other.checkpoint.name)}; "
        f"blue: more with {escaped(case.checkpoint.name)}."
    )


def difference_picture(pixels: RGB, first: AttentionMap, second: AttentionMap) -> RGB:
    """The second map minus the first, each divided by its maximum, over a grey picture uint8 ``[S, S, 3]``: orange where the
    second is higher, blue where it is lower. A map that shows nothing counts as 0."""
    height, width = pixels.shape[:2]
    one, other = (
        enlarge(of.normalised, height, width) if of.status == "ok" else np.zeros((height, width), np.float32)
        for of in (first, second)
    )
    change = (other - one)[..., None]
    grey = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    colour = np.where(change > 0, np.array([213, 94, 0]), np.array([0, 114, 178]))
    return np.rint(grey + np.clip(np.abs(change), 0, 1) * (colour - grey)).astype(np.uint8)


def picture_row(key: str) -> DeltaGenerator:
    """A container whose columns stand side by side on a phone, too; ``key`` names it on the page."""
    st.html(
        "<style>@media (max-width: 640px) {"
        f'.st-key-{key} [data-testid="stColumn"] {{ min-width: 0; flex: 1 1 0; }}'
        f'.st-key-{key} [data-testid="stHorizontalBlock"] {{ flex-wrap: nowrap; gap: 0.4rem; }}'
        "}</style>"
    )
    return st.container(key=key)


def show_answers(card: Card, key: str, shown: Sequence[tuple[str, str, RGB, Prediction]]) -> None:
    """Pictures in a row, each with title, text alternative and answer, which has a sign where it is not that of the first."""
    with picture_row(key):
        places = st.columns(len(shown))
    for place, (title, alt, pixels, answer) in zip(places, shown, strict=True):
        with place:
            show_picture(pixels, title, alt)
            sign = "" if answer.index == shown[0][3].index else ":material/swap_horiz: "
            st.markdown(f"{sign}**{class_with_probability(card, answer)}**")


def drift_sentence(card: Card, clean: Prediction, moved: Drift, first: str = "clean") -> str:
    """How far the map of the ``first`` answer moved, and how much of it stayed on the lesion, where that is known."""
    words = escaped(card.words[clean.diagnosis])
    if math.isnan(moved.rank_correlation):
        return f"One of the two maps for {words} shows nothing, so its drift is not known."
    said = f"Rank correlation with the {first} map for {words}: **{moved.rank_correlation:.2f}**".replace("-", "−")
    before, after = moved.energy_before, moved.energy_after
    if math.isnan(before) or math.isnan(after):
        return f"{said} (1 is no drift)."
    return f"{said} (1 is no drift). On the lesion: {percent(before)} before, **{percent(after)}** after."


def show_side_by_side(case: Case, look: Look) -> None:
    """The overlay of each method of ``look.beside`` for the same class."""
    with picture_row("methods-beside"):
        places = st.columns(len(look.beside))
    for column, method in zip(places, look.beside, strict=True):
        with column:
            attended = _attend(case, look, method, "beside")
            if attended is None:
                continue
            named, label = class_with_probability(case.card, case.answer, attended.class_index), METHODS[method].label
            title, alt = f"{label} · {named}", f"{label} map for {named} laid over the model input"
            show_map(case.answer.prepared, attended, title, alt, look, look.mask(case))
            st.caption(f"layer {attended.layer} · {attended.seconds:.2f} s", help=_about(attended))


def _attend(case: Case, look: Look, method: str, place: str) -> AttentionMap | None:
    """The map asked for; None while a slow method waits for the user's word."""
    row = METHODS[method]
    if case.card.attention_layer and not is_ready(method):
        channels = map_channels(case.checkpoint) if method in _ONE_FORWARD_PER_CHANNEL else 0
        st.info(slow_sentence(method, channels, case.attention().seconds), icon=":material/hourglass:")
        if not st.button(f"Compute {row.label}", key=f"start {place} {case.checkpoint.name} {method}", type="primary"):
            return None
        st.session_state[_SLOW_METHODS].add(method)
    with st.spinner(f"{row.label} is being computed …", show_time=not row.fast):
        bar = st.empty()
        attended = case.attention(look.index(case), method, bar.progress)
        bar.empty()
    return attended


def slow_sentence(method: str, channels: int, one: float) -> str:
    """What a slow method costs, said before it starts.

    Args:
        channels: of the layer, each of which costs a forward; 0 where the method does not go through them.
        one: seconds of the usual map, which is about one forward.
    """
    label = METHODS[method].label
    if channels:
        seconds = channels * one
        time = (
            "a second" if seconds < 1.5 else f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
        )
        return (
            f"{label} runs the model once for each of the {channels:,} channels of the layer. That takes about {time}, as one "
            f"map took {one:.2f} s here; longer on busy cores."
        )
    return f"{label} works on a private copy of the model: a few seconds, longer on busy cores."


def is_ready(method: str) -> bool:
    """Whether a method is fast, or a slow one that the user has asked for."""
    return METHODS[method].fast or method in st.session_state.setdefault(_SLOW_METHODS, set())


def _about(attended: AttentionMap) -> str:
    row = METHODS[attended.method]
    same = "" if row.class_specific else " The map is the same for every class."
    return f"{row.label}: {row.about}{same} ({row.source}.) It shows what raised the score, not why."


def _show_scale(attended: AttentionMap, colour_map: str) -> None:
    """The colours from no evidence to the highest attention, with the raw value there."""
    highest = f"{attended.raw.max():.3g}"
    st.html(
        f'<div role="img" aria-label="Scale from 0 to {highest}" style="height:0.7rem;'
        f'border-radius:0.35rem;background:linear-gradient(90deg,{",".join(COLOUR_MAPS[colour_map])})"></div>'
        '<div style="display:flex;justify-content:space-between;font-size:0.8rem;opacity:0.8">'
        f"<span>no evidence</span><span>highest ({highest})</span></div>"
    )


def overlay_png(case: Case, attended: AttentionMap, look: Look) -> bytes:
    """The overlay as shown, as the bytes of a PNG file."""
    return png(laid_over(case.answer.prepared, attended, look, look.mask(case)))


_SLIDE, _MARGIN, _TOP = (1920, 1080), 80, 230


def slide_png(case: Case, attended: AttentionMap, look: Look) -> bytes:
    """Model input and overlay at the size of a slide, with answer, caption, source and date, as the bytes of a PNG file."""
    slide = Image.new("RGB", _SLIDE, "white")
    words, side = ImageDraw.Draw(slide), 720
    pictures = (case.answer.prepared, laid_over(case.answer.prepared, attended, look, look.mask(case)))
    for place, pixels in enumerate(pictures):
        large = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
        slide.paste(large, (_SLIDE[0] // 2 - side - 20 + place * (side + 40), _TOP))
    plain = case.card.words[case.answer.diagnosis]
    photo = " · ".join(
        part for part in (case.photo.name, case.photo.credit or (CAPTION if case.photo.drawn else "")) if part
    )
    lines = {
        _MARGIN - 20: (f"The model says {plain} ({percent(case.answer.confidence)})", 56),
        _MARGIN + 60: (re.sub(r"\\(.)", r"\1", caption_of(case, attended)), 30),
        _TOP + side + 24: (f"{photo} · {date.today().isoformat()}", 30),
        _TOP + side + 68: (REMINDER, 26),
    }
    for top, (text, size) in lines.items():
        words.text((_MARGIN, top), text, fill="#1A2B30", font=ImageFont.load_default(size))
    return png(np.asarray(slide))


def raw_map(attended: AttentionMap) -> bytes:
    """The raw map, float32 ``[h, w]``, as the bytes of an NPY file."""
    file = io.BytesIO()
    np.save(file, attended.raw)
    return file.getvalue()
