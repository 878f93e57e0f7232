"""`dermaviz reproduce`: the list of runs without data, a row run and skipped, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studies.five_reports import rows
from studies.five_reports.claims.answers import read_answers

Command = Callable[..., Any]
ROW = """
report: own
row: {row}
about: A tiny network.
deviations: [It is tiny.]
reported:
  data: {{task: malignant, manifest: "{manifest}", pack: [32, 32]}}
  model: {{architecture: {architecture}, weights: none}}
  stages: [{{size: 32, epochs: 1}}]
  batch_size: 8
laptop: {{}}
"""


@pytest.fixture
def own_rows(drawn_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A report with one row that runs and one that cannot; and a ledger of nobody's claims."""
    root = tmp_path / "recipes"
    (root / "own").mkdir(parents=True)
    for row, architecture in (("tiny", "test_resnet"), ("wrong", "resnet_of_nobody")):
        text = ROW.format(row=row, manifest=drawn_dataset / "split.csv", architecture=architecture)
        (root / "own" / f"{row}.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(rows, "rows_root", lambda: root)
    monkeypatch.setenv("DERMAVIZ_RESULTS", str(tmp_path / "results"))
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "claims.yaml").write_text("{}", encoding="utf-8")
    return root


def test_the_list_needs_no_data(dermaviz: Command) -> None:
    answer = dermaviz("reproduce", "bezzon-carraro", "four", "one", "--list")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert [line.split()[:3] for line in lines[:4]] == [
        ["bezzon-carraro/four", "seed", "0"],
        ["bezzon-carraro/one", "seed", "0"],
        ["bezzon-carraro/four", "seed", "1"],
        ["bezzon-carraro/four", "seed", "2"],
    ]
    assert " laptop " in lines[0]
    assert "of 4 runs left, about " in lines[4]


def test_a_row_is_run_then_skipped_and_a_failure_is_the_exit_code(
    dermaviz: Command, own_rows: Path, drawn_dataset: Path, tmp_path: Path
) -> None:
    given = ["--data", drawn_dataset, "--runs", tmp_path / "runs"]
    first = dermaviz("reproduce", "own", "tiny", *given)
    assert first.code == 0, first.err
    result = tmp_path / "results" / "reports" / "own" / "tiny" / "laptop-seed0" / "result.json"
    assert result.is_file()
    assert f"1 of 1 runs are done, in {result.parents[3]}" in first.out
    answers = result.parents[3] / "answers.json"
    assert f"claims held against 1 result: none; in {answers}" in first.out
    assert list(read_answers(answers.parent).rests_on) == ["own/tiny/laptop-seed0"]
    assert "from the 1 result in this folder" in (answers.parent / "README.md").read_text(encoding="utf-8")

    both = dermaviz("reproduce", "all", *given)
    assert both.code == 1
    assert "[1/2] own/tiny laptop, seed 0: done before" in both.out
    assert "✗ own/wrong laptop, seed 0: expected an architecture that timm or torchvision knows" in both.err
    assert "1 of 2 runs are done" in both.out
    assert "  done in " in dermaviz("reproduce", "own", "tiny", "--list").out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["gupta"], "expected a report, found 'gupta'; did you mean gupta-et-al?"),
        (["gupta-et-al", "resnet18"], "expected a row of gupta-et-al, found 'resnet18'; did you mean resnet-18?"),
        (["gupta-et-al", "--budget", "large"], "expected one of laptop, full, found 'large'"),
        (["all", "resnet-18"], "expected one report where rows are named, found all"),
    ],
)
def test_what_is_not_there_is_refused(dermaviz: Command, given: list[str], message: str) -> None:
    answer = dermaviz("reproduce", *given)
    assert answer.code == 2
    assert message in answer.err


def test_claims_are_held_against_what_has_run_without_running_anything(dermaviz: Command, tmp_path: Path) -> None:
    ledger = Path(__file__).parent / "claims" / "ledger.yaml"
    answer = dermaviz("reproduce", "all", "--answers", "--results", tmp_path / "none", "--ledger", ledger)
    assert answer.code == 0, answer.err
    assert "claims held against 0 results: 4 inconsistent as printed, 4 not comparable, 3 not yet run" in answer.out
    assert len(read_answers(tmp_path / "none").figures) == 11


def test_a_ledger_that_is_not_there_is_told_before_anything_runs(
    dermaviz: Command, own_rows: Path, drawn_dataset: Path, tmp_path: Path
) -> None:
    answer = dermaviz("reproduce", "own", "tiny", "--data", drawn_dataset, "--ledger", tmp_path / "nowhere.yaml")
    assert answer.code == 2
    assert "expected the ledger of claims at" in answer.err
    assert not (tmp_path / "results" / "reports").exists()
