"""Robustness, tabs Smallest change and Hit worst: how small a change flips each answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.evidence import audited, has_table, table_of
from dermaviz.app.robustness.live_text import GREY, levels_words
from dermaviz.app.robustness.question import FLIPS, TOGETHER, Ask, gradient_sentence, group_masks
from dermaviz.app.text import class_names, images
from dermaviz.app.widgets.cases import CASE, PER_PAGE, archive_link, show_case
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import Audited, same_images
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.plots.intervals import estimates_figure
from dermaviz.robustness.outcomes import median_flip_distance

_CHANGE = "smallest change, grey levels"
_GREY_LEVELS = 255


def show_smallest(ask: Ask) -> None:
    """The median of the smallest changes that flip answers, for each group."""
    masks = {name: mask for name, mask in group_masks(ask.images, ask.grouping).items() if mask.any()}
    table, flips = median_flips(ask.images, masks), flips_of(ask.images)
    cap = float(flips["cap"].max())
    whole = median_flips(ask.images, group_masks(ask.images, TOGETHER)).iloc[0]
    said = flip_distance_sentence(whole, cap)
    if ask.other and ask.grouping == TOGETHER and has_table(ask.other, FLIPS):
        _, second = same_images(ask.images, audited(ask.other))
        beside = median_flips(second, group_masks(second, TOGETHER))
        said = f"{said} {ask.other.name}: {flip_distance_sentence(beside.iloc[0], cap)}"
        table = pd.concat([table, beside], ignore_index=True)
    shown = table.assign(**{name: table[name].clip(upper=cap) * _GREY_LEVELS for name in ("value", "low", "high")})
    few = table["value"].isna() | table["low"].isna()
    shown.loc[few, ["value", "low", "high"]] = np.nan
    top = float(np.nanmax(shown["high"], initial=1))
    figure = estimates_figure(shown, title="median smallest change, grey levels of 255", span=(0.0, top), ink=ink())
    show_chart(figure, "smallest", said)
    st.caption(
        "Looked for along FGSM's direction in steps of 1/8 of a grey level; PGD may need less still. "
        f"What withstands {cap * _GREY_LEVELS:g} grey levels counts as larger. n: photos that the model calls rightly. "
        + gradient_sentence(int(flips["zero_gradient"].sum()), len(flips))
    )
    show_table(table, f"{ask.images.checkpoint.name}-smallest-changes", "smallest")


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
            f"Make the tables of the same split: `dermaviz audit {audited.checkpoint.name} --data FOLDER`."
        )
    return table.reset_index()


def median_flips(audited: Audited, groups: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The median smallest change of each group of images (name to mask), in [0, 1] pixels.

    Returns:
        ``label, value, low, high, n`` (images that were right as they are) and ``n_images``.
    """
    flips = flips_of(audited)["flip_epsilon"].to_numpy(np.float64)
    rows = []
    for name, mine in groups.items():
        some = audited.take(mine)
        found = _median_flip(some.key, table_of(audited.checkpoint, FLIPS).manifest.sha256, flips[mine], some)
        right = int((flips[mine] > 0).sum())
        rows.append(
            {
                "label": name,
                "value": found.value,
                "low": found.low,
                "high": found.high,
                "n": right,
                "n_images": len(some),
            }
        )
    return pd.DataFrame(rows)


@st.cache_data(max_entries=256, show_spinner=False)
def _median_flip(key: str, flips: str, _epsilons: np.ndarray, _audited: Audited) -> Estimate:
    return median_flip_distance(_epsilons, _audited.lesions.tolist())


def flip_distance_sentence(found: pd.Series, cap: float) -> str:
    """The median smallest change, and how many images withstood all that were tried, as Markdown."""
    n = images(int(found["n"]))
    if math.isnan(found["value"]):
        return "None of these photos is called what it is, so there is nothing to flip."
    if math.isinf(found["value"]):
        return f"More than half of the {n} that it calls rightly withstand a change of {levels_words(cap)}."
    ends = (found["low"], found["high"])
    interval = ""
    if not any(map(math.isnan, ends)):
        low, high = ("more than was tried" if math.isinf(end) else f"{end * 255:.2g}" for end in ends)
        interval = f" (95% interval {low} to {high})"
    return (
        f"For half of the {n} that it calls rightly, changing each value by **{levels_words(found['value'])}**{interval} along "
        "FGSM's direction is enough to flip the answer."
    )


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
        f"Of **{images(len(table))}** that it calls rightly and that flip, {first['image']} needs the least: "
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
