"""Widget: the photos that need the smallest change, by pages; one of them can be looked at."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.ui.evidence import Audited
from dermaviz.ui.robustness.attack_wording import GREY, levels_words
from dermaviz.ui.robustness.trials import flips_of
from dermaviz.ui.robustness.view import Ask
from dermaviz.ui.widgets.case import show_case
from dermaviz.ui.widgets.cases import CASE, PER_PAGE, archive_link
from dermaviz.ui.widgets.table import show_table
from dermaviz.ui.wording import class_names
from dermaviz.ui.wording import images as counted_images

_CHANGE = "smallest change, grey levels"


def show_hit_worst(ask: Ask) -> None:
    """The photos that the model calls rightly and that flip first, with the one chosen."""
    table = hit_worst(ask.images, ask.measure.class_name)
    if table.empty:
        st.info(
            "None of these photos is called what it is and flips: there is nothing to list.", icon=":material/info:"
        )
        return
    first = table.iloc[0]
    st.markdown(
        f"Of **{counted_images(len(table))}** that it calls rightly and that flip, {first['image']} needs the least: "
        f"**{levels_words(first[_CHANGE] * GREY)}** for each value turns {first['diagnosis']} into {first['turns into']}."
    )
    place = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        page = st.pagination(-(-len(table) // PER_PAGE), max_visible_pages=5, key="worst_page", bind="query-params")
        st.caption(f"{(page - 1) * PER_PAGE + 1:,} to {min(page * PER_PAGE, len(table)):,} of {len(table):,}")
    shown = table.iloc[(page - 1) * PER_PAGE : page * PER_PAGE]
    ids = tuple(shown["image"])
    key = f"worst {ask.images.key} {ask.measure.class_name} {page}"
    place.dataframe(
        shown.assign(image=shown["image"].map(archive_link)), key=key, on_select=partial(_pick, key, ids),
        selection_mode="single-row", hide_index=True, alt=f"{len(shown)} of {len(table):,} photos, the easiest to flip first",
        column_config={
            "image": st.column_config.LinkColumn(
                display_text=r"(ISIC_\d+)", pinned=True, help="Opens the ISIC archive's record."
            ),
            _CHANGE: st.column_config.NumberColumn(
                "grey levels", format="%.3g", width="small",
                help="Smallest change of each value that flips it, found to 1/8 of a level along FGSM's direction.",
            ),
            "probability": st.column_config.NumberColumn(format="percent", help="Of its diagnosis, on the photo as it is."),
        },
    )  # fmt: skip
    chosen = st.selectbox(
        "Look at one of them", ids, index=None, key=CASE, bind="query-params", placeholder="Choose an image, or its row"
    )
    if chosen:
        show_case(ask.images, chosen)
    show_table(table, f"{ask.images.checkpoint.name}-hit-worst", "worst")


def hit_worst(audited: Audited, class_name: str) -> pd.DataFrame:
    """Photos that are called rightly and flip, the smallest change first, then the surest; of one diagnosis, or of all ("")."""
    flips, words = flips_of(audited), class_names(audited.checkpoint.card)
    size = flips["flip_epsilon"].to_numpy(np.float64)
    mine = np.isfinite(size) & (size > 0)
    if class_name:
        mine &= (audited.table["dx"] == class_name).to_numpy()
    said = audited.probabilities[np.arange(len(audited)), audited.labels]
    rows = np.flatnonzero(mine)
    rows = rows[np.lexsort((-said[rows], size[rows]))]
    facts = audited.table.iloc[rows]
    return pd.DataFrame(
        {
            "image": facts["image_id"].to_numpy(),
            _CHANGE: size[rows] / GREY,
            "diagnosis": [words[name] for name in facts["dx"]],
            "turns into": [words[name] for name in flips["flipped_to"].to_numpy()[rows]],
            "probability": said[rows],
            "lesion": facts["lesion_id"].to_numpy(),
        }
    )


def _pick(key: str, ids: tuple[str, ...]) -> None:
    chosen = st.session_state[key].selection.rows
    st.session_state[CASE] = ids[chosen[0]] if chosen else None
