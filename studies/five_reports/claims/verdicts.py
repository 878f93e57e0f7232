"""The rules by which a printed figure, a statement and a question get their verdict.

**A printed figure**, in this order; the first rule that fits decides.

1. A check of the ledger that needs no training blames it (it contradicts other figures): *inconsistent as printed*.
2. It is about the data or the network and not what a run gave: no verdict.
3. The photos or the metric cannot be had: *not comparable*. The row that reruns it has not run: *not yet run*.
4. Ours is of other photos, or another network stands in: *not comparable*, whatever the numbers; ``why`` says whether ours is
   above the constant answer. A number that agrees on other photos agrees by chance.
5. It lies in our 95% interval: *reproduced*; *not comparable* if that interval has no width or is wider than .10, for it
   would take in too much, or if our network learnt nothing where the report's did.
6. Ours stayed below it at a smaller budget than the report's (or, in precision and recall, which are had at each other's price,
   on either side): *not comparable*. A laptop that falls short refutes nothing.
7. Else *not reproduced*: the same photos and network, and as much training or a better figure with less.

A lone figure has no direction, so none is "direction reproduced".

**A pair of rows** goes the claimed way, or the other, only where ``differences.finding_of`` can tell: the interval over lesions
is off zero, and the seeds agree. **A statement or a question** rests on pairs, each in one or several metrics:

1. The report's own table contradicts it: *inconsistent as printed*. (That chance explains a printed difference is no
   contradiction.)
2. Nothing can be had that would tell, the rows differ in more than what is asked, or a row learnt too little at this budget:
   *not comparable*. That is, its balanced accuracy is not above the constant answer's (of the lesser row it is no matter
   where to learn too little is what the report says of it), or the better row came less than half of the way from the constant
   answer to what is printed of it in a metric.
   Not all pairs have run, or not with all seeds: *not yet run*.
3. Every pair goes the claimed way in every metric: *direction reproduced*; *reproduced* if every printed difference is known
   and in our interval, with the report's photos and network.
4. None goes the other way, and none of those that cannot be told speaks against the claim: *not comparable*. Its interval holds
   the printed difference as well as zero, or is wider than .10; or it is off zero, but of one training.
5. Else *not reproduced*. ``why`` says which pair, and what our budget was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dermaviz.metrics.bootstrap import off_zero
from studies.five_reports.claims.answers import (
    CANNOT_BE_TOLD,
    DIRECTION,
    INCONSISTENT,
    NO_VERDICT,
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    NOT_YET_RUN,
    OTHER_WAY,
    PAIR_NOT_RUN,
    REPRODUCED,
    DifferenceAnswer,
    FigureAnswer,
    Verdict,
)
from studies.five_reports.claims.matching import Conditions
from studies.five_reports.claims.sentences import difference_sentence, tally_words
from studies.five_reports.reported.consistency import FAILS, OPEN, Check
from studies.five_reports.reported.ledger import Claim, Statement

Found = tuple[Verdict, str]
"""A verdict and why."""

WIDEST = 0.10
"""An interval wider than this confirms no figure."""
NOT_OF_A_RUN = frozenset({"photos", "share", "layers", "parameters", "side", "outputs"})
"""The ledger's metrics of data and networks."""
COMPARISONS = frozenset({"differ", "ladder", "most", "rank"})
"""Kinds of statements that set runs against each other; all others are about the text."""
_TRADED = frozenset({"called", "precision", "recall"})
"""Metrics that a worse network may be above in: one is had at the price of the other."""
HAS_CONSTANT = frozenset({"accuracy", "balanced_accuracy", "macro_f1", "roc_auc", "malignant_auc"})
"""Our metrics in which to be above the constant answer means something."""


@dataclass(frozen=True)
class Pairing:
    """The differences that a statement or question rests on, with what is printed of each (None: unknown).

    ``unlearnt`` says of each row that learnt too little, where that matters, what it lacks; ``waiting`` what is still to run
    ("" if nothing is); ``conditions`` are those of all rows that ran.
    """

    differences: tuple[DifferenceAnswer, ...]
    printed: tuple[float | None, ...]
    unlearnt: tuple[str, ...]
    waiting: str
    conditions: tuple[Conditions, ...]

    @property
    def budget(self) -> str:
        """What the runs had less of, as a sentence; "" where nothing."""
        less = {", ".join(one.less) for one in self.conditions if one.less}
        if len(less) > 1:
            return " Ours had a laptop's budget, not the same for all rows."
        return "".join(f" Ours had a laptop's budget: {words}." for words in less)


def figure_verdict(
    claim: Claim,
    blame: str,
    absent: str,
    conditions: Conditions | None,
    ours: FigureAnswer,
    beaten: bool,
    idle: bool,
) -> Found:
    """The verdict on a printed figure.

    Args:
        blame: the sentence of a check that it fails; "".
        absent: why no run can have it; "" if a row reruns it.
        conditions: those of the runs; None where none is finished.
        ours: our figure; its verdict is not looked at.
        beaten: whether ours is above the constant answer's with the whole interval of the difference.
        idle: whether ours learnt nothing, although the report's figures of this run are not those of one that did not.
    """
    if blame:
        return INCONSISTENT, blame
    if claim.metric in NOT_OF_A_RUN:
        return NO_VERDICT, ""
    if absent:
        return NOT_COMPARABLE, absent
    if conditions is None:
        return NOT_YET_RUN, ""
    if math.isnan(ours.value):
        return NOT_COMPARABLE, "Ours is undefined: the run never answers with one of the classes."
    if not conditions.same:
        stands_in = " and ".join(filter(None, (conditions.other_photos, conditions.other_network)))
        return NOT_COMPARABLE, f"{stands_in}.{_against_constant(ours, beaten)}"
    if math.isnan(ours.low):
        return NOT_COMPARABLE, f"Our {ours.n:,} photos are too few for an interval."
    if claim.printed.rounded.high < ours.low or ours.high < claim.printed.rounded.low:
        return _outside(claim, conditions, ours, _against_constant(ours, beaten))
    if idle:
        return (
            NOT_COMPARABLE,
            f"Ours learnt nothing at this budget ({', '.join(conditions.less)}): that it agrees says nothing.",
        )
    if ours.low == ours.high:
        return NOT_COMPARABLE, f"Ours is {ours.value:.3f} in every resampling of the photos: it has no interval."
    if ours.high - ours.low > WIDEST:
        wide = f"{ours.low:.2f} to {ours.high:.2f} on {ours.n:,} photos"
        return NOT_COMPARABLE, f"Our interval, {wide}, is too wide to confirm a figure."
    return REPRODUCED, f"It lies in our interval.{_against_constant(ours, beaten)}"


def _outside(claim: Claim, conditions: Conditions, ours: FigureAnswer, beside: str) -> Found:
    """The verdict on a figure that lies outside our interval, on the same photos with the same network."""
    less, below = ", ".join(conditions.less), ours.value < claim.printed.value
    way = "below" if below else "above"
    if less and (below or claim.metric in _TRADED):
        return NOT_COMPARABLE, f"Ours is {way} it with a laptop's budget ({less}), which refutes nothing.{beside}"
    with_less = f", with less ({less})" if less else ""
    return NOT_REPRODUCED, f"Ours is {way} it by more than our interval{with_less}. Our photos are {conditions.data}."


def _against_constant(ours: FigureAnswer, beaten: bool) -> str:
    """Whether ours is above the constant answer, where that means something."""
    if ours.metric not in HAS_CONSTANT or math.isnan(ours.low):
        return ""
    return f" Ours is {'' if beaten else 'not '}above the constant answer's {ours.constant:.3f}."


def statement_verdict(statement: Statement, check: Check, absent: str, unfair: str | None, pairs: Pairing) -> Found:
    """The verdict on a statement of the ledger.

    Args:
        absent: why no run can have it; "" if one can.
        unfair: None if no question answers it; "" if one does, or in what its rows differ beside what is asked.
        pairs: what it rests on.
    """
    said = check.sentence.removeprefix(statement.says).strip()
    if check.outcome == FAILS and statement.kind != "differ":
        return INCONSISTENT, said
    if absent:
        return NOT_COMPARABLE, absent
    if unfair is None:
        return NO_VERDICT, said if check.outcome == OPEN else ""
    return pairs_verdict(unfair, pairs)


def pairs_verdict(unfair: str, pairs: Pairing) -> Found:
    """The verdict on what rests on pairs; ``unfair`` says in what their rows differ beside what is asked, "" if in nothing."""
    ran = [one for one in pairs.differences if one.finding != PAIR_NOT_RUN]
    if not ran:
        return NOT_YET_RUN, ""
    if unfair:
        return NOT_COMPARABLE, unfair
    if pairs.waiting:
        return NOT_YET_RUN, pairs.waiting
    if pairs.unlearnt:
        return NOT_COMPARABLE, f"{' '.join(pairs.unlearnt)}{pairs.budget}"
    against = [one for one in ran if one.finding == OTHER_WAY]
    untold = [one for one in ran if one.finding == CANNOT_BE_TOLD]
    if not against and not untold:
        return _all_as_claimed(pairs)
    if not against and all(_open(one, printed) for one, printed in _told_apart(pairs) if one in untold):
        return NOT_COMPARABLE, f"{_tally(ran)}{difference_sentence(untold[0])} That is too little to say.{pairs.budget}"
    return NOT_REPRODUCED, f"{_tally(ran)}{difference_sentence((against or untold)[0])}{pairs.budget}"


def _all_as_claimed(pairs: Pairing) -> Found:
    exact = all(_holds(one, printed) for one, printed in _told_apart(pairs)) and all(c.same for c in pairs.conditions)
    why = f"{_tally(pairs.differences)}{difference_sentence(pairs.differences[0])}"
    if exact:
        return REPRODUCED, f"{why} What is printed lies in our interval.{pairs.budget}"
    return DIRECTION, f"{why}{pairs.budget}"


def _told_apart(pairs: Pairing) -> Sequence[tuple[DifferenceAnswer, float | None]]:
    return tuple(zip(pairs.differences, pairs.printed, strict=True))


def _open(difference: DifferenceAnswer, printed: float | None) -> bool:
    """Whether a difference that cannot be told says nothing against the claim either."""
    if math.isnan(difference.low):
        return True
    if not off_zero(difference.low, difference.high):
        return difference.high - difference.low > WIDEST or _holds(difference, printed)
    return len(difference.seeds) == 1


def _holds(difference: DifferenceAnswer, printed: float | None) -> bool:
    """Whether the interval holds the printed difference; not where either is unknown."""
    return printed is not None and difference.low <= printed <= difference.high


def _tally(differences: Sequence[DifferenceAnswer]) -> str:
    """How many differences go which way, where there are several."""
    if len(differences) == 1:
        return ""
    said = tally_words(differences, "differences go the claimed way")
    return f"{said[0].upper()}{said[1:]}. "
