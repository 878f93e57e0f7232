"""Confusion: which diagnoses the model mistakes for which, and the photos behind every count."""

from __future__ import annotations

from dermaviz.app.frame import show_page

show_page("Confusion")
