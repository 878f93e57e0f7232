"""A share of the hostile commands of ``tests/fuzz/commands.py``: no traceback, no unknown exception, never without a word."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import pytest

from dermaviz.synthetic.writing import write_dataset

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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.usefixtures("given_back")
def test_an_ordinary_user_is_told_which_folder_is_read_only() -> None:
    """Root may write anywhere, so a child of this process becomes nobody first."""
    fuzz = _load("commands")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        write_dataset(root / "data", 8, size=64)
        for where in ("free", "closed"):
            (root / where).mkdir()
        (root / "free").chmod(0o777)
        (root / "closed").chmod(0o555)
        commands = [
            ["data", "synth", "-o", "{}/new", "-n", "1", "--size", "64"],
            ["data", "split", "--data", f"{root}/data", "-o", "{}/split.csv"],
        ]
        for command in commands:  # once as we are: what has been imported can be used by nobody too
            assert fuzz.run([word.format(root / "free") for word in command])[0] == 0
        pid = os.fork()
        if not pid:
            try:
                if os.geteuid() == 0:
                    os.setgid(65534)
                    os.setuid(65534)
                said = [fuzz.run([word.format(root / "closed") for word in command]) for command in commands]
                (root / "free" / "said.json").write_text(json.dumps(said), encoding="utf-8")
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        for code, told in json.loads((root / "free" / "said.json").read_text(encoding="utf-8")):
            assert code == 2, told
            assert "Permission denied" in told
            assert "closed" in told
        assert list((root / "closed").iterdir()) == []
