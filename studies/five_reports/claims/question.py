"""A question that a report asks — the rows to look at, the pairs that answer it, the claims that rest on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Pair = tuple[str, str]
"""Two rows: the one that is claimed to be higher in the metric, and the other."""
CONSTANT = "constant"
"""In place of a row's name: the commonest class of the same photos, answered always."""


@dataclass(frozen=True)
class Answered:
    """A statement of the ledger that a question answers, by its own ``pairs`` and ``metrics``, or by all of the question's."""

    statement: str
    pairs: tuple[Pair, ...] = ()
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """What a report asks of its rows.

    ``report`` is the folder's name. ``says`` is what the report says to it; "" where it says nothing: no verdict then.
    ``rows`` are the recipe rows in the chart's order, each with what the chart calls it; ``resnet-18/fgsm`` are the figures
    of ``resnet-18`` under the attack. ``metrics`` are slugs of ``metrics.summary``, ``f1/mel`` that of a class; the first
    one is charted. ``note`` is what else the reader must know. ``fair``: the rows of a pair differ in what is asked and
    in nothing that speaks for the claim; else the note says in what, and there is no verdict on the claim.
    ``lesser_may_fail``: that the lesser row of a pair learns too little is what the report says of it, so that it learnt
    nothing is an answer.
    """

    report: str
    name: str
    asks: str
    says: str
    rows: Mapping[str, str] = field(hash=False)
    pairs: tuple[Pair, ...]
    metrics: tuple[str, ...]
    statements: tuple[Answered, ...] = ()
    note: str = ""
    fair: bool = True
    lesser_may_fail: bool = False

    def label(self, row: str) -> str:
        """What the chart calls a row."""
        return "the constant answer" if row == CONSTANT else self.rows[row]


def against(row: str, others: tuple[str, ...]) -> tuple[Pair, ...]:
    """The row above each of the others."""
    return tuple((row, other) for other in others)


def named_rows(**names: str) -> Mapping[str, str]:
    """Rows with what the chart calls them; a name's ``_`` stands for ``-``, ``__`` for ``/``."""
    return MappingProxyType({name.replace("__", "/").replace("_", "-"): words for name, words in names.items()})
