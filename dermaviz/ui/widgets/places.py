"""Widget: where on the page things go — a photo beside its diagnosis, or a drawing beside its sliders."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

_LIVE_LOOK = """<style>
@media (min-width: 641px) {
  .st-key-drawing-room > [data-testid="stHorizontalBlock"] > [data-testid="stColumn"]:first-child {
    position: sticky; top: 3.75rem; align-self: flex-start;
  }
}
@media (max-width: 640px) {
  .st-key-drawing-room [data-testid="stColumn"]:first-child,
  .st-key-drawing-room [data-testid="stColumn"]:first-child > [data-testid="stVerticalBlock"] { display: contents; }
  .st-key-drawing-room > [data-testid="stHorizontalBlock"] > * { width: 100%; flex: 1 1 100%; }
  *:has(> .st-key-live) { position: sticky; top: 3.75rem; z-index: 99; background: PAPER; padding-bottom: 0.4rem; }
  .st-key-live [data-testid="stHorizontalBlock"] { flex-wrap: nowrap; }
  .st-key-live [data-testid="stColumn"] { min-width: 0; display: block !important; }
}
</style>"""
"""The pictures stay in sight while sliders farther down are moved; on a phone they stand side by side on top."""


@dataclass(frozen=True)
class Places:
    """Containers: ``wide`` over all others, then for what is asked of the user, what the model says, how to look at the
    pictures, the pictures, and what comes below them."""

    wide: DeltaGenerator
    asking: DeltaGenerator
    saying: DeltaGenerator
    looking: DeltaGenerator
    pictures: DeltaGenerator
    below: DeltaGenerator


def beside_the_diagnosis() -> Places:
    """Questions left, diagnosis right, the pictures under both over the whole width."""
    wide = st.container()
    asking, saying = st.columns([5, 8], gap="large")
    looking, pictures = st.container(), st.container()
    return Places(wide, asking, saying, looking, pictures, pictures)


def beside_the_sliders() -> Places:
    """Pictures and diagnosis left, sliders right, so that the effect of a slider is in sight while it moves."""
    paper = st.get_option(f"theme.{st.context.theme.type or 'light'}.backgroundColor")
    st.html(_LIVE_LOOK.replace("PAPER", paper))
    wide = st.container()
    with st.container(key="drawing-room"):
        left, asking = st.columns([8, 5], gap="large")
    pictures = left.container(key="live")
    saying = left.container()
    looking = st.container()
    return Places(wide, asking, saying, looking, pictures, looking)
