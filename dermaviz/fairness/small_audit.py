"""Fairness: an audit of a handful of photos — counts with exact intervals, and whether right answers looked at the lesion.

After the experiment of Gupta et al. on nine photos of darker skin: a model may be right on eight of nine with its attention in
a corner, and eight of nine may be anything from half to all. The intervals are exact binomial ones; they take the photos to be
of different lesions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import fisher_exact, norm

from dermaviz.explain.localisation import looks_at_lesion
from dermaviz.fairness.label_sheet import BENIGN, MALIGNANT
from dermaviz.metrics.bootstrap import exact_interval

LOOKING, ELSEWHERE, UNKNOWN = "at the lesion", "elsewhere", "cannot say"
"""Where the model looked: energy in lesion above the share of the picture that the lesion covers, or not, or no map or mask."""
ALL, DIAGNOSIS, OF_MALIGNANT, OF_BENIGN, LOOKED, ONLY_RIGHT = (
    "all photos", "named the diagnosis", "malignant photos called malignant", "benign photos called benign",
    "right, and looked at the lesion", "right, but looked elsewhere",
)  # fmt: skip
NOT_KNOWN = "not known"


@dataclass(frozen=True)
class Difference:
    """The two largest groups beside each other: ``right`` of ``n`` photos each.

    ``p`` is that of Fisher's exact test, two-sided: how often chance alone would set groups of these sizes this far apart.
    """

    names: tuple[str, str]
    right: tuple[int, int]
    n: tuple[int, int]
    p: float


def is_right(label: str, predicted: str, malignant: Iterable[str]) -> bool:
    """Whether a predicted class answers a label: the same class, or, of ``malignant`` and ``benign``, one of that kind."""
    return predicted == label or (label in (MALIGNANT, BENIGN) and kind(predicted, malignant) == label)


def kind(label: str, malignant: Iterable[str]) -> str:
    """``malignant`` or ``benign``, of a class or of one of these words; "" where no class counts as malignant."""
    known = frozenset(malignant)
    if not known:
        return ""
    return MALIGNANT if label in known or label == MALIGNANT else BENIGN


def where_looked(energy: float, lesion_area: float) -> str:
    """Where the model looked, of the energy in lesion and the share of the picture that the lesion covers, in [0, 1]."""
    if math.isnan(energy) or math.isnan(lesion_area) or not 0 < lesion_area < 1:
        return UNKNOWN
    return LOOKING if bool(looks_at_lesion(energy, lesion_area)) else ELSEWHERE


def judged(photos: pd.DataFrame, malignant: Iterable[str]) -> pd.DataFrame:
    """The photos with what follows for each: whether the answer is right, its kind, and where the model looked.

    Args:
        photos: ``label`` (a class, or ``malignant`` or ``benign``), ``predicted`` (a class), ``energy`` and ``lesion_area`` in
            [0, 1] or NaN; other columns are kept.
        malignant: the classes that count as malignant.

    Returns:
        The same rows with ``right`` (bool), ``kind`` and ``predicted_kind`` (see :func:`kind`), ``looked`` (see
        :func:`where_looked`) and ``flagged`` (bool: right, but looked elsewhere).
    """
    known = frozenset(malignant)
    right = [is_right(label, said, known) for label, said in zip(photos["label"], photos["predicted"], strict=True)]
    looked = [where_looked(*row) for row in zip(photos["energy"], photos["lesion_area"], strict=True)]
    return photos.assign(
        right=np.array(right, dtype=bool),
        kind=[kind(label, known) for label in photos["label"]],
        predicted_kind=[kind(said, known) for said in photos["predicted"]],
        looked=looked,
        flagged=np.array(right, dtype=bool) & (np.array(looked, dtype=object) == ELSEWHERE),
    )


def counts(photos: pd.DataFrame) -> pd.DataFrame:
    """How many of how many, over all photos, as a table ``label, k, n, value, low, high`` with 95% intervals.

    Rows: right on all photos; where labels of both grains are given, those with a diagnosis alone; malignant and benign ones
    told as such; and of the right answers those that looked at the lesion, and those that looked elsewhere.

    Args:
        photos: what :func:`judged` returns.
    """
    right = photos["right"].to_numpy()
    exact = ~photos["label"].isin([MALIGNANT, BENIGN]).to_numpy()
    told = (photos["kind"] == photos["predicted_kind"]).to_numpy()
    seen = right & (photos["looked"] != UNKNOWN).to_numpy()
    rows = [_row(ALL, right)]
    if exact.any() and not exact.all():
        rows.append(_row(DIAGNOSIS, right[exact]))
    for label, of in ((OF_MALIGNANT, MALIGNANT), (OF_BENIGN, BENIGN)):
        rows.append(_row(label, told[(photos["kind"] == of).to_numpy()]))
    for label, where in ((LOOKED, LOOKING), (ONLY_RIGHT, ELSEWHERE)):
        rows.append(_row(label, (photos["looked"] == where).to_numpy()[seen]))
    table = pd.DataFrame(rows)
    return table[table["n"] > 0].reset_index(drop=True)


def counts_by(photos: pd.DataFrame, column: str, order: Iterable[str] = ()) -> pd.DataFrame:
    """How many of how many were right in each group: ``label, k, n, value, low, high``.

    Args:
        photos: what :func:`judged` returns.
        column: the groups; "" counts as "not known", and comes last.
        order: groups in the order in which they come first; others follow by name.
    """
    groups = photos[column].replace("", NOT_KNOWN)
    found = set(groups) - {NOT_KNOWN}
    first = [group for group in order if group in found]
    named = [*first, *sorted(found - set(first)), *([NOT_KNOWN] if (groups == NOT_KNOWN).any() else [])]
    return pd.DataFrame([_row(group, photos["right"].to_numpy()[(groups == group).to_numpy()]) for group in named])


def largest_difference(table: pd.DataFrame) -> Difference | None:
    """The two largest groups of :func:`counts_by`, the better one first; None where fewer than two are known."""
    known = table[table["label"] != NOT_KNOWN].nlargest(2, "n", keep="first").sort_values("value", ascending=False)
    if len(known) < 2:
        return None
    (a, b), (m, n) = known["k"].tolist(), known["n"].tolist()
    p = float(fisher_exact([[a, m - a], [b, n - b]]).pvalue)
    return Difference(tuple(known["label"]), (a, b), (m, n), p)


def commonest(photos: pd.DataFrame) -> tuple[str, int]:
    """The label that most photos bear, and their number: what always answering it would get right."""
    found = photos["label"].value_counts()
    return str(found.index[0]), int(found.iloc[0])


def photos_needed(first: float, second: float, power: float = 0.8) -> int:
    """Photos in each of two groups to see, at 5%, that one is right in the share ``first`` and the other in ``second``.

    The normal approximation for two independent shares (Fleiss, Statistical Methods for Rates and Proportions, 2nd ed. 1981,
    equation 3.14), without continuity correction.
    """
    mean = (first + second) / 2
    spread = norm.ppf(0.975) * math.sqrt(2 * mean * (1 - mean))
    spread += norm.ppf(power) * math.sqrt(first * (1 - first) + second * (1 - second))
    return math.ceil((spread / (first - second)) ** 2)


def _row(label: str, hits: NDArray[np.bool_]) -> dict[str, object]:
    k, n = int(hits.sum()), len(hits)
    share = exact_interval(k, n)
    return {"label": label, "k": k, "n": n, "value": share.value, "low": share.low, "high": share.high}
