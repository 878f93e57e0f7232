"""Robustness, tab Smallest change: how small a change flips each answer, by group, and the images that flip first."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.evidence import audited, has_table, table_of
from dermaviz.app.robustness.live_text import GREY, levels_words
from dermaviz.app.robustness.question import FLIPS, TOGETHER, Ask, gradient_sentence, group_masks
from dermaviz.app.text import class_names, escaped, images
from dermaviz.app.widgets.cases import case_table, show_cases
from dermaviz.app.widgets.chart import ink, show_answer, show_details
from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import Audited, same_images
from dermaviz.evidence.store import audit_command
from dermaviz.metrics.bootstrap import FEWEST, Estimate
from dermaviz.metrics.confusion import by_class
from dermaviz.plots.intervals import estimates_figure
from dermaviz.robustness.outcomes import median_flip_distance

CHANGE = "smallest change, grey levels"


def show_smallest(ask: Ask) -> None:
    """The median of the smallest changes that flip answers, for each group; then the images that flip first."""
    flips, cap = flips_of(ask.images), float(flips_of(ask.images)["cap"].max())
    table = median_flips(
        ask.images, {name: mask for name, mask in group_masks(ask.images, ask.grouping).items() if mask.any()}
    )
    answer, figures = flip_sentence(median_flips(ask.images, group_masks(ask.images, TOGETHER)).iloc[0], cap)
    if ask.other and ask.grouping == TOGETHER and has_table(ask.other, FLIPS):
        _, second = same_images(ask.images, audited(ask.other))
        beside = median_flips(second, group_masks(second, TOGETHER))
        figures = f"{figures} {escaped(ask.other.name)}: {' '.join(flip_sentence(beside.iloc[0], cap))}"
        table = pd.concat([table, beside], ignore_index=True)
    shown = table.assign(**{name: table[name].clip(upper=cap) / GREY for name in ("value", "low", "high")})
    shown.loc[table["low"].isna(), ["value", "low", "high"]] = np.nan
    top = float(np.nanmax(shown["high"], initial=1))
    figure = estimates_figure(shown, title="median smallest change, grey levels of 255", span=(0.0, top), ink=ink())
    show_answer((answer, figures), figure, "smallest")
    words = (
        "Searched along FGSM's direction in steps of 1/8 of a grey level; PGD may need less. What withstands "
        f"{cap / GREY:g} grey levels counts as larger. n: images classified correctly. "
        f"{gradient_sentence(int(flips['zero_gradient'].sum()), len(flips))}"
    )
    worst = flips_first(ask.images, ask.measure.class_name)
    name = ask.images.checkpoint.name
    show_details("smallest", words, {f"{name}-smallest-changes": table, f"{name}-flip-first": worst})
    if worst.empty:
        st.info("No correctly classified image here flips.", icon=":material/info:")
        return
    first = worst.iloc[0]
    st.markdown("### Which images need the smallest change?")
    st.markdown(
        f"Of **{images(len(worst))}** that flip, {escaped(first['image'])} needs least: "
        f"**{levels_words(first[CHANGE] * GREY)}** turns {escaped(first['diagnosis'])} into {escaped(first['turns into'])}."
    )
    show_cases(ask.images, worst)


def flips_of(audited: Audited) -> pd.DataFrame:
    """The table ``flips`` on these images, in their order.

    Raises:
        EvidenceError: there is no such table, it is damaged or stale, or lacks some of the images.
    """
    table = table_of(audited.checkpoint, FLIPS).table.set_index("image_id").reindex(audited.table["image_id"])
    missing = int(table["flip_epsilon"].isna().sum())
    if missing:
        raise EvidenceError(
            f"expected the smallest change that flips each of {len(audited):,} images, found {missing:,} images without. "
            f"Make the tables of the same split: `{audit_command(audited.checkpoint.folder, audited.of, FLIPS)}`."
        )
    return table.reset_index()


def median_flips(audited: Audited, groups: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The median smallest change of each group of images (name to mask), in [0, 1] pixels.

    Returns:
        ``label, value, low, high, n`` (images that were right as they are) and ``n_images``.
    """
    flips = flips_of(audited)["flip_epsilon"].to_numpy(np.float64)
    sha = table_of(audited.checkpoint, FLIPS).manifest.sha256
    rows = []
    for name, mine in groups.items():
        some = audited.take(mine)
        found = _median_flip(some.key, sha, flips[mine], some)
        counts = {"n": int((flips[mine] > 0).sum()), "n_images": len(some)}
        rows.append({"label": name, "value": found.value, "low": found.low, "high": found.high, **counts})
    return pd.DataFrame(rows)


@st.cache_data(max_entries=256, show_spinner=False)
def _median_flip(key: str, flips: str, _epsilons: np.ndarray, _audited: Audited) -> Estimate:
    return median_flip_distance(_epsilons, _audited.clusters.tolist())


def flip_sentence(found: pd.Series, cap: float) -> tuple[str, str]:
    """The median smallest change that flips an answer; and its interval, of how many images."""
    n = f"n = {images(int(found['n']))} classified correctly."
    if found["n"] < FEWEST or math.isnan(found["value"]):
        return "**Too few images** are classified correctly to say.", n
    if math.isinf(found["value"]):
        return f"**More than half withstand** a change of {levels_words(cap)}.", n
    low, high = (
        "more than was tried" if math.isinf(end) else f"{end / GREY:.2g}" for end in (found["low"], found["high"])
    )
    interval = (
        ""
        if math.isnan(found["low"])
        else f"95% interval of the median: {low} to {high} grey levels, in steps of 0.125. "
    )
    return f"Half of the answers flip when each value changes by **{levels_words(found['value'])}**.", f"{interval}{n}"


def flips_first(audited: Audited, class_name: str) -> pd.DataFrame:
    """Correctly classified images that flip, the smallest change first, then the surest; of one diagnosis, or of all ("").

    Returns:
        The columns of ``widgets.cases.case_table`` with ``CHANGE`` and ``turns into``.
    """
    flips, words = flips_of(audited), class_names(audited.checkpoint.card)
    size = flips["flip_epsilon"].to_numpy(np.float64)
    mine = np.isfinite(size) & (size > 0)
    if class_name:
        mine &= (audited.table["dx"] == class_name).to_numpy()
    sure = audited.probabilities[np.arange(len(audited)), audited.labels]
    rows = np.flatnonzero(mine)
    rows = rows[np.lexsort((-sure[rows], size[rows]))]
    table = case_table(audited, by_class(audited.labels, audited.probabilities, audited.classes), rows)
    table.insert(1, CHANGE, size[rows] / GREY)
    table.insert(3, "turns into", flips["flipped_to"].iloc[rows].map(words).to_numpy())
    return table
