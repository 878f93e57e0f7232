"""The studies' tests use the library's fixtures: tiny classifiers, drawn data sets, the command line in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import checkpoint, dermaviz  # noqa: F401
from tests.conftest import (  # noqa: F401
    draw_photo,
    drawn_classifier,
    drawn_dataset,
    make_card,
    make_classifier,
    one_torch_thread,
    tiny_classifier,
)


@pytest.fixture(autouse=True)
def own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs and checkpoints in the test's own folder, whatever the machine has set; wide lines, so none is broken."""
    monkeypatch.setenv("DERMAVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("dermaviz.models.card.shipped_checkpoints", lambda: tmp_path / "checkpoints")
    monkeypatch.setenv("COLUMNS", "200")
