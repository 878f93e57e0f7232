"""What was learnt from five reports: which claims held, which did not, and which could not be told."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import streamlit as st

from dermaviz.app.reports.claims import NOTHING_TO_RUN, VERDICTS, meanings_of
from dermaviz.app.reports.results import Page, Question, Report, read_page
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.plots.theme import signed

OUTCOMES = {
    "Held": ("green", "Our runs found the same."),
    "Did not hold": ("orange", "The report contradicts itself, or our runs found otherwise."),
    "Could not be told": ("gray", "Our runs are too small or too different to say."),
}
_QUESTIONS_ON_THE_LEFT = "<style>[class*='st-key-learnt-'] button, [class*='st-key-learnt-'] button div \
{ justify-content: flex-start; text-align: left; }</style>"
CLAIMS_NOTHING = "the report claims nothing"


def show_learnt() -> None:
    """How many statements held, the questions by what became of them, and the kinds of error that the checks found."""
    page = read_page()
    if page.stale:
        st.info(page.stale, icon=":material/info:")
        return
    verdicts = [row["verdict"] for report in page.reports for row in report.statements]
    counts = Counter(VERDICTS[name][1] for name in verdicts if name != NOTHING_TO_RUN)
    told = ", ".join(f"{counts[outcome]} {outcome.lower()}" for outcome in OUTCOMES)
    st.header(
        f"{counts.total()} statements in {len(page.reports)} reports: {told}.", anchor=False, help=meanings_of(page)
    )
    st.html(_QUESTIONS_ON_THE_LEFT)
    asked = [(report, question) for report in page.reports for question in report.questions]
    for column, (outcome, (colour, about)) in zip(st.columns(3), OUTCOMES.items(), strict=True):
        with column.container(border=True):
            st.markdown(f":{colour}-badge[{outcome}] **{counts[outcome]} statements.** {about}")
            for report, question in asked:
                if question.verdict in VERDICTS and VERDICTS[question.verdict][1] == outcome:
                    _show_question(report, question)
    _show_errors(page)
    added = [(report, question) for report, question in asked if question.verdict == CLAIMS_NOTHING]
    if added:
        st.header("What do our runs add?", anchor=False)
        for report, question in added:
            _show_question(report, question)


def _show_question(report: Report, question: Question) -> None:
    """A question as a button that leads to its answer, with the difference that most bears on it."""
    with st.container(key=f"learnt-{report.folder}-{question.name}", gap=None):
        key = f"to {report.folder} {question.name}"
        st.button(f"**{question.asks}**", key=key, type="tertiary", on_click=_open, args=(report, question))
        said = report.label
        if question.differences and question.differences.rows:
            row = pd.Series(question.differences.rows[0])
            said += f" · {row['metric']} {Estimate.of(row).text(lambda value: signed(value, 3))}"
        st.caption(said)


def _open(report: Report, question: Question) -> None:
    """Go there: what is chosen, and the link to it, which a widget that was not there before does not write itself."""
    asked = f"asked_{report.folder}"
    chosen = {"part": "One report", "report": report.name, "look": "What it asks", asked: question.name}
    for key, value in chosen.items():
        st.session_state[key] = value
    st.query_params.update({"report": report.label, "look": "What it asks", asked: question.asks})


def _show_errors(page: Page) -> None:
    """The kinds of check that some figure or statement fails on paper, each with an example."""
    failed = [
        (kind, f"{report.label}: {line}")
        for report in page.reports
        for kind, lines in report.findings["does not hold"].items()
        for line in lines
    ]
    st.header("What does not hold on paper?", anchor=False)
    st.markdown(f"**{len(failed)} checks fail** without any training: the reports' own figures contradict each other.")
    for kind, n in Counter(kind for kind, _ in failed).most_common():
        with st.expander(f"{kind[0].upper()}{kind[1:]}: {n} fail"):
            st.markdown(f"For example, {next(line for other, line in failed if other == kind)}")
