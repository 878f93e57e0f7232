"""What was learnt from five reports: which statements held, which did not, and which could not be told."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from dermaviz.app.reports.claims import NOTHING_TO_RUN, VERDICTS, meanings_of
from dermaviz.app.reports.results import Page, Question, Report, read_page
from dermaviz.glossary import meanings

OUTCOMES = {
    "Did not hold": ("orange", "our runs found otherwise, or no difference"),
    "Held": ("green", "our runs found the same"),
    "Could not be told": ("gray", "our runs are too small, or too different from the report's"),
}
_LOOK = """<style>
[class*='st-key-learnt-'] button, [class*='st-key-learnt-'] button div { justify-content: flex-start; text-align: left; }
[class*='st-key-learnt-'] { border-top: 1px solid rgba(128, 128, 128, 0.35); padding-top: 0.6rem; }
[class*='st-key-learnt-'] p { font-size: 0.95rem; }
@media (max-width: 640px) { [class*='st-key-columns-of-'] { display: none; }
  [class*='st-key-learnt-'] [data-testid="stHorizontalBlock"] { gap: 0.4rem !important; } }
</style>"""
_CONTRADICTED = "inconsistent as printed"
CLAIMS_NOTHING = "the report claims nothing"
_WIDTHS, _COLUMNS = (4, 5, 4), ("The report states", "We measured", "So the statement")


def show_learnt() -> None:
    """How many statements held; each that was run again with what was measured and the verdict; errors on paper."""
    page = read_page()
    if page.stale:
        st.info(page.stale, icon=":material/info:")
        return
    verdicts = [row["verdict"] for report in page.reports for row in report.statements]
    counts = Counter(VERDICTS[name][1] for name in verdicts if name != NOTHING_TO_RUN)
    st.header(
        f"Of {counts.total()} statements in {len(page.reports)} reports, {counts['Did not hold']} did not hold. "
        f"{counts['Held']} held, and {counts['Could not be told']} could not be told.",
        anchor=False, help=meanings_of(page),
    )  # fmt: skip
    asked = [(report, question) for report in page.reports for question in report.questions]
    told = Counter(VERDICTS[one.verdict][1] for _, one in asked if one.verdict in VERDICTS)
    parts = ", ".join(f"{told[outcome]} {outcome.lower()}" for outcome in OUTCOMES)
    own = verdicts.count(_CONTRADICTED)
    st.markdown(
        f"{own} of the {counts['Did not hold']} contradict their report's own figures: see [on paper](#on-paper). We trained "
        f"models to test others in {told.total()} comparisons: {parts}. Press one to see its runs.",
        help="A comparison can bear on several statements, and a statement on several comparisons, so their counts differ.",
    )
    st.html(_LOOK)
    for outcome, (colour, about) in OUTCOMES.items():
        found = [one for one in asked if VERDICTS.get(one[1].verdict, ("", ""))[1] == outcome]
        if found:
            st.subheader(
                f":{colour}-badge[{outcome}] {len(found)} comparison{'s' * (len(found) > 1)}: {about}", anchor=False
            )
            with st.container(key=f"columns-of-{outcome}"):
                for place, words in zip(st.columns(_WIDTHS, gap="medium"), _COLUMNS, strict=True):
                    place.caption(words)
        for report, question in found:
            _show_claim(report, question, f":{colour}-badge[{outcome}] {question.judged}")
    _show_errors(page)
    added = [one for one in asked if one[1].verdict == CLAIMS_NOTHING]
    if added:
        st.header("What do our runs add?", anchor=False)
        for report, question in added:
            _show_claim(report, question, f":gray-badge[No claim] {report.label} says nothing of it.")


def _show_claim(report: Report, question: Question, verdict: str) -> None:
    """What was claimed, as a button that leads to its runs, what was measured, and what that says."""
    with st.container(key=f"learnt-{report.folder}-{question.name}"):
        claimed, measured, judged = st.columns(_WIDTHS, gap="medium")
        with claimed, st.container(gap=None):
            key = f"to {report.folder} {question.name}"
            words = question.says or question.asks
            st.button(f"**{words}**", key=key, type="tertiary", on_click=_open, args=(report, question))
            st.caption(report.label)
        measured.markdown(question.measured, help=meanings(question.measured))
        judged.markdown(verdict)


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
    st.header("What does not hold on paper?", anchor="on-paper")
    st.markdown(f"**{len(failed)} checks fail** without any training: the reports' own figures contradict each other.")
    for kind, n in Counter(kind for kind, _ in failed).most_common():
        with st.expander(f"{kind[0].upper()}{kind[1:]}: {n} fail"):
            st.markdown(f"For example, {next(line for other, line in failed if other == kind)}")
