"""Rows that learnt too little for a comparison to mean anything, each told in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from studies.five_reports.claims.differences import Bench, too_little
from studies.five_reports.claims.matching import Matching
from studies.five_reports.claims.question import CONSTANT, Pair, Question
from studies.five_reports.reported.ledger import read_ledger
from studies.five_reports.result import Result
from studies.five_reports.rows import Row

Leave = Callable[..., Result]
LABELS = [0, 1] * 100
ROWS = {
    "four": "four blocks",
    "one": "one block",
}  # .90 and .70 are printed of them, of classes that are alike frequent
QUESTION = Question("bezzon-carraro", "blocks", "How many?", "Four.", ROWS, (("four", "one"),), ("accuracy",))


@pytest.fixture
def matching(make_row: Callable[..., Row]) -> Matching:
    """Rows that rerun the runs of the small ledger's Table 1."""
    rows = tuple(make_row(row=name, claims=(f"bezzon/table-1/{name}",)) for name in ROWS)
    return Matching(read_ledger(Path(__file__).with_name("ledger.yaml"))["bezzon"], rows)


def right_on(share: float) -> list[int]:
    """Answers that are right on the first share of the photos."""
    return [label if i < share * len(LABELS) else 1 - label for i, label in enumerate(LABELS)]


@pytest.mark.parametrize(
    ("four", "one", "pair", "told"),
    [
        (0.75, 0.7, ("four", "one"), ()),  # .70 is half of the way from .50 to .90
        (0.68, 0.7, ("four", "one"), ("With four blocks, accuracy is 0.680, less than half of the way from the constant "
                                      "answer's 0.500 to the printed 0.9.",)),
        (0.9, 0.59, ("four", "one"), ()),  # of the lesser row that much is not asked
        (0.9, 0.59, ("one", "four"), ("With one block, accuracy is 0.590, less than half of the way from the constant "
                                      "answer's 0.500 to the printed 0.7.",)),
        (0.9, 0.5, ("four", "one"), ("With one block, nothing was learnt: its balanced accuracy is not above the constant "
                                     "answer's.",)),
        (0.5, 0.7, ("four", "one"), ("With four blocks, nothing was learnt: its balanced accuracy is not above the constant "
                                     "answer's.",)),
        (0.9, 0.7, ("four", CONSTANT), ()),
        (0.9, 0.7, ("four", "five"), ()),  # it has not run
    ],
)  # fmt: skip
def test_what_a_row_lacks(
    leave: Leave, matching: Matching, tmp_path: Path, four: float, one: float, pair: Pair, told: tuple[str, ...]
) -> None:
    results = {"four": [leave("four", LABELS, right_on(four))], "one": [leave("one", LABELS, right_on(one))]}
    asked = replace(QUESTION, rows={**ROWS, "five": "five blocks"})
    assert too_little(Bench(tmp_path / "results", results), matching, asked, (pair,), ("accuracy",)) == told


def test_that_the_lesser_row_learns_nothing_may_be_the_claim_itself(
    leave: Leave, matching: Matching, tmp_path: Path
) -> None:
    results = {"four": [leave("four", LABELS, right_on(0.9))], "one": [leave("one", LABELS, [0] * 200)]}
    bench, asked = Bench(tmp_path / "results", results), replace(QUESTION, lesser_may_fail=True)
    assert too_little(bench, matching, asked, QUESTION.pairs, ("accuracy",)) == ()
    assert too_little(bench, matching, asked, (("one", "four"),), ("accuracy",))[0].startswith(
        "With one block, nothing was"
    )


def test_but_not_if_it_had_learnt_in_an_epoch_that_was_not_kept(
    leave: Leave, matching: Matching, tmp_path: Path
) -> None:
    curve = pd.DataFrame([{"epoch": 1, "balanced_accuracy": 0.5}, {"epoch": 2, "balanced_accuracy": 0.6}])
    results = {
        "four": [leave("four", LABELS, right_on(0.9))],
        "one": [leave("one", LABELS, [0] * 200, curve=curve, kept_epoch=1)],
    }
    asked = replace(QUESTION, lesser_may_fail=True)
    assert too_little(Bench(tmp_path / "results", results), matching, asked, QUESTION.pairs, ("accuracy",)) == (
        "With one block, the weights of the best validation accuracy were kept, of an epoch before it learnt.",
    )
