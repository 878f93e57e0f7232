"""Training: the saved state of a run, written beside the last one and renamed when whole, so SIGKILL loses little."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from dermaviz.errors import RecipeError

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
        RecipeError: the state was saved by another number of processes.
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
    accelerator.load_state(str(whole[-1]))
    return True


def claim_run(run: Path, recipe_sha256: str) -> None:
    """Mark the folder as this recipe's.

    Raises:
        RecipeError: the folder holds the run of another recipe.
    """
    marker = run / "run.json"
    if marker.is_file():
        found = json.loads(marker.read_text(encoding="utf-8"))["recipe_sha256"]
        if found != recipe_sha256:
            raise RecipeError(
                f"{run}: expected a run of recipe {recipe_sha256[:12]}…, found one of {found[:12]}…. The recipe was changed "
                "since: give it another name, or remove the folder to start over."
            )
        return
    run.mkdir(parents=True, exist_ok=True)
    unfinished = marker.with_suffix(".tmp")
    unfinished.write_text(json.dumps({"recipe_sha256": recipe_sha256}) + "\n", encoding="utf-8")
    unfinished.replace(marker)


def append_metrics(run: Path, line: dict[str, Any]) -> None:
    """Put the line of an epoch into ``metrics.jsonl``, in place of whatever an interrupted sitting wrote from there on."""
    path = run / "metrics.jsonl"
    kept = [old for old in read_metrics(run) if old["epoch"] < line["epoch"]]
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text("".join(json.dumps(entry) + "\n" for entry in [*kept, line]), encoding="utf-8")
    unfinished.replace(path)


def read_metrics(run: Path) -> list[dict[str, Any]]:
    """The lines of ``metrics.jsonl``, one per finished epoch; empty where there is no such file yet."""
    path = run / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
