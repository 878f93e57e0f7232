"""Evaluation: the kinds of statements that a ledger may hold, and all checks of a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dermaviz.errors import LedgerError
from studies.five_reports.reported.averages import is_one_class_size, is_one_set, is_two_runs, is_weighted
from studies.five_reports.reported.consistency import Check, figure_checks
from studies.five_reports.reported.ledger import Report, Statement
from studies.five_reports.reported.ranks import differs, is_ladder, is_mostly_lower, is_ranked
from studies.five_reports.reported.sums import (
    adds_up,
    is_in_table,
    is_known,
    is_multiple,
    is_same,
    is_share,
    is_unsupported,
    sides_follow,
)


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
