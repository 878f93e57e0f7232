"""Widget: photo by photo — the lesion's outline, the attention map, right or wrong, and whether it looked at the lesion."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dermaviz.explain.methods import DEFAULT_METHOD, METHODS
from dermaviz.explain.outline import outlined
from dermaviz.explain.overlay import overlay
from dermaviz.ui.answers import ask
from dermaviz.ui.resources import Checkpoint
from dermaviz.ui.skin_tone.own_images import Examined, Found, Labelled
from dermaviz.ui.skin_tone.own_images_wording import outlines_sentence, photo_sentences, plain
from dermaviz.ui.widgets.picture import show_picture
from dermaviz.ui.wording import STATUS_SENTENCES, class_with_probability

PER_ROW, ROWS = 3, 3
_GALLERY = "own-gallery"
_PHONE_LOOK = f"""<style>
@media (max-width: 640px) {{
  .st-key-{_GALLERY} [data-testid="stColumn"] [data-testid="stColumn"] {{ min-width: 0; flex: 1 1 calc(50% - 0.5rem); }}
}}
</style>"""
"""On a phone, a photo and its map stay side by side."""
_OPACITY, _COLOURS = 0.5, "viridis"
_WHICH = {
    "all": lambda photos: photos,
    "wrong": lambda photos: photos[~photos["right"]],
    "right, but not looking at the lesion": lambda photos: photos[photos["flagged"]],
}


def show_gallery(found: Found, photos: pd.DataFrame, checkpoint: Checkpoint) -> None:
    """A page of the photos of a table, whose index is their place among those found."""
    st.subheader("Photo by photo", anchor=False)
    which = st.segmented_control(
        "Which photos", tuple(_WHICH), default="all", required=True, key="own_which", bind="query-params",
        format_func=lambda name: f"{name[0].upper()}{name[1:]} ({len(_WHICH[name](photos))})", label_visibility="collapsed",
    )  # fmt: skip
    shown = _WHICH[which](photos)
    if shown.empty:
        st.info(f"No photo is {which}." if which != "all" else "There are no photos.")
        return
    shown = _page(shown)
    st.html(_PHONE_LOOK)
    with st.container(key=_GALLERY):
        for first in range(0, len(shown), PER_ROW):
            for place, (index, row) in zip(
                st.columns(PER_ROW), shown.iloc[first : first + PER_ROW].iterrows(), strict=False
            ):
                with place.container(border=True, height="stretch"):
                    _show_photo(found.labelled[index], found.examined[index], row, checkpoint)
    st.caption(
        f"{checkpoint.name} · {METHODS[DEFAULT_METHOD].label} of the predicted class · layer {checkpoint.card.attention_layer}. "
        f"{outlines_sentence(photos)}"
    )


def _page(photos: pd.DataFrame) -> pd.DataFrame:
    """Those of the page that the user has turned to."""
    each = PER_ROW * ROWS
    if len(photos) <= each:
        return photos
    at = st.pagination(-(-len(photos) // each), max_visible_pages=5, key="own_page")
    return photos.iloc[(at - 1) * each : at * each]


def _show_photo(labelled: Labelled, seen: Examined, row: pd.Series, checkpoint: Checkpoint) -> None:
    """What the model saw with the lesion's outline, its map, and what was found, a line each."""
    photo, attended = labelled.photo, seen.attention
    pixels = ask(photo, checkpoint).prepared
    named = class_with_probability(checkpoint.card, seen.prediction, seen.prediction.index)
    left, right = st.columns(2)
    with left:
        shown = f"{'drawn, ' if photo.drawn else ''}{seen.lesion.source} outline"
        show_picture(
            outlined(pixels, seen.lesion.mask), shown, f"{photo.name} as the model sees it, the lesion outlined"
        )
    with right:
        if attended is not None and attended.status == "ok":
            mixed = outlined(overlay(pixels, attended, _OPACITY, _COLOURS), seen.lesion.mask)
            show_picture(mixed, f"Map for {named}", f"Attention map of {photo.name} for {named}")
        else:
            st.info(STATUS_SENTENCES[attended.status] if attended else "This model gives no attention map.")
    st.markdown("  \n".join([f"**{plain(photo.name)}**", *photo_sentences(checkpoint.card, labelled, seen, row)]))
