"""Widget: one picture, exactly as it is."""

from __future__ import annotations

import io

import streamlit as st
from PIL import Image

from dermaviz.types import RGB


def show_picture(pixels: RGB, caption: str, alt: str) -> None:
    """Pixels exactly as they are: PNG, since JPEG would change them."""
    st.image(_png(pixels), caption=caption, width="stretch", output_format="PNG", alt=alt)


def _png(pixels: RGB) -> bytes:
    """Lightly compressed: Streamlit's own encoding takes five times as long, while somebody holds a slider."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()
