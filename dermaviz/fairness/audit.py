"""Fairness: the audit by group — metrics, gaps between groups, and which gaps outlive another estimate of skin tone.

Works for any grouping: estimated tone group, age group, sex, site, how the diagnosis was confirmed. Every interval is a 95%
percentile interval over resamplings of whole lesions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from dermaviz.fairness.groups import GroupFigures, audit_figures, gaps_to, judge, measure_groups
from dermaviz.metrics.bootstrap import DRAWS, Estimate, LesionIds
from dermaviz.metrics.classification import MELANOMA, Labels, Probabilities


def group_metrics(
    labels: Labels,
    probabilities: Probabilities,
    lesion_ids: LesionIds,
    groups: Sequence[str],
    classes: Sequence[str],
    malignant: frozenset[str],
    positive: str = MELANOMA,
    threshold: float | None = 0.5,
    draws: int = DRAWS,
) -> pd.DataFrame:
    """Every figure of :func:`~dermaviz.fairness.groups.audit_figures` in every group, the largest group first.

    Args:
        labels: int ``[N]``, indices into ``classes``.
        probabilities: calibrated, ``[N, C]``.
        lesion_ids: the lesion that each image shows, ``[N]``.
        groups: the group of each image, ``[N]``; images of group "" (unknown) are left out.
        malignant: which of the classes are malignant.
        positive: the class that is looked for, or "malignant" for all malignant ones together.
        threshold: probability from which an image is called positive; None: when its most probable class is.

    Returns:
        ``group, metric`` (slug), ``label`` (in words), ``value, low, high, n_images, n_lesions, n_positives, n_negatives,
        suppressed``. The figures of a group with fewer than 10 positives or 10 negatives are NaN; its counts stay.

    Raises:
        FairnessError: the arrays are of unequal length, no group is known, or ``positive`` is no class.
    """
    figures = audit_figures(classes, malignant, positive, threshold)
    return measure_groups(labels, probabilities, lesion_ids, groups, figures, draws).table()


def group_gaps(
    labels: Labels,
    probabilities: Probabilities,
    lesion_ids: LesionIds,
    groups: Sequence[str],
    classes: Sequence[str],
    malignant: frozenset[str],
    positive: str = MELANOMA,
    threshold: float | None = 0.5,
    draws: int = DRAWS,
    reference: str | None = None,
) -> pd.DataFrame:
    """Difference and ratio of each figure between every other group and a reference group; arguments as `group_metrics`.

    Both groups are measured on the same draws, so images of one lesion on both sides of a gap are no news twice. Where
    the metrics are wanted as well, ``measure_groups`` once and ``gaps_to`` cost half.

    Args:
        reference: None: the group with the most images.

    Returns:
        ``group, reference, metric, label, value, reference_value``; ``difference`` (group − reference) and ``ratio``
        (group / reference; NaN for a reference of 0 and for the calibration bias, which has a sign), each with its interval
        in ``…_low, …_high``; the counts of the group, those of the reference as ``reference_n_…``, and ``suppressed`` where
        one of the two is.

    Raises:
        FairnessError: as ``group_metrics``, or the reference is none of the groups.
    """
    figures = audit_figures(classes, malignant, positive, threshold)
    return gaps_to(measure_groups(labels, probabilities, lesion_ids, groups, figures, draws), reference)


def verdicts(
    labels: Labels,
    probabilities: Probabilities,
    lesion_ids: LesionIds,
    groups: Sequence[str],
    others: Mapping[str, Sequence[str]],
    classes: Sequence[str],
    malignant: frozenset[str],
    positive: str = MELANOMA,
    threshold: float | None = 0.5,
    draws: int = DRAWS,
    reference: str | None = None,
) -> pd.DataFrame:
    """The gaps of ``group_gaps``, each with what is left of it when the same images are put into groups another way.

    Args:
        others: by name, another group for each image ``[N]``: by another tone estimator, by cuts moved by 2°
            (:func:`~dermaviz.fairness.tone_groups.tone_regroupings`). None for groups that are known, such as sex.

    Returns:
        The columns of ``group_gaps``; ``n_others`` and ``n_same_sign``, in how many of the other groupings the difference
        has the sign it has here; ``smallest`` and ``largest``, the range of the difference over this and the other
        groupings; ``verdict`` and ``reason`` (:func:`~dermaviz.fairness.groups.judge`).

    Raises:
        FairnessError: as ``group_gaps``.
    """
    figures = audit_figures(classes, malignant, positive, threshold)
    measured = measure_groups(labels, probabilities, lesion_ids, groups, figures, draws)
    again = {
        name: measure_groups(labels, probabilities, lesion_ids, other, figures, draws=0)
        for name, other in others.items()
    }
    return judged(measured, again, reference)


def judged(measured: GroupFigures, others: Mapping[str, GroupFigures], reference: str | None = None) -> pd.DataFrame:
    """:func:`verdicts` of groups that are measured already; of the ``others`` only the values count."""
    table = gaps_to(measured, reference)
    rows = []
    for gap in table.to_dict("records"):
        found = {
            name: _difference(other, gap["group"], gap["reference"], gap["metric"]) for name, other in others.items()
        }
        main = Estimate(gap["difference"], gap["difference_low"], gap["difference_high"])
        verdict, reason = judge(main, found)
        every = pd.Series([main.value, *found.values()], dtype=float)
        rows.append(
            {
                "n_others": len(found),
                "n_same_sign": sum(other * main.value > 0 for other in found.values()),
                "smallest": every.min(),
                "largest": every.max(),
                "verdict": verdict,
                "reason": reason,
            }
        )
    columns = ["n_others", "n_same_sign", "smallest", "largest", "verdict", "reason"]
    return pd.concat([table, pd.DataFrame(rows, columns=columns)], axis=1)


def _difference(measured: GroupFigures, group: str, reference: str, metric: str) -> float:
    """By how much one figure of a group is above the reference's; NaN where a group is not there or has no figures."""
    groups = measured.groups
    if not {group, reference} <= set(groups):
        return float("nan")
    m = [figure.slug for figure in measured.figures].index(metric)
    return float(measured.values[groups.index(group), m] - measured.values[groups.index(reference), m])
