"""Finished runs found below a folder, in order, and the budget at which rows can be compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dermaviz.errors import ResultError
from studies.five_reports.claims.reruns import at_budget, folder_of, fullest_budget, read_reruns
from studies.five_reports.result import RESULT, Result

Leave = Callable[..., Result]


def test_no_folder_has_no_runs(tmp_path: Path) -> None:
    assert read_reruns(tmp_path / "nowhere") == {}


def test_runs_come_by_row_the_fullest_budget_first_then_by_seed(leave: Leave, tmp_path: Path) -> None:
    for budget, seed in (("laptop", 1), ("laptop", 0), ("full", 0)):
        leave("four", [0, 1], [0, 1], budget=budget, seed=seed)
    leave("one", [0, 1], [0, 1])
    found = read_reruns(tmp_path / "results")
    assert set(found) == {("bezzon-carraro", "four"), ("bezzon-carraro", "one")}
    four = found["bezzon-carraro", "four"]
    assert [(result.budget, result.seed) for result in four] == [("full", 0), ("laptop", 0), ("laptop", 1)]
    assert [result.seed for result in at_budget(four, "laptop")] == [0, 1]
    assert (folder_of(tmp_path / "results", four[0]) / RESULT).is_file()


@pytest.mark.parametrize(
    ("budgets", "fullest"),
    [
        ([], ""),
        ([[]], ""),
        ([["laptop"]], "laptop"),
        ([["full", "laptop"], ["full"]], "full"),
        ([["full", "laptop"], ["laptop"]], "laptop"),
        ([["full"], []], "full"),  # a row that has not run decides nothing
        ([["full"], ["laptop"]], ""),
    ],
)
def test_rows_are_compared_at_the_fullest_budget_that_all_have(
    leave: Leave, budgets: list[list[str]], fullest: str
) -> None:
    rows = [[leave(f"row {i}", [0, 1], [0, 1], budget=one) for one in row] for i, row in enumerate(budgets)]
    assert fullest_budget(rows) == fullest


def test_a_damaged_result_is_refused(leave: Leave, tmp_path: Path) -> None:
    result = leave("four", [0, 1], [0, 1])
    (folder_of(tmp_path / "results", result) / RESULT).write_text("{", encoding="utf-8")
    with pytest.raises(ResultError, match=r"expected a run's result"):
        read_reruns(tmp_path / "results")
