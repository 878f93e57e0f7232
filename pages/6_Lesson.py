"""Lesson: eight steps for a class of forty in 45 minutes; predict first, then reveal."""

from __future__ import annotations

from dermaviz.app.frame import show_page

show_page("Lesson")
