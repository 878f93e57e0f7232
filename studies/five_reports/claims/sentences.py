"""Differences and what follows from them, in plain sentences with n and interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from dermaviz.metrics.bootstrap import off_zero
from studies.five_reports.claims.answers import (
    AS_CLAIMED,
    CANNOT_BE_TOLD,
    OTHER_WAY,
    PAIR_NOT_RUN,
    DifferenceAnswer,
    RowAnswer,
)

METRIC_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "accuracy",
        "balanced_accuracy": "balanced accuracy",
        "called": "the share called",
        "f1": "F1",
        "macro_f1": "macro F1",
        "malignant_auc": "ROC AUC of malignancy",
        "precision": "precision",
        "roc_auc": "ROC AUC",
        "sensitivity": "recall",
        "weighted_f1": "weighted F1",
        "weighted_precision": "weighted precision",
    }
)
"""What sentences and charts call the slugs of our metrics."""
_FEW = 3
"""As many pairs are told one by one."""


def metric_words(slug: str, label: str = "") -> str:
    """A metric in words: ``F1 of mel``."""
    words = METRIC_WORDS.get(slug, slug.replace("_", " "))
    return f"{words} of {label}" if label else words


def signed(value: float) -> str:
    """A difference with its sign: ``+0.034``; ``0.000`` has none."""
    said = f"{value:+.3f}".replace("-", "−")
    return said[1:] if said[1:] == "0.000" else said


def difference_sentence(difference: DifferenceAnswer) -> str:
    """A pair in one sentence, with its interval and how many trainings agree; why it cannot be told, where that is so."""
    metric = metric_words(difference.metric, difference.label)
    better, worse = difference.better_label, difference.worse_label
    if difference.finding == PAIR_NOT_RUN:
        return f"With {better} and with {worse}, not both have run."
    of = f"{signed(difference.value)} ({_interval(difference)}; {trainings(difference)})"
    if difference.finding == CANNOT_BE_TOLD and not off_zero(difference.low, difference.high):
        return f"With {better} and with {worse}, {metric} cannot be told apart: {of}; {untold(difference)}."
    way = "higher" if difference.value > 0 else "lower"
    if difference.finding == CANNOT_BE_TOLD:
        return f"With {better}, {metric} came out {way} than with {worse}: {of}; but {untold(difference)}."
    return f"With {better}, {metric} is {way} than with {worse}: {of}."


def trainings(difference: DifferenceAnswer) -> str:
    """Over how many trainings, and how many of them agree with the mean's sign."""
    if difference.better.partition("/")[0] == difference.worse.partition("/")[0]:
        return "one network" if len(difference.seeds) == 1 else f"{len(difference.seeds)} networks"
    if len(difference.seeds) == 1:
        return "one training"
    agree = sum(one * difference.value > 0 for one in difference.by_seed)
    return f"{agree} of {len(difference.seeds)} trainings agree"


def untold(difference: DifferenceAnswer) -> str:
    """Why a difference says nothing of the order."""
    if math.isnan(difference.low):
        return "the photos are too few for an interval"
    if not off_zero(difference.low, difference.high):
        return "the interval holds 0"
    if len(difference.seeds) > 1:
        return "the trainings disagree"
    if math.isnan(difference.spread):
        return "how much another training would differ is not known"
    return f"seeds alone move a row by up to {difference.spread:.3f}"


def question_sentence(
    says: bool, rows: Sequence[RowAnswer], differences: Sequence[DifferenceAnswer], unlearnt: Sequence[str] = ()
) -> str:
    """The answer to a question by its pairs in the charted metric.

    ``says``: the report claims an order, so the pairs can go its way or the other. ``unlearnt`` says which rows learnt
    nothing, where that leaves nothing to be told.
    """
    run = [difference for difference in differences if difference.finding != PAIR_NOT_RUN]
    if not run:
        return "Its pairs have not run yet."
    on = photos_words(rows, run)
    if unlearnt:
        return f"{' '.join(unlearnt)} So our runs say nothing to it. {on}"
    if len(run) == 1:
        return f"{difference_sentence(run[0])} {on}"
    if not says:
        return " ".join([*map(difference_sentence, run), on])
    metric = metric_words(run[0].metric, run[0].label)
    tally = f"In {metric}, {tally_words(run, 'pairs go the way that the report says')}."
    told = run if len(run) <= _FEW else [max(run, key=lambda one: abs(one.value))]
    lead = "" if len(run) <= _FEW else "The largest difference: "
    return f"{tally} {lead}{' '.join(difference_sentence(one) for one in told)} {on}"


def tally_words(differences: Sequence[DifferenceAnswer], as_claimed: str) -> str:
    """How many differences go which way: ``2 of 4 go the claimed way, 1 the other and 1 leaves it open``."""
    counts = {way: sum(one.finding == way for one in differences) for way in (AS_CLAIMED, OTHER_WAY, CANNOT_BE_TOLD)}
    parts = [f"{counts[AS_CLAIMED] or 'none'} of {len(differences)} {as_claimed}"]
    if counts[OTHER_WAY]:
        parts.append(f"{counts[OTHER_WAY]} the other")
    if counts[CANNOT_BE_TOLD]:
        parts.append(f"{counts[CANNOT_BE_TOLD]} {'leaves' if counts[CANNOT_BE_TOLD] == 1 else 'leave'} it open")
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def photos_words(rows: Sequence[RowAnswer], differences: Sequence[DifferenceAnswer]) -> str:
    """How many test photos the differences are of, and whether they are the same for both."""
    used = {row for one in differences for row in (one.better, one.worse)}
    counts = [(row.n, row.lesions) for row in rows if row.row in used and row.seeds]
    told = " and ".join(f"{n:,} photos of {lesions:,} lesions" for n, lesions in dict.fromkeys(counts))
    apart = any(not one.paired for one in differences)
    same_rows = all(one.better.partition("/")[0] == one.worse.partition("/")[0] for one in differences)
    if not apart:
        return f"Both of a pair were tested on the same {told}."
    if same_rows:
        return f"Both were tested on the same {told}; the interval is that of two sets of photos, so rather too wide."
    return f"They were tested on different photos: {told}."


def _interval(difference: DifferenceAnswer) -> str:
    if math.isnan(difference.low):
        return "no interval"
    return f"95% interval {signed(difference.low)} to {signed(difference.high)}"
