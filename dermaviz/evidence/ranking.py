"""Attention methods against each other — are their maps faithful, and do they notice a network made random.

Read from the tables ``faithfulness`` and ``randomisation``, without torch, so that a page can ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from dermaviz.attention.methods import METHODS
from dermaviz.errors import EvidenceError
from dermaviz.evidence.store import require_columns
from dermaviz.metrics.bootstrap import DRAWS, Bootstrap, Sampled, interval_table

BETTER = MappingProxyType({"deletion": -1, "insertion": 1, "road": 1, "energy": 1})
"""Measures, and whether more (1) or less (−1) of each is better. Energy is no faithfulness: it asks the lesion's mask."""
FAITHFUL = ("deletion", "insertion", "road")
CONTROL = "random"
HALF = 0.5
"""Mean rank correlation with the true map above which a map has kept more than half of itself, and does not pass."""
PASSES, FAILS, NOT_SHOWN = "passes", "does not pass", "not shown"


def rank_methods(
    table: pd.DataFrame,
    cluster_ids: Mapping[str, str],
    measures: Sequence[str] = FAITHFUL,
    draws: int = DRAWS,
) -> pd.DataFrame:
    """All methods on the same images, best first, each beside the random control.

    An image counts where every method has a value. Differences are taken image by image and their intervals from a
    bootstrap over clusters, so what an image's difficulty does to all methods cancels out. Intervals are not widened for
    the number of methods.

    Args:
        table: the table ``faithfulness``, or the rows of some of its images.
        cluster_ids: of every image (``Audited.clusters``).
        measures: names in ``BETTER``.

    Returns:
        A row per measure and method: ``measure, method, rank`` (1 is best), ``value, low, high`` (mean and its 95% interval),
        ``gain, gain_low, gain_high`` (by how much better than ``CONTROL`` on the same images; positive is better),
        ``verdict`` ("better than random", "worse than random", "not shown"; "" of the control itself), ``n_images``,
        ``n_clusters``, and ``n_without``: images on which this method has no value.

    Raises:
        EvidenceError: a measure, the control, or the cluster of an image is missing.
    """
    require_columns(table, ["image_id", "method", *measures])
    if CONTROL not in set(table["method"]):
        raise EvidenceError(
            f"expected the method {CONTROL!r} among those measured, found {', '.join(sorted(set(table['method'])))}. "
            "Make the table again with `dermaviz audit --table faithfulness`."
        )
    ranked = [_ranked(table, cluster_ids, measure, draws) for measure in measures]
    return pd.concat(ranked, ignore_index=True)


def _ranked(table: pd.DataFrame, cluster_ids: Mapping[str, str], measure: str, draws: int) -> pd.DataFrame:
    wide = table.pivot(index="image_id", columns="method", values=measure)
    whole = wide.dropna()
    drawn = Bootstrap.over(_clusters(whole.index, cluster_ids), draws)
    values = whole.to_numpy(np.float64)
    better = BETTER[measure] * (values - whole[[CONTROL]].to_numpy(np.float64))
    names = pd.DataFrame({"measure": measure, "method": wide.columns})
    found, gain = (
        Sampled.join(map(drawn.mean, columns.T)) for columns in (values, better)
    )  # one by one: ties stay ties
    ranked = interval_table(names, value=found, gain=gain.certain(wide.columns == CONTROL))
    above, below = ranked["gain_low"] > 0, ranked["gain_high"] < 0
    verdict = np.select(
        [names["method"] == CONTROL, above, below], ["", "better than random", "worse than random"], "not shown"
    )
    ranked = ranked.assign(verdict=verdict, **drawn.counts, n_without=wide.isna().sum().to_numpy())
    ranked = ranked.sort_values("gain", ascending=False, kind="stable", ignore_index=True)
    ranked.insert(2, "rank", ranked["gain"].round(9).rank(method="min", ascending=False).astype("Int64"))
    return ranked


def what_is_left(table: pd.DataFrame, cluster_ids: Mapping[str, str], draws: int = DRAWS) -> pd.DataFrame:
    """How much of each method's map is left at each stage of the cascade, on the images that have both maps.

    Args:
        table: the table ``randomisation``, its stages in order.
        cluster_ids: of every image (``Audited.clusters``).

    Returns:
        A row per method and stage, in the table's order: ``method, stage, step`` (1 for the head), ``value, low, high`` (mean
        rank correlation with the true map and its 95% interval over clusters), ``n_images, n_clusters, n_without``, and
        ``verdict``, the same in all rows of a method: "does not pass" where it keeps more than ``HALF`` of itself when the
        classifier is random, or when all weights are; "passes" where both intervals lie below; else "not shown". A method
        that asks for no class keeps all of its map when only the classifier is random, as it must: it says nothing of one.

    Raises:
        EvidenceError: a column or the cluster of an image is missing.
    """
    require_columns(table, ["image_id", "method", "stage", "rank_correlation"])
    stages = list(dict.fromkeys(table["stage"]))
    names, counts, figures = [], [], []
    for (method, stage), group in table.groupby(["method", "stage"], sort=False):
        whole = group.dropna(subset="rank_correlation")
        drawn = Bootstrap.over(_clusters(whole["image_id"], cluster_ids), draws)
        figures.append(drawn.mean(whole["rank_correlation"].to_numpy(np.float64)))
        names.append({"method": method, "stage": stage, "step": stages.index(stage) + 1})
        counts.append({**drawn.counts, "n_without": len(group) - len(whole)})
    left = interval_table(pd.DataFrame(names), value=Sampled.join(figures))
    judged = left[left["step"].isin([1, len(stages)])].groupby("method")[["value", "high"]].max()
    verdict = np.select([judged["value"] > HALF, judged["high"] < HALF], [FAILS, PASSES], NOT_SHOWN)
    of_method = dict(zip(judged.index, verdict, strict=True))
    return pd.concat([left, pd.DataFrame(counts)], axis=1).assign(verdict=left["method"].map(of_method))


def what_we_know(method: str, ranked: pd.DataFrame | None, left: pd.DataFrame | None) -> str:
    """A sentence or two on how far a method's maps can be trusted, to stand beside one; "" where nothing was measured.

    Args:
        method: name of a row of ``METHODS``.
        ranked: of :func:`rank_methods`, with the measure ``road``; None where that was not measured.
        left: of :func:`what_is_left`; likewise.
    """
    said = []
    rows = None if ranked is None else ranked[(ranked["measure"] == "road") & ranked["method"].isin(METHODS)]
    rows = rows if rows is None else rows[rows["n_images"] > 0]
    if rows is not None and method in set(rows["method"]):
        place = int((rows["gain"].round(9) > rows.loc[rows["method"] == method, "gain"].round(9).iloc[0]).sum()) + 1
        said.append(f"is number {place} of {len(rows)} methods by ROAD ({int(rows['n_images'].max()):,} images).")
    mine = None if left is None else left[(left["method"] == method) & (left["n_images"] > 0)]
    if mine is not None and len(mine):
        classifier, everything, verdict = mine.iloc[0], mine.iloc[-1], mine["verdict"].iloc[0]
        kept, what = (
            (classifier, "the classifier's") if classifier["value"] > HALF or verdict != FAILS else (everything, "all")
        )
        so = {
            FAILS: "more than half: it shows the photo rather than this class",
            PASSES: "less than half: it depends on the class",
            NOT_SHOWN: f"not shown to be less than half (95% interval {kept['low']:.2f} to {kept['high']:.2f})",
        }[verdict]
        share = "all" if kept["value"] > 1 - 5e-3 else f"{kept['value']:.2f}"
        said.append(f"keeps {share} of its map when {what} weights are random, {so}.")
    return f"{METHODS[method].label} {' It '.join(said)}" if said else ""


def _clusters(image_ids: Sequence[str], cluster_ids: Mapping[str, str]) -> list[str]:
    missing = [image_id for image_id in image_ids if image_id not in cluster_ids]
    if missing:
        raise EvidenceError(
            f"expected the patient or lesion of every image, found none for {len(missing)} of them ({', '.join(missing[:3])}). "
            "Take lesion_id from the table of predictions of the same split."
        )
    return [cluster_ids[image_id] for image_id in image_ids]
