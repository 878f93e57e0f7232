"""Fixtures of the command line's tests: the command in this process, and a checkpoint of a tiny network."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dermaviz.cli import main
from dermaviz.models.checkpoint import save_checkpoint
from dermaviz.models.classifier import Classifier


@dataclass(frozen=True)
class Answer:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs and checkpoints in the test's own folder, whatever the machine has set; wide lines, so none is broken."""
    monkeypatch.setenv("DERMAVIZ_CACHE", str(tmp_path / "cache"))
    for place in ("models.card", "cli.evidence"):
        monkeypatch.setattr(f"dermaviz.{place}.shipped_checkpoints", lambda: tmp_path / "checkpoints")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("DERMAVIZ_DATA", raising=False)


@pytest.fixture
def dermaviz(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """``dermaviz("data", "info", …)``: what the installed command would do, without starting another Python."""

    def run(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["dermaviz", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return run


@pytest.fixture
def checkpoint(tmp_path: Path, make_classifier: Callable[..., Classifier]) -> str:
    """The name of a checkpoint in the checkpoints' root: classes bkl, mel, nv at 32 px, random weights."""
    classifier = make_classifier()
    save_checkpoint(tmp_path / "checkpoints" / "tiny", classifier.network, classifier.card)
    return "tiny"
