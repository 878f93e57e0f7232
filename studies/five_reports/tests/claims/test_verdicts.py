"""The rules of the verdicts, one case for each; a laptop that falls short refutes nothing."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from types import MappingProxyType

import pytest

from dermaviz.metrics.printed import parse_printed
from studies.five_reports.claims.answers import (
    AS_CLAIMED,
    CANNOT_BE_TOLD,
    DIRECTION,
    INCONSISTENT,
    NO_VERDICT,
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    NOT_YET_RUN,
    OTHER_WAY,
    REPRODUCED,
    DifferenceAnswer,
    FigureAnswer,
    Verdict,
)
from studies.five_reports.claims.matching import Conditions
from studies.five_reports.claims.verdicts import Pairing, figure_verdict, pairs_verdict, statement_verdict
from studies.five_reports.reported.consistency import FAILS, HOLDS, OPEN, STATED, Check, Outcome
from studies.five_reports.reported.ledger import Claim, Statement

SAME = Conditions("HAM10000, split by lesion", "full")
LESS = replace(SAME, budget="laptop", less=("32 px instead of 88",))
OTHERS = replace(SAME, other_photos="HAM10000 stands in for other photos")
STANDS_IN = replace(SAME, other_network="Lite0 stands in for ResNet-50")
OURS = FigureAnswer("r/t/four/accuracy", metric="accuracy", value=0.75, low=0.72, high=0.78, constant=0.67, n=2001)


def claim(printed: str, metric: str = "accuracy") -> Claim:
    return Claim("r/t/four/accuracy", "r", "Table 1", "r/t/four", "four", "", metric, "", parse_printed(printed), None)


@pytest.mark.parametrize(
    ("printed", "conditions", "changes", "verdict", "why"),
    [
        ("0.76", SAME, {}, REPRODUCED, r"^It lies in our interval\. Ours is above the constant answer's 0\.670\.$"),
        ("0.76", LESS, {}, REPRODUCED, "It lies in our interval"),
        ("0.79", SAME, {}, NOT_REPRODUCED, "below it by more than our interval. Our photos are HAM10000, split by lesion"),
        ("0.785", SAME, {}, NOT_REPRODUCED, "below"),
        ("0.78", SAME, {"high": 0.7751}, REPRODUCED, "in our interval"),  # .775 rounds to .78
        ("0.79", LESS, {}, NOT_COMPARABLE, r"below it with a laptop's budget \(32 px instead of 88\), which refutes nothing"),
        ("0.70", LESS, {}, NOT_REPRODUCED, r"above it by more than our interval, with less \(32 px instead of 88\)"),
        ("0.76", OTHERS, {}, NOT_COMPARABLE, "HAM10000 stands in for other photos. Ours is above the constant"),
        ("0.76", STANDS_IN, {}, NOT_COMPARABLE, "Lite0 stands in for ResNet-50"),
        ("0.76", SAME, {"low": 0.69, "high": 0.80}, NOT_COMPARABLE, "0.69 to 0.80 on 2,001 photos, is too wide"),
        ("0.90", SAME, {"low": 0.69, "high": 0.80}, NOT_REPRODUCED, "below"),  # wide, but far from it
        ("0.75", SAME, {"low": 0.75, "high": 0.75}, NOT_COMPARABLE, "0.750 in every resampling"),
        ("0.76", SAME, {"low": math.nan, "high": math.nan}, NOT_COMPARABLE, "2,001 photos are too few for an interval"),
        ("0.76", SAME, {"value": math.nan}, NOT_COMPARABLE, "never answers with one of the classes"),
        ("0.76", None, {}, NOT_YET_RUN, "^$"),
    ],
)  # fmt: skip
def test_a_figure(printed: str, conditions: Conditions | None, changes: dict, verdict: Verdict, why: str) -> None:
    found = figure_verdict(claim(printed), "", "", conditions, replace(OURS, **changes), beaten=True, idle=False)
    assert found[0] == verdict
    assert re.search(why, found[1])


def test_a_figure_that_is_blamed_or_cannot_be_had_is_not_compared() -> None:
    given = {"conditions": SAME, "ours": OURS, "beaten": True, "idle": False}
    assert figure_verdict(claim("0.76"), "They differ.", "Gone.", **given) == (INCONSISTENT, "They differ.")
    assert figure_verdict(claim("0.76"), "", "Gone.", **given) == (NOT_COMPARABLE, "Gone.")
    assert figure_verdict(claim("18", "layers"), "", "Gone.", **given) == (NO_VERDICT, "")
    assert figure_verdict(claim("50", "layers"), "It has 18.", "", **given) == (INCONSISTENT, "It has 18.")


def test_a_network_that_learnt_nothing_reproduces_nothing() -> None:
    found = figure_verdict(claim("0.76"), "", "", LESS, OURS, beaten=False, idle=True)
    assert found[0] == NOT_COMPARABLE
    assert found[1].startswith("Ours learnt nothing at this budget (32 px instead of 88)")
    stuck = figure_verdict(claim("0.76"), "", "", LESS, OURS, beaten=False, idle=False)
    assert stuck == (REPRODUCED, "It lies in our interval. Ours is not above the constant answer's 0.670.")


@pytest.mark.parametrize("metric", ["recall", "precision", "called"])
def test_what_is_traded_is_not_beaten_with_less(metric: str) -> None:
    found = figure_verdict(claim("0.70", metric), "", "", LESS, replace(OURS, metric="sensitivity"), False, False)
    assert found == (
        NOT_COMPARABLE,
        "Ours is above it with a laptop's budget (32 px instead of 88), which refutes nothing.",
    )


YES = DifferenceAnswer(
    "a", "b", "accuracy", seeds=(0, 1), value=0.05, low=0.02, high=0.08, by_seed=(0.04, 0.06), spread=0.02,
    finding=AS_CLAIMED, better_label="A", worse_label="B",
)  # fmt: skip
NO = replace(YES, value=-0.05, low=-0.08, high=-0.02, by_seed=(-0.04, -0.06), finding=OTHER_WAY)
ZERO = replace(YES, value=0.01, low=-0.02, high=0.04, by_seed=(0.02, 0.0), finding=CANNOT_BE_TOLD)
ONE = replace(YES, seeds=(0,), by_seed=(0.05,), spread=0.06, finding=CANNOT_BE_TOLD)
WIDE = replace(ZERO, low=-0.06, high=0.08)
APART = replace(YES, by_seed=(0.11, -0.01), finding=CANNOT_BE_TOLD)
WAITING = DifferenceAnswer("a", "b", "accuracy")


def pairing(
    *differences: DifferenceAnswer,
    printed: tuple[float | None, ...] = (),
    conditions: tuple[Conditions, ...] = (OTHERS,),
    unlearnt: tuple[str, ...] = (),
    waiting: str = "",
) -> Pairing:
    return Pairing(differences, printed or (None,) * len(differences), unlearnt, waiting, conditions)


@pytest.mark.parametrize(
    ("pairs", "verdict", "why"),
    [
        (pairing(YES), DIRECTION, r"^With A, accuracy is higher than with B: \+0\.050 \(95% interval \+0\.020 to \+0\.080; 2"),
        (pairing(YES, YES), DIRECTION, r"^2 of 2 differences go the claimed way\. With A"),
        (pairing(YES, printed=(0.03,)), DIRECTION, "higher"),  # on other photos
        (pairing(YES, printed=(0.03,), conditions=(SAME,)), REPRODUCED, "What is printed lies in our interval"),
        (pairing(YES, printed=(0.09,), conditions=(SAME,)), DIRECTION, "higher"),
        (pairing(YES, YES, printed=(0.03, None), conditions=(SAME,)), DIRECTION, "higher"),
        (pairing(NO), NOT_REPRODUCED, r"^With A, accuracy is lower than with B: −0\.050"),
        (pairing(YES, NO, ZERO), NOT_REPRODUCED, r"^1 of 3 differences go the claimed way, 1 the other and 1 leaves .* lower"),
        (pairing(ZERO), NOT_REPRODUCED, r"cannot be told apart: \+0\.010 .*; the interval holds 0\.$"),
        (pairing(ZERO, printed=(0.03,)), NOT_COMPARABLE, "the interval holds 0. That is too little to say"),
        (pairing(ZERO, printed=(0.05,)), NOT_REPRODUCED, "the interval holds 0"),
        (pairing(ZERO, NO, printed=(0.03, 0.03)), NOT_REPRODUCED, "lower"),
        (pairing(WIDE), NOT_COMPARABLE, "too little to say"),
        (pairing(ONE), NOT_COMPARABLE, r"one training\); but seeds alone move a row by up to 0\.060\. That is too little to say"),
        (pairing(replace(ONE, spread=math.nan)), NOT_COMPARABLE, "how much another training would differ is not known"),
        (pairing(APART), NOT_REPRODUCED, "1 of 2 trainings agree.*; but the trainings disagree"),
        (pairing(replace(ZERO, low=math.nan, high=math.nan)), NOT_COMPARABLE, "no interval; .*too few for an interval"),
        (pairing(WAITING), NOT_YET_RUN, "^$"),
        (pairing(YES, waiting="2 of 6 have run."), NOT_YET_RUN, "^2 of 6 have run.$"),
        (pairing(YES, unlearnt=("A learnt nothing.",), conditions=(LESS,)), NOT_COMPARABLE,
         r"^A learnt nothing\. Ours had a laptop's budget: 32 px instead of 88\.$"),
        (pairing(NO, conditions=(LESS, SAME)), NOT_REPRODUCED, r"Ours had a laptop's budget: 32 px instead of 88\.$"),
        (pairing(NO, conditions=(LESS, replace(LESS, less=("1 epoch instead of 9",)))), NOT_REPRODUCED,
         r"Ours had a laptop's budget, not the same for all rows\.$"),
    ],
)  # fmt: skip
def test_what_rests_on_pairs(pairs: Pairing, verdict: Verdict, why: str) -> None:
    found = pairs_verdict("", pairs)
    assert found[0] == verdict
    assert re.search(why, found[1])


def test_pairs_that_differ_in_more_than_is_asked_answer_nothing() -> None:
    assert pairs_verdict("Not alike.", pairing(YES)) == (NOT_COMPARABLE, "Not alike.")
    assert pairs_verdict("Not alike.", pairing(WAITING)) == (NOT_YET_RUN, "")


@pytest.mark.parametrize(
    ("kind", "outcome", "absent", "unfair", "expected"),
    [
        ("rank", FAILS, "", "", (INCONSISTENT, "The table says otherwise.")),
        ("sum", FAILS, "", None, (INCONSISTENT, "The table says otherwise.")),
        ("rank", FAILS, "Gone.", None, (INCONSISTENT, "The table says otherwise.")),
        ("rank", HOLDS, "Gone.", None, (NOT_COMPARABLE, "Gone.")),
        ("unsupported", OPEN, "Gone.", None, (NOT_COMPARABLE, "Gone.")),
        ("sum", HOLDS, "", None, (NO_VERDICT, "")),
        ("rank", OPEN, "", None, (NO_VERDICT, "The table says otherwise.")),
        ("rank", HOLDS, "", "Not alike.", (NOT_COMPARABLE, "Not alike.")),
    ],
)
def test_a_statement(
    kind: str, outcome: Outcome, absent: str, unfair: str | None, expected: tuple[Verdict, str]
) -> None:
    statement = Statement("r/better", "r", "Table 1", "A is better.", kind, MappingProxyType({}))
    check = Check(STATED, (), "", "", outcome, "A is better. The table says otherwise.")
    assert statement_verdict(statement, check, absent, unfair, pairing(YES)) == expected


@pytest.mark.parametrize("outcome", [FAILS, HOLDS, OPEN])
def test_chance_that_explains_a_printed_difference_is_no_contradiction(outcome: Outcome) -> None:
    statement = Statement("r/differ", "r", "Table 1", "They differ.", "differ", MappingProxyType({}))
    check = Check(STATED, (), "", "", outcome, "They differ. p is .7.")
    assert statement_verdict(statement, check, "", "", pairing(YES))[0] == DIRECTION
