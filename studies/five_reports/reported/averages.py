"""Evaluation: statements that tie many figures together — averages over classes, one set of photos, one count of a class."""

from __future__ import annotations

from fractions import Fraction

from dermaviz.metrics.printed import MEASURES, Counts, Span, corners, possible_counts, whole_counts
from studies.five_reports.reported.consistency import FAILS, HOLDS, OPEN, Check, check_of, mean_of, named
from studies.five_reports.reported.ledger import Claim, Report, Statement

_MOST_IN_CLASS = 1000
"""How far to look for a number of photos that makes several percentages possible."""


def is_weighted(report: Report, statement: Statement) -> Check:
    """Is the figure the mean of the classes' figures, weighted by the first of the samples? The others are tried as well."""
    claim = report.claim(statement.facts["claim"])
    classes = report.several(statement.facts["classes"])
    said, fits = [], []
    for name in statement.facts["samples"].split():
        sample = report.samples[name]
        mean = mean_of([c.printed.share for c in classes], [sample.shares[c.label] for c in classes])
        fits.append(mean.overlap(claim.printed.share) is not None)
        said.append(
            (mean.words(), f"{float(sample.shares[sample.commonest]):.0%} {sample.commonest} ({sample.source})")
        )
    outcome = HOLDS if fits[0] else FAILS
    parts = [f"With {share}, it must be {words}" for words, share in said]
    why = f"{'. '.join(parts)}. {claim.printed.text} is printed."
    return check_of(statement, (claim, *classes), said[0][0], claim.printed.text, outcome, why, (claim,))


def is_two_runs(report: Report, statement: Statement) -> Check:
    """Are two rows of precision, recall and F1 really two runs, or one class and the mean over both of a balanced set?"""
    one, mean = (report.rows[f"{report.name}/{statement.facts[name]}"] for name in ("class", "mean"))
    of = int(statement.facts["of"])
    wanted = {name: mean[name, ""].printed.share for name in ("precision", "recall", "f1")}
    found = possible_counts(of, of, {name: one[name, ""].printed.share for name in wanted})
    every = [found.counts(true, false) for true, least, most in found.rows for false in range(least, most + 1)]
    fitting = [counts for counts in every if all(_over_both(counts, name) in span for name, span in wanted.items())]
    claims = (*one.values(), *mean.values())
    texts = [", ".join(claim.printed.text for claim in row.values()) for row in (one, mean)]
    if not fitting:
        why = "They are not one class and the mean over both."
        return check_of(statement, claims, "two runs", " and ".join(texts), HOLDS, why)
    why = (
        f"But {texts[1]} is just the mean over both classes where {texts[0]} are precision, recall and F1 of one: the numbers "
        f"before them are the {of} photos of that class and the {2 * of} of both, and nothing is said of training."
    )
    return check_of(statement, claims, "two runs", "one run, by class", FAILS, why)


def _over_both(counts: Counts, name: str) -> Fraction:
    """A measure's mean over both classes."""
    other = Counts(counts.true_negatives, counts.false_positives, counts.false_negatives, counts.true_positives)
    return (MEASURES[name](counts) + MEASURES[name](other)) / 2


def is_one_set(report: Report, statement: Statement) -> Check:
    """Can accuracy, precision and recall of several runs all be of photos with the same share of positives, and with ours?"""
    needed: dict[str, Span] = {}
    claims: list[Claim] = []
    for claim in report.several(" ".join(f"{row}/accuracy" for row in statement.facts["rows"].split())):
        row = report.rows[claim.row]
        figures = [row[name, ""] for name in ("accuracy", "precision", "recall")]
        needed[named(claim)] = corners(_prevalence, *(figure.printed.share for figure in figures))
        claims += figures
    least, most = (pick(needed, key=lambda name: needed[name].low) for pick in (min, max))
    common = Span(max(s.low for s in needed.values()), min(s.high for s in needed.values()))
    stated = claims[0].sample.prevalence if claims[0].sample else None
    fits = common.low <= common.high and (stated is None or stated in common)
    why = (
        f"Accuracy, precision and recall of {least} need {_percents(needed[least])} positives, those of {most} "
        f"{_percents(needed[most])}{'' if stated is None else f'; {float(stated):.0%} are stated'}."
    )
    outcome = HOLDS if fits else FAILS
    found = f"{_percents(needed[least])} and {_percents(needed[most])}"
    accuracies = tuple(claim for claim in claims if claim.metric == "accuracy")
    return check_of(statement, tuple(claims), "one share of positives", found, outcome, why, accuracies)


def _prevalence(accuracy: Fraction, precision: Fraction, recall: Fraction) -> Fraction:
    """The share of positives that three figures need: 1 - accuracy is that share times what is missed and falsely alarmed."""
    return (1 - accuracy) / (1 - recall + recall * (1 / precision - 1))


def _percents(span: Span) -> str:
    return f"{float(span.low):.0%} to {float(span.high):.0%}"


def is_one_class_size(report: Report, statement: Statement) -> Check:
    """Can several percentages of one class be of as many photos as the split leaves of it?"""
    claims = report.several(statement.facts["claims"])
    low, high = (int(statement.facts[name]) for name in ("low", "high"))
    sizes = [n for n in range(1, _MOST_IN_CLASS) if all(whole_counts(claim.printed.share, n) for claim in claims)]
    texts = ", ".join(claim.printed.text for claim in claims)
    outcome = HOLDS if any(low <= n <= high for n in sizes) else FAILS if sizes else OPEN
    fewest = f"{sizes[0]}" if sizes else f"more than {_MOST_IN_CLASS}"
    why = f"{texts} can all be shares of no fewer than {fewest} photos."
    return check_of(statement, claims, f"{low} to {high} photos", f"{fewest} or more", outcome, why)
