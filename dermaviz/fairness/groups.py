"""Metrics by group, gaps between groups, and whether a gap remains when the images are grouped another way.

Works for any grouping: estimated tone group, age group, sex, site, how the diagnosis was confirmed. Intervals are 95% percentile
intervals over resamplings of whole clusters (patients, else lesions); all groups share the draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan, nan
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.diagnoses import names_of
from dermaviz.errors import FairnessError
from dermaviz.metrics.bootstrap import DRAWS, FEWEST, Bootstrap, ClusterIds, Estimate, Sampled, interval_table, off_zero
from dermaviz.metrics.calibration import FlaggedShare, expected_calibration_error
from dermaviz.metrics.classification import MELANOMA, Labels, Metric, Probabilities, Values, accuracy, weighted_mean
from dermaviz.metrics.ranking import binary_view, group_auc
from dermaviz.metrics.summary import Figure

MALIGNANT = "malignant"
"""In place of a class: all malignant classes together."""
CALIBRATION_BIAS = "calibration_bias"
"""The one figure that can be negative, and so has no ratio."""
SIDES = MappingProxyType(
    {"sensitivity": True, "false_negative_rate": True, "specificity": False, "false_positive_rate": False}
)
"""The figures that are a share of the positives (True) or of the negatives."""
COUNTS = ("n_images", "n_clusters", "n_positives", "n_negatives", "clusters_with_positives", "clusters_with_negatives")
_SIDES = MappingProxyType({"positives": True, "negatives": False})
FOUND, INCONCLUSIVE, TOO_FEW = "difference found", "inconclusive", "too few"
"""What :func:`judge` can say of a gap."""


@dataclass(frozen=True, eq=False)
class GroupFigures:
    """M figures of G groups, the largest first.

    ``counts`` has a row per group: ``group``, the columns ``COUNTS`` and ``suppressed``. ``sampled`` is ``[G, M]``, NaN where a
    group is suppressed. Its draws are of all clusters together, so groups are compared draw by draw.
    """

    figures: tuple[Figure, ...]
    counts: pd.DataFrame
    sampled: Sampled

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups, the one with the most images first."""
        return tuple(self.counts["group"])

    @property
    def slugs(self) -> list[str]:
        """The figures' slugs."""
        return [figure.slug for figure in self.figures]

    def value(self, group: str, metric: str) -> float:
        """The figure with the slug ``metric`` in one group; NaN where the group is missing or suppressed."""
        if group not in self.groups:
            return nan
        return float(self.sampled.value[self.groups.index(group), self.slugs.index(metric)])

    def table(self) -> pd.DataFrame:
        """A row per group and figure.

        Columns: ``group, metric`` (slug), ``label`` (in words), ``value, low, high, exact``, ``COUNTS``, ``suppressed``. The
        figures of a group whose positives, or negatives, are of fewer than 10 clusters are NaN; its counts stay. The interval of
        a share of none or all is ``exact``.
        """
        g, m = np.indices(self.sampled.value.shape).reshape(2, -1)
        table = interval_table(self._named(g, m), value=self.sampled[g, m])
        table["exact"] |= table["metric"].isin(SIDES) & table["value"].isin((0, 1))
        return table[["group", "metric", "label", "value", "low", "high", "exact", *COUNTS, "suppressed"]]

    def _named(self, g: NDArray[np.intp], m: NDArray[np.intp]) -> pd.DataFrame:
        """The counts of groups ``[K]`` and the names of figures ``[K]``, a row each."""
        labels = [figure.label for figure in self.figures]
        return self.counts.iloc[g].assign(metric=[self.slugs[i] for i in m], label=[labels[i] for i in m])


def measure_groups(
    labels: Labels,
    probabilities: Probabilities,
    cluster_ids: ClusterIds,
    groups: Sequence[str],
    figures: tuple[Figure, ...],
    draws: int = DRAWS,
    seed: int = 0,
) -> GroupFigures:
    """Every figure (of :func:`audit_figures`) of every group of N images with calibrated probabilities. A group "" (unknown) is
    left out, but its clusters are drawn; a cluster may have images in several groups.

    Raises:
        FairnessError: an argument is of another length, or no image is of a known group.
    """
    names, clusters = np.asarray(groups, dtype=str), np.asarray(cluster_ids, dtype=str)
    found = [len(one) for one in (names, labels, probabilities, clusters)]
    if len(set(found)) > 1:
        raise FairnessError(
            "expected a group, a label, a row of probabilities and a cluster for each image, found "
            f"{', '.join(f'{n:,}' for n in found)} of them. Take all four from the same rows of the evidence."
        )
    positive = np.isin(labels, figures[0].positive)
    counts = group_counts(names, clusters, positive)
    drawn = Bootstrap.over(clusters, draws, seed)
    values = np.full((len(counts), len(figures)), nan)
    samples, unvaried = (np.full((n, *values.shape), nan) for n in (draws, 2))
    for g in np.flatnonzero(~counts["suppressed"]).tolist():
        mine = names == counts["group"][g]
        each = drawn.take(mine).metrics([figure.metric for figure in figures], labels[mine], probabilities[mine])
        of_group = Sampled.join(each)
        values[g], samples[:, g], unvaried[:, g] = of_group.value, of_group.draws, of_group.unvaried
        if np.isin(values[g], (0, 1)).any():
            clusters_of = {side: int(counts[f"clusters_with_{name}"][g]) for name, side in _SIDES.items()}
            _spread_unanimous(figures, values[g], samples[:, g], clusters_of, seed=g)
    return GroupFigures(figures, counts, Sampled(values, samples, unvaried))


def audit_figures(
    classes: Sequence[str], malignant: frozenset[str], positive: str = MELANOMA, threshold: float | None = 0.5
) -> tuple[Figure, ...]:
    """The figures that are computed for every group.

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
    wanted = malignant if positive == MALIGNANT else {positive}
    sick = tuple(i for i, name in enumerate(classes) if name in wanted)
    if not 0 < len(sick) < len(classes):
        raise FairnessError(
            f"expected {positive!r} to be one of the classes {', '.join(classes)}, or {MALIGNANT!r} with malignant and benign "
            f"classes among them, found {len(sick)} of {len(classes)} classes on that side. Choose another class."
        )
    well = tuple(i for i in range(len(classes)) if i not in sick)
    caught, alarmed = FlaggedShare(sick, sick, threshold), FlaggedShare(well, sick, threshold)
    missed, spared = replace(caught, not_called=True), replace(alarmed, not_called=True)

    def bias(labels: Labels, probabilities: Probabilities, weights: Values | None = None) -> Values:
        truth, score = binary_view(labels, probabilities, sick)
        return weighted_mean(score - truth, weights)

    words = positive if positive == MALIGNANT else names_of(classes)[positive]
    name = words[:1].upper() + words[1:]
    at = "as most probable class" if threshold is None else f"at p ≥ {threshold:g}"
    rows: dict[str, tuple[str, Metric]] = {
        "sensitivity": (f"{name}: sensitivity {at}", caught),
        "specificity": (f"{name}: specificity {at}", spared),
        "false_negative_rate": (f"{name}: false negative rate {at}", missed),
        "false_positive_rate": (f"{name}: false positive rate {at}", alarmed),
        "roc_auc": (f"{name}: ROC AUC", group_auc(sick)),
        "balanced_accuracy": (
            f"{name}: mean of sensitivity and specificity {at}",
            lambda *images: (caught(*images) + spared(*images)) / 2,
        ),
        "accuracy": ("Accuracy over all classes", accuracy),
        "expected_calibration_error": ("Calibration error (15 bins)", expected_calibration_error),
        CALIBRATION_BIAS: (f"{name}: mean probability minus share of images", bias),
    }
    return tuple(Figure(slug, label, metric, sick) for slug, (label, metric) in rows.items())


def too_few_sides(counts: pd.DataFrame, wanted: str, unit: str) -> str:
    """Why none of these groups can be judged, after "each has", by their :func:`group_counts`. ``wanted`` is what is looked for,
    ``unit`` what clusters are (``bootstrap.cluster_unit``)."""
    few = counts[["clusters_with_positives", "clusters_with_negatives"]] < FEWEST
    if few["clusters_with_positives"].all():
        return fewer_than(f"images of {wanted}", unit)
    if few["clusters_with_negatives"].all():
        return fewer_than(f"images of anything but {wanted}", unit)
    return either_too_few(wanted, unit)


def either_too_few(wanted: str, unit: str) -> str:
    """What makes a group too small: too few images of what is ``wanted``, or of anything else."""
    what = wanted if unit == "lesions" and wanted.endswith(unit) else f"{unit} of {wanted}"
    return f"fewer than {FEWEST} {what}, or fewer than {FEWEST} others"


def fewer_than(images: str, unit: str) -> str:
    """Too few of these images: ``images of melanoma from fewer than 10 patients``; by the image where no more is known."""
    return f"fewer than {FEWEST} {images}" if unit == "images" else f"{images} from fewer than {FEWEST} {unit}"


def sides(group: str, row: pd.Series, unit: str) -> str:
    """A group with what is counted on both sides, patients, lesions or images: ``type II 3 and 2 others``."""
    counted = (
        ("n_positives", "n_negatives") if unit == "images" else ("clusters_with_positives", "clusters_with_negatives")
    )
    wanted, others = (int(row[name]) for name in counted)
    return f"{group} {wanted:,} and {others:,} other{'' if others == 1 else 's'}"


def gaps_to(by_group: GroupFigures, reference: str | None = None) -> pd.DataFrame:
    """Each other group beside a reference group (None: the one with the most images); a row per group and figure.

    Both are computed on the same draws, so images of one patient on both sides of a gap do not count twice.

    Returns:
        ``group, reference, metric, label, value, reference_value``; ``difference`` (group − reference) and ``ratio``
        (group / reference; NaN for a reference of 0 and for the calibration bias, which has a sign), each with its interval
        in ``…_low, …_high``; the counts of the group, those of the reference as ``reference_n_…``, and ``suppressed`` where
        one of the two is.

    Raises:
        FairnessError: the reference is none of the groups.
    """
    groups, counts = by_group.groups, by_group.counts
    reference = groups[0] if reference is None else reference
    if reference not in groups:
        raise FairnessError(
            f"expected one of the groups {', '.join(groups)} as reference, found {reference!r}. Choose one of them."
        )
    r = groups.index(reference)
    g, m = np.indices(by_group.sampled.value.shape).reshape(2, -1)
    g, m = g[g != r], m[g != r]
    mine, theirs = by_group.sampled[g, m], by_group.sampled[np.full_like(g, r), m]
    rows = by_group._named(g, m).assign(
        reference=reference,
        value=mine.value,
        reference_value=theirs.value,
        **{f"reference_{name}": counts[name][r] for name in COUNTS},
        suppressed=lambda rows: rows["suppressed"] | counts["suppressed"][r],
    )
    has_ratio = np.array(by_group.slugs)[m] != CALIBRATION_BIAS
    table = interval_table(rows, difference=mine - theirs, ratio=(mine / theirs).where(has_ratio))
    return table[[*_GAP_COLUMNS, *COUNTS, *(f"reference_{name}" for name in COUNTS), "suppressed"]]


def judge_gaps(
    by_group: GroupFigures, others: Mapping[str, GroupFigures], reference: str | None = None
) -> pd.DataFrame:
    """The gaps of :func:`gaps_to`, each with what remains of it when the same images are grouped another way.

    Args:
        others: by name, the figures of the same images in other groups, such as those of another tone estimator
            (:func:`~dermaviz.fairness.tone_groups.tone_regroupings`); only their values count. None for groups that are
            known, such as sex.

    Returns:
        The columns of ``gaps_to``; ``n_others`` and ``n_same_sign``, in how many of the other groupings the difference
        has the sign it has here; ``smallest`` and ``largest``, the range of the difference over this and the other
        groupings; ``verdict`` and ``reason`` (:func:`judge`).
    """
    table = gaps_to(by_group, reference)
    rows = []
    for gap in table.to_dict("records"):
        found = {
            name: other.value(gap["group"], gap["metric"]) - other.value(gap["reference"], gap["metric"])
            for name, other in others.items()
        }
        main = Estimate(gap["difference"], gap["difference_low"], gap["difference_high"])
        same_sign = sum(other * main.value > 0 for other in found.values())
        every = pd.Series([main.value, *found.values()], dtype=float)
        rows.append((len(found), same_sign, every.min(), every.max(), *judge(main, found)))
    columns = ["n_others", "n_same_sign", "smallest", "largest", "verdict", "reason"]
    return pd.concat([table, pd.DataFrame(rows, columns=columns)], axis=1)


def judge(gap: Estimate, others: Mapping[str, float]) -> tuple[str, str]:
    """Whether a gap (a difference, or a slope: 0 is none) is found again under other groupings, and why not.

    - ``TOO_FEW``: there is no gap to judge (NaN), because a group's positives or negatives are of too few clusters.
    - ``INCONCLUSIVE``: the interval of the gap contains 0 or is not available; or, under one of the ``others``, the gap has
      another sign (0 is one) or is not available (NaN).
    - ``FOUND``: none of these. The intervals of the others need not exclude 0: they are no independent evidence.

    An interval excludes 0 by chance in one of twenty fair comparisons: of many figures, some will.

    Args:
        others: by name, the gap as another tone estimator or other cuts find it.

    Returns:
        The verdict, and its reason in words ("" where it is ``FOUND``).
    """
    if isnan(gap.value):
        return TOO_FEW, f"a group has positives, or negatives, of fewer than {FEWEST} patients or lesions"
    if isnan(gap.low):
        return INCONCLUSIVE, "no interval can be given: too few patients or lesions, or no draw of them varies"
    if not off_zero(gap.low, gap.high):
        return INCONCLUSIVE, "the interval includes 0"
    turned = [name for name, other in others.items() if other * gap.value <= 0]
    if turned:
        return INCONCLUSIVE, f"the sign changes under {', '.join(turned)}"
    missing = [name for name, other in others.items() if isnan(other)]
    if missing:
        return INCONCLUSIVE, f"a group has too few images under {', '.join(missing)}"
    return FOUND, ""


_GAP_COLUMNS = (
    *("group", "reference", "metric", "label", "value", "reference_value"),
    *("difference", "difference_low", "difference_high", "ratio", "ratio_low", "ratio_high"),
)


def _spread_unanimous(
    figures: Sequence[Figure], values: Values, samples: Values, clusters_of: Mapping[bool, int], seed: int
) -> None:
    """Replace the draws of shares that are 0 or 1 (``values`` ``[M]``, ``samples`` ``[draws, M]``): resampling cannot vary them.

    All of n clusters: the chance p of each is at least u^(1/n) with confidence 1 − u, which is Clopper and Pearson's bound.
    The draws are these for even u, the highest of them 1, so that the interval ends there.
    """
    slugs = [figure.slug for figure in figures]
    even = (np.random.default_rng(seed).permutation(len(samples)) + 0.5) / max(1, len(samples))
    for slug, side in SIDES.items():
        m = slugs.index(slug) if slug in slugs else -1
        if m < 0 or values[m] not in (0, 1):
            continue
        all_of = np.where(even > 0.95, 1, even ** (1 / clusters_of[side]))
        spread = all_of if values[m] == 1 else 1 - all_of
        if slug in ("sensitivity", "specificity") and "balanced_accuracy" in slugs:
            samples[:, slugs.index("balanced_accuracy")] += (spread - values[m]) / 2
        samples[:, m] = spread


def group_counts(
    groups: Sequence[str] | NDArray[Any], clusters: NDArray[Any], positive: NDArray[np.bool_]
) -> pd.DataFrame:
    """The row of ``COUNTS`` of each known group, the largest first, equally large ones by name.

    A group is ``suppressed`` where its positives, or its negatives, are of fewer than 10 clusters: thirty images of two
    patients say little more than two. ``positive`` ``[N]`` says which images show what is looked for; a group "" is left out.

    Raises:
        FairnessError: no image is of a known group.
    """
    names, clusters, positive = np.asarray(groups, str), np.asarray(clusters, str), np.asarray(positive, bool)
    images = pd.DataFrame({"group": names, "cluster": clusters, "positive": positive})[names != ""]
    if images.empty:
        raise FairnessError(
            f"expected images of at least one known group, found none among {len(names):,} images. Choose another grouping."
        )
    counts = images.groupby("group").agg(
        n_images=("cluster", "size"), n_clusters=("cluster", "nunique"), n_positives=("positive", "sum")
    )
    counts["n_negatives"] = counts["n_images"] - counts["n_positives"]
    for name, side in _SIDES.items():
        of = images[images["positive"] == side].groupby("group")["cluster"].nunique()
        counts[f"clusters_with_{name}"] = of.reindex(counts.index).fillna(0).astype(int)
    counts["suppressed"] = counts[["clusters_with_positives", "clusters_with_negatives"]].min(axis=1) < FEWEST
    return counts.sort_values("n_images", ascending=False, kind="stable").reset_index()
