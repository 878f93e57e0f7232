"""Widget: the parts of the reports page — one report, the ledger of all claims, the calculator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from dermaviz.app.frame import choose_part
from dermaviz.app.reports.calculator import show_calculator
from dermaviz.app.reports.claims import show_ledger
from dermaviz.app.reports.report import show_report

PARTS: Mapping[str, Callable[[], None]] = MappingProxyType(
    {"One report": show_report, "All claims": show_ledger, "Calculator": show_calculator}
)


def show() -> None:
    """The part of the page that is chosen."""
    choose_part(PARTS)()
