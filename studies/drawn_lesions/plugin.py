"""What the study of how real drawn lesions look adds to the library: `dermaviz data compare`."""

from __future__ import annotations

from dermaviz.plugins import add


def register() -> None:
    """Called once by ``dermaviz.plugins``."""
    add("command", "data compare", "studies.drawn_lesions.cli:compare")
