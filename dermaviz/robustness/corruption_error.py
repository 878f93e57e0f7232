"""Robustness: the mean corruption error, raw and relative to the clean error and to another checkpoint.

Hendrycks and Dietterich 2019, section 3, with the balanced error (1 − balanced accuracy) instead of the top-1 error, as in
MedMNIST-C (Di Salvo et al. 2024): on data in which two of three images are nevi, the top-1 error measures nevi.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from dermaviz.errors import EvidenceError
from dermaviz.evaluation.intervals import DRAWS, interval, lesion_weights
from dermaviz.evaluation.metrics import Values, Weights, ratio
from dermaviz.robustness.corruptions import CORRUPTIONS
from dermaviz.robustness.outcomes import Answers, measured

MEAN = "mean"
"""Name of the row that averages over corruptions, without those as small as an attack (``Corruption.averaged``)."""


def corruption_errors(
    answers: Answers, reference: Answers | None = None, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """The error under each corruption, over its severities s, and their mean.

    - ``error``: mean of E_s, the balanced error in [0, 1].
    - ``extra_error``: mean of E_s − E_clean; what the corruption itself costs.
    - ``ce``: Σ E_s / Σ E_s of the reference; below 1 is better than the reference.
    - ``relative_ce``: Σ (E_s − E_clean) / Σ (E_s − E_clean) of the reference; NaN where that one lost nothing.

    In the row ``mean``, each is the mean over corruptions: there ``ce`` is the mCE and ``relative_ce`` the relative mCE,
    as shares rather than per cent.

    Args:
        answers: under the table ``corruptions``.
        reference: of another checkpoint, the same images under the same corruptions; without it there is no ``ce``.

    Returns:
        ``corruption, metric, value, low, high`` with paired 95% lesion-bootstrap intervals; n is that of ``answers``.

    Raises:
        EvidenceError: the reference is of other images, classes or corruptions.
    """
    if reference is not None:
        _require_same(answers, reference)
    weights = lesion_weights(answers.lesion_ids.tolist(), draws, seed)
    shown, drawn = _errors(answers, reference, None), _errors(answers, reference, weights)
    rows: list[dict[str, Any]] = []
    for key, value in shown.items():
        low, high = interval(drawn[key])
        rows.append({"corruption": key[0], "metric": key[1], "value": float(value), "low": low, "high": high})
    return pd.DataFrame(rows)


def _errors(answers: Answers, reference: Answers | None, weights: Weights | None) -> dict[tuple[str, str], Values]:
    """By corruption and metric, ``[...]``; the means last."""
    name = answers.conditions.columns[0]
    by_corruption = answers.conditions.groupby(name, sort=False).indices
    error = 1 - measured(answers, weights)["balanced_accuracy", ""]
    other = None if reference is None else 1 - measured(reference, weights)["balanced_accuracy", ""]
    found: dict[tuple[str, str], Values] = {}
    for corruption, columns in by_corruption.items():
        found |= {(corruption, metric): values for metric, values in _of_one(error, other, np.asarray(columns) + 1)}
    averaged = [one for one in by_corruption if one not in CORRUPTIONS or CORRUPTIONS[one].averaged]
    for metric in dict.fromkeys(metric for _, metric in found):
        if averaged:
            found[MEAN, metric] = np.mean([found[one, metric] for one in averaged], axis=0)
    return found


def _of_one(error: Values, other: Values | None, columns: Values) -> Iterator[tuple[str, Values]]:
    """Of errors ``[..., 1 + K]``, clean first, those of one corruption's columns."""
    level, extra = error[..., columns].mean(-1), (error[..., columns] - error[..., :1]).mean(-1)
    yield "error", level
    yield "extra_error", extra
    if other is not None:
        yield "ce", ratio(level, other[..., columns].mean(-1))
        yield "relative_ce", ratio(extra, (other[..., columns] - other[..., :1]).mean(-1))


def _require_same(answers: Answers, reference: Answers) -> None:
    same = (
        answers.classes == reference.classes
        and np.array_equal(answers.image_ids, reference.image_ids)
        and answers.conditions.equals(reference.conditions)
    )
    if not same:
        raise EvidenceError(
            f"expected the reference on the same {len(answers):,} images, classes and corruptions, found "
            f"{len(reference):,} images and {len(reference.conditions)} conditions for {len(answers.conditions)}. "
            "Take the images and corruptions that both checkpoints have."
        )
