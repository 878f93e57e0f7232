"""The command line: `dermaviz audit`, which leaves evidence beside a checkpoint: one table per question."""

from __future__ import annotations

import platform
import re
import shlex
import sys
from functools import cache, partial
from itertools import pairwise
from typing import Annotated

import typer
from tqdm import tqdm

from dermaviz import __version__
from dermaviz.cli.options import CheckpointArgument, DataColumns, DataRoot, Device, chosen_device
from dermaviz.errors import DermaVizError
from dermaviz.evidence.tables import TABLES
from dermaviz.models.card import find_checkpoint


def audit(
    checkpoint: CheckpointArgument,
    root: DataRoot = None,
    name: Annotated[
        str,
        typer.Option("--as", help="What to call a data set other than the checkpoint's own; by default as its folder."),
    ] = "",
    split: Annotated[
        str,
        typer.Option(
            help="A split that the data come with (test by default); else what to call all of another data set."
        ),
    ] = "",
    labels: Annotated[
        str,
        typer.Option(
            "--map", help="What labels stand for: melanoma=mel,nevus=nv; also nv+bkl, “all but mel”, or nothing."
        ),
    ] = "",
    table: Annotated[
        list[str] | None,
        typer.Option(help=f"Table to make ({', '.join(TABLES)}); may be repeated; default predictions."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Make every table; says first how long it will take.")] = False,
    dataset: Annotated[
        str, typer.Option(help="How to read another data set: folder, csv, ddi …; by default by what is there.")
    ] = "",
    columns: DataColumns = "",
    device: Device = "auto",
) -> None:
    """Measure a checkpoint image by image. Interrupted, it goes on where it was; what is there already is not repeated.

    FOLDER may hold the data that the checkpoint was trained on, or any other data set: its evidence lies beside that of the
    others and replaces none. A picture that is damaged has no row; it is named. Several processes:
    `torchrun --nproc-per-node 2 -m dermaviz audit CHECKPOINT`, each takes every second part.
    """
    from accelerate import PartialState

    from dermaviz.data.labels import parse_map
    from dermaviz.data.tables import parse_columns
    from dermaviz.evidence.build import expected_seconds, progress_bar, time_in_words
    from dermaviz.evidence.evaluate import make_table
    from dermaviz.evidence.images import ToAudit, images_to_audit
    from dermaviz.models.checkpoint import load_checkpoint
    from dermaviz.models.classifier import keep_freed_memory

    if unknown := sorted(set(table or ()) - set(TABLES)):
        raise typer.BadParameter(
            f"expected some of {', '.join(TABLES)}, found {', '.join(unknown)}", param_hint="--table"
        )
    keep_freed_memory()
    folder, where = find_checkpoint(checkpoint), chosen_device(device)
    state = PartialState(cpu=where == "cpu")
    classifier = load_checkpoint(folder, state.device if state.num_processes > 1 else where)
    said = set[str]()

    def tell(sentence: str, *, err: bool = False) -> None:
        if state.is_main_process and sentence not in said:
            tqdm.write(sentence, file=sys.stderr if err else sys.stdout)
        said.add(sentence)

    @cache
    def images() -> ToAudit:
        told = parse_columns(columns)
        found = images_to_audit(
            classifier.card, root, split, name=name, reader=dataset, columns=told, labels=parse_map(labels)
        )
        for sentence in found.said:
            tell(sentence)
        return found

    wanted = list(TABLES) if every else table or ["predictions"]
    n_images = 0 if all(TABLES[one].drawn for one in wanted) else len(images().dataset)
    seconds = expected_seconds(folder, wanted, n_images)
    if every:
        tell(time_in_words(seconds))
    made = {"dermaviz": __version__, "command": _command(checkpoint, folder.name), "machine": machine()}
    together = {
        "process": state.process_index, "processes": state.num_processes, "wait_for_all": state.wait_for_everyone,
    }  # fmt: skip
    refused = False
    with progress_bar(seconds, shown=state.is_main_process) as progress:
        for one in wanted:
            try:
                manifest = make_table(
                    folder, one, classifier, images, made, tell, progress=partial(progress, one), **together
                )
            except DermaVizError as error:
                if not every or one == "predictions":
                    raise
                refused = True
                tell(f"{one}: left out. {error}", err=True)
            else:
                took = f"{manifest.rows:,} rows, made in {manifest.made.get('seconds', '?')} s"
                tell(f"{folder.name} · {manifest.source.images} · {one}: {took}")
    if refused:
        raise typer.Exit(2)


def _command(checkpoint: str, name: str) -> str:
    """The command as it was given, but for places: those of the data and of the checkpoint, which is named."""
    words = ["FOLDER" if before == "--data" else word for before, word in pairwise(["", *sys.argv[1:]])]
    words = [name if word == checkpoint else word for word in words]
    return shlex.join(["dermaviz", *(re.sub(r"^--data=.*", "--data=FOLDER", word) for word in words)])


def machine() -> str:
    """What made a table, for its manifest."""
    import torch

    return f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads"
