"""Runs: in which order they come, by which address their results are known, and how fast they go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from studies.five_reports.plan import Run, pace, planned
from studies.five_reports.result import Result
from studies.five_reports.rows import Row


def test_every_row_comes_with_its_first_seed_before_any_comes_again(make_row: Callable[..., Row]) -> None:
    runs = planned([make_row(row="a", seeds=(5, 6)), make_row(row="b"), make_row(row="c", seeds=(5, 6))], "laptop")
    assert [(run.row.row, run.seed) for run in runs] == [("a", 5), ("b", 0), ("c", 5), ("a", 6), ("c", 6)]


def test_the_address_follows_what_decides_and_not_what_is_said(make_row: Callable[..., Row]) -> None:
    run = Run(make_row(), "laptop", 0)
    same = [make_row(about="Other words."), make_row(laptop={"save_minutes": 9.0}), make_row(ships="a-checkpoint")]
    assert {Run(row, "laptop", 0).sha256 for row in same} == {run.sha256}
    others = [
        Run(make_row(), "full", 0),
        Run(make_row(), "laptop", 1),
        Run(make_row(laptop={"batch_size": 4}), "laptop", 0),
        Run(make_row(laptop={"data": {"seed": 1}}), "laptop", 0),
        Run(make_row(fgsm=0.1), "laptop", 0),
        Run(make_row(learner="svm"), "laptop", 0),
    ]
    assert len({run.sha256, *(other.sha256 for other in others)}) == 1 + len(others)


def test_a_result_of_other_settings_or_other_data_is_none(
    make_row: Callable[..., Row], keep: Callable[..., Result], tmp_path: Path
) -> None:
    run = Run(make_row(), "laptop", 0)
    assert run.done(tmp_path) is None
    keep(run, tmp_path, data_sha256="d" * 64)
    assert run.done(tmp_path) is not None
    assert run.done(tmp_path, "d" * 64) is not None
    assert run.done(tmp_path, "e" * 64) is None
    assert Run(make_row(laptop={"batch_size": 4}), "laptop", 0).done(tmp_path) is None


def test_the_pace_is_the_time_of_finished_runs_against_their_estimates(
    make_row: Callable[..., Row], keep: Callable[..., Result], tmp_path: Path
) -> None:
    known = {"model": {"architecture": "resnet18"}}
    runs = [Run(make_row(known, row=name), "laptop", 0) for name in ("a", "b", "c")]
    assert pace(runs, tmp_path) == 1
    keep(runs[0], tmp_path, seconds=3 * runs[0].seconds)
    keep(runs[1], tmp_path, seconds=runs[1].seconds)
    assert pace(runs, tmp_path) == pytest.approx(2)
