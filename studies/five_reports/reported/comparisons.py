"""Statements that compare runs, ranks and differences of shares, and the exact tests of what chance alone explains."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product

from scipy.stats import binomtest, fisher_exact

from dermaviz.errors import LedgerError
from dermaviz.metrics.printed import whole_counts
from studies.five_reports.reported.consistency import FAILS, HOLDS, LEVEL, OPEN, Check, check_of
from studies.five_reports.reported.ledger import METRICS, Claim, Report, Statement


@dataclass(frozen=True)
class Paired:
    """How surprising a difference on the same images is, from the fewest images that changed sides to the most.

    Only the difference is printed, not how many images only the first and only the second got right. ``least`` is the
    p-value if every image that changed sides went the same way, ``most`` if as many as possible went the other way, and
    ``tolerated`` the most that may have gone the other way with the difference still being more than chance; -1: none.
    """

    least: float
    most: float
    tolerated: int


def fisher(k: int, n: int, other: int, of: int) -> float:
    """The two-sided p-value of ``k`` of ``n`` against ``other`` of ``of``, two sets of independent images (Fisher 1935)."""
    return float(fisher_exact([[k, n - k], [other, of - other]]).pvalue)


def paired(k: int, other: int, n: int) -> Paired:
    """The bounds of McNemar's exact test for ``k`` and ``other`` right of the same ``n`` images (McNemar 1947)."""
    more, gap = max(k, other), abs(k - other)
    against = min(n - more, more - gap)  # the better one misses n - more, the worse one is right on more - gap
    tolerated = bisect_left(range(against + 1), LEVEL, key=lambda back: _sign_test(gap + back, back)) - 1
    return Paired(_sign_test(gap, 0), _sign_test(gap + against, against), tolerated)


def _sign_test(one_way: int, other_way: int) -> float:
    """How often as uneven a split happens if both directions are equally likely."""
    return float(binomtest(one_way, one_way + other_way).pvalue) if one_way + other_way else 1.0


def is_ranked(report: Report, statement: Statement) -> Check:
    """Is a run's figure the largest (or the smallest, or the n-th) of its table, in each of the metrics?"""
    beside, _ = _ranked(report, statement)
    place, smallest = int(statement.facts.get("place", "1")), statement.facts.get("order") == "smallest"
    ahead, level, said = [], [], []
    for claim, others in beside.items():
        better = [o for o in others if (o.printed.value < claim.printed.value) == smallest and not _tied(o, claim)]
        ties = [o for o in others if _tied(o, claim)]
        if len(better) + 1 != place:
            ahead.append(claim)
            best = (min if smallest else max)(others, key=lambda o: o.printed.value)
            said.append(f"{_name(claim)} ({claim.printed.text}, but {best.printed.text} for {_apart(best, claim)})")
        elif ties:
            level.append(claim)
            said.append(f"{_name(claim)} ({claim.printed.text}, as for {_apart(ties[0], claim)})")
    outcome = FAILS if ahead else OPEN if level else HOLDS
    n = len(beside)
    so = n - len(ahead) - len(level)
    if n > 1:
        tally = f"So it is in {so} of {n} figures{', not in' if said else ''}"
    else:
        tally = "So it is" if so else "The table says otherwise:" if ahead else "The table has a tie:"
    why = f"{' '.join(filter(None, (tally, ', '.join(said))))}."
    claims = tuple(dict.fromkeys(c for claim, others in beside.items() for c in (claim, *others)))
    found = f"{so} of {n}" if n > 1 else next(iter(beside)).printed.text
    wanted = f"{'smallest' if smallest else 'largest'}{f', place {place}' if place > 1 else ''}"
    return check_of(statement, claims, wanted, found, outcome, why, tuple(ahead or level))


def is_mostly_lower(report: Report, statement: Statement) -> Check:
    """Are more than half of a run's figures lower than another's?"""
    own, than = (report.rows[f"{report.name}/{statement.facts[name]}"] for name in ("row", "than"))
    wanted = statement.facts["metrics"].split()
    keys = [key for key in own if key in than and any(fnmatchcase("/".join(key).rstrip("/"), p) for p in wanted)]
    lower = [key for key in keys if own[key].printed.value < than[key].printed.value]
    outcome = HOLDS if 2 * len(lower) > len(keys) else FAILS
    claims = tuple(row[key] for key in keys for row in (own, than))
    return check_of(
        statement,
        claims,
        "more than half",
        f"{len(lower)} of {len(keys)}",
        outcome,
        f"{len(lower)} of {len(keys)} are lower.",
    )


def differs(report: Report, statement: Statement) -> Check:
    """Is the first share larger than the second by more than chance, whatever whole numbers their digits stand for?"""
    first, second = (report.claim(statement.facts[name]) for name in ("first", "second"))
    return _difference(statement, first, second)


def is_ladder(report: Report, statement: Statement) -> Check:
    """Do shares fall from one to the next, and the first and the last differ by more than chance?"""
    claims = report.several(statement.facts["claims"])
    texts = ", ".join(claim.printed.text for claim in claims)
    values = [claim.printed.value for claim in claims]
    if values != sorted(values, reverse=True):
        return check_of(statement, claims, "falling", texts, FAILS, f"{texts} do not fall from one to the next.")
    ends = _difference(statement, claims[0], claims[-1])
    outcome = HOLDS if ends.outcome == HOLDS else OPEN
    why = f"{texts} fall. First and last: {ends.sentence.removeprefix(statement.says).strip()}"
    return check_of(statement, claims, ends.expected, texts, outcome, why)


def _difference(statement: Statement, first: Claim, second: Claim) -> Check:
    n = first.n
    if n is None or n != second.n:
        raise LedgerError(
            f"expected two shares of equally many photos, found {n} and {second.n}. Look at their samples."
        )
    texts = f"{first.printed.text} and {second.printed.text}"
    ends = [sorted({ks[0], ks[-1]}) for claim in (first, second) if (ks := whole_counts(claim.printed.share, n))]
    if len(ends) < 2:
        return check_of(
            statement, (first, second), "more than chance", texts, OPEN, f"Not both are shares of {n} photos."
        )
    tests = [(k, other, fisher(k, n, other, n), paired(k, other, n)) for k, other in product(*ends)]
    apart = all(k > other and p < LEVEL and bounds.most < LEVEL for k, other, p, bounds in tests)
    alike = all(p >= LEVEL and bounds.least >= LEVEL for _, _, p, bounds in tests)
    outcome = HOLDS if apart else FAILS if alike else OPEN
    k, other, p, bounds = max(tests, key=lambda test: test[0] - test[1])
    at_most = "at most " if len(tests) > 1 else ""
    why = (
        f"That is {at_most}{k:,} against {other:,} of {n:,} photos. As two samples, p is {_p(p)}. "
        f"{_on_the_same(bounds, abs(k - other))}"
    )
    return check_of(statement, (first, second), f"p below {LEVEL}", f"p {_p(p)}", outcome, why)


def _on_the_same(bounds: Paired, gap: int) -> str:
    """What follows from their being the same photos."""
    if bounds.least == bounds.most:
        return f"On the same photos, as these are, it is {_p(bounds.most)}."
    if bounds.most < LEVEL:
        return f"They are the same photos, and so p is at most {_p(bounds.most)}, whichever they were."
    if bounds.least >= LEVEL:
        return f"They are the same photos, and so p is at least {_p(bounds.least)}, whichever they were."
    return (
        f"They are the same photos, though: p lies between {_p(bounds.least)} and {_p(bounds.most)}, below {LEVEL} only if, "
        f"beside the {gap:,} that make the difference, no more than {bounds.tolerated:,} turned right and as many wrong; how "
        "many did is not printed."
    )


def _p(value: float) -> str:
    return f"{value:.2g}" if value >= 0.001 else "below 0.001"


def _ranked(report: Report, statement: Statement) -> tuple[dict[Claim, list[Claim]], tuple[str, ...]]:
    """Each figure of the statement's row beside the same figures of the other rows; and the other rows."""
    own = f"{report.name}/{statement.facts['row']}"
    if own not in report.rows:
        raise LedgerError(f"expected a row of {', '.join(report.rows)}, found {own!r}.")
    patterns = [f"{report.name}/{pattern}" for pattern in statement.facts["among"].split()]
    others = tuple(row for row in report.rows if row != own and any(fnmatchcase(row, p) for p in patterns))
    wanted = statement.facts["metrics"].split()
    mine = [c for key, c in report.rows[own].items() if any(fnmatchcase("/".join(key).rstrip("/"), p) for p in wanted)]
    if not mine:
        raise LedgerError(f"expected figures {', '.join(wanted)} of {own}, found none. Look at its table.")
    beside = {
        c: [f[c.metric, c.label] for f in (report.rows[r] for r in others) if (c.metric, c.label) in f] for c in mine
    }
    return beside, others


def _apart(other: Claim, claim: Claim) -> str:
    """What tells another run from this one, in words."""
    return other.model if other.model != claim.model else other.setting


def _tied(one: Claim, other: Claim) -> bool:
    return one.printed.value == other.printed.value


def _name(claim: Claim) -> str:
    return f"{METRICS[claim.metric]} of {claim.label}" if claim.label else METRICS[claim.metric]
