"""What was learnt from five reports, and all their claims with verdicts: printed figures and statements beside ours."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.link import choose_button
from dermaviz.app.reports.results import Page, Question, Report, Rows, read_page, table_of
from dermaviz.app.widgets.chart import offer_csv
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


VERDICTS = {
    "reproduced": ("green", "Held"),
    "direction reproduced": ("blue", "Held"),
    "not reproduced": ("orange", "Did not hold"),
    "inconsistent as printed": ("red", "Did not hold"),
    "not comparable": ("gray", "Could not be told"),
    "not yet run": ("gray", "Could not be told"),
}
"""Streamlit's name of the colour behind each verdict, and what it comes to; the words are always there too."""
NOTHING_TO_RUN = "nothing to run"
"""In place of a verdict on what no run could confirm."""


def badge(verdict: str) -> str:
    """A verdict as Markdown."""
    return f":{VERDICTS.get(verdict, ('gray',))[0]}-badge[{verdict}]"


def meanings_of(page: Page) -> str:
    """What each verdict means, as Markdown."""
    return "\n".join(f"- **{verdict}**: {meaning}." for verdict, meaning in page.meanings.items())


def show_statements(rows: Rows) -> None:
    """Statements with verdict and reason; those that no run could confirm are folded."""
    told = [row for row in rows if row["verdict"] != NOTHING_TO_RUN]
    rest = [row for row in rows if row["verdict"] == NOTHING_TO_RUN]
    st.markdown("\n".join(f"- {badge(row['verdict'])} **{row['says']}** {row['why']} ({row['where']})" for row in told))
    if rest:
        with st.expander(f"{NOTHING_TO_RUN.capitalize()}, but checked on paper: {len(rest)}"):
            st.markdown("\n".join(f"- {row['says']} ({row['where']}): {row['checks']}" for row in rest))


def show_all() -> None:
    """All claims of all reports, in figures or in words, filtered."""
    page = read_page()
    if page.stale:
        st.info(page.stale, icon=":material/info:")
    in_words = (
        choose_button("Claims", ("Figures", "Statements"), "claims", label_visibility="collapsed") == "Statements"
    )
    rows = [row for report in page.reports for row in (report.statements if in_words else report.figures)]
    whole = table_of(rows).drop(columns="of_a_run", errors="ignore")
    kind = "statements" if in_words else "figures"
    st.markdown(f"**{len(whole)} {kind}** of {whole['report'].nunique()} reports.")
    orders = {"verdict": (*page.meanings, NOTHING_TO_RUN), "checks": page.outcomes}
    table, names = whole, ("report", *(() if in_words else ("figure",)), *orders)
    for column, name in zip(st.columns(len(names)), names, strict=True):
        present = whole[name].unique()
        offered = [value for value in orders.get(name, present) if value in present]
        label = "The checks say" if name == "checks" else name.capitalize()
        chosen = column.multiselect(label, offered, key=f"of_{name}", bind="query-params", placeholder="all")
        table = table[table[name].isin(chosen)] if chosen else table
    if table.empty:
        st.info(f"No {kind[:-1]} is left. Choose fewer filters.", icon=":material/info:")
        return
    failing = int((table["checks"] == "does not hold").sum())
    st.caption(f"{len(table)} {kind} shown; {failing} of them fail a check.", help=meanings_of(page))
    show_claims(table, f"all-{kind}", page)


def show_claims(table: pd.DataFrame, name: str, page: Page) -> None:
    """A table of claims without its empty columns, and all of it as a file."""
    shown = table.copy()
    for column, low, high in (("interval", "low", "high"), ("our_interval", "our_low", "our_high")):
        if low in table:
            ends = zip(table[low].astype(float), table[high], strict=True)
            shown[column] = ["" if np.isnan(a) else f"{a:.3f} to {b:.3f}" for a, b in ends]
    headers = _headers(page)
    known = [column for column in headers if column in shown and (shown[column].notna() & (shown[column] != "")).any()]
    st.dataframe(
        shown[known], hide_index=True, height=420, placeholder="", column_config=headers, key=f"claims {name}",
        alt=f"{len(table)} claims with verdicts and what the checks say of them",
    )  # fmt: skip
    offer_csv(table, f"{name}-claims.csv", "All of it (CSV)", key=f"claims file {name}")


def _headers(page: Page) -> dict[str, Any]:
    """The columns in their order, those there are."""
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    return {
        "report": "report",
        "what": text("of", width="medium"),
        "says": text("it says", width="large"),
        "figure": "figure",
        "printed": "as printed",
        "ours": number("ours", format="%.3f", help="The mean over our seeds."),
        "verdict": text("verdict", help=meanings_of(page)),
        "interval": text("its interval", width=120, help="Exact 95% interval of a share of n photos (Clopper and Pearson 1934)."),
        "our_interval": text("our interval", width=120, help="95%, from 1,000 resamplings of whole lesions."),
        "why": text("why", width="large"),
        "seeds": "seeds",
        "n": number("photos", format="localized"),
        "our_n": number("our photos", format="localized"),
        "data": "our data",
        "budget": "our budget",
        "constant": number("constant answer", format="%.3f", help="The figure of always answering with the most frequent class."),
        "our_constant": number("constant answer, our photos", format="%.3f"),
        "recipe": "our recipe",
        "checks": text("the checks say", help="The most serious result of all checks that use this figure."),
        "fails": text("which does not hold"),
        "where": "where",
    }  # fmt: skip
