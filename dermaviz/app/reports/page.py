"""Widget: the parts of the reports page — one report, the ledger of all claims, the calculator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import streamlit as st

from dermaviz.app.reports.calculator import show_calculator
from dermaviz.app.reports.claims import show_ledger
from dermaviz.app.reports.report import show_report

PARTS: Mapping[str, Callable[[], None]] = MappingProxyType(
    {"One report": show_report, "All claims": show_ledger, "Calculator": show_calculator}
)


def choose_part() -> Callable[[], None]:
    """Ask which part to show."""
    part = st.segmented_control(
        "Part of the page", tuple(PARTS), default="One report", required=True, key="part", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return PARTS[part]
