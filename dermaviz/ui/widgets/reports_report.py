"""Widget: one report — what it did, what the checks found, its figures beside the constant answer, and all its claims."""

from __future__ import annotations

import streamlit as st

from dermaviz.evaluation.reported.check import FAILS, HOLDS, OPEN
from dermaviz.evaluation.reported.ledger import METRICS
from dermaviz.figures.estimates import estimates_figure
from dermaviz.ui.frame import sentence_for_errors
from dermaviz.ui.reports import (
    NOT_YET,
    Book,
    books,
    charts,
    claim_table,
    findings,
    run_sentence,
    run_table,
    tally_sentence,
)
from dermaviz.ui.widgets.chart import ink, show_chart
from dermaviz.ui.widgets.reports_ledger import show_claims
from dermaviz.ui.widgets.robustness_settings import show_table

_OUTCOMES = {FAILS: "Does not hold", OPEN: "Cannot be said", HOLDS: "Holds"}


def show_report() -> None:
    """Choose a report and see it."""
    found = books()
    asking, saying = st.columns([4, 9], gap="large")
    with asking:
        name = st.selectbox(
            "Report", found, format_func=lambda key: found[key].report.label, key="report", bind="query-params"
        )
        book = found[name]
        st.markdown(f"**{book.report.title}** · {book.report.authors}")
        st.markdown("\n".join(f"- {line}" for line in book.report.did))
        st.caption(NOT_YET)
    with saying, sentence_for_errors():
        st.subheader("Do its numbers agree with each other?", anchor=False)
        _show_findings(book)
        st.subheader("How far above a constant answer do they stand?", anchor=False)
        _show_runs(book)
    st.header("All that it claims in figures", anchor=False)
    show_claims(claim_table(book).drop(columns="report"), book.report.name)


def _show_findings(book: Book) -> None:
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


def _show_runs(book: Book) -> None:
    """The runs' figures with their intervals beside the constant answer."""
    offered = charts(book)
    metric, sample = st.selectbox(
        "Figure", offered, format_func=offered.__getitem__, key=f"charted_{book.report.name}", bind="query-params"
    )
    table = run_table(book, metric, sample)
    figure = estimates_figure(
        table,
        title=f"{METRICS[metric]}, 0 to 1",
        dots_name="as printed, with 95% interval",
        constant_name="an answer that is always the same",
        ink=ink(),
    )
    show_chart(figure, "runs", run_sentence(table, metric))
    show_table(table, f"{book.report.name}-{metric}-{sample}", "runs")
