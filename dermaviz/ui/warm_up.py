"""What pages need and a fresh server has not loaded: it is imported while the first visitor reads the first page."""

from __future__ import annotations

import threading
from importlib import import_module

import streamlit as st

HEAVY = ("scipy.stats", "scipy.optimize", "dermaviz.evaluation.calibration")
"""What takes the pages with evidence a second or two to import, the first time that a server shows one. No torch."""


@st.cache_resource(show_spinner=False)
def import_ahead() -> threading.Thread:
    """Import :data:`HEAVY` in the background, once for a server; a page that needs one sooner waits for it as ever."""
    thread = threading.Thread(target=_import_all, name="import ahead", daemon=True)
    thread.start()
    return thread


def _import_all() -> None:
    for name in HEAVY:
        import_module(name)
