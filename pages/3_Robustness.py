"""Robustness: one photo attacked live, and the test set under attacks, noise and corruptions."""

from __future__ import annotations

from dermaviz.app.frame import show_page

show_page("Robustness")
