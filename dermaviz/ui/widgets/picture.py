"""Widget: one picture, exactly as it is."""

from __future__ import annotations

import streamlit as st

from dermaviz.types import RGB


def show_picture(pixels: RGB, caption: str, alt: str) -> None:
    """Pixels exactly as they are: PNG, since JPEG would change them."""
    st.image(pixels, caption=caption, width="stretch", output_format="PNG", alt=alt)
