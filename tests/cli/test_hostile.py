"""A share of the hostile commands of ``tests/fuzz/commands.py``: no traceback, no unknown exception, never without a word."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dermaviz.synthetic.datasets import write_dataset

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


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    """The module of hostile commands."""
    return _load("commands")


@pytest.fixture(scope="module")
def world(fuzz: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A checkpoint, a data set, a recipe and a run to spoil; what it sets in the environment is given back."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DERMAVIZ_CHECKPOINTS", "DERMAVIZ_CACHE"):
            patch.setenv(name, "")
        patch.delenv("DERMAVIZ_DATA", raising=False)
        patch.setenv("COLUMNS", "200")
        yield fuzz.make_world(tmp_path_factory.mktemp("world") / "world")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_killed_commands_lose_nothing(tmp_path: Path, world: Any) -> None:
    assert _load("kills").kill_all(tmp_path, 2, 0, ("predict", "pack"), world) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount") or pytest.skip("no command that mounts")
    made = subprocess.run([mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_full_disk_is_told_and_no_half_file_is_left(small_disk: Path, world: Any, fuzz: ModuleType) -> None:
    data, photo = ("--data", str(world.root / "data")), str(world.root / "photos" / "0.jpg")
    checkpoint = small_disk / "tiny"
    shutil.copytree(world.root / "checkpoints" / "tiny", checkpoint, ignore=shutil.ignore_patterns("evidence"))
    before = set(small_disk.rglob("*"))
    recipe = str(world.root / "recipe.yaml")
    commands = (
        [
            "data",
            "pack",
            *data,
            "--height",
            "300",
            "--width",
            "300",
        ],  # 11 MB; a page that is not there would end by SIGBUS
        ["data", "split", *data, "-o", f"{small_disk}/new/split.csv"],
        ["data", "synth", "-o", f"{small_disk}/drawn", "-n", "2", "--size", "64"],
        ["explain", photo, "-o", f"{small_disk}/maps", "-c", "tiny"],
        ["predict", f"{world.root}/photos", "-o", f"{small_disk}/p.csv", "-c", "tiny"],
        ["audit", str(checkpoint), *data, "--table", "predictions"],
        ["train", recipe, *data, "--runs", f"{small_disk}/runs", "-o", f"{small_disk}/trained"],
    )
    for number, command in enumerate(commands):
        said = world.root / "said.json"
        if number == 1:
            fuzz.full(small_disk)
        if not (pid := os.fork()):  # a signal would end this process
            os.environ["DERMAVIZ_CACHE"] = str(small_disk / "cache") if not number else os.environ["DERMAVIZ_CACHE"]
            said.write_text(json.dumps(fuzz.run(command)), encoding="utf-8")
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0, command
        code, told = json.loads(said.read_text(encoding="utf-8"))
        assert code in (1, 2), (command, told)
        assert "No space left" in told, (command, told)
        assert "Traceback" not in told
        left = {path.name for path in set(small_disk.rglob("*")) - before if path.is_file()}
        assert {name for name in left if name != "filler" and not name.endswith(".part")} == set(), command


def test_hostile_commands_end_in_one_sentence(world: Any, fuzz: ModuleType) -> None:
    bad = [
        (seed, command, code, said[-500:])
        for seed, command, code, said in fuzz.hostile(world, [*KEPT, *range(20)])
        if fuzz.is_mistake(code, said)
    ]
    assert bad == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_an_ordinary_user_is_told_which_folder_is_read_only(fuzz: ModuleType) -> None:
    """Root may write anywhere, so a child of this process becomes nobody first."""
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
