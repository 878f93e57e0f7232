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


def _commands() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_commands", Path(__file__).parents[1] / "fuzz" / "commands.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_commands"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_hostile_commands_end_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fuzz = _commands()
    for name in ("DERMAVIZ_CHECKPOINTS", "DERMAVIZ_CACHE"):
        monkeypatch.setenv(name, "")  # given back afterwards
    monkeypatch.setenv("COLUMNS", os.environ.get("COLUMNS", "200"))
    world = fuzz.make_world(tmp_path / "world")
    bad = [
        (seed, command, code, said[-500:])
        for seed, command, code, said in fuzz.hostile(world, [*KEPT, *range(20)])
        if fuzz.is_mistake(code, said)
    ]
    assert bad == []
