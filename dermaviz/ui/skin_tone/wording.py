"""What the skin-tone page says of groups: the finding, what cannot be said, and a computed sentence under each chart."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.evaluation.intervals import Estimate
from dermaviz.figures.confusion import signed
from dermaviz.figures.probabilities import percent
from dermaviz.ui.skin_tone.measured import FOUND, RIGHT
from dermaviz.ui.wording import images, share

if TYPE_CHECKING:
    from dermaviz.fairness.trend import Trend

AGREEMENT = (
    "An estimate is no skin type: ITA from a photo came within one type of people's labels on 45.8% of Fitzpatrick17k's photos "
    "(whole picture), or 53.0% (skin only) (Groh et al. 2021)."
)
INCONCLUSIVE = "inconclusive"
"""The verdict of ``fairness.gaps.judge`` on what other measurements do not bear out."""
DARKER = ("brown", "dark")
"""Groups on which HAM10000 supports no claim."""
SHARES = frozenset(
    {
        "sensitivity", "specificity", "false_negative_rate", "false_positive_rate", "balanced_accuracy", "accuracy",
    }
)  # fmt: skip
"""Figures that are said in percent; the others are plain numbers."""


def finding_sentence(
    right: Estimate, n: int, slope: Trend | None, verdict: tuple[str, str], seen: pd.DataFrame | None
) -> str:
    """The page's finding: how often it is right, whether less on darker skin, and whether for the right reason, as Markdown.

    Args:
        right: share of the ``n`` images that are called what they are.
        slope: of being right along ITA; None where tone was not measured.
        verdict: of ``tone_measured.trend_verdict`` on that slope.
        seen: of ``tone_measured.looking``; None where attention was not measured.
    """
    clauses = [f"It is right on **{percent(right.value)}** of {images(n)}"]
    if slope is not None:
        clauses.append(_trend_clause(slope, *verdict))
    if seen is not None and (clause := _looking_clause(seen)):
        clauses.append(clause)
    return f"{'; '.join(clauses)}."


def _trend_clause(slope: Trend, verdict: str, reason: str) -> str:
    if slope.suppressed:
        return "too few of them are right, or too few wrong, to say whether skin tone plays a part"
    darker = Estimate(*(1 / odds for odds in (slope.odds_ratio.value, slope.odds_ratio.high, slope.odds_ratio.low)))
    size = f"each 10° of ITA darker multiplies the odds of being right by {_number(darker)}"
    if math.isnan(darker.low):
        return f"there are too few lesions to say whether skin tone plays a part ({size})"
    if darker.low <= 1 <= darker.high:
        return f"within a diagnosis, **no trend with skin tone** stands out from chance ({size})"
    way = "less often" if darker.high < 1 else "more often"
    if verdict == INCONCLUSIVE:
        return f"whether it is right {way} the darker the estimated tone is **inconclusive**: {size}, but {reason}"
    return f"within a diagnosis it is right **{way} the darker the estimated tone** ({size})"


def _looking_clause(seen: pd.DataFrame) -> str:
    right = seen[seen["right"] & seen["ratio"].notna()]
    if right.empty:
        return ""
    off, spot = int((right["ratio"] <= 1).sum()), int((right["ratio"] <= right["ratio_centre"]).sum())
    return (
        f"and of {len(right):,} right answers, **{off:,} ({percent(off / len(right))})** have a map that lies on the lesion no "
        f"more than chance, **{spot:,} ({percent(spot / len(right))})** no more than a spot in the picture's centre"
    )


def cannot_say(
    tone: pd.DataFrame, groups: Sequence[str], positive: NDArray[np.bool_], other: str, agreed: pd.Series
) -> list[str]:
    """What this audit cannot say of these images, with the counts, a Markdown sentence each.

    Args:
        tone: the table ``tone`` of the images.
        groups: estimated tone group of each image, ``[N]``; "" where it is excluded.
        positive: which images show what is looked for, bool ``[N]``.
        other: another estimator of tone, which corrects the light or does not, and ``agreed``, its row of
            ``fairness.tone_groups.agreement`` with the one in use.
    """
    names = np.asarray(groups)
    n = int((names != "").sum())
    few = {name: (int((names == name).sum()), int((positive & (names == name)).sum())) for name in DARKER}
    dark = " and ".join(
        f"**{total:,} {name}** ({wanted:,} of what is looked for)" for name, (total, wanted) in few.items()
    )
    blue = int((tone["b"] <= 0).sum())
    return [
        f"**How it does on brown and dark skin.** Of {images(n)} with an estimate, {dark}. HAM10000 was collected in Austria and "
        "Australia: it supports no claim on dark skin, and a gap that is not found here may be there all the same.",
        f"**Which skin a person has.** {AGREEMENT}",
        f"**How much of it is the lamp.** Dermoscopic light is pink: in {blue:,} of {images(len(tone))} "
        f"({percent(blue / len(tone))}) the skin's b* is 0 or below, which no skin is: ITA measures the light too. "
        f"{changed_sentence(other, agreed)}",
        "**Whether people were kept apart.** HAM10000 names lesions, not patients: one person's lesions may lie on both sides of "
        "the split, and the intervals, which resample lesions, may be too narrow.",
    ]


def spread_sentence(ita: NDArray[np.float64], near: float) -> str:
    """How ITA is spread over the images, as Markdown."""
    known = ita[np.isfinite(ita)]
    if not known.size:
        return "No image here has an estimate of tone."
    low, middle, high = np.percentile(known, [25, 50, 75])
    return (
        f"Half of {images(known.size)} lie between {low:.0f}° and {high:.0f}°, the median is **{middle:.1f}°**; "
        f"**{percent(near)}** lie within 2° of a border and might as well be in the next group."
    )


def excluded_sentence(reasons: Sequence[str], flags: Sequence[str]) -> str:
    """How many images have no estimate, why, and what is flagged in the others."""
    left_out = Counter(reason.split(":")[0] for reason in reasons if reason)
    flagged = Counter(flag for text in flags for flag in text.split("; ") if flag)
    said = f"{sum(left_out.values()):,} of {images(len(reasons))} have no estimate"
    said += f": {_listed(left_out)}." if left_out else "."
    return f"{said} Flagged, but kept: {_listed(flagged)}." if flagged else said


def changed_sentence(name: str, row: pd.Series) -> str:
    """How many images change group under another estimator."""
    if not row["n"]:
        return f"No image is measured by {name} as well."
    return (
        f"By {name}, **{int(row['changed']):,} of {images(int(row['n']))} ({percent(row['changed'] / row['n'])})** are in "
        f"another group; the median difference is {signed(row['difference'], 1)}°."
    )


def groups_sentence(label: str, rows: pd.DataFrame, as_share: bool) -> str:
    """For which group a figure is lowest and highest, and which groups are too small for one, as Markdown."""
    known = rows[rows["value"].notna()]
    few = rows[rows["suppressed"]]
    ending = ""
    if len(few):
        listed = ", ".join(f"{row.group} ({row.n_positives:,} of {row.n_images:,})" for row in few.itertuples())
        ending = f" Too few to say, under 10 of what is looked for or under 10 others: {listed}."
    if known.empty:
        return f"No group is large enough for this figure.{ending}"
    if len(known) == 1:
        row = known.iloc[0]
        return f"{label}: **{_value(row, as_share)}** in the one group that is large enough, {row['group']}.{ending}"
    low, high = (known.loc[at] for at in (known["value"].idxmin(), known["value"].idxmax()))
    return (
        f"{label} is lowest for **{low['group']}**, {_value(low, as_share)}, n = {images(int(low['n_images']))}, and highest for "
        f"**{high['group']}**, {_value(high, as_share)}, n = {images(int(high['n_images']))}.{ending}"
    )


def verdict_sentence(row: Mapping[str, object] | pd.Series, as_share: bool) -> str:
    """One gap and what is left of it under other groupings."""
    gap = Estimate(*(float(row[f"difference{end}"]) for end in ("", "_low", "_high")))  # type: ignore[arg-type]
    size = _points(gap) if as_share else f"{signed(gap.value, 3)}{_ends(signed(gap.low, 3), signed(gap.high, 3), gap)}"
    reason = f" ({row['reason']})" if row["reason"] else ""
    return f"{row['group']} against {row['reference']}: {size}: **{row['verdict']}**{reason}."


def trend_sentence(outcome: str, found: Trend) -> str:
    """The slope of an outcome along ITA, as Markdown."""
    what = {RIGHT: "being called what it is", FOUND: "being found"}.get(outcome, "a false alarm")
    if found.suppressed:
        return (
            f"Of {images(found.n_images)}, {found.n_with:,} with and {found.n_without:,} without: too few for a trend."
        )
    holds = found.odds_ratio.low <= 1 <= found.odds_ratio.high
    verdict = "it holds 1: no trend" if holds else "it leaves out 1"
    return (
        f"For each 10° towards lighter skin the odds of {what} are multiplied by **{_number(found.odds_ratio)}** ({verdict}). "
        f"n = {images(found.n_images)} of {found.n_lesions:,} lesions, {found.n_with:,} with and {found.n_without:,} without."
    )


def _points(gap: Estimate) -> str:
    return f"{signed(100 * gap.value, 1)} points{_ends(signed(100 * gap.low, 1), signed(100 * gap.high, 1), gap)}"


def _ends(low: str, high: str, gap: Estimate) -> str:
    return "" if math.isnan(gap.low) else f" (95% interval {low} to {high})"


def _number(found: Estimate) -> str:
    if math.isnan(found.low):
        return f"{found.value:.2f}"
    return f"{found.value:.2f}, 95% interval {found.low:.2f} to {found.high:.2f}"


def _value(row: pd.Series, as_share: bool) -> str:
    found = Estimate(row["value"], row["low"], row["high"])
    if as_share:
        return share(found)
    return f"{found.value:.3f}{_ends(f'{found.low:.3f}', f'{found.high:.3f}', found)}"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{reason} {n:,}" for reason, n in counts.most_common())
