"""Reproduction: the runs that rows come to at a budget, where each keeps its result, and how long the rest will take."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dermaviz.reproduction.estimate import estimated_seconds
from dermaviz.reproduction.results import Result, has_result, read_result, run_folder
from dermaviz.reproduction.rows import Budget, Row
from dermaviz.training.recipe import Recipe

_SAID = ("name", "about", "save_minutes", "seed")
"""Of a recipe's keys, those that do not decide what comes out, and the seed, which the address holds itself."""


@dataclass(frozen=True)
class Run:
    """One row at one budget with one seed."""

    row: Row
    budget: Budget
    seed: int

    @property
    def name(self) -> str:
        """The run in words."""
        return f"{self.row.name} {self.budget}, seed {self.seed}"

    @cached_property
    def recipe(self) -> Recipe:
        """The effective recipe."""
        return self.row.recipe(self.budget, self.seed)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything of the row that decides what comes out."""
        recipe = {key: value for key, value in asdict(self.recipe).items() if key not in _SAID}
        spoilt = {"fgsm": self.row.fgsm, "noise": self.row.noise}
        return {"learner": self.row.learner, "seed": self.seed, "recipe": recipe, **spoilt}

    @property
    def sha256(self) -> str:
        """The hash of the settings: with that of the data it is the result's address."""
        return hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()

    @property
    def seconds(self) -> float:
        """About how long it takes on two idle cores."""
        return estimated_seconds(self.recipe)

    def folder(self, results: Path) -> Path:
        """Where its result is kept below ``results``."""
        return run_folder(results, self.row.report, self.row.row, self.budget, self.seed)

    def done(self, results: Path, data_sha256: str = "") -> Result | None:
        """Its result, if it is there and of these settings (and, where they are given, of these data).

        Raises:
            ResultError: there is a result that cannot be read.
        """
        folder = self.folder(results)
        result = read_result(folder) if has_result(folder) else None
        if result is None or result.settings_sha256 != self.sha256:
            return None
        return result if data_sha256 in ("", result.data_sha256) else None


def planned(rows: Iterable[Row], budget: Budget) -> tuple[Run, ...]:
    """The runs of some rows: every row with its first seed, then the rest, so that an early end leaves whole tables."""
    runs = [Run(row, budget, seed) for row in rows for seed in row.seeds]
    return tuple(sorted(runs, key=lambda run: run.row.seeds.index(run.seed)))


def pace(runs: Sequence[Run], results: Path) -> float:
    """How many times as long as estimated the finished runs took; 1 where none is finished."""
    finished = [(run, run.done(results)) for run in runs]
    took = [(result.seconds, run.seconds) for run, result in finished if result]
    return sum(actual for actual, _ in took) / sum(estimate for _, estimate in took) if took else 1.0
