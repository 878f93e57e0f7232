"""Widget: does attention lie on the lesion, beside maps that know nothing of the photo; and can the maps be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.explain.methods import METHODS
from dermaviz.figures.tone import beside_figure
from dermaviz.ui.groupings import value_words
from dermaviz.ui.skin_tone.looking_wording import attention_sentence, maps_sentence
from dermaviz.ui.skin_tone.measured import ATTENTION, looking, mean_by_group
from dermaviz.ui.skin_tone.view import ToneAsk, groups_of, names_of
from dermaviz.ui.widgets.chart import ink, show_chart, with_interval
from dermaviz.ui.widgets.table import show_table

MODEL, CENTRE, RANDOM, EVEN = "the model's maps", "a spot in the centre", "random maps", "an even map"
ALL = "all photos"


@dataclass(frozen=True)
class Score:
    """A score of maps: its name, the column of each map's values (in the table ``attention``), and the end of its axis."""

    label: str
    columns: Mapping[str, str]
    top: float = 1.0
    per_area: bool = False


def _beside(column: str, even: str | None = None) -> dict[str, str]:
    columns = {MODEL: column, CENTRE: f"{column}_centre", RANDOM: f"{column}_random"}
    return columns | ({EVEN: even} if even else {})


SCORES: Mapping[str, Score] = MappingProxyType(
    {
        "energy": Score("energy in lesion", _beside("energy", "lesion_area")),
        "ratio": Score("energy ÷ lesion area", _beside("energy", "lesion_area"), top=4.0, per_area=True),
        "pointing": Score("pointing game: the peak is on the lesion", _beside("pointing")),
        "iou_25": Score("overlap (IoU) of what is above 25% of the maximum", _beside("iou_25", "lesion_area")),
        "iou_50": Score("overlap (IoU) of what is above 50% of the maximum", _beside("iou_50", "lesion_area")),
    }
)


def show_attention(ask: ToneAsk) -> None:
    """A score of the model's maps and of three that know nothing of the photo, over all photos and by group."""
    seen = looking(ask.images)
    name = st.selectbox(
        "Score", SCORES, format_func=lambda key: SCORES[key].label, key="score", bind="query-params",
        help="Energy is the share of the map on the lesion; divided by the lesion's share of the picture, chance is 1. These "
        "scores say whether a map is plausible, not whether the model went by what it shows: that is the next card.",
    )  # fmt: skip
    score = SCORES[name]
    tables = _tables(ask, seen, score)
    top = max(score.top, *(float(np.nanmax(table["high"], initial=0)) for table in tables.values()))
    figure = beside_figure(
        tables, f"{score.label}, 95% intervals", span=(0.0, top if score.per_area else 1.0), ink=ink()
    )
    show_chart(figure, "attention", attention_sentence(score.label.capitalize(), tables))
    st.caption(f"{_method(seen)} {maps_sentence(seen)}")
    st.table(_in_words(tables), border="horizontal", hide_index=True)
    joined = pd.concat([table.assign(map=which) for which, table in tables.items()], ignore_index=True)
    front = ["n_images", "n_lesions", "label", "map"]
    show_table(
        joined[[*front, *(c for c in joined if c not in front)]],
        f"{ask.images.checkpoint.name}-{ATTENTION}-{name}", "attention",
    )  # fmt: skip


def _tables(ask: ToneAsk, seen: pd.DataFrame, score: Score) -> dict[str, pd.DataFrame]:
    """For each map its means: all photos, then each group. Only photos on which the model's map shows something count."""
    groups = pd.Series(groups_of(ask))
    known = (seen["status"] == "ok") & (seen["lesion_area"] > 0)
    masks = {ALL: known.to_numpy()}
    masks |= {name: (known & (groups == name)).to_numpy() for name in names_of(ask, groups[known.to_numpy()])}
    divisor = seen["lesion_area"].where(seen["lesion_area"] > 0) if score.per_area else 1.0
    found = {
        which: mean_by_group(ask.images, (seen[column] / divisor).to_numpy(np.float64), masks)
        for which, column in score.columns.items()
    }
    return {which: table.assign(label=[_label(row) for _, row in table.iterrows()]) for which, table in found.items()}


def _label(row: pd.Series) -> str:
    return f"{value_words(row['label'])}<br><span style='font-size:10px'>n = {int(row['n_images']):,}</span>"


def _method(seen: pd.DataFrame) -> str:
    used = [METHODS[name].label if name in METHODS else name for name in seen["method"].unique()]
    return f"Maps by {', '.join(used)}, of the class that each photo is called."


def _in_words(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    first = next(iter(tables.values()))
    columns = {"images": first["n_images"], "photos": [label.split("<br>")[0] for label in first["label"]]}
    return pd.DataFrame(
        columns
        | {
            name: [with_interval(*row) for row in zip(table["value"], table["low"], table["high"], strict=True)]
            for name, table in tables.items()
        }
    )
