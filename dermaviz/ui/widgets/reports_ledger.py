"""Widget: printed figures as a table, and all of them with filters."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from dermaviz.evaluation.reported.check import FAILS
from dermaviz.ui.reports import NOT_YET, OUTCOMES, UNCHECKED, books, claim_table

_HEADERS = {
    "checks": st.column_config.TextColumn("the checks say", help="The weightiest of all checks that the figure is part of."),
    "what": st.column_config.TextColumn("of", width="medium"),
    "fails": st.column_config.TextColumn("which does not hold"),
    "n": st.column_config.NumberColumn("photos", format="localized"),
    "from": st.column_config.NumberColumn(
        "from", format="%.3f", help="Exact 95% interval of a share of so many photos (Clopper and Pearson 1934)."
    ),
    "to": st.column_config.NumberColumn("to", format="%.3f"),
    "constant": st.column_config.NumberColumn(
        "constant answer", format="%.3f", help="What always answering with the commonest class gets."
    ),
}  # fmt: skip


def show_claims(table: pd.DataFrame, name: str) -> None:
    """A table of claims, and the same as a file."""
    st.dataframe(
        table.drop(columns="claim"), hide_index=True, height=420, placeholder="", column_config=_HEADERS,
        key=f"claims {name}", alt=f"{len(table)} printed figures with intervals and what the checks say of them",
    )  # fmt: skip
    st.download_button(
        "All of it (CSV)", partial(_csv, table), f"{name}-claims.csv", "text/csv", key=f"claims file {name}",
        on_click="ignore", icon=":material/download:",
    )  # fmt: skip


def show_ledger() -> None:
    """All claims of all reports, filtered."""
    whole = table = pd.concat([claim_table(book) for book in books().values()], ignore_index=True)
    st.markdown(f"**{len(whole)} figures** of {whole['report'].nunique()} reports. {NOT_YET}")
    outcomes = (*OUTCOMES, UNCHECKED)
    filters = (("report", "Report", None), ("figure", "Figure", None), ("checks", "The checks say", outcomes))
    columns = st.columns(len(filters))
    for column, (name, label, offered) in zip(columns, filters, strict=True):
        with column:
            chosen = st.multiselect(
                label, offered or tuple(whole[name].unique()), key=f"of_{name}", bind="query-params", placeholder="all"
            )
        if chosen:
            table = table[table[name].isin(chosen)]
    if table.empty:
        st.info("No figure is left. Choose fewer filters.", icon=":material/info:")
        return
    failing = int((table["checks"] == FAILS).sum())
    st.caption(f"{len(table)} figures shown; a check of {failing} of them does not hold.")
    show_claims(table[["report", *(column for column in table if column != "report")]], "all")


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()
