"""The Reports page: one report (its claims beside ours, its questions, its runs, its own figures), all claims, the calculator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import streamlit as st

from dermaviz.app.frame import choose_part, sentence_for_errors
from dermaviz.app.reports.calculator import show_calculator
from dermaviz.app.reports.claims import show_all, show_beside
from dermaviz.app.reports.questions import show_questions
from dermaviz.app.reports.results import Page, Report, read_page, table_of
from dermaviz.app.reports.runs import show_run

_OUTCOMES = {"does not hold": "Does not hold", "cannot be said": "Cannot be said", "holds": "Holds"}


def show() -> None:
    """The part of the page that is chosen."""
    choose_part(_PARTS)()


def _show_report() -> None:
    """Choose a report and see it."""
    page = read_page()
    reports = {report.name: report for report in page.reports}
    asking, saying = st.columns([6, 7], gap="large")
    with asking:
        name = st.selectbox(
            "Report", reports, format_func=lambda key: reports[key].label, key="report", bind="query-params"
        )
        report = reports[name]
        st.markdown(f"**{report.title}** · {report.authors}")
        st.markdown("\n".join(f"- {line}" for line in report.did))
    with saying:
        st.subheader("What became of its claims?", anchor=False)
        if note := report.note or page.stale:
            st.info(note, icon=":material/info:")
        if report.verdicts and not page.stale:
            table = table_of(report.verdicts).rename(columns={"means": "which means"})
            st.table(table, border="horizontal", hide_index=True)
        st.markdown(report.checks)
    for look, tab in zip(_LOOKS, st.tabs(tuple(_LOOKS), key="look", bind="query-params"), strict=True):
        if tab.open:
            with tab, sentence_for_errors():
                _LOOKS[look](page, report)


def _show_findings(_page: Page, report: Report) -> None:
    """The checks with one outcome, by kind, each in its sentence."""
    st.markdown(report.checks)
    outcome = st.segmented_control(
        "Checks", tuple(_OUTCOMES), default="does not hold", required=True, key="outcome", bind="query-params",
        format_func=_OUTCOMES.__getitem__, label_visibility="collapsed",
    )  # fmt: skip
    found = report.findings[outcome]
    for place, (kind, lines) in enumerate(found.items()):
        with st.expander(f"{kind[0].upper()}{kind[1:]}: {len(lines)}", expanded=place == 0):
            st.markdown("\n".join(f"- {line}" for line in lines))
    if not found:
        st.markdown("None.")


_LOOKS: Mapping[str, Callable[[Page, Report], None]] = MappingProxyType(
    {
        "Beside ours": show_beside,
        "What it asks": show_questions,
        "One run": lambda _, report: show_run(report.folder),
        "Its own figures": _show_findings,
    }
)
_PARTS: Mapping[str, Callable[[], None]] = MappingProxyType(
    {"One report": _show_report, "All claims": show_all, "Calculator": show_calculator}
)
