"""Reproduction: which row of the recipes reruns which printed figure, and in which of our metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from dermaviz.evaluation.reported.ledger import Claim, Report
from dermaviz.reproduction.claims.question import CONSTANT, Pair

if TYPE_CHECKING:  # recipes bring torch, which pages that only read answers do without
    from dermaviz.reproduction.rows import Row

UNDER = ("fgsm", "noise")
"""Runs of the ledger with such a name are figures of a row under that attack or noise."""
_OURS: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "accuracy",
        "auc": "roc_auc",
        "called": "called",
        "f1": "f1",
        "macro_f1": "macro_f1",
        "micro_f1": "accuracy",
        "micro_precision": "accuracy",
        "micro_recall": "accuracy",
        "precision": "precision",
        "recall": "sensitivity",
        "weighted_f1": "weighted_f1",
        "weighted_precision": "weighted_precision",
        "weighted_recall": "accuracy",
    }
)
"""The slug of what the ledger calls a metric; micro averages and the weighted recall are the accuracy."""
_OF_A_CLASS = frozenset({"roc_auc", "called", "f1", "precision", "sensitivity"})
_THEIRS: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "accuracy",
        "f1": "f1",
        "macro_f1": "macro_f1",
        "malignant_auc": "auc",
        "precision": "precision",
        "roc_auc": "auc",
        "sensitivity": "recall",
    }
)
"""The ledger's name of a slug of the questions, where reports print it."""


def our_metric(claim: Claim, classes: Sequence[str]) -> str:
    """The name of our metric that a printed figure is held against, ``f1/mel``; "" where we have none.

    Of two classes, a figure of no class is one of the class that is sought, the last one.
    """
    slug = _OURS.get(claim.metric, "")
    if slug not in _OF_A_CLASS:
        return "" if claim.label else slug
    if claim.label:
        return f"{slug}/{claim.label}" if set(claim.label.split(" as ")) <= set(classes) else ""
    return f"{slug}/{classes[-1]}" if len(classes) == 2 else ""


@dataclass(frozen=True)
class Matching:
    """A report of the ledger and the rows of its recipes; ``mislabelled`` figures (by id) are not what they are called."""

    report: Report
    rows: tuple[Row, ...]
    mislabelled: frozenset[str] = frozenset()

    def row_of(self, claim: Claim) -> str:
        """The row that reruns a figure, ``resnet-18/fgsm`` under an attack; "" where none does.

        Where several do, it is the one that is named like the run.
        """
        name = claim.row.rpartition("/")[2]
        found = sorted((row.row for row in self.rows if claim.row in row.claims), key=lambda row: (row != name, row))
        if not found:
            return ""
        return f"{found[0]}/{name}" if name in UNDER else found[0]

    def printed_difference(self, pair: Pair, metric: str) -> float | None:
        """By how much the first row of a pair is printed above the second, where one table has both; else None."""
        first, second = (self._printed(row, metric) for row in pair)
        return next((value - second[table] for table, value in first.items() if table in second), None)

    def printed_figure(self, row: str, metric: str) -> float | None:
        """What is printed of a row in a metric, first of all; None where nothing is."""
        return next(iter(self._printed(row, metric).values()), None)

    def _printed(self, name: str, metric: str) -> dict[str, float]:
        """What is printed of a row in a metric, by table: of the class, or of the class that is sought."""
        slug, _, label = metric.partition("/")
        row, _, under = name.partition("/")
        runs = [run for known in self.rows if known.row == row for run in known.claims if run in self.report.rows]
        found: dict[str, float] = {}
        for run in runs if slug in _THEIRS and name != CONSTANT else ():
            table, _, last = run.rpartition("/")
            if (last if last in UNDER else "") == under:
                figures = self.report.rows[run]
                claim = figures.get((_THEIRS[slug], label)) or figures.get((_THEIRS[slug], ""))
                if claim is not None and claim.id not in self.mislabelled:
                    found.setdefault(table, float(claim.printed.value))
        return found
