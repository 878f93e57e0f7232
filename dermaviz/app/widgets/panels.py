"""Attention panels: what the model saw, the map of a class, and both laid over each other, with captions and downloads."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from dermaviz.app.case import Case
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.text import STATUS_SENTENCES, class_label, class_with_probability, escaped, file_stem
from dermaviz.app.widgets.chart import show_picture
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS, AttentionMap
from dermaviz.attention.overlay import COLOUR_MAPS, outlined, overlay
from dermaviz.images import RGB
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
    border of the lesion over the maps, where it is known.
    """

    class_name: str | None
    method: str
    opacity: float
    colour_map: str
    beside: tuple[str, ...]
    other: Checkpoint | None
    outline: bool = False

    def mask(self, case: Case) -> Mask | None:
        """The lesion to outline, bool ``[S, S]``; None where it is unknown, or no outline is wanted."""
        return case.true_mask() if self.outline else None

    def index(self, case: Case) -> int | None:
        """The class as the case's checkpoint counts it; None, for the predicted one, where it has no such class."""
        return case.card.classes.index(self.class_name) if self.class_name in case.card.classes else None


def choose_look(checkpoint: Checkpoint, checkpoints: dict[str, Checkpoint], *, known_lesion: bool = False) -> Look:
    """Ask how to look, in one row, with what is rarely changed folded below it; where the lesion is known, its outline."""
    left, middle, right = st.columns(3)
    class_name = left.selectbox(
        "Class to explain", (PREDICTED, *checkpoint.card.classes),
        format_func=lambda name: name if name == PREDICTED else class_label(checkpoint.card, name),
        key="class", bind="query-params",
    )  # fmt: skip
    method = middle.selectbox(
        "Attention method", METHODS, index=list(METHODS).index(DEFAULT_METHOD), format_func=method_label, key="method",
        bind="query-params",
    )  # fmt: skip
    opacity = right.slider("Overlay opacity", 0, 100, 50, 5, format="%d%%", key="opacity", bind="query-params")
    with st.expander("More settings: side by side, second checkpoint, colours"):
        beside = st.multiselect(
            "Methods side by side (2 to 4)", METHODS, format_func=method_label, max_selections=MOST_BESIDE, key="beside",
            bind="query-params", placeholder="Choose methods to compare",
        )  # fmt: skip
        if len(beside) == 1:
            st.caption("Choose at least one more method to compare.")
        other = _choose_other(checkpoint, checkpoints)
        colour_map = st.segmented_control(
            "Colours", tuple(COLOUR_MAPS), default="viridis", required=True, format_func=str.capitalize, key="colours",
            bind="query-params",
        )  # fmt: skip
    outline = known_lesion and st.toggle(
        "Outline of the true lesion over the map", value=True, key="outline", bind="query-params",
        help="The lesion was drawn, so its border is known exactly. The model does not see the line.",
    )  # fmt: skip
    chosen = None if class_name == PREDICTED else class_name
    several = tuple(beside) if len(beside) > 1 else ()
    return Look(chosen, method, opacity / 100, colour_map, several, other, outline)


def method_label(name: str) -> str:
    """A method as lists and links name it; the slow ones say so."""
    method = METHODS[name]
    return method.label if method.fast else f"{method.label} (slow)"


def _choose_other(checkpoint: Checkpoint, checkpoints: dict[str, Checkpoint]) -> Checkpoint | None:
    others = [name for name in checkpoints if name != checkpoint.name]
    if not others:
        st.caption("To ask a second checkpoint the same, put its folder beside the first one in `checkpoints/`.")
        return None
    return checkpoints.get(st.selectbox("Second checkpoint", [NO_OTHER, *others], key="second", bind="query-params"))


def show_panels(case: Case, look: Look) -> None:
    """The three panels of one photo, checkpoint and method, their caption and downloads."""
    show_pictures(case, look)
    show_caption(case, look)


def show_pictures(case: Case, look: Look, *, narrow: bool = False) -> None:
    """What the model saw, the attention map and the overlay; in a ``narrow`` place the map is shown in the overlay only."""
    places = iter(st.columns(2 if narrow else 3))
    with next(places):
        shown = CAPTION if case.photo.drawn else "what the model saw"
        show_picture(case.answer.prepared, f"Model input: {shown}", f"Model input of {case.photo.name}")
    attended = _attend(case, look, look.method, "panels")
    if attended is None:
        return
    named = class_with_probability(case.card, case.answer, attended.class_index)
    if not narrow or attended.status != "ok":
        with next(places):
            title, alt = f"Attention map · {named}", f"Attention map for {named}"
            show_map(case.answer.prepared, attended, title, alt, 1, look.colour_map, look.mask(case))
            if attended.status != "ok":
                return
            _show_scale(attended, look.colour_map)
    with next(places):
        alt = f"Attention map for {named} laid over the model input"
        show_map(
            case.answer.prepared, attended, f"Overlay · {named}", alt, look.opacity, look.colour_map, look.mask(case)
        )
        if narrow:
            _show_scale(attended, look.colour_map)


def show_map(
    pixels: RGB,
    attended: AttentionMap,
    title: str,
    alt: str,
    opacity: float = 0.5,
    colour_map: str = "viridis",
    mask: Mask | None = None,
) -> None:
    """A map laid over a picture, uint8 ``[S, S, 3]``, with the outline of a mask; in words where it shows nothing."""
    if attended.status == "ok":
        show_picture(laid_over(pixels, attended, opacity, colour_map, mask), title, alt)
    else:
        st.info(f"**{title}.** {STATUS_SENTENCES[attended.status]}", icon=":material/visibility_off:")


def laid_over(pixels: RGB, attended: AttentionMap, opacity: float, colour_map: str, mask: Mask | None) -> RGB:
    """A map over a picture, uint8 ``[S, S, 3]``, at an opacity in [0, 1], with the outline of a mask bool ``[S, S]``."""
    mixed = overlay(pixels, attended, opacity, colour_map)
    return mixed if mask is None else outlined(mixed, mask)


def show_caption(case: Case, look: Look) -> None:
    """What the pictures show, and the files to keep; nothing where there is no map yet."""
    if not _is_ready(look.method):
        return
    attended = case.attention(look.index(case), look.method)
    named = class_with_probability(case.card, case.answer, attended.class_index)
    parts = (escaped(case.checkpoint.name), METHODS[look.method].label, named, f"layer {attended.layer}")
    st.caption(f"{' · '.join(parts)} · {attended.seconds:.2f} s", help=_about(attended))
    stem = file_stem(case.photo.name, case.checkpoint.name, case.answer, attended)
    with st.container(horizontal=True):
        st.download_button(
            "Overlay (PNG)", partial(overlay_png, case, attended, look), f"{stem}-overlay.png", "image/png",
            key=f"overlay {case.checkpoint.name}", on_click="ignore", icon=":material/download:",
            disabled=attended.status != "ok",
        )  # fmt: skip
        st.download_button(
            "Raw map (NPY)", partial(raw_map, attended), f"{stem}-map.npy", "application/octet-stream",
            key=f"raw {case.checkpoint.name}", on_click="ignore", icon=":material/download:",
        )  # fmt: skip


def show_side_by_side(case: Case, look: Look) -> None:
    """The overlay of each method of ``look.beside`` for the same class."""
    for column, method in zip(st.columns(len(look.beside)), look.beside, strict=True):
        with column:
            attended = _attend(case, look, method, "beside")
            if attended is None:
                continue
            named, label = class_with_probability(case.card, case.answer, attended.class_index), METHODS[method].label
            title, alt = f"{label} · {named}", f"{label} map for {named} laid over the model input"
            show_map(case.answer.prepared, attended, title, alt, look.opacity, look.colour_map, look.mask(case))
            st.caption(f"layer {attended.layer} · {attended.seconds:.2f} s", help=_about(attended))


def _attend(case: Case, look: Look, method: str, place: str) -> AttentionMap | None:
    """The map asked for; None while a slow method waits for the user's word."""
    row = METHODS[method]
    if not _is_ready(method):
        st.info(slow_sentence(method), icon=":material/hourglass:")
        if not st.button(f"Compute {row.label}", key=f"start {place} {case.checkpoint.name} {method}", type="primary"):
            return None
        st.session_state[_SLOW_METHODS].add(method)
    with st.spinner(f"{row.label} is being computed …", show_time=not row.fast):
        return case.attention(look.index(case), method)


def slow_sentence(method: str) -> str:
    """What a slow method costs, said before it starts."""
    label = METHODS[method].label
    if method in _ONE_FORWARD_PER_CHANNEL:
        return (
            f"{label} runs the model once for each channel of the layer (1,280 for the default model): about half a minute "
            "on two free cores, longer on busy ones."
        )
    return f"{label} works on a private copy of the model: a few seconds, longer on busy cores."


def _is_ready(method: str) -> bool:
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
        f"<span>0: no evidence</span><span>highest attention ({highest})</span></div>"
    )


def overlay_png(case: Case, attended: AttentionMap, look: Look) -> bytes:
    """The overlay as shown, as the bytes of a PNG file."""
    file = io.BytesIO()
    mixed = laid_over(case.answer.prepared, attended, look.opacity, look.colour_map, look.mask(case))
    Image.fromarray(mixed).save(file, "PNG")
    return file.getvalue()


def raw_map(attended: AttentionMap) -> bytes:
    """The raw map, float32 ``[h, w]``, as the bytes of an NPY file."""
    file = io.BytesIO()
    np.save(file, attended.raw)
    return file.getvalue()
