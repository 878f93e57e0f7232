"""Widget: the table behind a chart, folded away, and the same as a file."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st


def show_table(table: pd.DataFrame, name: str, key: str, title: str = "The table behind it") -> None:
    """The table behind a chart, and the same as a file."""
    with st.expander(title, icon=":material/table:"):
        shares = [column for column in table if table[column].dtype.kind == "f" and column not in ("epsilon", "sigma")]
        number = st.column_config.NumberColumn(format="%.4f")
        st.dataframe(
            table, hide_index=True, height=320, key=f"{key} table", placeholder="",
            column_config=dict.fromkeys(shares, number) | {"epsilon": st.column_config.NumberColumn(format="%.5f")},
            alt=f"{len(table)} rows: {', '.join(map(str, table.columns))}",
        )  # fmt: skip
        st.download_button(
            "All of it (CSV)", partial(_csv, table), f"{name}.csv", "text/csv", key=f"{key} file", on_click="ignore",
            icon=":material/download:",
        )  # fmt: skip


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()
