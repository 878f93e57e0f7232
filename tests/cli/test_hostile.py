"""A share of the hostile commands of ``tests/fuzz/commands.py``: no traceback, no unknown exception, never without a word."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

KEPT = (47, 167, 238)
"""Seeds that once ended in a traceback."""


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", Path(__file__).parents[1] / "fuzz" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[f"fuzz_{name}"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a world sets in the environment is given back."""
    for name in ("DERMAVIZ_CHECKPOINTS", "DERMAVIZ_CACHE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_killed_commands_lose_nothing(tmp_path: Path, given_back: None) -> None:
    _load("commands")
    assert _load("kills").kill_all(tmp_path, 2, 0, ("predict", "pack")) == []


@pytest.mark.usefixtures("given_back")
def test_hostile_commands_end_in_one_sentence(tmp_path: Path) -> None:
    fuzz = _load("commands")
    world = fuzz.make_world(tmp_path / "world")
    bad = [
        (seed, command, code, said[-500:])
        for seed, command, code, said in fuzz.hostile(world, [*KEPT, *range(20)])
        if fuzz.is_mistake(code, said)
    ]
    assert bad == []
