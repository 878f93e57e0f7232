"""The command `report`, on evidence that ships."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dermaviz.cli import app
from dermaviz.errors import DermaVizError


def test_a_report_is_written_from_evidence_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DERMAVIZ_DATA", raising=False)
    path = tmp_path / "audit.html"
    done = CliRunner().invoke(app, ["report", "ham10000-efficientnet-lite0", "-o", str(path)])
    assert done.exit_code == 0, done.output
    page = path.read_text(encoding="utf-8")
    assert "2,001 images of 1,491 lesions" in page
    assert "1,619 are classified correctly" in page


def test_a_wrong_name_lists_those_there_are(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["report", "no-such-model", "-o", str(tmp_path / "x.html")])
    assert isinstance(done.exception, DermaVizError)
    assert "ham10000-efficientnet-lite0" in str(done.exception)
    assert not list(tmp_path.iterdir())
