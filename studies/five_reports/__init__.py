"""The reports' experiments — one recipe for each row of their tables, run at a budget, kept as results.

``claims`` holds what the reports say against those results."""

from __future__ import annotations
