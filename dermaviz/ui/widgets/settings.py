"""Widget: how to look — checkpoint, class, method and opacity in sight, comparisons and colours folded away."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dermaviz.explain.methods import DEFAULT_METHOD, METHODS
from dermaviz.explain.overlay import COLOUR_MAPS
from dermaviz.ui.resources import Checkpoint
from dermaviz.ui.wording import class_label

PREDICTED = "predicted class"
NO_OTHER = "none"
MOST_BESIDE = 4


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


def choose_checkpoint(checkpoints: dict[str, Checkpoint]) -> Checkpoint:
    """Ask for a checkpoint where there is a choice."""
    if len(checkpoints) == 1:
        return next(iter(checkpoints.values()))
    name = st.selectbox("Checkpoint", checkpoints, key="checkpoint", bind="query-params")
    return checkpoints[name]


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
        beside, other, colour_map = _choose_more(checkpoint, checkpoints)
    outline = known_lesion and st.toggle(
        "Outline of the true lesion over the map", value=True, key="outline", bind="query-params",
        help="The lesion was drawn, so its border is known exactly. The model does not see the line.",
    )  # fmt: skip
    chosen = None if class_name == PREDICTED else class_name
    return Look(chosen, method, opacity / 100, colour_map, beside, other, outline)


def method_label(name: str) -> str:
    """A method as lists and links name it; the slow ones say so."""
    method = METHODS[name]
    return method.label if method.fast else f"{method.label} (slow)"


def _choose_more(
    checkpoint: Checkpoint, checkpoints: dict[str, Checkpoint]
) -> tuple[tuple[str, ...], Checkpoint | None, str]:
    beside = st.multiselect(
        "Methods side by side (2 to 4)", METHODS, format_func=method_label, max_selections=MOST_BESIDE, key="beside",
        bind="query-params", placeholder="Choose methods to compare",
    )  # fmt: skip
    if len(beside) == 1:
        st.caption("Choose at least one more method to compare.")
    others = [name for name in checkpoints if name != checkpoint.name]
    other = NO_OTHER
    if others:
        other = st.selectbox("Second checkpoint", [NO_OTHER, *others], key="second", bind="query-params")
    else:
        st.caption("To ask a second checkpoint the same, put its folder beside the first one in `checkpoints/`.")
    colour_map = st.segmented_control(
        "Colours", tuple(COLOUR_MAPS), default="viridis", required=True, format_func=str.capitalize, key="colours",
        bind="query-params",
    )  # fmt: skip
    return tuple(beside) if len(beside) > 1 else (), checkpoints.get(other), colour_map
