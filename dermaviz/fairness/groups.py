"""TODO docstring dermaviz.fairness.groups"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from math import isnan
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from dermaviz.errors import FairnessError
from dermaviz.metrics.bootstrap import (
    DRAWS,
    FEWEST,
    Estimate,
    LesionIds,
    interval,
    lesion_weights,
    off_zero,
    over_draws,
)
from dermaviz.metrics.calibration import expected_calibration_error, flagged_share
from dermaviz.metrics.classification import (
    MELANOMA,
    Labels,
    Metric,
    Probabilities,
    Values,
    Weights,
    accuracy,
    ratio,
    weighted_mean,
)
from dermaviz.metrics.ranking import binary_view, group_auc
from dermaviz.metrics.summary import Figure

MALIGNANT = "malignant"
"""In place of a class: all malignant classes together."""
CALIBRATION_BIAS = "calibration_bias"
"""The one figure that has a sign, and so no ratio."""
SIDES = MappingProxyType(
    {"sensitivity": True, "false_negative_rate": True, "specificity": False, "false_positive_rate": False}
)
"""The figures that are a share of the positives (True) or of the negatives."""
COUNTS = ("n_images", "n_lesions", "n_positives", "n_negatives")


@dataclass(frozen=True, eq=False)
class GroupFigures:
    """M figures of G groups, the largest first.

    ``counts`` has a row per group: ``group``, the columns ``COUNTS`` and ``suppressed``. ``values`` ``[G, M]`` and ``draws``
    ``[G, M, draws]`` are NaN where a group is suppressed. All groups share the draws: number d of each is measured on
    resampling d of all lesions, so a difference of two groups has the difference of their draws.
    """

    figures: tuple[Figure, ...]
    counts: pd.DataFrame
    values: Values
    draws: Values

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups, the one with the most images first."""
        return tuple(self.counts["group"])

    def table(self) -> pd.DataFrame:
        """A row per group and figure; columns as in :func:`dermaviz.fairness.audit.group_metrics`."""
        rows = []
        for g, counted in enumerate(self.counts.to_dict("records")):
            for m, figure in enumerate(self.figures):
                low, high = interval(self.draws[g, m])
                named = {"group": counted["group"], "metric": figure.slug, "label": figure.label}
                rows.append({**named, "value": float(self.values[g, m]), "low": low, "high": high, **counted})
        return pd.DataFrame(rows)


def measure_groups(
    labels: Labels,
    probabilities: Probabilities,
    lesion_ids: LesionIds,
    groups: Sequence[str],
    figures: tuple[Figure, ...],
    draws: int = DRAWS,
    seed: int = 0,
) -> GroupFigures:
    """Every figure of every group of some images ``[N]``; a group "" (unknown) is left out, but its lesions are drawn.

    Args:
        groups: name of each image's group, ``[N]``. A lesion may have images in several.
        figures: from :func:`audit_figures`.

    Raises:
        FairnessError: an argument is of another length, or no image is of a known group.
    """
    names = np.asarray(groups, dtype=str)
    _require_one_each(names, labels, probabilities, lesion_ids)
    lesions, positive = np.asarray(lesion_ids, dtype=str), np.isin(labels, figures[0].positive)
    counts = _counts(names, lesions, positive)
    weights = lesion_weights(lesions, draws, seed)
    values = np.full((len(counts), len(figures)), np.nan)
    samples = np.full((*values.shape, draws), np.nan)
    metrics = [figure.metric for figure in figures]
    for g in np.flatnonzero(~counts["suppressed"]).tolist():
        mine = names == counts["group"][g]
        values[g] = [metric(labels[mine], probabilities[mine]) for metric in metrics]
        samples[g] = over_draws(metrics, labels[mine], probabilities[mine], weights[:, mine])
        lesions_of = {side: len(set(lesions[mine & (positive == side)])) for side in (True, False)}
        _spread_unanimous(figures, values[g], samples[g], lesions_of, seed=g)
    return GroupFigures(figures, counts, values, samples)


def audit_figures(
    classes: Sequence[str], malignant: frozenset[str], positive: str = MELANOMA, threshold: float | None = 0.5
) -> tuple[Figure, ...]:
    """What is asked of every group.

    Sensitivity, specificity and their complements; ROC AUC of the summed probability; balanced accuracy as the mean of
    sensitivity and specificity (a mean over all classes would change with which of them a group happens to have);
    accuracy over all classes; calibration error, and calibration bias: mean probability of the positive classes minus their
    share of the images. An error that is a mean of absolute gaps grows as images get fewer, in a fair model too (Roelofs et
    al. 2022), so groups of unequal size are better compared by the bias.

    Args:
        positive: a class, or ``MALIGNANT``.
        threshold: summed probability from which an image is called positive; None: when its most probable class is one.

    Raises:
        FairnessError: ``positive`` is no class, or leaves no class on one of the two sides.
    """
    sick = _positive_classes(classes, malignant, positive)
    well = tuple(i for i in range(len(classes)) if i not in sick)
    caught, alarmed = flagged_share(sick, sick, threshold), flagged_share(well, sick, threshold)
    name = "Melanoma" if positive == MELANOMA else positive.capitalize()
    at = "as most probable class" if threshold is None else f"at p ≥ {threshold:g}"
    rows: dict[str, tuple[str, Metric]] = {
        "sensitivity": (f"{name}: sensitivity {at}", caught),
        "specificity": (f"{name}: specificity {at}", _rest(alarmed)),
        "false_negative_rate": (f"{name}: false negative rate {at}", _rest(caught)),
        "false_positive_rate": (f"{name}: false positive rate {at}", alarmed),
        "roc_auc": (f"{name}: ROC AUC", group_auc(sick)),
        "balanced_accuracy": (f"{name}: mean of sensitivity and specificity {at}", _mean(caught, _rest(alarmed))),
        "accuracy": ("Accuracy over all classes", accuracy),
        "expected_calibration_error": ("Calibration error (15 bins)", expected_calibration_error),
        CALIBRATION_BIAS: (f"{name}: mean probability minus share of images", _bias(sick)),
    }
    return tuple(Figure(slug, label, metric, sick) for slug, (label, metric) in rows.items())


def _positive_classes(classes: Sequence[str], malignant: frozenset[str], positive: str) -> tuple[int, ...]:
    names = malignant if positive == MALIGNANT else {positive}
    found = tuple(i for i, name in enumerate(classes) if name in names)
    if not 0 < len(found) < len(classes):
        raise FairnessError(
            f"expected {positive!r} to be one of the classes {', '.join(classes)}, or {MALIGNANT!r} with malignant and benign "
            f"classes among them, found {len(found)} of {len(classes)} classes on that side. Choose another class."
        )
    return found


def _spread_unanimous(
    figures: Sequence[Figure], values: Values, samples: Values, lesions_of: Mapping[bool, int], seed: int
) -> None:
    """Give shares of none or all (of ``values`` ``[M]``) draws (in ``samples`` ``[M, draws]``) that know how few lesions say so.

    All of n lesions: the chance p of each is at least u^(1/n) with confidence 1 − u, which is Clopper and Pearson's bound;
    the draws are these for even u, the highest of them 1, so that the interval ends there.
    """
    slugs = [figure.slug for figure in figures]
    even = (np.random.default_rng(seed).permutation(samples.shape[1]) + 0.5) / max(1, samples.shape[1])
    for slug, side in SIDES.items():
        m = slugs.index(slug)
        if values[m] not in (0, 1):
            continue
        all_of = np.where(even > 0.95, 1, even ** (1 / lesions_of[side]))
        spread = all_of if values[m] == 1 else 1 - all_of
        if slug in ("sensitivity", "specificity"):
            samples[slugs.index("balanced_accuracy")] += (spread - values[m]) / 2
        samples[m] = spread


def _rest(metric: Metric) -> Metric:
    """One minus a share."""

    def rest(labels: Labels, probabilities: Probabilities, weights: Weights | None = None) -> Values:
        return 1 - metric(labels, probabilities, weights)

    return rest


def _mean(first: Metric, second: Metric) -> Metric:
    def mean(labels: Labels, probabilities: Probabilities, weights: Weights | None = None) -> Values:
        return (first(labels, probabilities, weights) + second(labels, probabilities, weights)) / 2

    return mean


def _bias(sick: Sequence[int]) -> Metric:
    def bias(labels: Labels, probabilities: Probabilities, weights: Weights | None = None) -> Values:
        positive, score = binary_view(labels, probabilities, sick)
        return weighted_mean(score - positive, weights)

    return bias


def _counts(names: np.ndarray, lesions: np.ndarray, positive: np.ndarray) -> pd.DataFrame:
    """The row of counts of each known group, the largest first, equally large ones by name."""
    known = names != ""
    images = pd.DataFrame({"group": names, "lesion": lesions, "positive": positive})[known]
    if images.empty:
        raise FairnessError(
            f"expected images of at least one known group, found none among {len(names):,} images. Choose another grouping."
        )
    of_group = images.groupby("group")
    counts = pd.DataFrame(
        {
            "n_images": of_group.size(),
            "n_lesions": of_group["lesion"].nunique(),
            "n_positives": of_group["positive"].sum(),
        }
    )
    counts["n_negatives"] = counts["n_images"] - counts["n_positives"]
    counts["suppressed"] = counts[["n_positives", "n_negatives"]].min(axis=1) < FEWEST
    return counts.sort_values("n_images", ascending=False, kind="stable").reset_index()


def _require_one_each(names: np.ndarray, *others: Sized) -> None:
    found = [len(names), *map(len, others)]
    if len(set(found)) > 1:
        raise FairnessError(
            "expected a group, a label, a row of probabilities and a lesion for each image, found "
            f"{', '.join(f'{n:,}' for n in found)} of them. Take all four from the same rows of the evidence."
        )


SAME, INCONCLUSIVE, TOO_FEW = "the same", "inconclusive", "too few"
"""What :func:`judge` can say of a gap."""


def gaps_to(measured: GroupFigures, reference: str | None = None) -> pd.DataFrame:
    """Each other group beside a reference group (None: the one with the most images); a row per group and figure.

    Columns as in :func:`dermaviz.fairness.audit.group_gaps`.

    Raises:
        FairnessError: the reference is none of the groups.
    """
    groups = measured.groups
    reference = groups[0] if reference is None else reference
    if reference not in groups:
        raise FairnessError(
            f"expected one of the groups {', '.join(groups)} as reference, found {reference!r}. Choose one of them."
        )
    beside = groups.index(reference)
    pairs = [(g, beside, m) for g in range(len(groups)) if g != beside for m in range(len(measured.figures))]
    return pd.DataFrame([_gap(measured, *pair) for pair in pairs], columns=_COLUMNS)


def widest_gaps(measured: GroupFigures) -> pd.DataFrame:
    """For each figure the group with the highest value beside that with the lowest (its ``reference``), as ``gaps_to``.

    The pair was chosen because its gap is the widest, so the interval, which is that of this pair, flatters the gap: the
    more groups, the more. No rows where fewer than two groups have figures.
    """
    shown = np.flatnonzero(~measured.counts["suppressed"])
    pairs = []
    if len(shown) > 1:
        for m in range(len(measured.figures)):
            values = measured.values[shown, m]
            pairs.append((int(shown[values.argmax()]), int(shown[values.argmin()]), m))
    return pd.DataFrame([_gap(measured, *pair) for pair in pairs], columns=_COLUMNS)


def judge(gap: Estimate, others: Mapping[str, float]) -> tuple[str, str]:
    """Whether a gap (a difference, or a slope: 0 is none) was found again under other measurements, and why not.

    - ``TOO_FEW``: there is no gap to judge (NaN), because a group has too few positives or negatives.
    - ``INCONCLUSIVE``: the interval of the gap holds 0 or cannot be had; or, under one of the ``others``, the gap has
      another sign (0 is one) or cannot be had (NaN).
    - ``SAME``: none of these. The intervals of the others are not asked to leave out 0: they are no independent evidence.

    An interval that leaves out 0 does so by chance in one of twenty fair comparisons: of many figures, some will.

    Args:
        others: by name, the gap as another tone estimator or other cuts find it.

    Returns:
        The verdict, and its reason in words ("" where it is ``SAME``).
    """
    if isnan(gap.value):
        return TOO_FEW, f"a group has fewer than {FEWEST} positives or {FEWEST} negatives"
    if isnan(gap.low):
        return INCONCLUSIVE, "the lesions are too few for an interval"
    if not off_zero(gap.low, gap.high):
        return INCONCLUSIVE, "the interval holds no difference"
    turned = [name for name, other in others.items() if other * gap.value <= 0]
    if turned:
        return INCONCLUSIVE, f"the sign changes under {', '.join(turned)}"
    missing = [name for name, other in others.items() if isnan(other)]
    if missing:
        return INCONCLUSIVE, f"a group has too few images under {', '.join(missing)}"
    return SAME, ""


_COLUMNS = (
    *("group", "reference", "metric", "label", "value", "reference_value"),
    *("difference", "difference_low", "difference_high", "ratio", "ratio_low", "ratio_high"),
    *COUNTS,
    *(f"reference_{name}" for name in COUNTS),
    "suppressed",
)


def _gap(measured: GroupFigures, group: int, reference: int, m: int) -> dict[str, Any]:
    """One figure of one group beside that of another."""
    value, beside = measured.values[group, m], measured.values[reference, m]
    drawn, drawn_beside = measured.draws[group, m], measured.draws[reference, m]
    mine, theirs = (measured.counts.loc[g].to_dict() for g in (group, reference))
    figure = measured.figures[m]
    row = {
        "group": mine["group"], "reference": theirs["group"], "metric": figure.slug, "label": figure.label,
        "value": float(value), "reference_value": float(beside),
    }  # fmt: skip
    of_two = {"difference": (value - beside, drawn - drawn_beside), "ratio": (np.nan, np.full(1, np.nan))}
    if figure.slug != CALIBRATION_BIAS:
        of_two["ratio"] = ratio(value, beside), ratio(drawn, drawn_beside)
    for name, (shown, sample) in of_two.items():
        row[name] = float(shown)
        row[f"{name}_low"], row[f"{name}_high"] = interval(sample)
    row |= {name: mine[name] for name in COUNTS} | {f"reference_{name}": theirs[name] for name in COUNTS}
    return row | {"suppressed": bool(mine["suppressed"] or theirs["suppressed"])}
