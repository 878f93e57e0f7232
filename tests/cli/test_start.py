"""The command line starts at once, says what it can do, and turns every error into one sentence and exit code 2."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dermaviz import __version__

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "timm", "pandas", "sklearn", "streamlit", "accelerate", "numpy")
PROBE = f"""
import sys
from dermaviz.cli import main
sys.argv = ["dermaviz", *sys.argv[1:]]
try:
    main()
finally:
    print("LOADED", *[name for name in {HEAVY!r} if name in sys.modules])
"""


def test_help_needs_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == "LOADED"
    assert all(f" {name} " in done.stdout for name in ("data", "train", "evaluate", "explain", "predict", "doctor"))
    assert "not a medical device" in done.stdout


@pytest.mark.parametrize(
    "command",
    ["import", "train", "evaluate", "rebuild", "explain", "predict", "doctor", "data", "data pack", "data split"],
)
def test_every_command_explains_itself(dermaviz: Callable[..., Any], command: str) -> None:
    answer = dermaviz(*command.split(), "--help")
    assert answer.code == 0
    assert f" {command} [OPTIONS]" in answer.out


def test_version(dermaviz: Callable[..., Any]) -> None:
    assert dermaviz("--version").out.strip() == f"dermaviz {__version__}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("train absent.yaml", "dermaviz: expected a recipe at absent.yaml, found none"),
        ("evaluate no-such-one", "dermaviz: expected a checkpoint's folder or name, found 'no-such-one'"),
        ("evaluate no-such-one --split exam", "expected one of train, validation, test, found 'exam'"),
        ("data info", "dermaviz: expected the place of the data, found none"),
        ("data info --dataset cifar", "dermaviz: expected a data set among ham10000"),
        ("data pack --height 0", "Invalid value for '--height'"),
        ("predict", "Missing argument"),
        ("dance", "No such command"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_code_2(
    dermaviz: Callable[..., Any], arguments: str, said: str
) -> None:
    answer = dermaviz(*arguments.split())
    assert answer.code == 2
    assert said in answer.err
    assert "Traceback" not in answer.err


def test_the_app_is_open_to_this_machine_only_unless_asked() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["address"] == "127.0.0.1"
    assert "--server.address=0.0.0.0" in (ROOT / "Dockerfile").read_text(encoding="utf-8"), (
        "a container has its own network"
    )
