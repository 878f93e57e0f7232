"""What the charts of the robustness page say: baseline, drop and n of each in one computed sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from dermaviz.evaluation.intervals import Estimate
from dermaviz.figures.confusion import signed
from dermaviz.figures.robustness import REPORTED, epsilon_in_words
from dermaviz.robustness.corruption_error import MEAN
from dermaviz.robustness.corruptions import CORRUPTIONS
from dermaviz.ui.robustness.attack_wording import levels_words
from dermaviz.ui.wording import images, images_of_lesions, share

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
