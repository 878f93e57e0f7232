"""Reproduction: the finished runs below a folder, by report and row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from dermaviz.reproduction.results import RESULT, Result, read_result, run_folder

Reruns = Mapping[tuple[str, str], tuple[Result, ...]]
"""The finished runs of each row, by the report's folder and the row's name; the fullest budget first, then by seed."""

FULLEST_FIRST = ("full", "laptop")


def read_reruns(root: Path) -> Reruns:
    """All finished runs below the results' root; none where there is no such folder.

    Raises:
        ResultError: a result cannot be read.
    """
    found: dict[tuple[str, str], list[Result]] = {}
    for path in sorted(root.glob(f"*/*/*/{RESULT}")):
        result = read_result(path.parent)
        found.setdefault((result.report, result.row), []).append(result)
    return MappingProxyType({row: tuple(sorted(results, key=_order)) for row, results in found.items()})


def folder_of(root: Path, result: Result) -> Path:
    """Where a run's files lie below the results' root."""
    return run_folder(root, result.report, result.row, result.budget, result.seed)


def at_budget(results: Sequence[Result], budget: str) -> tuple[Result, ...]:
    """The runs at a budget, by seed."""
    return tuple(result for result in results if result.budget == budget)


def fullest_budget(rows: Sequence[Sequence[Result]]) -> str:
    """The fullest budget at which every row that has run at all has a run; "" where none has run."""
    run = [row for row in rows if row]
    return next((budget for budget in FULLEST_FIRST if run and all(at_budget(row, budget) for row in run)), "")


def _order(result: Result) -> tuple[int, int]:
    known = FULLEST_FIRST.index(result.budget) if result.budget in FULLEST_FIRST else len(FULLEST_FIRST)
    return known, result.seed
