"""Widget: the images behind a count, most confident mistakes first, by pages; one of them can be chosen."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.evaluation.cohorts import AGE
from dermaviz.evaluation.confusion import Verdicts
from dermaviz.ui.confusion.view import group_label
from dermaviz.ui.confusion.wording import cell_sentence
from dermaviz.ui.evidence import Audited
from dermaviz.ui.groupings import FACETS, value_words
from dermaviz.ui.widgets.confusion.matrix import PAGE, Cell
from dermaviz.ui.wording import class_names

PER_PAGE = 10
CASE = "case"
_CALLED, _SAID, _TRUTH = "called", "probability of that", "of the diagnosis"
_ARCHIVE = "https://api.isic-archive.com/api/v2/images/"


def show_cases(audited: Audited, verdicts: Verdicts, cell: Cell) -> str | None:
    """The sentence on the images of a cell, and :func:`list_cases` of them."""
    rows = verdicts.cell(*cell)
    st.markdown(cell_sentence(audited.checkpoint.card, verdicts, *cell))
    return list_cases(audited, case_table(audited, verdicts, rows)) if len(rows) else None


def list_cases(audited: Audited, table: pd.DataFrame) -> str | None:
    """A page of these cases as a table, all of them as a file, and the id of the one chosen, if any.

    Args:
        table: of :func:`case_table`, at least one row; further columns are shown as they are.
    """
    above = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        at = _choose_page(-(-len(table) // PER_PAGE))
        page = table.iloc[(at - 1) * PER_PAGE : at * PER_PAGE]
        st.caption(f"{(at - 1) * PER_PAGE + 1:,} to {(at - 1) * PER_PAGE + len(page):,} of {len(table):,}")
        st.download_button(
            "All of them (CSV)",
            partial(_csv, table),
            "cases.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
    ids = tuple(page["image"])
    key = f"cases {hash(ids)}"  # another page of cases is another table, without a chosen row
    above.dataframe(
        page.assign(image=page["image"].map(archive_link)), key=key, on_select=partial(_pick, key, ids),
        selection_mode="single-row", hide_index=True, column_config=_columns(audited),
        alt=f"{len(page)} of {len(table):,} images with what each is and is called",
    )  # fmt: skip
    return st.selectbox(
        "Look at one of them", ids, index=None, key=CASE, bind="query-params", placeholder="Choose an image, or its row",
    )  # fmt: skip


def _choose_page(n_pages: int) -> int:
    return st.pagination(n_pages, max_visible_pages=5, key=PAGE, bind="query-params") if n_pages > 1 else 1


def case_table(audited: Audited, verdicts: Verdicts, rows: NDArray[np.intp]) -> pd.DataFrame:
    """The images of these rows, in this order: what each is and is called, how sure, its metadata, all probabilities."""
    facts, words = audited.table.iloc[rows], class_names(audited.checkpoint.card)
    columns = {
        "image": facts["image_id"].to_numpy(),
        "diagnosis": [words[name] for name in facts["dx"]],
        _CALLED: [group_label(audited.checkpoint.card, verdicts.groups[i]) for i in verdicts.called[rows]],
        _SAID: verdicts.confidence[rows],
        _TRUTH: audited.probabilities[rows, audited.labels[rows]],
    }
    if AGE in facts:
        columns[AGE] = [age.removesuffix(".0") for age in facts[AGE]]
    columns |= {
        label.lower(): [value_words(value) for value in facts[name]] for name, label in FACETS.items() if name in facts
    }
    columns["lesion"] = facts["lesion_id"].to_numpy()
    return pd.DataFrame(columns | {f"p({name})": audited.probabilities[rows, i] for i, name in enumerate(words)})


def archive_link(image_id: str) -> str:
    """Where the ISIC archive tells of one of its images; other ids stay as they are."""
    return f"{_ARCHIVE}{image_id}/" if image_id.startswith("ISIC_") else image_id


def _columns(audited: Audited) -> dict[str, Any]:
    number = partial(st.column_config.NumberColumn, format="percent")
    return {
        "image": st.column_config.LinkColumn(
            display_text=r"(ISIC_\d+)", pinned=True, help="Opens the ISIC archive's record."
        ),
        _CALLED: st.column_config.TextColumn(help="What the model calls it, at the threshold chosen."),
        _SAID: st.column_config.ProgressColumn(
            format="percent", min_value=0, max_value=1, help="Probability of what it is called."
        ),
        _TRUTH: number(help="Probability that the model gave the true diagnosis."),
        **{f"p({name})": number() for name in audited.classes},
    }


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()


def _pick(key: str, ids: tuple[str, ...]) -> None:
    chosen = st.session_state[key].selection.rows
    st.session_state[CASE] = ids[chosen[0]] if chosen else None
