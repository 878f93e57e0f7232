"""The command `report`, on evidence that ships."""

from __future__ import annotations

from html import escape
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dermaviz.cli import app
from dermaviz.errors import DermaVizError
from dermaviz.evidence.findings import Missing, read_findings
from dermaviz.models.card import list_checkpoints


def test_a_report_is_written_from_evidence_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DERMAVIZ_DATA", raising=False)
    path = tmp_path / "audit.html"
    done = CliRunner().invoke(app, ["report", "ham10000-efficientnet-lite0", "--no-pictures", "-o", str(path)])
    assert done.exit_code == 0, done.output
    page = path.read_text(encoding="utf-8")
    assert path.stat().st_size < 5e6
    assert "2,001 images of 1,491 lesions" in page
    assert "1,619 are classified correctly" in page
    for found in read_findings(list_checkpoints()[0]["ham10000-efficientnet-lite0"], draws=20):
        told = found.command if isinstance(found, Missing) else found.question
        assert escape(told) in page
    assert page.count('<abbr title="') > 5
    assert "<img" not in page


def test_a_data_set_without_evidence_is_named_with_those_there_are(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["report", "ham10000-lenet", "--dataset", "elsewhere", "-o", str(tmp_path / "x.html")]
    )
    assert done.exit_code == 2
    assert "ham10000/test" in done.output
    assert not list(tmp_path.iterdir())


def test_a_wrong_name_lists_those_there_are(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["report", "no-such-model", "-o", str(tmp_path / "x.html")])
    assert isinstance(done.exception, DermaVizError)
    assert "ham10000-efficientnet-lite0" in str(done.exception)
    assert not list(tmp_path.iterdir())
