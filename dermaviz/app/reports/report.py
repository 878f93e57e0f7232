"""Widget: one report — what it did, the verdicts, and a tab each: beside ours, what it asks, one run, its own figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import streamlit as st

from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.reports.claims import show_beside
from dermaviz.app.reports.ledger import Book, books, findings, tally_sentence
from dermaviz.app.reports.questions import show_questions
from dermaviz.app.reports.runs import show_run
from dermaviz.app.reports.verdicts import tally_table, what_runs_say
from studies.five_reports.claims.answers import Answers
from studies.five_reports.claims.reruns import SOURCE_OF
from studies.five_reports.reported.consistency import FAILS, HOLDS, OPEN

_OUTCOMES = {FAILS: "Does not hold", OPEN: "Cannot be said", HOLDS: "Holds"}


def show_report() -> None:
    """Choose a report and see it."""
    found = books()
    asking, saying = st.columns([6, 7], gap="large")
    with asking:
        name = st.selectbox(
            "Report", found, format_func=lambda key: found[key].report.label, key="report", bind="query-params"
        )
        book = found[name]
        st.markdown(f"**{book.report.title}** · {book.report.authors}")
        st.markdown("\n".join(f"- {line}" for line in book.report.did))
    with saying, sentence_for_errors():
        answered, note = what_runs_say(book)
        _show_verdicts(book, answered, note)
    for look, tab in zip(_LOOKS, st.tabs(tuple(_LOOKS), key="look", bind="query-params"), strict=True):
        if tab.open:
            with tab, sentence_for_errors():
                _LOOKS[look](book, answered)


def _show_verdicts(book: Book, answered: Answers, note: str) -> None:
    """How many of its claims have which verdict."""
    st.subheader("What became of its claims?", anchor=False)
    if note:
        st.info(note, icon=":material/info:")
    table = tally_table(book, answered)
    if len(table):
        st.table(table.rename(columns={"means": "which means"}), border="horizontal", hide_index=True)
    st.markdown(tally_sentence(book))


def _show_findings(book: Book, _answered: Answers) -> None:
    """The checks with one outcome, by kind, each in its sentence."""
    st.markdown(tally_sentence(book))
    outcome = st.segmented_control(
        "Checks", tuple(_OUTCOMES), default=FAILS, required=True, key="outcome", bind="query-params",
        format_func=_OUTCOMES.__getitem__, label_visibility="collapsed",
    )  # fmt: skip
    found = findings(book, outcome)
    for place, (kind, sentences) in enumerate(found.items()):
        with st.expander(f"{kind[0].upper()}{kind[1:]}: {len(sentences)}", expanded=place == 0):
            st.markdown("\n".join(f"- {_about(runs)}{said}" for said, runs in sentences.items()))
    if not found:
        st.markdown("None.")


def _about(runs: list[str]) -> str:
    """The runs that a sentence is about, before it."""
    if not runs:
        return ""
    more = f", and {len(runs) - 1} more of these figures" if len(runs) > 1 else ""
    return f"**{runs[0] or 'Quoted'}{more}**: "


_LOOKS: Mapping[str, Callable[[Book, Answers], None]] = MappingProxyType(
    {
        "Beside ours": show_beside,
        "What it asks": lambda book, answered: show_questions(SOURCE_OF[book.report.name].folder, answered),
        "One run": lambda book, _: show_run(SOURCE_OF[book.report.name].folder),
        "Its own figures": _show_findings,
    }
)
