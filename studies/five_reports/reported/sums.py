"""Evaluation: statements that are sums, shares and multiples of printed counts, or that quote what a table holds."""

from __future__ import annotations

from fractions import Fraction

from dermaviz.metrics.printed import Span
from studies.five_reports.reported.consistency import FAILS, HOLDS, OPEN, Check, check_of
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
