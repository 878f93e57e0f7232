"""Evaluation: what a check of printed figures found, in figures and in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dermaviz.evaluation.reported.ledger import Claim, Statement

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
