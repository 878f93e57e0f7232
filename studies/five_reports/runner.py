"""Run rows one after the other; what is done is skipped, what was interrupted goes on, a failure is told."""

from __future__ import annotations

import math
import os
import platform
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pandas as pd
import torch

from dermaviz import __version__
from dermaviz.data.records import SPECS
from dermaviz.data.selection import find_task
from dermaviz.errors import DermaVizError
from dermaviz.metrics.bootstrap import DRAWS
from dermaviz.metrics.calibration import fit_temperature
from studies.five_reports.classical import learn_by_features
from studies.five_reports.plan import Run, pace
from studies.five_reports.result import Learned, Result, figures_of, prediction_table, write_result
from studies.five_reports.rows import Learner
from studies.five_reports.train_network import Photos, learn_by_network, read_photos, selected, sha256_of

Learn = Callable[[Run, Photos, Path, Path | None], Learned]
Say = Callable[[str], object]

LEARN: Mapping[Learner, Learn] = MappingProxyType(
    {
        "network": learn_by_network,
        "forest": learn_by_features,
        "svm": learn_by_features,
        "xgboost": learn_by_features,
    }
)
"""What learns a row: a function of a run, its images, the folder of its saved states and the data's root."""


@dataclass(frozen=True)
class Failure:
    """A run that could not be finished, and why."""

    run: Run
    reason: str


def run_all(
    runs: Sequence[Run], root: Path | None, states: Path, results: Path, say: Say, draws: int = DRAWS
) -> tuple[Failure, ...]:
    """Make the result of every run that has none yet, in order; a run that fails is told, and the next one goes on.

    Args:
        root: the folder of the data set. states: where interrupted runs keep their state; a finished one's is removed.
        results: where results are kept. say: takes a line for the screen.

    Returns:
        The failures.
    """
    failures = []
    for i, run in enumerate(runs):
        try:
            if run.done(results, sha256_of(selected(run.recipe.data, root))):
                say(f"[{i + 1}/{len(runs)}] {run.name}: done before")
                continue
            left = pace(runs, results) * sum(later.seconds for later in runs[i:] if not later.done(results))
            say(f"[{i + 1}/{len(runs)}] {run.name}: about {minutes(run.seconds)}; {minutes(left)} left in all")
            result = finish(run, root, states, results, draws)
            accuracy = result.figure("accuracy")
            say(
                f"  accuracy {accuracy['value']:.3f} [{accuracy['low']:.3f}, {accuracy['high']:.3f}], always answering the "
                f"commonest class {accuracy['constant']:.3f}; {minutes(result.seconds)}"
            )
        except Exception as error:  # the next row shall run whatever this one met
            reason = str(error) if isinstance(error, DermaVizError) else f"{type(error).__name__}: {error}"
            failures.append(Failure(run, reason))
            say(f"  failed: {reason}")
    return tuple(failures)


def minutes(seconds: float) -> str:
    """A time in words."""
    return "an unknown time" if math.isnan(seconds) else f"{seconds / 60:.1f} min"


def finish(run: Run, root: Path | None, states: Path, results: Path, draws: int = DRAWS) -> Result:
    """Learn a run from its saved state, if there is one, and write its result; the state is then removed.

    Raises:
        DermaVizError: the run cannot be made: the message says why.
    """
    photos = read_photos(run.recipe.data, root)
    state = states / run.row.report / run.row.row / f"{run.budget}-seed{run.seed}-{run.sha256[:8]}-{photos.sha256[:8]}"
    started = time.monotonic()
    learned = LEARN[run.row.learner](run, photos, state, root)
    temperature = fit_temperature(learned.validation.logits, learned.validation.labels)
    malignant = _malignant(run, photos)
    figures = {
        name: figures_of(predictions, temperature, malignant, draws)
        for name, predictions in {"": learned.test, **learned.under}.items()
    }
    result = Result(
        report=run.row.report,
        row=run.row.row,
        budget=run.budget,
        seed=run.seed,
        about=run.row.about,
        claims=run.row.claims,
        deviations=run.row.deviations,
        settings=run.settings,
        settings_sha256=run.sha256,
        data={"dataset": run.recipe.data.dataset, "images": photos.counts()},
        data_sha256=photos.sha256,
        classes=photos.classes,
        malignant=tuple(name for name in photos.classes if name in malignant),
        temperature=temperature,
        kept_epoch=learned.kept_epoch,
        figures=figures.pop(""),
        under=figures,
        seconds=round(max(time.monotonic() - started, learned.seconds), 1),
        machine=_machine(),
        made={"dermaviz": __version__, "torch": torch.__version__},
    )
    table = prediction_table(learned.test, temperature)
    result = write_result(run.folder(results), result, pd.DataFrame(learned.curve), table)
    shutil.rmtree(state, ignore_errors=True)
    return result


def _malignant(run: Run, photos: Photos) -> frozenset[str]:
    spec = SPECS.get(run.recipe.data.dataset)
    known = find_task(run.recipe.data.task).malignant | (spec.malignant if spec else frozenset())
    return known & frozenset(photos.classes)


def _machine() -> str:
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    threads = torch.get_num_threads()
    return f"{platform.machine()}, {os.cpu_count()} cores, {threads} thread{'' if threads == 1 else 's'}{gpu}"
