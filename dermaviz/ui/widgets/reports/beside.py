"""Widget: what a report prints beside what our runs gave — the verdicts, a chart, a table of figures, the statements."""

from __future__ import annotations

import streamlit as st

from dermaviz.evaluation.reported.ledger import METRICS
from dermaviz.figures.beside import beside_figure
from dermaviz.reproduction.claims.answers import Answers
from dermaviz.reproduction.claims.verdicts import NOT_OF_A_RUN
from dermaviz.ui.reports.ledger import NOTHING_TO_RUN, Book, charts, claim_table, run_sentence, run_table
from dermaviz.ui.reports.verdicts import COLOURS, statements, tally_sentence
from dermaviz.ui.widgets.chart import ink, show_chart
from dermaviz.ui.widgets.reports.ledger import show_claims
from dermaviz.ui.widgets.table import show_table


def show_beside(book: Book, answered: Answers) -> None:
    """A report's results beside ours."""
    _show_chart(book, answered)
    st.subheader("Figure by figure", anchor=False)
    table = claim_table(book, answered)
    results = table[~table["metric"].isin(NOT_OF_A_RUN)]
    st.markdown(tally_sentence("Printed results", results["verdict"]))
    show_claims(results.drop(columns="report"), f"{book.report.name}-beside")
    st.subheader("Statement by statement", anchor=False)
    _show_statements(book, answered)


def _show_chart(book: Book, answered: Answers) -> None:
    """The runs' figures beside ours and beside the constant answers."""
    offered = charts(book)
    metric, sample = st.selectbox(
        "Figure", offered, format_func=offered.__getitem__, key=f"charted_{book.report.name}", bind="query-params"
    )
    table = run_table(book, metric, sample, answered)
    figure = beside_figure(table, title=f"{METRICS[metric]}, 0 to 1", ink=ink())
    show_chart(figure, "runs", run_sentence(table, metric))
    show_table(table, f"{book.report.name}-{metric}-{sample}", "runs")


def _show_statements(book: Book, answered: Answers) -> None:
    """What the text says, each with its verdict; what no run could confirm, folded away."""
    told = statements(book, answered)
    st.markdown(tally_sentence("Statements on which there is a verdict", (one.verdict for one in told)))
    lines = [
        f"- :{COLOURS[one.verdict]}-badge[{one.verdict}] **{one.says}** {one.why} ({one.where})"
        for one in told
        if one.verdict
    ]
    st.markdown("\n".join(lines))
    rest = [f"- {one.says} ({one.where}): {one.checks}" for one in told if not one.verdict]
    if rest:
        with st.expander(f"{NOTHING_TO_RUN.capitalize()}, but checked on paper: {len(rest)}"):
            st.markdown("\n".join(rest))
