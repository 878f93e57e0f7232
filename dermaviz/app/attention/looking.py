"""Attention, tabs On the lesion and Scores: is the answer right, and does the map lie on the lesion?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.cache import remembered
from dermaviz.app.confusion.matrix import ANY
from dermaviz.app.evidence import table_of
from dermaviz.app.skin_tone.question import ToneAsk, groups_of, mean_by_group, names_of, one_each
from dermaviz.app.text import figure, images, value_words
from dermaviz.app.widgets.cases import CASE, PAGE, case_table, list_cases, show_case
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.attention.methods import METHODS
from dermaviz.evidence.predictions import Audited
from dermaviz.evidence.store import Evidence
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.metrics.confusion import by_class
from dermaviz.plots.intervals import comparison_figure
from dermaviz.plots.theme import percent
from dermaviz.plots.tone import looking_figure

BARS: Mapping[str, str] = MappingProxyType(
    {"energy_centre": "more than a spot in the picture's centre", "lesion_area": "more than an even map (chance)"}
)
"""Columns of the table ``attention``: how much energy must lie in the lesion for looking at it, with their names."""
ATTENTION = "attention"
DOTS = (
    "A dot is an image: the share of its attention map's energy that lies in the lesion, held against the lesion's share of the "
    "picture; a map that is everywhere alike stands at 1. Bars are medians. Lesions of HAM10000 lie in the middle, so the hollow "
    "sign is the line to beat."
)


def looking(audited: Audited) -> pd.DataFrame:
    """Whether each image was called what it is, and how much of the map lies on the lesion, in the images' order.

    Returns:
        The columns of the table ``attention`` with ``right`` (bool), ``ratio`` (energy ÷ lesion area; NaN where there is no
        map or no lesion) and ``ratio_centre``, the same of a centred Gaussian.
    """
    table = one_each(audited, ATTENTION)
    area = table["lesion_area"].where(table["lesion_area"] > 0)
    right = audited.probabilities.argmax(1) == audited.labels
    return table.assign(right=right, ratio=table["energy"] / area, ratio_centre=table["energy_centre"] / area)


def finding_sentence(audited: Audited) -> str:
    """Of the right answers, how many have a map that is no more on the lesion than a spot in the picture's centre."""
    seen = looking(audited)
    right = seen[seen["right"] & seen["ratio"].notna()]
    if right.empty:
        return "No right answer here has a map and a lesion to compare it with."
    spot = int((right["ratio"] <= right["ratio_centre"]).sum())
    return (
        f"Of {len(right):,} right answers, **{spot:,} ({percent(spot / len(right))})** have a map that is no more on the lesion "
        "than a spot in the picture's centre."
    )


@remembered(max_entries=32)
def looking_counts(ask: ToneAsk, evidence: Evidence, bar: str) -> pd.DataFrame:
    """Right × looking by group: see ``fairness.looking``; looking is more energy than a column of ``BARS`` of the evidence."""
    from dermaviz.fairness.looking import right_and_looking

    seen = looking(ask.images)
    energy, least = (seen[name].to_numpy(np.float64) for name in ("energy", bar))
    return right_and_looking(seen["right"].to_numpy(), energy, least, groups_of(ask), ask.images.lesions)


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
    figure = comparison_figure(
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
        columns | {name: [Estimate.of(row).cell() for _, row in table.iterrows()] for name, table in tables.items()}
    )


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
    counts = looking_counts(ask, table_of(ask.images.checkpoint, ATTENTION), bar)
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
            share = Estimate(found["share"], found["low"], found["high"])
            row[label] = f"{int(found['n_images']):,}: {share.cell(percent)}"
        rows.append(row)
    return pd.DataFrame(rows)


def counts_sentence(counts: pd.DataFrame) -> str:
    """In which group right answers looked elsewhere most and least, as Markdown."""
    right = counts[counts["right"]]
    off = right[~right["looking"]].assign(n_right=right.groupby("group")["n_images"].transform("sum"))
    known = off[off["share_of_answers_low"].notna()]
    if known.empty:
        return "No group is large enough to say how often a right answer looked elsewhere."
    if not known["n_images"].any():
        return f"No right answer looked elsewhere: 0 of {int(known['n_right'].sum()):,} in the groups that are large enough."
    high, low = (known.loc[at] for at in (known["share_of_answers"].idxmax(), known["share_of_answers"].idxmin()))
    most = figure(high, "share_of_answers", percent)
    said = f"Right, but looking elsewhere: **{most}** of the right answers for {high['group']}"
    return (
        f"{said}."
        if len(known) == 1
        else f"{said}, the most; **{figure(low, 'share_of_answers', write=percent)}** for {low['group']}, the least."
    )


def maps_sentence(seen: pd.DataFrame) -> str:
    """How many images have nothing to measure, and whose lesions were not outlined by people."""
    without = int(seen["ratio"].isna().sum())
    predicted = int((seen["mask"] == "predicted").sum())
    said = f"{images(without)} of {len(seen):,} left out: a map without positive evidence, or no lesion in sight."
    return f"{said} {images(predicted)} with a lesion found by DermaViz, not outlined by people." if predicted else said


def chosen_sentence(chosen: pd.DataFrame) -> str:
    """Which photos the table of cases holds and in which order, as Markdown."""
    if chosen.empty:
        return "There are no such photos."
    right, on = int(chosen["right"].sum()), int(chosen["looked"].sum())
    return (
        f"**{images(len(chosen))}**: {right:,} called rightly, {len(chosen) - right:,} wrongly; on {on:,} the model looked at "
        "the lesion. The least on the lesion first."
    )


def attention_sentence(score: str, tables: Mapping[str, pd.DataFrame]) -> str:
    """A score of the model's maps beside that of the first baseline, a centred Gaussian, over all images, as Markdown."""
    model, centre, *_ = (table.iloc[0] for table in tables.values())
    if math.isnan(model["value"]):
        return "No photo here has a map and a lesion."
    verdict = "better than" if model["low"] > centre["value"] else "no better than"
    return (
        f"{score}: **{figure(model)}** for the model's maps, {centre['value']:.3f} for a spot in the picture's centre: "
        f"**{verdict}** a map that knows nothing of the photo. n = {images(int(model['n_images']))}."
    )
