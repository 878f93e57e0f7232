"""Attention, tabs On the lesion and Scores: is the answer right, and is the map on the lesion?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.checkpoints import one_each, table_of
from dermaviz.app.confusion.matrix import ANY
from dermaviz.app.link import choose
from dermaviz.app.sessions import remembered, shared
from dermaviz.app.skin_tone.question import ToneAsk, enough, groups_of, mean_by_group, too_few
from dermaviz.app.text import escaped, figure, images, share, shares, value_words
from dermaviz.app.widgets.cases import CASE, case_table, show_cases, some_dots, to_first_page
from dermaviz.app.widgets.chart import ink, show_answer, show_details
from dermaviz.attention.methods import METHODS
from dermaviz.evidence.predictions import Audited
from dermaviz.evidence.store import Evidence
from dermaviz.fairness.looking import right_and_looking
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.metrics.confusion import by_class
from dermaviz.models.card import no_maps_reason
from dermaviz.plots.intervals import comparison_figure
from dermaviz.plots.theme import as_given
from dermaviz.plots.tone import looking_figure

ATTENTION = "attention"
"""A table of evidence."""
BARS: Mapping[str, str] = {
    "energy_centre": "more than a spot in the picture's centre",
    "lesion_area": "more than an even map (chance)",
}
"""Columns of the table: how much of the map must be in the lesion to count as looking at it, with their names."""
DOTS = (
    "A dot is an image: the share of its map's energy in the lesion, divided by the lesion's share of the picture. An even map "
    "has 1. Short bars are medians; the hollow sign is a centre spot. Lesions lie mostly in the centre, "
    "so that spot is the line to beat."
)
ALL = "all images"
WAS, LOOKED, GROUP, CHART = "was", "looked", "of_group", "looking chart"
"""Keys of the widgets that hold the chosen part of the chart, and of the chart."""
ANSWERS: Mapping[str, bool | None] = {ANY: None, "called rightly": True, "called wrongly": False}
LOOKS: Mapping[str, bool | None] = {ANY: None, "at the lesion": True, "elsewhere": False}


def looking(audited: Audited) -> pd.DataFrame:
    """Whether each answer is right, and how much of its map is on the lesion, in the images' order; shared, so copy it before a
    change.

    Returns:
        The columns of the table ``attention`` with ``right`` (bool), ``ratio`` (energy ÷ lesion area; NaN where there is no
        map or no lesion) and ``ratio_centre``, the same of a centred Gaussian.
    """
    return _looking(audited, table_of(audited.checkpoint, ATTENTION))


@shared(max_entries=8, show_spinner=False)
def _looking(audited: Audited, evidence: Evidence) -> pd.DataFrame:
    table = one_each(audited, ATTENTION)
    area = table["lesion_area"].where(table["lesion_area"] > 0)
    right = audited.probabilities.argmax(1) == audited.labels
    return table.assign(right=right, ratio=table["energy"] / area, ratio_centre=table["energy_centre"] / area)


def finding_sentence(audited: Audited) -> str:
    """Of the right answers, how many have a map that is no more on the lesion than a spot in the picture's centre."""
    seen = looking(audited)
    right = seen[seen["right"] & seen["ratio"].notna()]
    if (seen["status"] == "unavailable").all():
        return no_maps_reason(audited.checkpoint.card.architecture)
    if right.empty:
        return "No right answer here has a map and a lesion."
    spot = int((right["ratio"] <= right["ratio_centre"]).sum())
    return (
        f"For **{spot:,} of {len(right):,}** right answers ({share(spot / len(right))}), the map is no more on the lesion than "
        "a centre spot."
    )


@remembered(max_entries=32)
def looking_counts(ask: ToneAsk, evidence: Evidence, bar: str) -> pd.DataFrame:
    """Right × looking by group: see ``fairness.looking``; looking is more energy than a column of ``BARS`` of the evidence."""
    seen = looking(ask.images)
    energy, least = (seen[name].to_numpy(np.float64) for name in ("energy", bar))
    return right_and_looking(seen["right"].to_numpy(), energy, least, groups_of(ask), ask.images.clusters)


def show_looking(ask: ToneAsk) -> None:
    """The chart of right × looking, and the images of a chosen part of it."""
    place = st.container()
    bar = choose("Looking at the lesion means", BARS, "bar")
    seen = looking(ask.images).assign(group=groups_of(ask))
    seen["looked"] = seen["energy"] > seen[bar]
    groups, small = enough(ask, seen["group"], seen["ratio"].notna().to_numpy())
    counts = looking_counts(ask, table_of(ask.images.checkpoint, ATTENTION), bar)
    counts = counts[counts["group"].isin(groups)]
    answer, figures = counts_sentence(counts)
    n = seen.loc[seen["ratio"].notna(), "group"].value_counts()
    labels, counted = {name: value_words(name) for name in groups}, {name: int(n[name]) for name in groups}
    centre = seen.groupby("group")["ratio_centre"].median()
    dots = some_dots(seen)
    drawn = seen.assign(drawn=seen.index.isin(dots.index))
    charted = drawn.loc[drawn["ratio"].notna() & drawn["group"].isin(groups), "drawn"]
    of = f" {charted.sum():,} of {len(charted):,} dots drawn, at random; counts and medians are of all."
    of = "" if charted.all() else of
    chart = looking_figure(drawn, labels, {name: float(centre[name]) for name in groups}, counts=counted, ink=ink())
    with place:
        said = answer, f"{figures}{too_few(small)}{not_drawn(seen, groups)}{of}"
        show_answer(said, chart, CHART, on_select=partial(_pick, seen), selection_mode="points")
    tables = {f"{ask.images.checkpoint.name}-right-and-looking": counts}
    show_details("looking", f"{DOTS} {maps_sentence(seen)}", tables, _cells(counts, groups))
    st.markdown("### Which images are behind it?")
    mine = _choose(seen, groups)
    rows = np.flatnonzero(mine)
    rows = rows[np.argsort(seen["ratio"].to_numpy()[rows], kind="stable")]
    chosen = seen.iloc[rows]
    right, on = int(chosen["right"].sum()), int(chosen["looked"].sum())
    st.markdown(
        f"**{images(len(rows))}**: {right:,} right, {len(rows) - right:,} wrong; the map is on the lesion in {on:,}."
    )
    if len(rows):
        table = case_table(ask.images, by_class(ask.images.labels, ask.images.probabilities, ask.images.classes), rows)
        table.insert(1, "energy ÷ lesion area", chosen["ratio"].map("{:.2f}×".format).to_numpy())
        show_cases(ask.images, table)


def _choose(seen: pd.DataFrame, groups: list[str]) -> np.ndarray:
    """Ask for a part of the chart by select boxes, which a click on a dot sets as well: mask bool ``[N]``."""
    options = {WAS: ("Answer", ANSWERS), LOOKED: ("Map", LOOKS), GROUP: ("Group", (ANY, *groups))}
    was, looked, group = (
        choose(label, {name: value_words(name) for name in names}, key, place, on_change=to_first_page)
        for place, (key, (label, names)) in zip(st.columns(3), options.items(), strict=True)
    )
    mine = seen["ratio"].notna()
    for wanted, column in (
        (ANSWERS[was], "right"),
        (LOOKS[looked], "looked"),
        (None if group == ANY else group, "group"),
    ):
        if wanted is not None:
            mine &= seen[column] == wanted
    return mine.to_numpy()


def _pick(seen: pd.DataFrame) -> None:
    """Take a clicked dot over: its image, and all of its group with the same outcome."""
    points = st.session_state[CHART].selection.points
    if points:
        row = seen[seen["image_id"] == as_given(points[0]["customdata"][0])].iloc[0]
        st.session_state[WAS] = "called rightly" if row["right"] else "called wrongly"
        st.session_state[LOOKED] = "at the lesion" if row["looked"] else "elsewhere"
        st.session_state[GROUP], st.session_state[CASE] = row["group"], row["image_id"]
        to_first_page()


def counts_sentence(counts: pd.DataFrame) -> tuple[str, str]:
    """In which group right answers looked elsewhere most and least, and both with n and interval."""
    right = counts[counts["right"]]
    off = right[~right["looking"]].assign(n_right=right.groupby("group")["n_images"].transform("sum"))
    known = off[off["share_of_answers_low"].notna()]
    if known.empty:
        return "**No group is large enough** to say how often a right answer looked elsewhere.", ""
    high, low = (known.loc[at] for at in (known["share_of_answers"].idxmax(), known["share_of_answers"].idxmin()))
    shown = [high] if high["group"] == low["group"] else [high, low]
    short = " to ".join(f"**{share(row['share_of_answers'])}** ({escaped(row['group'])})" for row in reversed(shown))
    if len(known) > len(shown) == 1:  # the same in each
        short = f"**{share(high['share_of_answers'])}** in every group"
    figures = "; ".join(
        f"{escaped(row['group'])} {int(row['n_images']):,} of {int(row['n_right']):,}, {shares(row, 'share_of_answers')}"
        for row in shown
    )
    return (
        f"Right answers whose map is no more on the lesion than a centre spot: {short}.",
        f"Right answers: {figures}.",
    )


def not_drawn(seen: pd.DataFrame, groups: list[str]) -> str:
    """How many images with a map and a lesion the chart leaves out, and why; nothing where it shows all."""
    left = seen.loc[seen["ratio"].notna() & ~seen["group"].isin(groups), ["group", "right"]]
    if left.empty:
        return ""
    unknown = int((left["group"] == "").sum())
    why = [
        f"{n:,} {of}" for n, of in ((len(left) - unknown, "in groups too small"), (unknown, "of no known group")) if n
    ]
    return f" Not drawn: {images(len(left))} ({int(left['right'].sum()):,} right), {' and '.join(why)}."


def maps_sentence(seen: pd.DataFrame) -> str:
    """How many images have nothing to measure, and whose lesions were not outlined by people."""
    without, predicted = int(seen["ratio"].isna().sum()), int((seen["mask"] == "predicted").sum())
    said = f"{images(without)} of {len(seen):,} left out: no positive evidence in the map, or no lesion found."
    return f"{said} In {predicted:,} the lesion was outlined by DermaViz, not by people." if predicted else said


def _cells(counts: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """A row per group: how many images, and which share of each of the four kinds with its interval."""
    kinds = {
        (was, on): f"{'right' if was else 'wrong'}, {'on the lesion' if on else 'elsewhere'}"
        for was in (True, False)
        for on in (True, False)
    }
    rows = []
    for name in groups:
        mine = {(one["right"], one["looking"]): one for one in counts[counts["group"] == name].to_dict("records")}
        row = {"images": f"{int(next(iter(mine.values()))['n_group']):,}", "group": value_words(name)}
        for kind, label in kinds.items():
            row[label] = (
                f"{int(mine[kind]['n_images']):,}: {Estimate.of(mine[kind] | {'value': mine[kind]['share']}).cell(share)}"
            )
        rows.append(row)
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Score:
    """A score of maps: its name, its column in the table ``attention``, what an even map has, and the end of its axis."""

    label: str
    column: str
    even: str | None = None
    top: float = 1.0
    per_area: bool = False

    @property
    def columns(self) -> dict[str, str]:
        """Each map's column: the model's, then maps that know nothing of the image."""
        named = {"the model's maps": "", "a centre spot": "_centre", "random maps": "_random"}
        columns = {name: f"{self.column}{ending}" for name, ending in named.items()}
        return columns | ({"an even map": self.even} if self.even else {})


SCORES: Mapping[str, Score] = {
    "energy": Score("energy in lesion", "energy", "lesion_area"),
    "ratio": Score("energy ÷ lesion area", "energy", "lesion_area", top=4.0, per_area=True),
    "pointing": Score("pointing game: the peak is on the lesion", "pointing"),
    "iou_25": Score("overlap (IoU) of what is above 25% of the maximum", "iou_25", "lesion_area"),
    "iou_50": Score("overlap (IoU) of what is above 50% of the maximum", "iou_50", "lesion_area"),
}


def show_attention(ask: ToneAsk) -> None:
    """A score of the model's maps and of three that know nothing of the image, over all images and by group."""
    seen = looking(ask.images)
    place = st.container()
    name = choose("Score", {key: score.label for key, score in SCORES.items()}, "score")
    score = SCORES[name]
    known, groups = ((seen["status"] == "ok") & (seen["lesion_area"] > 0)).to_numpy(), np.asarray(groups_of(ask))
    shown, small = enough(ask, groups, known)
    masks = {ALL: known} | {group: known & (groups == group) for group in shown}
    divisor = seen["lesion_area"].where(seen["lesion_area"] > 0) if score.per_area else 1.0
    tables = {
        which: mean_by_group(ask.images, (seen[column] / divisor).to_numpy(np.float64), masks)
        for which, column in score.columns.items()
    }
    labelled = {
        which: table.assign(label=table["label"].map(value_words), n=table["n_images"])
        for which, table in tables.items()
    }
    ends = np.concatenate([table[["value", "high"]].to_numpy(np.float64) for table in tables.values()])
    top = float(np.fmax.reduce(ends, axis=None, initial=score.top))
    chart = comparison_figure(
        labelled, f"{score.label}, 95% intervals", span=(0.0, top if score.per_area else 1.0), ink=ink()
    )
    with place:
        answer, figures = attention_sentence(score.label.capitalize(), tables)
        show_answer((answer, figures + too_few(small)), chart, ATTENTION)
    methods = ", ".join(METHODS[name].label if name in METHODS else name for name in seen["method"].unique())
    first = next(iter(tables.values()))
    cells = pd.DataFrame({"images": first["n_images"], "group": first["label"]}).assign(
        **{which: [Estimate.of(row).cell() for _, row in table.iterrows()] for which, table in tables.items()}
    )
    joined = pd.concat([table.assign(map=which) for which, table in tables.items()], ignore_index=True)
    words = (
        f"Maps by {methods}, of each predicted class. Energy is the share of the map on the lesion. These scores say whether a "
        f"map is plausible, not whether the model used what it shows. {maps_sentence(seen)}"
    )
    show_details(ATTENTION, words, {f"{ask.images.checkpoint.name}-{ATTENTION}-{name}": joined}, cells)


def attention_sentence(score: str, tables: Mapping[str, pd.DataFrame]) -> tuple[str, str]:
    """Whether the model's maps beat the first baseline, a centred Gaussian, over all images; and both figures."""
    model, centre, *_ = (table.iloc[0] for table in tables.values())
    if math.isnan(model["value"]):
        return "No image here has a map and a lesion.", ""
    verdict = "better than" if model["low"] > centre["value"] else "no better than"
    return (
        f"The model's maps are **{verdict}** a centre spot.",
        f"{score}: {figure(model)} against {centre['value']:.3f}, n = {images(int(model['n_images']))}.",
    )
