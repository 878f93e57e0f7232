"""Processes of their own for the training tests, forked from one server that imports torch and the package once."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from torch import Tensor

from dermaviz.training.loop import Trainer, TrainingData
from dermaviz.training.recipe import Recipe

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["dermaviz.cli", "dermaviz.training.export", "tests.training.processes"])


def start(target: Callable[..., None], *arguments: Any, **environment: str) -> BaseProcess:
    """Start a process that calls ``target`` with these variables in its environment."""
    process = _SERVER.Process(target=_run, args=(target, arguments, {**os.environ, **environment}))
    process.start()
    return process


def start_two(target: Callable[..., None], *arguments: Any) -> list[BaseProcess]:
    """Start two processes as `torchrun` does, which find each other."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [start(target, *arguments, **shared, RANK=rank, LOCAL_RANK=rank) for rank in ("0", "1")]


def _run(target: Callable[..., None], arguments: tuple[Any, ...], environment: dict[str, str]) -> None:
    import torch

    os.environ.clear()  # the server's are those of the test that it was started for
    os.environ.update({"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **environment})
    torch.set_num_threads(1)
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 the process ends with it
    target(*arguments)


def command(*arguments: str) -> None:
    """`dermaviz` with these arguments."""
    from dermaviz.cli import main

    sys.argv = ["dermaviz", *arguments]
    main()


def command_told(file: str, *arguments: str) -> None:
    """`dermaviz`, whose words are kept in a file for each process."""
    with Path(f"{file}{os.environ['RANK']}").open("w", encoding="utf-8") as sys.stdout:
        sys.stderr = sys.stdout
        command(*arguments)


class Interrupted(Trainer):
    """A trainer that is stopped in the middle of the second epoch."""

    def train_step(self, images: Tensor, views: Tensor, labels: Tensor, size: int) -> float:
        """Stop before the third batch of the second epoch."""
        if (self.progress.epoch, self.progress.step) == (1, 2):
            raise InterruptedError
        return super().train_step(images, views, labels, size)


def one_of_two(plain: Recipe, varied: Recipe, data: TrainingData, runs: Path) -> None:
    """Train the first recipe; train the second one unbroken, and once more with an interruption."""
    Trainer(plain, data, runs / "plain").fit()
    Trainer(varied, data, runs / "unbroken").fit()
    try:
        Interrupted(varied, data, runs / "interrupted").fit()
    except InterruptedError:
        Trainer(varied, data, runs / "interrupted").fit()
