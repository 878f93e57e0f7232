"""The command line: `dermaviz audit`, which leaves evidence beside a checkpoint: one table per question, one row per image."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dermaviz import __version__
from dermaviz.cli.options import DataRoot, Device, checkpoint_folder, chosen_device

if TYPE_CHECKING:
    import pandas as pd

    from dermaviz.datasets.records import Dataset
    from dermaviz.models.card import Card
    from dermaviz.models.classifier import Classifier


RowsOf = Callable[["Classifier", "Dataset", Sequence[slice]], "Iterator[pd.DataFrame]"]


@dataclass(frozen=True)
class Table:
    """A table of evidence: what it answers; ``load`` gives what makes its rows for slices of a data set, and its settings."""

    about: str
    load: Callable[[], tuple[RowsOf, dict[str, Any]]]


def _predictions() -> tuple[RowsOf, dict[str, Any]]:
    from dermaviz.evaluation.predictions import prediction_rows

    return prediction_rows, {}


def _attacks() -> tuple[RowsOf, dict[str, Any]]:
    from dermaviz.robustness.rows import attack_parameters, attack_rows

    return attack_rows, attack_parameters()


def _flips() -> tuple[RowsOf, dict[str, Any]]:
    from dermaviz.robustness.rows import flip_parameters, flip_rows

    return flip_rows, flip_parameters()


def _corruptions() -> tuple[RowsOf, dict[str, Any]]:
    from dermaviz.robustness.rows import corruption_parameters, corruption_rows

    return corruption_rows, corruption_parameters()


TABLES = MappingProxyType(
    {
        "predictions": Table("what the model says of each image", _predictions),
        "attacks": Table("what it says of each image under FGSM, PGD and noise of the same size", _attacks),
        "flips": Table("the smallest FGSM step that flips its answer", _flips),
        "corruptions": Table("what it says of each image when spoilt in 17 ways, five severities each", _corruptions),
    }
)


def audit(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint's folder, or its name in checkpoints/.")],
    root: DataRoot = None,
    split: Annotated[
        str, typer.Option(help="train, validation or test; with --dataset, the name under which to keep the evidence.")
    ] = "test",
    table: Annotated[
        list[str] | None,
        typer.Option(help=f"Table to make ({', '.join(TABLES)}); may be repeated; default predictions."),
    ] = None,
    dataset: Annotated[
        str, typer.Option(help="folder or csv: other data than those named on the card, all of them.")
    ] = "",
    device: Device = "auto",
) -> None:
    """Measure a checkpoint image by image. Interrupted, it goes on where it was; what is there already is not repeated.

    Several processes: `torchrun --nproc-per-node 2 -m dermaviz audit CHECKPOINT`, each takes every second part.
    """
    from accelerate import PartialState

    from dermaviz.evaluation.checkpoint import evidence_source
    from dermaviz.evidence import build_evidence
    from dermaviz.models.checkpoint import load_checkpoint
    from dermaviz.models.memory import keep_freed_memory

    unknown = sorted(set(table or ()) - set(TABLES))
    if unknown:
        raise typer.BadParameter(
            f"expected some of {', '.join(TABLES)}, found {', '.join(unknown)}", param_hint="--table"
        )
    keep_freed_memory()
    folder, where = checkpoint_folder(checkpoint), chosen_device(device)
    state = PartialState(cpu=where == "cpu")
    classifier = load_checkpoint(folder, state.device if state.num_processes > 1 else where)
    data = _images(classifier.card, root, split, dataset)
    for name in table or ["predictions"]:
        rows, parameters = TABLES[name].load()
        source = evidence_source(name, classifier.card, data, split, **parameters)
        manifest = build_evidence(
            folder,
            source,
            len(data),
            partial(rows, classifier, data),
            made={
                "dermaviz": __version__,
                "command": _command(checkpoint, split, name, dataset),
                "machine": _machine(),
            },
            process=state.process_index,
            processes=state.num_processes,
            wait_for_all=state.wait_for_everyone,
        )
        if state.is_main_process:
            seconds = manifest.made.get("seconds", "?")
            typer.echo(f"{folder.name} · {split} · {name}: {manifest.rows:,} rows, made in {seconds} s")


def _images(card: Card, root: Path | None, split: str, dataset: str) -> Dataset:
    from dermaviz.datasets.catalogue import read_dataset
    from dermaviz.datasets.selection import selection_on_card
    from dermaviz.datasets.split import SPLITS
    from dermaviz.datasets.tasks import pose
    from dermaviz.evaluation.checkpoint import split_of_checkpoint

    if dataset:
        task = selection_on_card(card.data).task
        return replace(pose(read_dataset(dataset, root), task), classes=card.classes)
    if split not in SPLITS:
        raise typer.BadParameter(f"expected one of {', '.join(SPLITS)}, found {split!r}", param_hint="--split")
    return split_of_checkpoint(card, root, split)


def _command(checkpoint: str, split: str, table: str, dataset: str) -> str:
    other = f" --dataset {dataset}" if dataset else ""
    return f"dermaviz audit {checkpoint} --data FOLDER --split {split} --table {table}{other}"


def _machine() -> str:
    import torch

    return f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads"
