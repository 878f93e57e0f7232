"""The saved state of a run: whose folder it is, which state counts, and what an interrupted sitting leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from dermaviz.errors import RecipeError
from dermaviz.training.progress import Progress, append_metrics, claim_run, read_metrics, restore_state, save_state


def accelerator_with(progress: Progress) -> tuple[Accelerator, torch.nn.Linear]:
    accelerator = Accelerator(cpu=True)
    layer = accelerator.prepare(torch.nn.Linear(2, 2))
    accelerator.register_for_checkpointing(progress)
    return accelerator, layer


def test_a_run_is_claimed_once_and_refused_to_another_recipe(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "mine"
    claim_run(run, "a" * 64)
    claim_run(run, "a" * 64)
    with pytest.raises(RecipeError, match=r"mine: expected a run of recipe bbbbbbbbbbbb…, found one of aaaaaaaaaaaa…"):
        claim_run(run, "b" * 64)
    assert [path.name for path in run.iterdir()] == ["run.json"]


@pytest.mark.parametrize("content", ["[", "[1]", "{}", "\0"])
def test_a_damaged_mark_of_a_run_says_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content, encoding="utf-8")
    with pytest.raises(RecipeError, match=r"found .*remove .* to start over"):
        claim_run(tmp_path, "a" * 64)


def test_a_damaged_state_or_log_says_what_to_do(tmp_path: Path) -> None:
    accelerator, _ = accelerator_with(progress := Progress())
    save_state(accelerator, tmp_path, progress, 1)
    (tmp_path / "state-00000001" / "model.safetensors").write_bytes(b"half")
    with pytest.raises(RecipeError, match="expected a saved state, found one that cannot be loaded"):
        restore_state(accelerator, tmp_path)
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1}\n{"epo', encoding="utf-8")
    with pytest.raises(RecipeError, match="expected a line of JSON for each epoch"):
        read_metrics(tmp_path)


def test_there_is_nothing_to_restore_in_a_new_run(tmp_path: Path) -> None:
    accelerator, _ = accelerator_with(Progress())
    assert not restore_state(accelerator, tmp_path)


def test_the_newest_whole_state_is_restored_and_older_ones_go(tmp_path: Path) -> None:
    progress = Progress()
    accelerator, layer = accelerator_with(progress)
    for step in (3, 12):
        progress.step, progress.best = step, step / 100
        with torch.no_grad():
            layer.weight.fill_(step)
        save_state(accelerator, tmp_path, progress, step)
    assert [path.name for path in tmp_path.iterdir()] == ["state-00000012"]

    (tmp_path / "state-00000013.tmp").mkdir()  # what a kill in the middle of saving leaves
    progress.step, progress.best = 0, 0.0
    with torch.no_grad():
        layer.weight.zero_()
    assert restore_state(accelerator, tmp_path)
    assert (progress.step, progress.best) == (12, 0.12)
    assert (layer.weight == 12).all()

    save_state(accelerator, tmp_path, progress, 13)
    assert [path.name for path in tmp_path.iterdir()] == ["state-00000013"]


def test_a_state_of_another_number_of_processes_is_refused(tmp_path: Path) -> None:
    accelerator, _ = accelerator_with(progress := Progress())
    save_state(accelerator, tmp_path, progress, 1)
    (tmp_path / "state-00000001" / "random_states_1.pkl").touch()
    with pytest.raises(RecipeError, match=r"expected the 2 process\(es\) that the run was begun with, found 1"):
        restore_state(accelerator, tmp_path)


def test_metrics_of_an_epoch_replace_those_of_an_interrupted_sitting(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == []
    for epoch in (1, 2, 3):
        append_metrics(tmp_path, {"epoch": epoch, "loss": 9.0})
    append_metrics(tmp_path, {"epoch": 2, "loss": 1.0})
    assert read_metrics(tmp_path) == [{"epoch": 1, "loss": 9.0}, {"epoch": 2, "loss": 1.0}]
    lines = (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]
