"""TODO docstring dermaviz.app.reports.claims"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.reports.ledger import (
    NOTHING_TO_RUN,
    OUTCOMES,
    UNCHECKED,
    Book,
    books,
    charts,
    claim_table,
    run_sentence,
    run_table,
)
from dermaviz.app.reports.verdicts import COLOURS, MEANINGS, statement_table, statements, tally_sentence, what_runs_say
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.plots.reports import beside_figure
from studies.five_reports.claims.answers import VERDICTS, Answers
from studies.five_reports.claims.verdicts import NOT_OF_A_RUN
from studies.five_reports.reported.consistency import FAILS
from studies.five_reports.reported.ledger import METRICS

MEANING_LINES = "\n".join(f"- **{verdict}**: {meaning}." for verdict, meaning in MEANINGS.items())
_HEADERS: dict[str, Any] = {
    "report": "report",
    "what": st.column_config.TextColumn("of", width="medium"),
    "says": st.column_config.TextColumn("it says", width="large"),
    "figure": "figure",
    "printed": "as printed",
    "ours": st.column_config.NumberColumn("ours", format="%.3f", help="The mean over our seeds."),
    "verdict": st.column_config.TextColumn("verdict", help=MEANING_LINES),
    "interval": st.column_config.TextColumn(
        "its interval", width=120, help="Exact 95% interval of a share of so many photos (Clopper and Pearson 1934)."
    ),
    "our_interval": st.column_config.TextColumn(
        "our interval", width=120, help="95%, from 1,000 resamplings of whole lesions."
    ),
    "why": st.column_config.TextColumn("why", width="large"),
    "seeds": "seeds",
    "n": st.column_config.NumberColumn("photos", format="localized"),
    "our_n": st.column_config.NumberColumn("our photos", format="localized"),
    "data": "our data",
    "budget": "our budget",
    "constant": st.column_config.NumberColumn(
        "constant answer", format="%.3f", help="What always answering with the commonest class gets."
    ),
    "our_constant": st.column_config.NumberColumn("constant answer, our photos", format="%.3f"),
    "recipe": "our recipe",
    "checks": st.column_config.TextColumn("the checks say", help="The weightiest of all checks that the figure is part of."),
    "fails": st.column_config.TextColumn("which does not hold"),
    "where": "where",
}  # fmt: skip
"""The columns in their order, those there are."""
_INTERVALS = (("interval", "low", "high"), ("our_interval", "our_low", "our_high"))


def show_claims(table: pd.DataFrame, name: str) -> None:
    """A table of claims, and the same as a file."""
    shown = table.assign(**{to: _intervals(table, low, high) for to, low, high in _INTERVALS if low in table})
    columns = [column for column in _HEADERS if column in shown and _says_anything(shown[column])]
    st.dataframe(
        shown[columns], hide_index=True, height=420, placeholder="", column_config=_HEADERS,
        key=f"claims {name}",
        alt=f"{len(table)} claims with verdicts and what the checks say of them",
    )  # fmt: skip
    st.download_button(
        "All of it (CSV)", partial(_csv, table), f"{name}-claims.csv", "text/csv", key=f"claims file {name}",
        on_click="ignore", icon=":material/download:",
    )  # fmt: skip


def _says_anything(column: pd.Series) -> bool:
    return bool((column.notna() & (column != "")).any())


def _intervals(table: pd.DataFrame, low: str, high: str) -> list[str]:
    """Both ends in words; empty where there is none."""
    return [
        "" if np.isnan(a) else f"{a:.3f} to {b:.3f}" for a, b in zip(table[low].astype(float), table[high], strict=True)
    ]


def show_ledger() -> None:
    """All claims of all reports, in figures or in words, filtered."""
    found = {name: (book, what_runs_say(book)[0]) for name, book in books().items()}
    in_words = st.segmented_control(
        "Claims", ("Figures", "Statements"), default="Figures", required=True, key="claims", bind="query-params",
        label_visibility="collapsed",
    ) == "Statements"  # fmt: skip
    tell = statement_table if in_words else claim_table
    whole = pd.concat([tell(book, answered) for book, answered in found.values()], ignore_index=True)
    kind = "statements" if in_words else "figures"
    st.markdown(f"**{len(whole)} {kind}** of {whole['report'].nunique()} reports.")
    table = _filtered(whole, in_words)
    if table.empty:
        st.info(f"No {kind[:-1]} is left. Choose fewer filters.", icon=":material/info:")
        return
    failing = int((table["checks"] == FAILS).sum())
    st.caption(f"{len(table)} {kind} shown; a check of {failing} of them does not hold.", help=MEANING_LINES)
    show_claims(table, f"all-{kind}")


def _filtered(whole: pd.DataFrame, in_words: bool) -> pd.DataFrame:
    """What is left after the filters that are asked for."""
    outcomes, verdicts = (*OUTCOMES, UNCHECKED), (*VERDICTS, NOTHING_TO_RUN)
    filters = [("report", "Report", None), ("verdict", "Verdict", verdicts), ("checks", "The checks say", outcomes)]
    if not in_words:
        filters.insert(1, ("figure", "Figure", None))
    table = whole
    for column, (name, label, order) in zip(st.columns(len(filters)), filters, strict=True):
        present = tuple(whole[name].unique())
        offered = present if order is None else tuple(value for value in order if value in present)
        with column:
            chosen = st.multiselect(label, offered, key=f"of_{name}", bind="query-params", placeholder="all")
        if chosen:
            table = table[table[name].isin(chosen)]
    return table


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()


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
