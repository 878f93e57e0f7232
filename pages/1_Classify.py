"""Classify: a photo, its diagnosis, and where the model looked."""

from __future__ import annotations

from dermaviz.app.frame import show_page

show_page("Classify")
