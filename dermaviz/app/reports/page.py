"""The Reports page: what was learnt, one report, all claims, and the calculator."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from dermaviz.app.frame import choose_part
from dermaviz.app.reports.calculator import show_calculator
from dermaviz.app.reports.claims import show_all, show_learnt
from dermaviz.app.reports.one_report import show_report

LEARNT, ONE = "What was learnt", "One report"
_PARTS: Mapping[str, Callable[[], None]] = {
    LEARNT: show_learnt,
    ONE: show_report,
    "All claims": show_all,
    "Calculator": show_calculator,
}


def show() -> None:
    """The part of the page that is chosen; a link to a report that names no part leads to the report."""
    of_a_report = any(name in ("report", "look", "outcome") for name in st.query_params)
    choose_part(_PARTS, ONE if of_a_report else LEARNT)()
