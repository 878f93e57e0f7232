"""What the skin-tone page says of attention: right and looking, scores beside baselines, whether maps can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pandas as pd

from dermaviz.app.text import images, share
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.plots.confusion import signed
from dermaviz.plots.probabilities import percent

CONTROLS: Mapping[str, str] = MappingProxyType({"random": "a random map", "centre": "a spot in the centre"})


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
    said = f"Right, but looking elsewhere: **{_of_right(high)}** of the right answers for {high['group']}"
    return f"{said}." if len(known) == 1 else f"{said}, the most; **{_of_right(low)}** for {low['group']}, the least."


DOTS = (
    "A dot is an image: the share of its attention map's energy that lies in the lesion, held against the lesion's share of the "
    "picture; a map that is everywhere alike stands at 1. Bars are medians. Lesions of HAM10000 lie in the middle, so the hollow "
    "sign is the line to beat."
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
        f"{score}: **{plain(model)}** for the model's maps, {centre['value']:.3f} for a spot in the picture's centre: "
        f"**{verdict}** a map that knows nothing of the photo. n = {images(int(model['n_images']))}."
    )


def faithfulness_sentence(score: str, table: pd.DataFrame) -> str:
    """Which method is the most faithful by a score, beside both controls, and which were not shown to beat chance, as Markdown.

    Args:
        table: of ``tone_faithfulness.ranking``: the best first.
    """
    methods = table[~table["method"].isin(CONTROLS)]
    best = methods.iloc[0]
    random, centre = (table[table["method"] == control].iloc[0] for control in ("random", "centre"))
    alike = best["low"] <= centre["value"] <= best["high"]
    said = (
        f"By {score}, **{best['label']}** is the most faithful of {len(methods)} methods: {plain(best)}; a random map has "
        f"{random['value']:.3f}, and a spot in the picture's centre, which knows nothing of the photo, {centre['value']:.3f}"
        f"{': **no method is told apart from it**' if alike else ''}. n = {images(int(best['n_images']))}."
    )
    lost = methods[methods["verdict"] != "better than random"]
    return f"{said} Not shown to be better than a random map: {', '.join(lost['label'])}." if len(lost) else said


def twins_sentence(table: pd.DataFrame) -> str:
    """Which methods give one and the same map on this network, found by their equal scores; "" where none do."""
    methods = table[~table["method"].isin(CONTROLS)]
    twins = [", ".join(sorted(group["label"])) for _, group in methods.groupby("value") if len(group) > 1]
    return f"On this network, some methods give one and the same map: {'; '.join(sorted(twins))}." if twins else ""


def alike_sentence(left: pd.DataFrame, alike: Sequence[str]) -> str:
    """Which methods' maps hardly change although nothing is left of what was learnt, as Markdown."""
    n = images(int(left["n_images"].max()))
    if not alike:
        return f"No method's map stays as it was once all weights are random. n = {n}."
    return (
        f"**Warning:** {', '.join(alike)} {'shows' if len(alike) == 1 else 'show'} much the same map when all weights are "
        f"random: such a map shows the photo, not what the model has learnt. n = {n}."
    )


def shortcut_sentence(rows: pd.DataFrame, labels: Mapping[str, str], what: str) -> str:
    """Which shortcut moves a figure most, and by how much beyond its control, as Markdown."""
    most = rows.loc[rows["value"].abs().idxmax()]
    n = images(int(most["n_images"]))
    beyond = ""
    if not math.isnan(most["beyond"]):
        beyond = f"; that is {_points(most, 'beyond')} more than the same places covered in the photo's own skin colour"
    return f"**{labels[most['variant']]}** moves the {what} most: by {_points(most, 'value')}{beyond}. n = {n}."


def parts_sentence(rows: pd.DataFrame, clean: Estimate, commonest: float) -> str:
    """Accuracy on lesion-only and background-only images beside that on whole photos, and the commonest diagnosis's share."""
    found = rows.set_index("variant")
    said = [f"{share(_estimate(found.loc[name]))} on {name} images" for name in found.index]
    return (
        f"It is right on {share(clean)} of whole photos, {' and '.join(said)}; always giving the commonest diagnosis would be "
        f"right on {percent(commonest)}."
    )


def other_skin_sentence(rows: pd.DataFrame, what: str, changes: bool) -> str:
    """What the largest shift towards darker skin does to a figure, beside the control of equal size, as Markdown.

    Args:
        changes: whether the figure is a change from the photo as it is.
    """
    tone = rows[(rows["axis"] == "melanin") & (rows["lesion"] == "fixed")]
    if tone.empty:
        return "There is no shift of the skin alone among these."
    row = tone.loc[tone["ita_to"].idxmin()]
    n = images(int(row["n_images"]))
    size = f"changes by **{_points(row, 'value')}**" if changes else f"is **{plain(row)}**"
    said = f"With the skin at ITA {angle(row['ita_to'])} and the lesion as it is, the {what} {size}"
    if math.isnan(row["beyond"]):
        return f"{said}. n = {n}."
    return f"{said}; beyond an equal shift of colour that is no tone: {_points(row, 'beyond')}. n = {n}."


def drawn_sentence(lines: Mapping[str, pd.DataFrame]) -> str:
    """From the lightest to the darkest skin drawn, how the probability of malignancy changes, as Markdown."""
    parts = []
    for name, table in lines.items():
        light, dark = (table.loc[at] for at in (table["ita"].idxmax(), table["ita"].idxmin()))
        parts.append(
            f"{name}: **{percent(light['value'])}** at ITA {angle(light['ita'])}, **{percent(dark['value'])}** at "
            f"{angle(dark['ita'])} ({int(dark['n_images'])} lesions)"
        )
    return f"Mean probability of malignancy, {'; '.join(parts)}."


def shares_between(value: float, low: float, high: float) -> str:
    """A share with its interval, short enough for a table: ``81%, 77 to 86``."""
    return percent(value) if math.isnan(low) else f"{percent(value)}, {100 * low:.0f} to {100 * high:.0f}"


def change_between(value: float, low: float, high: float) -> str:
    """A change of a share in percentage points with its interval, for a table: ``+2.0, +1.5 to +2.5``."""
    said, first, last = (signed(100 * number, 1) for number in (value, low, high))
    return said if math.isnan(low) else f"{said}, {first} to {last}"


def angle(degrees: float) -> str:
    """Whole degrees."""
    return f"{degrees:.0f}°".replace("-", "−")


def plain(row: pd.Series) -> str:
    """A figure with its interval."""
    if math.isnan(row["low"]):
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} (95% interval {row['low']:.3f} to {row['high']:.3f})"


def _of_right(row: pd.Series) -> str:
    low, high = row["share_of_answers_low"], row["share_of_answers_high"]
    return f"{percent(row['share_of_answers'])} (95% interval {percent(low)} to {percent(high)})"


def _estimate(row: pd.Series) -> Estimate:
    return Estimate(row["value"], row["low"], row["high"])


def _points(row: pd.Series, name: str) -> str:
    value, low, high = (100 * float(row[column]) for column in (name, *(_end(name, end) for end in ("low", "high"))))
    said = f"{signed(value, 1)} points"
    return said if math.isnan(low) else f"{said} (95% interval {signed(low, 1)} to {signed(high, 1)})"


def _end(name: str, end: str) -> str:
    return end if name == "value" else f"{name}_{end}"
