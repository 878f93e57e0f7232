"""Plugins: what one adds is found by its name, studies beside the package need no installation, and a missing one is named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from dermaviz import cli, plugins
from dermaviz.data.records import Dataset, Record
from dermaviz.data.selection import Task, find_task, for_task
from dermaviz.errors import WeightsError
from dermaviz.models.specs import Architecture, Family, architecture
from dermaviz.models.zoo import build

GREY = Family(
    knows=lambda name: name.startswith("grey:"),
    architecture=lambda name: Architecture(name, 8, (0.5,) * 3, (0.5,) * 3, "0"),
    create=lambda name, n_classes: nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten(), nn.Linear(128, n_classes)),
)
SPOTTED = Task("spotted or plain", ("plain", "spotted"), {"nv": "spotted", "df": "plain"})


def spell(word: str) -> None:
    """Print a word letter by letter."""
    print(" ".join(word))


@pytest.fixture
def own_plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A network family, a task and a command, as a study adds them."""
    plugins.missing_plugins()
    monkeypatch.setattr(plugins, "_ADDED", dict(plugins._ADDED))
    monkeypatch.setitem(sys.modules, "own_plugin", sys.modules[__name__])
    plugins.add("networks", "own", "own_plugin:GREY")
    plugins.add("task", "spotted", "own_plugin:SPOTTED")
    plugins.add("command", "data spell", "own_plugin:spell")
    cli.add_plugins.cache_clear()
    yield
    cli.add_plugins.cache_clear()
    architecture.cache_clear()


@pytest.mark.usefixtures("own_plugin")
def test_a_network_of_a_plugin_is_built_by_its_name() -> None:
    network = build("grey:1", 5, "none")
    assert network(torch.zeros(2, 3, 8, 8)).shape == (2, 5)
    assert architecture("grey:1").attention_layer == "0"


@pytest.mark.usefixtures("own_plugin")
def test_a_task_of_a_plugin_selects_and_renames() -> None:
    records = tuple(Record(label, Path(label), label, label, {}) for label in ("NV", "Melanoma ", "df"))
    asked = for_task(Dataset("own", ("df", "Melanoma ", "NV"), records), "spotted")
    assert find_task("spotted") is SPOTTED
    assert [record.label for record in asked.records] == ["spotted", "plain"]


@pytest.mark.usefixtures("own_plugin")
def test_a_command_of_a_plugin_joins_its_group(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(cli.data.app, "registered_commands", list(cli.data.app.registered_commands))
    monkeypatch.setattr(cli.app, "registered_commands", list(cli.app.registered_commands))
    monkeypatch.setattr(sys, "argv", ["dermaviz", "data", "spell", "nevus"])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().out == "n e v u s\n"


def test_a_network_of_a_study_that_is_not_here_is_refused_with_where_it_is(missing_studies: Callable[[], None]) -> None:
    missing_studies()
    with pytest.raises(WeightsError, match=r"found 'dermaviz:lenet@96'.*studies/five_reports.*clone of its repository"):
        architecture("dermaviz:lenet@96")


@pytest.fixture
def missing_studies(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Call it, and the studies cannot be imported, as where only the wheel is installed."""

    def hide() -> None:
        monkeypatch.setattr(plugins, "_ADDED", {})
        monkeypatch.setitem(sys.modules, "studies.five_reports.plugin", None)
        plugins.missing_plugins.cache_clear()
        architecture.cache_clear()

    yield hide
    monkeypatch.undo()
    plugins.missing_plugins.cache_clear()
    architecture.cache_clear()


def test_registering_imports_neither_torch_nor_numpy() -> None:
    code = (
        "import sys; from dermaviz.plugins import missing_plugins; assert not missing_plugins(), missing_plugins(); "
        "heavy = {'torch', 'numpy', 'pandas', 'typer', 'streamlit'} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
