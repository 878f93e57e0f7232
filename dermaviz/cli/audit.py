"""The command line: `dermaviz audit`, which leaves evidence beside a checkpoint: one table per question."""

from __future__ import annotations

import platform
from functools import cache, partial
from typing import Annotated

import typer

from dermaviz import __version__
from dermaviz.cli.options import CheckpointArgument, DataRoot, Device, chosen_device
from dermaviz.evidence.tables import TABLES
from dermaviz.models.card import find_checkpoint


def audit(
    checkpoint: CheckpointArgument,
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

    from dermaviz.data.split import SPLITS
    from dermaviz.evidence.evaluate import images_to_audit, make_table
    from dermaviz.models.checkpoint import load_checkpoint
    from dermaviz.models.classifier import keep_freed_memory

    unknown = sorted(set(table or ()) - set(TABLES))
    if unknown:
        raise typer.BadParameter(
            f"expected some of {', '.join(TABLES)}, found {', '.join(unknown)}", param_hint="--table"
        )
    if not dataset and split not in SPLITS:
        raise typer.BadParameter(f"expected one of {', '.join(SPLITS)}, found {split!r}", param_hint="--split")
    keep_freed_memory()
    folder, where = find_checkpoint(checkpoint), chosen_device(device)
    state = PartialState(cpu=where == "cpu")
    classifier = load_checkpoint(folder, state.device if state.num_processes > 1 else where)
    data = cache(partial(images_to_audit, classifier.card, root, split, dataset))
    for name in table or ["predictions"]:
        manifest = make_table(
            folder,
            name,
            classifier,
            split,
            data,
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
            typer.echo(f"{folder.name} · {manifest.source.split} · {name}: {manifest.rows:,} rows, made in {seconds} s")


def _command(checkpoint: str, split: str, table: str, dataset: str) -> str:
    other = f" --dataset {dataset}" if dataset else ""
    return f"dermaviz audit {checkpoint} --data FOLDER --split {split} --table {table}{other}"


def _machine() -> str:
    import torch

    return f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads"
