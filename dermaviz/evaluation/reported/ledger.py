"""Evaluation: the ledger of claims — what each report printed, where, and of which photos."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType
from typing import Any

from dermaviz.errors import LedgerError
from dermaviz.evaluation.reported.printed import Printed

METRICS: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "accuracy",
        "precision": "precision",
        "recall": "recall",
        "f1": "F1",
        "auc": "ROC AUC",
        "macro_f1": "macro F1",
        "micro_precision": "micro-averaged precision",
        "micro_recall": "micro-averaged recall",
        "micro_f1": "micro-averaged F1",
        "weighted_precision": "weighted precision",
        "weighted_recall": "weighted recall",
        "weighted_f1": "weighted F1",
        "called": "share of a class called another",
        "share": "share of the photos",
        "photos": "photos",
        "layers": "layers",
        "parameters": "parameters",
        "side": "side of the feature maps",
        "outputs": "outputs",
    }
)
"""What a figure measures, as the ledger writes it, and in words."""


@dataclass(frozen=True)
class Sample:
    """The photos that figures are of: how many, where known, and their classes.

    ``counts`` are those of these very photos if they add up to ``n``; else only their shares are meant. ``positive`` is
    the class that precision and recall look for, where there are two. ``source`` says how all this is known.
    """

    name: str
    what: str
    n: int | None
    counts: Mapping[str, int] = field(hash=False)
    positive: str
    source: str

    @property
    def exact(self) -> bool:
        """Whether the classes were counted on these very photos."""
        return self.n is not None and sum(self.counts.values()) == self.n

    @property
    def shares(self) -> Mapping[str, Fraction]:
        """The share of each class; empty where it is unknown."""
        whole = sum(self.counts.values())
        return {name: Fraction(count, whole) for name, count in self.counts.items()}

    @property
    def commonest(self) -> str:
        """The commonest class; "" where the classes are unknown."""
        return max(self.counts, key=self.counts.__getitem__, default="")

    @property
    def prevalence(self) -> Fraction | None:
        """The share of the positive class, where there is one."""
        return self.shares.get(self.positive)


@dataclass(frozen=True)
class Claim:
    """One printed figure: ``row`` names the run it belongs to, ``label`` the class it is of ("" for all)."""

    id: str
    report: str
    where: str
    row: str
    model: str
    setting: str
    metric: str
    label: str
    printed: Printed
    sample: Sample | None

    @property
    def n(self) -> int | None:
        """The number of photos behind it, of its class if it is of one; None where unknown."""
        if self.printed.n is not None or self.sample is None:
            return self.printed.n
        if not self.label:
            return self.sample.n
        return self.sample.counts.get(self.label) if self.sample.exact else None


@dataclass(frozen=True)
class Statement:
    """A claim in words: ``kind`` is how it is checked (``statements.KINDS``), ``facts`` are what the check goes by."""

    id: str
    report: str
    where: str
    says: str
    kind: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Report:
    """One of the reports: what lists call it, what it did in a few lines, the photos, the figures and the statements."""

    name: str
    label: str
    title: str
    authors: str
    did: tuple[str, ...]
    samples: Mapping[str, Sample]
    claims: tuple[Claim, ...]
    statements: tuple[Statement, ...]

    @cached_property
    def rows(self) -> Mapping[str, Mapping[tuple[str, str], Claim]]:
        """The figures of each run, by metric and class."""
        found: dict[str, dict[tuple[str, str], Claim]] = {}
        for claim in self.claims:
            found.setdefault(claim.row, {})[claim.metric, claim.label] = claim
        return found

    def claim(self, reference: str) -> Claim:
        """The claim of a reference such as ``table-1/resnet-18/accuracy``.

        Raises:
            LedgerError: there is none.
        """
        return self.matching(reference)[0]

    def matching(self, pattern: str) -> tuple[Claim, ...]:
        """The claims of a reference in which ``*`` stands for anything, in the order of the ledger.

        Raises:
            LedgerError: there is none.
        """
        wanted = f"{self.name}/{pattern}"
        found = tuple(claim for claim in self.claims if fnmatchcase(claim.id, wanted))
        if found:
            return found
        near = difflib.get_close_matches(wanted, [claim.id for claim in self.claims], n=1)
        hint = f"did you mean {near[0]}?" if near else "it has none that looks like it."
        raise LedgerError(f"expected a figure {wanted!r} in the ledger, found none; {hint}")

    def several(self, patterns: str) -> tuple[Claim, ...]:
        """The claims of several references, with spaces between them, each once.

        Raises:
            LedgerError: one has none.
        """
        return tuple({claim.id: claim for pattern in patterns.split() for claim in self.matching(pattern)}.values())


Ledger = Mapping[str, Report]
"""The reports by name, in the order of the file."""
