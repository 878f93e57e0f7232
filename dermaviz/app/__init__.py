"""The app's own room: page frame, caches, state and shared widgets. Only here and in the pages is Streamlit known."""

from __future__ import annotations
