"""The benchmarks' command line and its contract with readers of the JSON file."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

from benchmarks import measure
from benchmarks.__main__ import main
from benchmarks.measure import compare
from benchmarks.registry import REGISTRY

KEYS = ["name", "ours", "theirs", "ratio", "unit", "against", "checkpoint", "device", "spread"]


@pytest.fixture
def few_rounds(monkeypatch):
    monkeypatch.setattr(measure, "ROUNDS", 5)


def test_a_real_benchmark_writes_its_row(few_rounds, tmp_path, capsys):
    main(["gradcampp-vs-forward-lite0", "--json", str(tmp_path / "rows.json")])
    (row,) = json.loads((tmp_path / "rows.json").read_text())
    assert list(row) == KEYS
    assert row["ratio"] == pytest.approx(row["ours"] / row["theirs"])
    assert (row["name"], row["unit"], row["against"]) == ("gradcampp-vs-forward-lite0", "s", "plain forward")
    assert "gradcampp-vs-forward-lite0" in capsys.readouterr().out


def test_list_names_every_benchmark_and_runs_none(capsys):
    assert main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(REGISTRY)


def test_an_unknown_name_is_refused_with_the_known_ones(capsys):
    assert main(["gradcam"]) == 2
    assert "expected benchmarks among gradcampp-vs-forward-lite0, " in capsys.readouterr().err


def test_a_benchmark_without_its_library_names_the_install_command_and_is_not_passed(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "foolbox", None)
    assert main(["fgsm-sweep-vs-library", "--json", str(tmp_path / "rows.json")]) == 1
    assert "not measured: expected foolbox to measure against" in (out := capsys.readouterr().out)
    assert "`pip install foolbox==3.3.4`" in out
    assert not (tmp_path / "rows.json").exists()


def test_ratio_is_ours_over_theirs_of_medians_and_calls_alternate(few_rounds, monkeypatch):
    now = [0.0]
    called: list[str] = []

    def taking(name: str, seconds: list[float]) -> Callable[[], None]:
        steps = iter([9.0, *seconds])  # a call to warm up does not count

        def call() -> None:
            called.append(name)
            now[0] += next(steps)

        return call

    monkeypatch.setattr(measure.time, "perf_counter", lambda: now[0])
    ours = taking("ours", [1, 1, 100, 1, 1])
    theirs = taking("theirs", [4, 2, 4, 4, 5])
    row = compare("x", ours, theirs, against="y", checkpoint="z")
    assert (row.ours, row.theirs, row.ratio) == (1, 4, 0.25)
    assert row.spread == pytest.approx((12.75 - 0.375) / 2)  # of 1/4, 1/2 and 100/4: time is over after three rounds
    assert called[2:6] in (["theirs", "ours", "ours", "theirs"], ["ours", "theirs", "theirs", "ours"])
