"""Skin tone: for whom the model fails, and whether it is right for the right reason."""

from __future__ import annotations

from dermaviz.app.frame import show_page

show_page("Skin tone")
