"""What the study of five reports adds to the library: its networks, its two-class tasks, `dermaviz reproduce`."""

from __future__ import annotations

from dermaviz.plugins import add


def register() -> None:
    """Called once by ``dermaviz.plugins``."""
    add("networks", "five_reports", "studies.five_reports.networks:FAMILY")
    add("task", "malignant", "studies.five_reports.tasks:MALIGNANT")
    add("task", "melanoma", "studies.five_reports.tasks:MELANOMA")
    add("task", "keratosis", "studies.five_reports.tasks:KERATOSIS")
    add("command", "reproduce", "studies.five_reports.cli:reproduce")
