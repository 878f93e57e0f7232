"""Checks of the figures of one run: F1, confusion matrix, AUC, whole numbers, averages and the constant answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from dermaviz.metrics.bootstrap import exact_interval
from dermaviz.metrics.printed import (
    MEASURES,
    Counts,
    Possible,
    Span,
    corners,
    fitting_counts,
    whole_counts,
)
from studies.five_reports.reported.ledger import METRICS, Claim, Sample, Statement

LEVEL = 0.05
"""A difference that chance alone makes less often than this is called more than chance."""
Outcome = Literal["holds", "does not hold", "cannot be said"]
HOLDS: Outcome = "holds"
FAILS: Outcome = "does not hold"
OPEN: Outcome = "cannot be said"
STATED = "what the text says"
"""The kind of all checks of statements."""


@dataclass(frozen=True)
class Check:
    """What a check found: ``kind`` in words, the claims it is about, what they imply, what is printed, one sentence.

    ``suspects`` are the claims that do not fit the others, or of which it is open, where that can be told.
    """

    kind: str
    claims: tuple[str, ...]
    expected: str
    found: str
    outcome: Outcome
    sentence: str
    suspects: tuple[str, ...] = ()

    @property
    def blamed(self) -> tuple[str, ...]:
        """The claims that a check which does not hold is about: the suspects, or all."""
        return self.suspects or self.claims


def named(claim: Claim) -> str:
    """A claim's run in words: its model and its setting, as far as there are any."""
    return ", ".join(filter(None, (claim.model, claim.setting)))


def check_of(
    statement: Statement, claims: tuple[Claim, ...], expected: str, found: str, outcome: Outcome, why: str,
    suspects: tuple[Claim, ...] = (),
) -> Check:  # fmt: skip
    """What a check of a statement found: its sentence says the statement and then ``why``."""
    ids, blamed = (tuple(claim.id for claim in group) for group in (claims, suspects))
    return Check(STATED, ids, expected, found, outcome, f"{statement.says} {why}", blamed)


Row = Mapping[tuple[str, str], Claim]
"""The figures of one run, by metric and class."""

AUC_KIND = "the AUC is no balanced accuracy"
CONSTANT_KIND = "better than the constant answer"
"""The one kind of check that a figure may fail and still agree with all others."""
_CONSTANTS = frozenset({"accuracy", "macro_f1", "auc"})
_AUC_OF_NOTHING = Fraction(1, 2)


def figure_checks(row: Row, areas: int = 1) -> Iterator[Check]:
    """Every check that the figures of one run allow; ``areas`` is how many AUCs the report prints."""
    for label in dict.fromkeys(label for metric, label in row if metric == "f1"):
        if ("precision", label) in row and ("recall", label) in row:
            yield f1_check(row["precision", label], row["recall", label], row["f1", label])
    figures = {metric: row[metric, ""] for metric in MEASURES if (metric, "") in row}
    sample = next((claim.sample for claim in figures.values()), None)
    if sample is not None and sample.exact and sample.positive and len(figures) > 1:
        yield matrix_check(figures, sample)
        if auc := row.get(("auc", "")):
            yield auc_check(figures, sample, auc, areas)
    for (metric, _), claim in row.items():
        if metric == "accuracy" and claim.n is not None and 0 < claim.printed.unit * claim.n < 1:
            yield whole_number_check(claim, claim.n)
        if metric == "macro_f1" and (classes := [found for (name, _), found in row.items() if name == "f1"]):
            yield macro_check(claim, classes)
        if has_constant(claim) and claim.sample is not None:
            yield constant_check(claim, claim.sample)


def f1_check(precision: Claim, recall: Claim, f1: Claim) -> Check:
    """Is F1 the harmonic mean of precision and recall, for some values that their digits may stand for?"""
    implied = corners(_harmonic_mean, precision.printed.share, recall.printed.share)
    fits = implied.overlap(f1.printed.share) is not None
    of = f" of {f1.label}" if f1.label else ""
    expected = implied.words(f1.printed.digits)
    sentence = (
        f"Precision {precision.printed.text} and recall {recall.printed.text}{of} make an F1 of {expected}; "
        f"{f1.printed.text} is printed."
    )
    ids = (precision.id, recall.id, f1.id)
    return Check("F1 from precision and recall", ids, expected, f1.printed.text, HOLDS if fits else FAILS, sentence)


def _harmonic_mean(precision: Fraction, recall: Fraction) -> Fraction:
    return 2 * precision * recall / (precision + recall) if precision + recall else Fraction(0)


def matrix_check(figures: Mapping[str, Claim], sample: Sample) -> Check:
    """Is there a confusion matrix of whole numbers that gives all these figures of one run (by name of the measure)?"""
    found, odd = _fitting(figures, sample)
    printed = ", ".join(f"{METRICS[name]} {claim.printed.text}" for name, claim in figures.items())
    ids = tuple(claim.id for claim in figures.values())
    kind, of = "a confusion matrix exists", _photos(sample)
    matrices = "1 confusion matrix" if found.only else f"{len(found):,} confusion matrices"
    if len(found) and not odd:
        sentence = f"On {of}, {printed} leave {matrices}{_in_words(found.only)}."
        return Check(kind, ids, matrices, printed, HOLDS, sentence)
    if not odd:
        sentence = f"No confusion matrix of {of} gives {printed}, nor all of these but one."
        return Check(kind, ids, "a confusion matrix", printed, FAILS, sentence)
    must = (f"{METRICS[name]} {rest.span(name).words(figures[name].printed.digits)}" for name, rest in odd.items())
    said = " or ".join(must)
    sentence = f"No confusion matrix of {of} gives {printed}. The others imply {said}{_in_words(found.only)}."
    return Check(kind, ids, said, printed, FAILS, sentence, tuple(figures[name].id for name in odd))


def auc_check(figures: Mapping[str, Claim], sample: Sample, auc: Claim, areas: int = 1) -> Check:
    """Is the printed area one that a ROC curve can have, and more than the balanced accuracy of the hard labels?

    A curve through one point has an area of at least recall × specificity and at most 1 − (1 − recall) × (1 − specificity);
    the area under the two straight lines through that point is balanced accuracy. Where so few of the areas in between
    would have agreed with balanced accuracy that chance is no explanation (5%, divided by the ``areas`` that were looked at),
    that is what was printed.
    """
    ids = (*(claim.id for claim in figures.values()), auc.id)
    kind, printed = AUC_KIND, auc.printed.share
    found, _ = _fitting(figures, sample)
    if not len(found):
        sentence = "The other figures leave no confusion matrix, so its balanced accuracy cannot be told."
        return Check(kind, ids, "unknown", auc.printed.text, OPEN, sentence, (auc.id,))
    balanced = found.span("balanced_accuracy")
    least, most = (
        corners(area, found.span("recall"), found.span("specificity"))
        for area in (lambda r, s: r * s, lambda r, s: 1 - (1 - r) * (1 - s))
    )
    possible = Span(least.low, most.high)
    words = balanced.words(auc.printed.digits)
    about = f"The balanced accuracy of the hard labels is {words}"
    if possible.overlap(printed) is None:
        sentence = f"No ROC curve through this point has an area of {auc.printed.text}: it must be {possible.words()}."
        return Check(kind, ids, possible.words(), auc.printed.text, FAILS, sentence, (auc.id,))
    if balanced.overlap(printed) is None:
        return Check(
            kind,
            ids,
            f"not {words}",
            auc.printed.text,
            HOLDS,
            f"{about}; the AUC, {auc.printed.text}, is another figure.",
        )
    agreeing = (balanced.high - balanced.low) + (printed.high - printed.low)
    if agreeing < Fraction(LEVEL) / areas * (possible.high - possible.low):
        sentence = f"{about}, and {auc.printed.text} is printed as AUC: it was taken from hard labels, not from scores."
        return Check(kind, ids, f"not {words}", auc.printed.text, FAILS, sentence, (auc.id,))
    sentence = f"{about}. The AUC, {auc.printed.text}, may be just that; the digits are too few to say."
    return Check(kind, ids, f"not {words}", auc.printed.text, OPEN, sentence, (auc.id,))


def whole_number_check(claim: Claim, n: int) -> Check:
    """Is the share one of so many photos, as GRIM asks (Brown and Heathers 2017)?"""
    rounded, cut = whole_counts(claim.printed.rounded, n), whole_counts(claim.printed.share, n)
    kind, text = "a whole number of photos", claim.printed.text
    if len(cut):
        how = "" if len(rounded) else ", if the digits after the last were cut off and not rounded"
        ks = f"{cut[0]:,}" if len(cut) == 1 else f"{cut[0]:,} to {cut[-1]:,}"
        return Check(kind, (claim.id,), f"{ks} of {n:,}", text, HOLDS, f"{text} of {n:,} photos is {ks}{how}.")
    nearest = int(claim.printed.value * n)
    below, above = (f"{float(Fraction(k, n)):.{claim.printed.digits + 1}f}" for k in (nearest, nearest + 1))
    sentence = f"No number of {n:,} photos gives {text}: {nearest:,} are {below}, {nearest + 1:,} are {above}."
    return Check(kind, (claim.id,), f"{below} or {above}", text, FAILS, sentence)


def macro_check(macro: Claim, classes: Sequence[Claim]) -> Check:
    """Is the macro average the mean over the classes?"""
    implied = mean_of([claim.printed.share for claim in classes], [Fraction(1, len(classes))] * len(classes))
    fits = implied.overlap(macro.printed.share) is not None
    expected = implied.words(macro.printed.digits)
    sentence = f"The mean F1 of the {len(classes)} classes is {expected}; {macro.printed.text} is printed."
    ids = (macro.id, *(claim.id for claim in classes))
    return Check("macro average of the classes", ids, expected, macro.printed.text, HOLDS if fits else FAILS, sentence)


def mean_of(spans: Iterable[Span], weights: Iterable[Fraction]) -> Span:
    """The weighted mean of spans; the weights add up to 1."""
    pairs = list(zip(spans, weights, strict=True))
    return Span(sum((s.low * w for s, w in pairs), Fraction(0)), sum((s.high * w for s, w in pairs), Fraction(0)))


def has_constant(claim: Claim) -> bool:
    """Whether it is known what the constant answer gets of this figure."""
    known = claim.sample is not None and bool(claim.sample.counts)
    return claim.metric in _CONSTANTS and not claim.label and known


def constant_of(metric: str, sample: Sample) -> Fraction:
    """What always answering with the commonest class gets on these photos: accuracy, macro F1 (0 for the others) or AUC."""
    share = sample.shares[sample.commonest]
    table = {"accuracy": share, "macro_f1": 2 * share / (1 + share) / len(sample.counts), "auc": _AUC_OF_NOTHING}
    return table[metric]


def constant_check(claim: Claim, sample: Sample) -> Check:
    """Is the figure better than the constant answer's, by more than its interval where there is one?"""
    constant, printed = constant_of(claim.metric, sample), claim.printed
    answer = "An answer that knows nothing" if claim.metric == "auc" else f"Always answering “{sample.commonest}”"
    about = "" if sample.exact or claim.metric == "auc" else ", by the classes' shares"
    found = interval_of(claim)
    outcome: Outcome
    if printed.share.high <= constant:
        outcome, ending = FAILS, "is no more"
    elif constant in printed.share:
        outcome, ending = OPEN, "is as much, as far as its digits tell"
    elif found is None or found[0] > constant:
        outcome, ending = HOLDS, "is more"
    else:
        outcome, ending = OPEN, "is more, but by less than its interval"
    carries = "" if found is None else f" (95% interval {found[0]:.2f} to {found[1]:.2f})"
    sentence = f"{answer} has {METRICS[claim.metric]} {float(constant):.3f}{about}; {printed.text}{carries} {ending}."
    expected = f"more than {float(constant):.3f}"
    return Check(CONSTANT_KIND, (claim.id,), expected, printed.text, outcome, sentence)


def interval_of(claim: Claim) -> tuple[float, float] | None:
    """The exact 95% interval of a share of photos, over all counts that its digits may stand for; None where it has none.

    Accuracy is a share of the photos, recall one of the positives; F1, AUC and averages are no shares of anything.
    """
    sample = claim.sample
    n = claim.n if claim.metric == "accuracy" else None
    if claim.metric == "recall" and sample is not None and sample.exact:
        n = sample.counts.get(claim.label or sample.positive)
    counts = whole_counts(claim.printed.share, n) if n else range(0)
    if not n or not len(counts):
        return None
    return _ends(counts[0], counts[-1], n)


@lru_cache(maxsize=2048)
def _ends(fewest: int, most: int, n: int) -> tuple[float, float]:
    return exact_interval(fewest, n).low, exact_interval(most, n).high


def _fitting(figures: Mapping[str, Claim], sample: Sample) -> tuple[Possible, Mapping[str, Possible]]:
    positives = sample.counts[sample.positive]
    spans = {name: claim.printed.share for name, claim in figures.items()}
    return fitting_counts(positives, sum(sample.counts.values()) - positives, spans)


def _photos(sample: Sample) -> str:
    return " and ".join(f"{count:,} {name}" for name, count in sample.counts.items()) + " photos"


def _in_words(counts: Counts | None) -> str:
    """A matrix in brackets; nothing where there are several."""
    if counts is None:
        return ""
    return (
        f" ({counts.true_positives:,} found, {counts.false_negatives:,} missed, {counts.false_positives:,} false alarms, "
        f"{counts.true_negatives:,} left alone)"
    )
