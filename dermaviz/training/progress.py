"""Training: how far a run is, saved and restored whole; its log; and the validation that judges each epoch."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from numpy.typing import NDArray
from torch import nn

from dermaviz.errors import RecipeError
from dermaviz.io import atomic_write, read_json
from dermaviz.metrics.classification import accuracy, balanced_accuracy, macro_f1, negative_log_likelihood
from dermaviz.models.card import Equalisation
from dermaviz.models.classifier import central_square, equalise
from dermaviz.models.specs import Architecture

_NAME = re.compile(r"state-(\d+)")


@dataclass
class Progress:
    """How far a run is. The one mutable object of a run; it is saved and restored with the weights.

    ``epoch`` and ``step`` name the next batch; ``loss_sum`` is this epoch's so far; ``best`` is the best selection
    score and ``best_epoch`` where it was; ``plateau`` is what plateaus have left of the highest learning rate and
    ``waited`` the epochs without gain that count towards the next; ``seconds`` is the training time so far over all sittings.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    best: float = float("-inf")
    best_epoch: int = -1
    plateau: float = 1.0
    waited: int = 0
    seconds: float = 0.0
    sittings: int = 1

    def state_dict(self) -> dict[str, Any]:
        """All values, for Accelerate."""
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore all values, for Accelerate."""
        vars(self).update(state)


def save_state(accelerator: Accelerator, run: Path, progress: Progress, total_step: int) -> None:
    """Save weights, optimiser, averaged weights and progress as ``state-<step>``; older states go afterwards."""
    final = run / f"state-{total_step:08d}"
    unfinished = final.with_suffix(".tmp")
    if accelerator.is_main_process:
        shutil.rmtree(unfinished, ignore_errors=True)
    accelerator.wait_for_everyone()
    accelerator.save_state(str(unfinished))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        older = [path for path in run.glob("state-*") if path not in (unfinished, final)]
        shutil.rmtree(final, ignore_errors=True)
        unfinished.rename(final)
        for path in older:
            shutil.rmtree(path)
    accelerator.wait_for_everyone()


def restore_state(accelerator: Accelerator, run: Path) -> bool:
    """Restore the newest whole state of ``run``; False where there is none.

    Raises:
        RecipeError: the state is damaged, or was saved by another number of processes.
    """
    whole = sorted(path for path in run.glob("state-*") if _NAME.fullmatch(path.name))
    if not whole:
        return False
    saved, now = len(list(whole[-1].glob("random_states_*"))), accelerator.num_processes
    if saved != now:
        raise RecipeError(
            f"{run}: expected the {saved} process(es) that the run was begun with, found {now}. Continue it with "
            f"`torchrun --nproc-per-node {saved} -m dermaviz train …`, or remove the folder to start over."
        )
    try:
        accelerator.load_state(str(whole[-1]))
    except Exception as error:  # files that were cut short or changed make torch raise whatever they like
        raise RecipeError(
            f"{whole[-1]}: expected a saved state, found one that cannot be loaded ({error}). Remove {run} to start over."
        ) from error
    return True


def claim_run(run: Path, recipe_sha256: str) -> None:
    """Mark the folder as this recipe's.

    Raises:
        RecipeError: the folder holds the run of another recipe, or something else.
    """
    marker, remedy = run / "run.json", f"Give the recipe another name, or remove {run} to start over."
    if not marker.exists():
        atomic_write(marker, json.dumps({"recipe_sha256": recipe_sha256}) + "\n", error=RecipeError)
    facts = read_json(marker, "the mark of a run", error=RecipeError, remedy=remedy)
    found = str(facts.get("recipe_sha256")) if isinstance(facts, dict) else "something else"
    if found != recipe_sha256:
        raise RecipeError(
            f"{run}: expected a run of recipe {recipe_sha256[:12]}…, found one of {found[:12]}…. {remedy}"
        )


def append_metrics(run: Path, line: dict[str, Any]) -> None:
    """Put the line of an epoch into ``metrics.jsonl``, in place of whatever an interrupted sitting wrote from there on."""
    kept = [old for old in read_metrics(run) if old["epoch"] < line["epoch"]]
    text = "".join(json.dumps(entry) + "\n" for entry in [*kept, line])
    atomic_write(run / "metrics.jsonl", text, error=RecipeError)


def read_metrics(run: Path) -> list[dict[str, Any]]:
    """The lines of ``metrics.jsonl``, one per finished epoch; empty where there is no such file yet."""
    path = run / "metrics.jsonl"
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
        if not all(isinstance(line, dict) and isinstance(line.get("epoch"), int) for line in lines):
            raise ValueError("a line without its epoch")
        return lines
    except (OSError, ValueError, RecursionError) as error:
        raise RecipeError(
            f"{path}: expected a line of JSON for each epoch, found {error}. Remove {run} to start over."
        ) from error


@dataclass(frozen=True)
class Validation:
    """The validation images: rows of a packed array with their labels, seen as a classifier of ``architecture`` sees them."""

    images: NDArray[np.uint8]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    architecture: Architecture
    equalise: Equalisation = ""

    def figures(self, accelerator: Accelerator, network: nn.Module, size: int, n_classes: int) -> dict[str, float]:
        """Loss, accuracy, balanced accuracy and macro-F1 at an input of ``size`` pixels; each process predicts a stride."""
        probabilities = self.probabilities(accelerator, network, size, n_classes)
        return {
            "loss": float(negative_log_likelihood(self.labels, probabilities)),
            "accuracy": float(accuracy(self.labels, probabilities)),
            "balanced_accuracy": float(balanced_accuracy(self.labels, probabilities)),
            "macro_f1": float(macro_f1(self.labels, probabilities)),
        }

    def probabilities(
        self, accelerator: Accelerator, network: nn.Module, size: int, n_classes: int
    ) -> NDArray[np.float32]:
        """Untempered probabilities of every image, float32 ``[N, C]``, the same on every process."""
        network.eval()
        rank, world, device = accelerator.process_index, accelerator.num_processes, accelerator.device
        if world > 1:  # weights are the same on all processes; batch statistics come from each one's own images
            for buffer in network.buffers():
                buffer.copy_(broadcast(buffer.clone(), from_process=0))
        mean, std = (
            torch.tensor(v).view(1, 3, 1, 1).to(device) for v in (self.architecture.mean, self.architecture.std)
        )
        mine, parts = self.rows[rank::world], [torch.empty(0, n_classes, device=device)]
        for first in range(0, len(mine), 64):
            images = torch.from_numpy(equalise(self.images[mine[first : first + 64]], self.equalise))
            seen = central_square(images, size).permute(0, 3, 1, 2).to(device).float().div_(255)
            seen = ((seen - mean) / std).contiguous(memory_format=torch.channels_last)
            with torch.no_grad(), accelerator.autocast():
                logits = network(seen).float()
            parts.append(logits.softmax(1))
        padded = accelerator.pad_across_processes(torch.cat(parts), dim=0, pad_index=float("nan"))
        gathered = accelerator.gather(padded).cpu().numpy().reshape(world, -1, n_classes)
        return gathered.transpose(1, 0, 2).reshape(-1, n_classes)[: len(self.labels)]
