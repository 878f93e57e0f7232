"""Resuming: a run that was killed, anywhere and often, ends with the result of an unbroken one, bit for bit."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import yaml
from accelerate import Accelerator

from dermaviz.data.augment import Augmentation
from dermaviz.training.loop import BEST, Trainer, TrainingData
from dermaviz.training.progress import read_metrics
from dermaviz.training.recipe import LossRecipe, OptimiserRecipe, Recipe, Stage
from tests.training.processes import command, start

VARIED = {
    "model": {"dropout": 0.2, "drop_path": 0.1, "frozen": ("bn1",)},
    "stages": (Stage(24, 2), Stage(32, 1)),
    "optimiser": OptimiserRecipe(learning_rate=3e-3, warm_up=0.2, clip=1.0),
    "loss": LossRecipe("focal", class_weight_power=0.5, label_smoothing=0.05),
    "augmentation": Augmentation(scale=(0.7, 1.0), rotate=180, flip=True, brightness=0.1),
    "sampler": "balanced",
    "ema": 0.9,
    "save_minutes": 0.0,
}


class Killed(BaseException):
    """Stands for SIGKILL inside one process: nothing in the package catches it."""


@contextmanager
def killed_at(operation: int) -> Iterator[None]:
    """Stop before the n-th of the operations that change a run's folder: write, replace, rename, remove."""
    left = operation

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return original(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", counted(Path.replace))
        patch.setattr(Path, "rename", counted(Path.rename))
        patch.setattr(os, "fsync", counted(os.fsync))
        patch.setattr(shutil, "rmtree", counted(shutil.rmtree))
        patch.setattr(Accelerator, "save_state", counted(Accelerator.save_state))
        yield


def result(run: Path) -> tuple[bytes, list[dict[str, Any]]]:
    """The kept weights and the metrics without the clock."""
    return (run / BEST).read_bytes(), [{k: v for k, v in line.items() if k != "seconds"} for line in read_metrics(run)]


@pytest.mark.parametrize("steps", [13, 18])
def test_a_plateau_is_remembered(
    fit: Callable[..., Trainer], coloured: TrainingData, tiny_recipe: Callable[..., Recipe], tmp_path: Path, steps: int
) -> None:
    """Accuracy reaches 1 in the second epoch of four steps, so the rate falls after the third and the fourth: stopped between
    the two and after both, the run goes on at the rates of an unbroken one."""
    optimiser = OptimiserRecipe("sgd", 0.05, schedule="plateau", plateau_epochs=1, factor=0.5)
    recipe = tiny_recipe(optimiser=optimiser, stages=(Stage(24, 5),), select_by="accuracy", save_minutes=0.0)
    unbroken = fit(recipe, "unbroken")
    assert [line["learning_rate"] for line in read_metrics(unbroken.run)] == [0.05, 0.05, 0.05, 0.025, 0.0125]
    begun = Trainer(recipe, coloured, tmp_path / "broken")
    taken = 0

    def step_or_stop(*batch: Any) -> float:
        nonlocal taken
        taken += 1
        if taken > steps:
            raise Killed
        return Trainer.train_step(begun, *batch)

    begun.train_step = step_or_stop  # type: ignore[method-assign]
    with suppress(Killed):
        begun.fit()
    assert result(fit(recipe, "broken").run) == result(unbroken.run)


@pytest.mark.parametrize("first", [1, 7])
def test_killed_between_any_two_operations(
    fit: Callable[..., Trainer],
    coloured: TrainingData,
    tiny_recipe: Callable[..., Recipe],
    tmp_path: Path,
    first: int,
) -> None:
    """Every sitting is stopped one operation on files later than the one before, so each ends at another place."""
    recipe = tiny_recipe(**VARIED)
    unbroken = fit(recipe, "unbroken")
    for operations in range(first, first + 25):
        with killed_at(operations), suppress(Killed):
            Trainer(recipe, coloured, tmp_path / "killed").fit()
            break
    else:
        pytest.fail("the run was not finished in 25 sittings")
    assert operations > first + 4, "killed in several places"
    assert result(tmp_path / "killed") == result(unbroken.run)


def kill_after(step: int, process: BaseProcess, run: Path) -> None:
    """Send SIGKILL to a process once its run has saved a state at ``step`` or later."""
    saved = -1
    while saved < step and process.is_alive():
        found = [int(m[1]) for path in run.glob("state-*") if (m := re.fullmatch(r"state-(\d+)", path.name))]
        saved = max(found, default=-1)
        time.sleep(0.002)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def test_killed_for_real_in_the_middle_of_epochs(
    drawn_dataset: Path, tiny_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    """`dermaviz train` in a process of its own: SIGKILL in the first and in the second epoch, then to the end."""
    values = asdict(tiny_recipe(**VARIED)) | {"data": {"manifest": str(drawn_dataset / "split.csv"), "pack": [36, 40]}}
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(json.loads(json.dumps(values))), encoding="utf-8")

    def train(name: str) -> BaseProcess:
        folders = [
            "--data",
            str(drawn_dataset),
            "--runs",
            str(tmp_path / name),
            "-o",
            str(tmp_path / name / "checkpoint"),
        ]
        return start(command, "train", str(recipe), *folders, DERMAVIZ_CACHE=str(tmp_path / "cache"))

    steps = len(drawn_train_images(drawn_dataset)) // 8
    unbroken, run = train("unbroken"), tmp_path / "killed" / "tiny"
    for step in (1, steps + 1):
        kill_after(step, train("killed"), run)
        whole = max(int(path.name[6:]) for path in run.glob("state-*") if path.suffix != ".tmp")
        assert whole % steps, "killed in the middle of an epoch"
    for process in (unbroken, train("killed")):
        process.join(300)
        assert process.exitcode == 0

    assert result(run) == result(tmp_path / "unbroken" / "tiny")
    weights = [tmp_path / name / "checkpoint" / "model.safetensors" for name in ("unbroken", "killed")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def drawn_train_images(root: Path) -> list[str]:
    return [line for line in (root / "split.csv").read_text(encoding="utf-8").splitlines() if line.endswith(",train")]
