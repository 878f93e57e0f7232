"""What a report says in words, held against its own figures: the kinds of statements, and all checks of a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from dermaviz.errors import LedgerError
from dermaviz.metrics.printed import MEASURES, Counts, Span, corners, possible_counts, whole_counts
from studies.five_reports.reported.comparisons import differs, is_ladder, is_mostly_lower, is_ranked
from studies.five_reports.reported.consistency import FAILS, HOLDS, OPEN, Check, check_of, figure_checks, mean_of, named
from studies.five_reports.reported.ledger import Claim, Report, Statement


def adds_up(report: Report, statement: Statement) -> Check:
    """Do the parts add up to the whole?"""
    whole, parts = report.claim(statement.facts["whole"]), report.several(statement.facts["parts"])
    total = sum(int(claim.printed.value) for claim in parts)
    added = " + ".join(claim.printed.text for claim in parts)
    outcome = HOLDS if total == whole.printed.value else FAILS
    return check_of(statement, (whole, *parts), f"{total}", whole.printed.text, outcome, f"{added} = {total}.")


def is_multiple(report: Report, statement: Statement) -> Check:
    """Is one count so many times another?"""
    claim, of = report.claim(statement.facts["claim"]), report.claim(statement.facts["of"])
    factor = int(statement.facts["factor"])
    must = factor * int(of.printed.value)
    outcome = HOLDS if must == claim.printed.value else FAILS
    why = f"{factor} × {of.printed.text} = {must}; {claim.printed.text} is printed."
    return check_of(statement, (claim, of), f"{must}", claim.printed.text, outcome, why)


def is_share(report: Report, statement: Statement) -> Check:
    """Is the printed share that of the part in the whole?"""
    claim = report.claim(statement.facts["claim"])
    (part, parts), (whole, wholes) = (_number(report, statement.facts[name]) for name in ("part", "whole"))
    share = part / whole
    source = f" ({statement.facts['source']})" if "source" in statement.facts else ""
    outcome = HOLDS if share in claim.printed.span else FAILS
    why = f"{int(part):,} of {int(whole):,} are {float(share):.1%}{source}."
    claims = (claim, *parts, *wholes)
    return check_of(statement, claims, f"{float(share):.1%}", claim.printed.text, outcome, why, (claim,))


def is_same(report: Report, statement: Statement) -> Check:
    """Can the figures all be one and the same value?"""
    claims = report.several(statement.facts["claims"])
    common: Span | None = claims[0].printed.span
    for claim in claims[1:]:
        common = common and common.overlap(claim.printed.span)
    texts = " and ".join(claim.printed.text for claim in claims)
    outcome = HOLDS if common else FAILS
    why = f"{texts} are printed, which {'agree' if common else 'differ'}."
    return check_of(statement, claims, "one value", texts, outcome, why)


def is_known(report: Report, statement: Statement) -> Check:
    """Is the figure what is known from elsewhere?"""
    claim, fact = report.claim(statement.facts["claim"]), statement.facts["fact"]
    outcome = HOLDS if claim.printed.value == Fraction(fact) else FAILS
    why = f"It is {fact} by {statement.facts['source']}; {claim.printed.text} is printed."
    return check_of(statement, (claim,), fact, claim.printed.text, outcome, why)


def is_in_table(report: Report, statement: Statement) -> Check:
    """Is the model in the table at all?"""
    claims = report.several(f"{statement.facts['among']}/*")
    models = tuple(dict.fromkeys(claim.model for claim in claims))
    there = statement.facts["model"] in models
    why = f"The table holds {', '.join(models)}."
    return check_of(statement, claims[:1], statement.facts["model"], ", ".join(models), HOLDS if there else FAILS, why)


def sides_follow(report: Report, statement: Statement) -> Check:
    """Follow one another: convolutions (``3``: 3 × 3; ``5p1``: 5 × 5 with a border of 1) and ``pool``, which halves."""
    before, after = report.several(statement.facts["sides"])
    side = int(before.printed.value)
    for layer in statement.facts["layers"].split():
        if layer == "pool":
            side //= 2
        else:
            kernel, _, border = layer.partition("p")
            side += 2 * int(border or 0) - int(kernel) + 1
    outcome = HOLDS if side == after.printed.value else FAILS
    return check_of(
        statement, (before, after), f"{side}", after.printed.text, outcome, f"They become {side}.", (after,)
    )


def is_unsupported(report: Report, statement: Statement) -> Check:
    """Nothing in the report can be held against it."""
    why = f"This cannot be told from the report: {statement.facts['because']}."
    return check_of(statement, (), "–", "–", OPEN, why)


def _number(report: Report, reference: str) -> tuple[Fraction, tuple[Claim, ...]]:
    """A number from a reference, with its claim, or from digits."""
    if reference.isdecimal():
        return Fraction(reference), ()
    claim = report.claim(reference)
    return claim.printed.value, (claim,)


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


@dataclass(frozen=True)
class Kind:
    """How a kind of statement is checked, which facts it goes by, and which it may have besides."""

    check: Callable[[Report, Statement], Check]
    needs: tuple[str, ...]
    may: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "by-class": Kind(is_two_runs, ("class", "mean", "of")),
        "differ": Kind(differs, ("first", "second")),
        "known": Kind(is_known, ("claim", "fact", "source")),
        "ladder": Kind(is_ladder, ("claims",)),
        "most": Kind(is_mostly_lower, ("row", "than", "metrics")),
        "named": Kind(is_in_table, ("model", "among")),
        "percentages": Kind(is_one_class_size, ("claims", "low", "high")),
        "prevalence": Kind(is_one_set, ("rows",)),
        "rank": Kind(is_ranked, ("row", "among", "metrics"), ("place", "order")),
        "same": Kind(is_same, ("claims",)),
        "share": Kind(is_share, ("claim", "part", "whole"), ("source",)),
        "sides": Kind(sides_follow, ("sides", "layers")),
        "sum": Kind(adds_up, ("whole", "parts")),
        "times": Kind(is_multiple, ("claim", "factor", "of")),
        "unsupported": Kind(is_unsupported, ("because",)),
        "weighted": Kind(is_weighted, ("claim", "classes", "samples")),
    }
)
"""The kinds that a statement of the ledger may have; facts are references to figures, rows or samples, or digits."""


def statement_check(report: Report, statement: Statement) -> Check:
    """Hold a statement of a report against its figures.

    Raises:
        LedgerError: the kind is unknown, a fact is missing or means nothing, or a figure that it names is not there.
    """
    kind = KINDS.get(statement.kind)
    if kind is None:
        raise LedgerError(f"{statement.id}: expected a kind of {', '.join(KINDS)}, found {statement.kind!r}.")
    facts = set(statement.facts)
    if not set(kind.needs) <= facts <= {*kind.needs, *kind.may}:
        wanted = ", ".join((*kind.needs, *(f"perhaps {name}" for name in kind.may)))
        raise LedgerError(
            f"{statement.id}: expected a statement of kind {statement.kind} to go by {wanted}, found "
            f"{', '.join(statement.facts) or 'nothing'}. A text with a comma in it needs quotes."
        )
    try:
        return kind.check(report, statement)
    except LedgerError as error:
        raise LedgerError(f"{statement.id}: {error}") from error


def report_checks(report: Report) -> tuple[Check, ...]:
    """All checks of a report that need no training: its statements first, then the figures of each run.

    Raises:
        LedgerError: a statement cannot be checked as the ledger writes it.
    """
    stated = [statement_check(report, statement) for statement in report.statements]
    areas = sum(claim.metric == "auc" for claim in report.claims)
    return (*stated, *(check for row in report.rows.values() for check in figure_checks(row, areas)))
