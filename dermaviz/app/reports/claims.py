"""Claims with their verdicts: a report's printed figures and statements beside ours, and those of all reports, filtered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.reports.results import Page, Report, read_page, table_of
from dermaviz.app.widgets.chart import ink, offer_csv, show_chart, show_table
from dermaviz.plots.reports import beside_figure

COLOURS = {
    "reproduced": "green",
    "direction reproduced": "blue",
    "not reproduced": "orange",
    "inconsistent as printed": "red",
    "not comparable": "gray",
    "not yet run": "gray",
}
"""Streamlit's name of the colour behind each verdict; the words are always there too."""
NOTHING_TO_RUN = "nothing to run"
"""In place of a verdict on what no run could confirm."""


def show_beside(page: Page, report: Report) -> None:
    """A report's results beside ours: the chart of a figure, then figure by figure and statement by statement."""
    if page.stale:
        st.info(page.stale, icon=":material/info:")
        return
    charts = {chart.label: chart for chart in report.charts}
    chart = charts[st.selectbox("Figure", charts, key=f"charted_{report.name}", bind="query-params")]
    table = table_of(chart.rows)
    show_chart(beside_figure(table, title=chart.title, ink=ink()), "runs", chart.told)
    show_table(table, chart.file, "runs")
    st.subheader("Figure by figure", anchor=False)
    st.markdown(report.figures_told)
    table = table_of(report.figures)
    results = table[table.pop("of_a_run")]
    _show_claims(results.drop(columns="report"), f"{report.name}-beside", page)
    st.subheader("Statement by statement", anchor=False)
    st.markdown(report.statements_told)
    told = [row for row in report.statements if row["verdict"] != NOTHING_TO_RUN]
    rest = [row for row in report.statements if row["verdict"] == NOTHING_TO_RUN]
    badges = (f":{COLOURS[row['verdict']]}-badge[{row['verdict']}]" for row in told)
    lines = (
        f"- {badge} **{row['says']}** {row['why']} ({row['where']})" for badge, row in zip(badges, told, strict=True)
    )
    st.markdown("\n".join(lines))
    if rest:
        with st.expander(f"{NOTHING_TO_RUN.capitalize()}, but checked on paper: {len(rest)}"):
            st.markdown("\n".join(f"- {row['says']} ({row['where']}): {row['checks']}" for row in rest))


def show_all() -> None:
    """All claims of all reports, in figures or in words, filtered."""
    page = read_page()
    if page.stale:
        st.info(page.stale, icon=":material/info:")
    in_words = st.segmented_control(
        "Claims", ("Figures", "Statements"), default="Figures", required=True, key="claims", bind="query-params",
        label_visibility="collapsed",
    ) == "Statements"  # fmt: skip
    rows = [row for report in page.reports for row in (report.statements if in_words else report.figures)]
    whole = table_of(rows).drop(columns="of_a_run", errors="ignore")
    kind = "statements" if in_words else "figures"
    st.markdown(f"**{len(whole)} {kind}** of {whole['report'].nunique()} reports.")
    table = _filtered(whole, page, in_words)
    if table.empty:
        st.info(f"No {kind[:-1]} is left. Choose fewer filters.", icon=":material/info:")
        return
    failing = int((table["checks"] == "does not hold").sum())
    st.caption(f"{len(table)} {kind} shown; a check of {failing} of them does not hold.", help=_meanings(page))
    _show_claims(table, f"all-{kind}", page)


def _filtered(whole: pd.DataFrame, page: Page, in_words: bool) -> pd.DataFrame:
    """What is left after the filters that are asked for."""
    orders: dict[str, Any] = {
        "report": None,
        "figure": None,
        "verdict": (*page.meanings, NOTHING_TO_RUN),
        "checks": page.outcomes,
    }
    if in_words:
        del orders["figure"]
    table = whole
    for column, (name, order) in zip(st.columns(len(orders)), orders.items(), strict=True):
        present = tuple(whole[name].unique())
        offered = present if order is None else tuple(value for value in order if value in present)
        label = "The checks say" if name == "checks" else name.capitalize()
        with column:
            chosen = st.multiselect(label, offered, key=f"of_{name}", bind="query-params", placeholder="all")
        if chosen:
            table = table[table[name].isin(chosen)]
    return table


def _show_claims(table: pd.DataFrame, name: str, page: Page) -> None:
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


def _meanings(page: Page) -> str:
    return "\n".join(f"- **{verdict}**: {meaning}." for verdict, meaning in page.meanings.items())


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
        "verdict": text("verdict", help=_meanings(page)),
        "interval": text("its interval", width=120, help="Exact 95% interval of a share of n photos (Clopper and Pearson 1934)."),
        "our_interval": text("our interval", width=120, help="95%, from 1,000 resamplings of whole lesions."),
        "why": text("why", width="large"),
        "seeds": "seeds",
        "n": number("photos", format="localized"),
        "our_n": number("our photos", format="localized"),
        "data": "our data",
        "budget": "our budget",
        "constant": number("constant answer", format="%.3f", help="What always answering with the commonest class gets."),
        "our_constant": number("constant answer, our photos", format="%.3f"),
        "recipe": "our recipe",
        "checks": text("the checks say", help="The weightiest of all checks that the figure is part of."),
        "fails": text("which does not hold"),
        "where": "where",
    }  # fmt: skip
