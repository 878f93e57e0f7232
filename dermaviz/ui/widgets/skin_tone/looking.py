"""Widget: right × looking — a dot per image, a row per group, and the photos behind every part of the chart."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.evaluation.confusion import by_class
from dermaviz.figures.tone import looking_figure
from dermaviz.ui.evidence import Audited
from dermaviz.ui.groupings import value_words
from dermaviz.ui.skin_tone.looking_wording import DOTS, chosen_sentence, counts_sentence, maps_sentence, shares_between
from dermaviz.ui.skin_tone.measured import BARS, looking, looking_counts
from dermaviz.ui.skin_tone.view import ToneAsk, groups_of, names_of
from dermaviz.ui.widgets.case import show_case
from dermaviz.ui.widgets.cases import CASE, case_table, list_cases
from dermaviz.ui.widgets.chart import ink
from dermaviz.ui.widgets.confusion.matrix import ANY, PAGE
from dermaviz.ui.widgets.table import show_table

WAS, LOOKED, GROUP, CHART = "was", "looked", "of_group", "looking chart"
"""Keys of the widgets that hold the chosen part of the chart, and of the chart."""
ANSWERS: Mapping[str, bool | None] = MappingProxyType({ANY: None, "called rightly": True, "called wrongly": False})
LOOKS: Mapping[str, bool | None] = MappingProxyType({ANY: None, "at the lesion": True, "elsewhere": False})
_RATIO = "energy ÷ lesion area"


def show_looking(ask: ToneAsk) -> None:
    """The chart, its counts, and the photos of a chosen part of it."""
    bar = st.selectbox(
        "Looking at the lesion means", BARS, format_func=BARS.__getitem__, key="bar", bind="query-params",
        help="How much of the map's energy must lie in the lesion. An even map has the lesion's share of the picture there. "
        "Lesions of HAM10000 lie in the middle, so a spot in the centre is the harder bar.",
    )  # fmt: skip
    seen = looking(ask.images).assign(group=groups_of(ask))
    seen["looked"] = seen["energy"] > seen[bar]
    counts = looking_counts(ask, bar)
    groups = names_of(ask, seen.loc[seen["ratio"].notna(), "group"])
    said = counts_sentence(counts)
    place = st.container()
    st.caption(f"{DOTS} {maps_sentence(seen)}")
    st.table(_counts_in_words(counts, groups), border="horizontal", hide_index=True)
    show_table(counts, f"{ask.images.checkpoint.name}-right-and-looking", "looking")
    st.markdown("##### Which photos are behind it?")
    st.caption("Click a dot for its photo and all that are like it, or choose here.")
    mine = _choose(seen, groups)
    with place:
        _show_chart(seen, groups, said)
    rows = np.flatnonzero(mine)
    rows = rows[np.argsort(seen["ratio"].to_numpy()[rows], kind="stable")]
    st.markdown(chosen_sentence(seen.iloc[rows]))
    if len(rows) and (chosen := list_cases(ask.images, _cases(ask.images, seen, rows))):
        show_case(ask.images, chosen)


def _show_chart(seen: pd.DataFrame, groups: list[str], said: str) -> None:
    n = seen.loc[seen["ratio"].notna(), "group"].value_counts()
    centre = seen.groupby("group")["ratio_centre"].median()
    labels = {name: f"{value_words(name)}<br><span style='font-size:10px'>n = {n[name]:,}</span>" for name in groups}
    figure = looking_figure(seen, labels, {name: float(centre[name]) for name in groups}, ink=ink())
    st.plotly_chart(
        figure, key=CHART, on_select=partial(_pick, seen), selection_mode="points", config={"displayModeBar": False},
        alt=said.replace("*", ""),
    )  # fmt: skip
    st.caption(said)


def _choose(seen: pd.DataFrame, groups: list[str]) -> np.ndarray:
    """Ask for a part of the chart by select boxes, which a click on a dot sets as well: mask bool ``[N]``."""
    left, middle, right = st.columns(3)
    was = left.selectbox("It was", ANSWERS, key=WAS, bind="query-params", on_change=_to_first_page)
    looked = middle.selectbox("It looked", LOOKS, key=LOOKED, bind="query-params", on_change=_to_first_page)
    group = right.selectbox(
        "Group", (ANY, *groups), key=GROUP, format_func=value_words, bind="query-params", on_change=_to_first_page
    )
    mine = seen["ratio"].notna()
    if (wanted := ANSWERS[was]) is not None:
        mine &= seen["right"] == wanted
    if (wanted := LOOKS[looked]) is not None:
        mine &= seen["looked"] == wanted
    if group != ANY:
        mine &= seen["group"] == group
    return mine.to_numpy()


def _pick(seen: pd.DataFrame) -> None:
    """Take a clicked dot over: its photo, and all of its group with the same outcome."""
    points = st.session_state[CHART].selection.points
    if not points:
        return
    image_id = points[0]["customdata"][0]
    row = seen[seen["image_id"] == image_id].iloc[0]
    st.session_state[WAS] = "called rightly" if row["right"] else "called wrongly"
    st.session_state[LOOKED] = "at the lesion" if row["looked"] else "elsewhere"
    st.session_state[GROUP] = row["group"]
    st.session_state[CASE] = image_id
    _to_first_page()


def _to_first_page() -> None:
    st.session_state[PAGE] = 1


def _cases(audited: Audited, seen: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """The chosen photos, those whose maps lie least on the lesion first."""
    table = case_table(audited, by_class(audited.labels, audited.probabilities, audited.classes), rows)
    table.insert(1, _RATIO, [f"{ratio:.2f}×" for ratio in seen["ratio"].to_numpy()[rows]])
    return table


def _counts_in_words(counts: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """A row per group: how many images, and which share of each of the four kinds with its interval."""
    cells = {
        "right, at the lesion": (True, True), "right, elsewhere": (True, False), "wrong, at the lesion": (False, True),
        "wrong, elsewhere": (False, False),
    }  # fmt: skip
    rows = []
    for name in groups:
        mine = counts[counts["group"] == name].set_index(["right", "looking"])
        row = {"images": f"{int(mine['n_group'].iloc[0]):,}", "group": value_words(name)}
        for label, cell in cells.items():
            found = mine.loc[cell]
            row[label] = f"{int(found['n_images']):,} ({shares_between(found['share'], found['low'], found['high'])})"
        rows.append(row)
    return pd.DataFrame(rows)
