"""TODO docstring dermaviz.app.robustness.test_set"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.evidence import Audited, audited, has_table, same_images
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.robustness.live_text import GREY, levels_words
from dermaviz.app.robustness.view import (
    ATTACKS,
    CORRUPTED,
    FLIPS,
    METHODS,
    NOISE,
    STRONGEST_FIRST,
    TOGETHER,
    Ask,
    Trial,
    choose_method,
    choose_size,
    decline,
    errors_under,
    first_size,
    flips_of,
    group_masks,
    lines,
    median_flips,
    noise_curve,
    paired,
    trial,
    zero_gradients,
)
from dermaviz.app.text import class_names, images, images_of_lesions, share
from dermaviz.app.text import images as counted_images
from dermaviz.app.widgets.cases import CASE, PER_PAGE, archive_link, show_case
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.errors import EvidenceError
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.plots.confusion import signed
from dermaviz.plots.estimates import estimates_figure
from dermaviz.plots.robustness import REPORTED, corruption_figure, decline_figure, epsilon_in_words
from dermaviz.robustness.corruptions import CORRUPTIONS, SEVERITIES
from dermaviz.robustness.outcomes import MEAN

TOO_FEW = "too few photos to say"
_OVERSHOT = 0.02


def decline_sentence(measure: str, clean: pd.Series, after: pd.Series, under: str) -> str:
    """A figure on the clean images and under something, its drop, and n, as Markdown."""
    if math.isnan(after["value"]):
        return f"{_upper(measure)} {under}: {TOO_FEW} (n = {images(int(after['n_images']))})."
    return (
        f"{_upper(measure)} is **{_share(clean)}** on the photos as they are and **{_share(after)}** {under}: a change of "
        f"**{points(after, 'drop', turned=True)}**. n = {counted(after)}."
    )


def further_sentence(after: pd.Series, under: str) -> str:
    """The same figure under something else; follows :func:`decline_sentence`, as Markdown."""
    if math.isnan(after["value"]):
        return ""
    return f"{_upper(under)}, it is **{_share(after)}**: {points(after, 'drop', turned=True)}."


def noise_sentence(after: pd.Series) -> str:
    """What noise of the same size costs."""
    return f"Noise of the same size changes it by {points(after, 'drop', turned=True)}."


def overshoot_sentence(measure: str, rows: pd.DataFrame) -> str:
    """That FGSM grows weaker with a longer step, where it does; else nothing."""
    known = rows.dropna(subset=["value"])
    if known.empty:
        return ""
    strongest, longest = known.loc[known["value"].idxmin()], known.loc[known["epsilon"].idxmax()]
    if longest["value"] - strongest["value"] < _OVERSHOT:
        return ""
    return (
        f"A longer step is no stronger attack: FGSM does most at ε = {epsilon_in_words(strongest['epsilon'])} "
        f"({strongest['value']:.0%} {measure}), and at {epsilon_in_words(longest['epsilon'])} it walks past what its one "
        f"gradient knows of ({longest['value']:.0%}). PGD asks anew after each step."
    )


def extremes_sentence(measure: str, rows: Mapping[str, pd.Series], under: str) -> str:
    """Which group loses most and which least."""
    known = {name: row for name, row in rows.items() if not math.isnan(row["drop"])}
    left_out = [name for name in rows if name not in known]
    ending = f" Left out: {', '.join(left_out)} ({TOO_FEW})." if left_out else ""
    if not known:
        return f"There are {TOO_FEW.replace(' to say', '')} in every group."
    order = sorted(known, key=lambda name: known[name]["drop"], reverse=True)
    parts = [
        f"{word} for **{name}**, by {points(known[name], 'drop', turned=True)} (n = {images(int(known[name]['n_images']))})"
        for word, name in (("most", order[0]), ("least", order[-1]))
    ]
    said = " and ".join(parts if len(order) > 1 else parts[:1])
    return f"{_upper(under)}, {measure} changes {said}.{ending}"


def epsilon_words(epsilon: float) -> str:
    """An ε as sentences write it."""
    written = f"ε = {epsilon_in_words(epsilon)}"
    return f"{written} ({levels_words(epsilon)})" if math.isclose(epsilon, REPORTED) else written


def join_sentence(method: str, first: float | None) -> str:
    """That a line's first stretch joins two points between which nothing was measured; nothing where that is not so."""
    if first is None:
        return ""
    return f"{method} was made from ε = {epsilon_in_words(first)} on; before that, its line only joins two points. "


def gradient_sentence(zero: int, n: int) -> str:
    """How many images gave the attacks nothing to follow."""
    if not zero:
        return f"Every one of the {images(n)} has a gradient that the attacks could follow."
    return (
        f"**{zero:,} of {images(n)}** ({zero / n:.1%}) have no gradient that an attack could follow: that they withstood shows "
        "no robustness."
    )


def defence_sentence(names: tuple[str, str], measure: str, clean: pd.Series, after: pd.Series, under: str) -> str:
    """What the second checkpoint costs on clean images and buys under attack, as Markdown."""
    return (
        f"On the photos as they are, {measure} is {clean['first']:.1%} for {names[0]} and {clean['second']:.1%} for "
        f"{names[1]}: **{points(clean, 'difference')}**. {_upper(under)}, it is {after['first']:.1%} and "
        f"{after['second']:.1%}: **{points(after, 'difference')}**. n = {counted(after)}."
    )


def corruption_sentence(table: pd.DataFrame, other: str | None) -> str:
    """The mean corruption error, raw and relative, as Markdown."""
    mean = table[table["corruption"] == MEAN].set_index("metric")
    found = table.loc[table["corruption"] != MEAN, "corruption"].unique()
    averaged = sum(name not in CORRUPTIONS or CORRUPTIONS[name].averaged for name in found)
    said = (
        f"Over {averaged} corruptions and their severities, the mean balanced error (1 − balanced accuracy) is "
        f"**{_figure(mean.loc['error'])}**, which is {_figure(mean.loc['extra_error'])} more than on the photos as they are."
    )
    if other is None or "ce" not in mean.index:
        return said
    relative = (
        f"has no value: some corruption takes nothing from {other}"
        if math.isnan(mean.loc["relative_ce", "value"])
        else f"is **{_figure(mean.loc['relative_ce'])}**"
    )
    return (
        f"{said} Held against {other}, the mean corruption error is **{_figure(mean.loc['ce'])}** (below 1 is better than "
        f"{other}); the relative one, which counts only what corruptions add, {relative}."
    )


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


def points(row: Mapping[str, Any] | pd.Series, name: str, *, turned: bool = False) -> str:
    """A difference in percentage points with its interval; ``turned``, a drop is written as a change."""
    value, low, high = (100 * float(row[column]) for column in (name, f"{name}_low", f"{name}_high"))
    if turned:
        value, low, high = -value, -high, -low
    said = f"{signed(value, 1)} point{'' if abs(round(value, 1)) == 1 else 's'}"
    if math.isnan(low) or math.isnan(high):
        return said
    return f"{said} (95% interval {signed(low, 1)} to {signed(high, 1)})"


def counted(row: pd.Series) -> str:
    """How many images of how many lesions a figure is of."""
    return images_of_lesions(int(row["n_images"]), int(row["n_lesions"]))


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]


def _share(row: pd.Series) -> str:
    return share(Estimate(row["value"], row["low"], row["high"]))


def _figure(row: pd.Series) -> str:
    if math.isnan(row["low"]):
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} (95% interval {row['low']:.3f} to {row['high']:.3f})"


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


CORRUPTION, MATRIX = "corruption", "corruption matrix"
_WORST = SEVERITIES[-1]


def show_corruptions(ask: Ask) -> None:
    """What each corruption leaves at each severity, their mean error, and one of them by group."""
    images, other = trial(ask.images, CORRUPTED), _other(ask)
    table = ask.measure.rows(decline(images))
    names = [name for name in CORRUPTIONS if name in set(table["corruption"])]
    st.markdown(corruption_sentence(errors_under(*(other or (images, None))), _name(ask, other)))
    place = st.container()
    chosen = st.selectbox(
        "Look at one corruption", names, format_func=lambda name: CORRUPTIONS[name].label, key=CORRUPTION,
        bind="query-params", help="Or click its row in the table above.",
    )  # fmt: skip
    with place:
        _show_matrix(ask, table[table["corruption"].isin(names)], names, chosen)
    _show_one(ask, images, other, chosen)
    show_table(table.reset_index(drop=True), f"{ask.images.checkpoint.name}-corruptions", "corruptions")


def _other(ask: Ask) -> tuple[Trial, Trial] | None:
    """Both checkpoints on the photos of both, where the other was put under corruptions as well."""
    if ask.other is None or not has_table(ask.other, CORRUPTED):
        return None
    first, second = same_images(ask.images, audited(ask.other))
    return trial(first, CORRUPTED), trial(second, CORRUPTED)


def _name(ask: Ask, other: tuple[Trial, Trial] | None) -> str | None:
    return ask.other.name if ask.other and other else None


def _show_matrix(ask: Ask, table: pd.DataFrame, names: list[str], chosen: str) -> None:
    labels = {name: CORRUPTIONS[name].label for name in names}
    meanings = {name: [CORRUPTIONS[name].in_words(at) for at in SEVERITIES] for name in names}
    figure = corruption_figure(
        table, labels, meanings, ask.measure.label, selected=(names.index(chosen), -1), ink=ink()
    )
    worst = table[table["severity"] == _WORST]
    said = ", ".join(
        f"{labels[row.corruption]} {row.value:.0%}" for row in worst.itertuples() if row.value == row.value
    )
    st.plotly_chart(
        figure, key=MATRIX, on_select=partial(_pick_of_corruption_card, tuple(names)), selection_mode="points",
        config={"displayModeBar": False}, alt=f"{ask.measure.label} at severity {_WORST}: {said}.",
    )  # fmt: skip
    st.caption(
        f"In each cell the {ask.measure.label} that is left; the colour is what was lost. n = {int(table['n_images'].max()):,} "
        "photos. Faint and uniform noise are as small as an attack and stay out of the mean."
    )


def _pick_of_corruption_card(names: tuple[str, ...]) -> None:
    """Take a clicked row, or a clicked cell's row, over into the select box."""
    points = st.session_state[MATRIX].selection.points
    if points and int(points[0]["customdata"][0]) >= 0:
        st.session_state[CORRUPTION] = names[int(points[0]["customdata"][0])]


def _show_one(ask: Ask, images: Trial, other: tuple[Trial, Trial] | None, name: str) -> None:
    """One corruption against its severity, for each group, or for both checkpoints."""

    def pick(table: pd.DataFrame) -> pd.DataFrame:
        return table[table["corruption"] == name]

    drawn = lines(images, ask, pick)
    if other and ask.grouping == TOGETHER:
        drawn |= lines(other[1], ask, pick)
    row = CORRUPTIONS[name]
    under = f"under “{row.label}” of severity {_WORST} ({row.in_words(_WORST)})"
    worst = {label: table[table["severity"] == _WORST].iloc[0] for label, table in drawn.items()}
    if ask.grouping == TOGETHER:
        first = next(iter(drawn.values()))
        said = decline_sentence(ask.measured, first[first["severity"] == 0].iloc[0], next(iter(worst.values())), under)
    else:
        said = extremes_sentence(ask.measured, worst, under)
    show_chart(
        decline_figure(drawn, "severity", ask.measured, baseline=ask.constant, ink=ink()), "one corruption", said
    )
    st.caption(f"{row.label}: {', '.join(f'{at}: {row.in_words(at)}' for at in SEVERITIES)}. Severities: {row.source}.")


_ONE_LEVEL = 1 / 255


def show_defence(ask: Ask) -> None:
    """Both checkpoints on one chart, with their paired difference on clean photos and at one ε."""
    if ask.other is None:
        raise EvidenceError(
            "expected a second checkpoint to hold this one against, found one checkpoint. Put the folder of a defended one "
            "beside it in `checkpoints/`: `dermaviz train recipes/ham10000-efficientnet-lite0-robust.yaml` makes one."
        )
    first, second = same_images(ask.images, audited(ask.other))
    one, another = trial(first, ATTACKS), trial(second, ATTACKS)
    table = ask.measure.rows(paired(one, another))
    names = (first.checkpoint.name, second.checkpoint.name)
    left, right = st.columns(2)
    with left:
        method = choose_method("defence_method", table["method"].unique())
    rows = table[table["method"] == method]
    with right:
        epsilon = choose_size(rows["epsilon"], _ONE_LEVEL, f"defence_at_{method.replace(' ', '_')}")
    drawn = {name: _of(rows, which) for name, which in zip(names, ("first", "second"), strict=True)}
    under = f"under {METHODS[method]} at {epsilon_words(epsilon)}"
    said = defence_sentence(
        names, ask.measure.label, rows[rows["epsilon"] == 0].iloc[0], rows[rows["epsilon"] == epsilon].iloc[0], under
    )
    show_chart(decline_figure(drawn, "epsilon", ask.measure.label, baseline=ask.constant, ink=ink()), "defence", said)
    joined = join_sentence(METHODS[method], first_size(one.answers.conditions, method))
    st.caption(f"{joined}Differences are paired: both are measured on the same resamplings of whole lesions.")
    show_table(table, f"{names[0]}-and-{names[1]}-attacks", "defence")


def _of(rows: pd.DataFrame, which: str) -> pd.DataFrame:
    """One checkpoint's line, as figures take it."""
    columns = {which: "value", f"{which}_low": "low", f"{which}_high": "high"}
    return rows[["epsilon", "n_images", *columns]].rename(columns=columns)


_GREY_LEVELS = 255


def show_attacks(ask: Ask) -> None:
    """The measure against ε: attacks and noise on one chart, or one of them for each group."""
    images = trial(ask.images, ATTACKS)
    drawn, said, note = (_together if ask.grouping == TOGETHER else _by_group)(ask, images)
    show_chart(decline_figure(drawn, "epsilon", ask.measured, baseline=ask.constant, ink=ink()), "attacks", said)
    st.caption(note + gradient_sentence(zero_gradients(images), len(ask.images)))
    show_table(_joined(drawn), f"{ask.images.checkpoint.name}-attacks", "attacks")


def _together(ask: Ask, images: Trial) -> tuple[dict[str, pd.DataFrame], str, str]:
    """A line for each method, from the smallest ε at which it was made, and what they say."""
    table = ask.measure.rows(decline(images))
    whole = {name: rows for name in METHODS if len(rows := table[table["method"] == name])}
    begun = {name: first_size(images.answers.conditions, name) or 0 for name in whole}
    drawn = {METHODS[name]: rows[rows["epsilon"] >= begun[name]] for name, rows in whole.items()}
    return drawn, _said_together(ask, whole), ""


def _by_group(ask: Ask, images: Trial) -> tuple[dict[str, pd.DataFrame], str, str]:
    """A line for each group under one method, what they say, and where they only join two points."""
    conditions = images.answers.conditions
    method = choose_method("method_shown", conditions["method"].unique())
    drawn = lines(images, ask, lambda table: table[table["method"] == method])
    sizes = conditions.loc[conditions["method"] == method, "epsilon"]
    epsilon = choose_size(sizes, REPORTED, f"at_{method.replace(' ', '_')}")
    rows = {name: _at(table, "epsilon", epsilon) for name, table in drawn.items()}
    said = extremes_sentence(ask.measured, rows, f"under {METHODS[method]} at {epsilon_words(epsilon)}")
    return drawn, said, join_sentence(METHODS[method], first_size(conditions, method))


def _said_together(ask: Ask, drawn: Mapping[str, pd.DataFrame]) -> str:
    """The strongest attack that was made at an ε, noise of the same size, and what a longer step of FGSM does."""
    epsilon = choose_size(pd.concat([rows["epsilon"] for rows in drawn.values()]), REPORTED, "at")
    here = {name: rows for name, rows in drawn.items() if (rows["epsilon"] == epsilon).any()}
    method = next(name for name in STRONGEST_FIRST if name in here)
    clean, after = (_at(drawn[method], "epsilon", at) for at in (0, epsilon))
    said = [decline_sentence(ask.measured, clean, after, f"under {METHODS[method]} at {epsilon_words(epsilon)}")]
    if NOISE in here and method != NOISE:
        said.append(noise_sentence(_at(here[NOISE], "epsilon", epsilon)))
    if "fgsm" in drawn:
        said.append(overshoot_sentence(ask.measured, drawn["fgsm"]))
    return " ".join(filter(None, said))


def show_noise(ask: Ask) -> None:
    """The measure against σ of Gaussian noise, beside that of the other checkpoint where it was tested as well."""
    images = trial(ask.images, CORRUPTED)
    drawn = lines(images, ask, noise_curve)
    if ask.other and ask.grouping == TOGETHER and has_table(ask.other, CORRUPTED):
        _, second = same_images(ask.images, audited(ask.other))
        drawn |= lines(trial(second, CORRUPTED), ask, noise_curve)
    first = next(iter(drawn.values()))
    worst = float(first["sigma"].max())
    under = f"under Gaussian noise of σ = {worst:g}"
    if ask.grouping == TOGETHER:
        reported = f"at σ = {REPORTED:g}, as reported"
        said = decline_sentence(ask.measured, _at(first, "sigma", 0), _at(first, "sigma", REPORTED), reported)
        said = f"{said} {further_sentence(_at(first, 'sigma', worst), under)}"
    else:
        said = extremes_sentence(
            ask.measured, {name: _at(table, "sigma", worst) for name, table in drawn.items()}, under
        )
    show_chart(decline_figure(drawn, "sigma", ask.measured, baseline=ask.constant, ink=ink()), "noise", said)
    show_table(_joined(drawn), f"{ask.images.checkpoint.name}-noise", "noise")


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


CARDS: Mapping[str, tuple[str, Callable[[Ask], None]]] = MappingProxyType(
    {
        "Attacks": ("How fast does an attack break it, and does noise of the same size?", show_attacks),
        "Defence": ("What does a defence cost, and what does it buy?", show_defence),
        "Noise": ("How much noise does it take?", show_noise),
        "Corruptions": ("Which everyday faults of a photo hurt it?", show_corruptions),
        "Smallest change": ("How small a change flips the answer?", show_smallest),
        "Hit worst": ("Which photos need the smallest change?", show_hit_worst),
    }
)


def show_cards(ask: Ask) -> None:
    """A tab for each question; only the open one is computed."""
    for (question, show), tab in zip(
        CARDS.values(), st.tabs(list(CARDS), key="test", bind="query-params"), strict=True
    ):
        if tab.open:
            with tab, sentence_for_errors():
                st.subheader(question, anchor=False)
                show(ask)


def _at(table: pd.DataFrame, size: str, at: float) -> pd.Series:
    """The row of a size, or of the one nearest to it."""
    return table.loc[(table[size] - at).abs().idxmin()]


def _joined(drawn: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of all lines, named."""
    return pd.concat([rows.assign(line=name) for name, rows in drawn.items()], ignore_index=True)
