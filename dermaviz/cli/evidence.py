"""The command line: `dermaviz audit`, which leaves evidence beside a checkpoint, one table per question; and `dermaviz rebuild`,
which makes all evidence of checkpoints again, in order."""

from __future__ import annotations

import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from tqdm import tqdm

from dermaviz import __version__
from dermaviz.cli.options import CheckpointArgument, DataColumns, DataRoot, Device, chosen_device, expect_among
from dermaviz.errors import CheckpointError, DatasetError, DermaVizError, EvidenceError
from dermaviz.evidence.tables import TABLES
from dermaviz.io import atomic_write, read_json
from dermaviz.models.card import CARD, Checkpoint, find_checkpoint, list_checkpoints, read_card, shipped_checkpoints

if TYPE_CHECKING:
    from dermaviz.evidence.images import ToAudit
    from dermaviz.evidence.rebuild import Step

FIGURES, OOD = "card", "ood"
"""What is made again besides tables: the figures on the card, and the out-of-distribution check."""
EXTERNAL = "isic-uda1"
"""Photographs of other cameras, on which that check is fitted and measured."""


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
    from dermaviz.evidence.images import images_to_audit
    from dermaviz.models.checkpoint import load_checkpoint
    from dermaviz.models.classifier import keep_freed_memory

    wanted = list(TABLES) if every else table or ["predictions"]
    expect_among(table or (), TABLES, "--table")
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


def rebuild(
    names: Annotated[list[str] | None, typer.Argument(help="Checkpoints; by default all that are found.")] = None,
    root: DataRoot = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"Only this ({', '.join([*TABLES, FIGURES, OOD])}); may be repeated."),
    ] = None,
    limit: Annotated[
        int,
        typer.Option(
            min=0,
            help="Check instead: of so many images of each table, compare what the code says now. Writes nothing.",
        ),
    ] = 0,
    again: Annotated[
        bool, typer.Option("--again", help="Make also what is fresh; what differs takes its place.")
    ] = False,
    outside: Annotated[
        Path | None, typer.Option(help="Outside pictures by kind, for the out-of-distribution check (`dermaviz ood`).")
    ] = None,
    device: Device = "auto",
) -> None:
    """Make all evidence of checkpoints again that is missing, damaged or of another model; says first how long it will take.

    Tables on every data set that has some, then the figures on the card, then the out-of-distribution check, then, in a
    repository, the figures in README and docs. Interrupted, it goes on where it was; at the end it lists what changed.
    Two checkpoints can be rebuilt side by side.
    """
    from dermaviz.evidence.build import time_in_words
    from dermaviz.evidence.rebuild import WORK, seconds_of, steps_of

    everything = [*TABLES, FIGURES, OOD]
    parts = set(only or everything)
    expect_among(parts, everything, "--only")
    folders = [find_checkpoint(name) for name in names or list_checkpoints()[0]]
    checkpoints = [Checkpoint(folder, read_card(folder / CARD)) for folder in folders]
    work, changed = _Rebuilding(root, outside, chosen_device(device), limit, again), list[str]()
    with TemporaryDirectory() as aside:
        steps = [step for one in checkpoints for step in steps_of(one, parts, Path(aside) if limit else None)]
        due = [step for step in steps if again or limit or step.is_stale()]
        typer.echo(f"{len(due)} of {len(steps)} tables to make. {time_in_words(seconds_of(due, limit)) if due else ''}")
        stopped = {one.name for one in checkpoints if (one.folder / WORK).exists()}
        for one in checkpoints:
            new = work.tables(one, [step for step in steps if step.checkpoint is one])
            changed += new
            old_card = new or again or one.name in stopped or "test" not in one.card.metrics
            if FIGURES in parts and not limit and old_card:
                changed += work.figures(one)
            if OOD in parts and not limit:
                changed += work.out_of_distribution(one)
    if not limit and not (again and work.refused):  # what was left out may take hours to come to again
        for one in checkpoints:
            shutil.rmtree(one.folder / WORK, ignore_errors=True)
    typer.echo("\n".join([f"What {'differs' if limit else 'changed'}:", *(changed or ["nothing"])]))
    figures = shipped_checkpoints().parent / "docs" / "make_figures.py"
    if (changed or stopped) and not (limit or work.refused) and figures.is_file():
        subprocess.run([sys.executable, str(figures)], check=False)
    if work.refused or (limit and changed):
        raise typer.Exit(2)


@dataclass
class _Rebuilding:
    """What a rebuild was asked for. What cannot be made is said and left out; ``refused`` tells whether something was."""

    root: Path | None
    outside: Path | None
    device: str
    limit: int
    again: bool
    refused: bool = False

    @contextmanager
    def said(self, what: str) -> Iterator[None]:
        """Go on after an error that is told."""
        try:
            yield
        except DermaVizError as error:
            self.refused = True
            typer.echo(f"{what}: left out. {error}", err=True)

    def tables(self, checkpoint: Checkpoint, steps: list[Step]) -> list[str]:
        """Make every table of a checkpoint; then put those that differ in the place of the old ones, or only compare a few
        images."""
        from dermaviz.evidence.build import progress_bar
        from dermaviz.evidence.rebuild import adopt, build, change_of, images_of, seconds_of
        from dermaviz.models.checkpoint import load_checkpoint
        from dermaviz.models.classifier import keep_freed_memory

        if not steps:
            return []
        keep_freed_memory()
        classifier, changed, made = load_checkpoint(checkpoint.folder, self.device), [], []
        asked: dict[object, ToAudit] = {}

        def read(step: Step) -> ToAudit:
            key = (step.of, step.options)
            asked[key] = asked.get(key) or images_of(step, self.root)
            return asked[key]

        facts = {"dermaviz": __version__, "machine": machine()}
        with progress_bar(seconds_of(steps, self.limit)) as progress:
            for step in steps:
                with self.said(str(step)):
                    moved = partial(progress, str(step))
                    manifest = build(step, classifier, read, facts, limit=self.limit, again=self.again, progress=moved)
                    made.append(step)
                    tqdm.write(f"{step}: {manifest.rows:,} rows")
        for step in made:
            with self.said(str(step)):
                change = change_of(step, part=bool(self.limit))
                told = f"{step}: {change or 'new'}"
                if change is None or not change.same:
                    changed.append(told)
                    typer.echo(told)
                elif self.limit:
                    typer.echo(told)
                if not self.limit:
                    adopt(step)
        return changed

    def figures(self, checkpoint: Checkpoint) -> list[str]:
        """Evaluate the splits whose figures stand on the card, from the evidence that was just made."""
        from dermaviz.data.split import SPLITS
        from dermaviz.evidence.evaluate import evaluate_checkpoint
        from dermaviz.evidence.predictions import PREDICTIONS, internal
        from dermaviz.evidence.rebuild import figures_changed
        from dermaviz.evidence.store import has_evidence

        path, found = checkpoint.folder / CARD, []
        before = path.read_bytes()
        for split in SPLITS:
            if has_evidence(checkpoint.folder, PREDICTIONS, internal(checkpoint.card, split)):
                with self.said(f"{checkpoint.name} · figures of {split}"):
                    card = evaluate_checkpoint(checkpoint.folder, self.root, split, device=self.device)
                    found = figures_changed(checkpoint.card, card)
        if not found:
            atomic_write(path, before, error=CheckpointError)  # last digits depend on the machine
        return [f"{checkpoint.name} · card: {said}" for said in found]

    def out_of_distribution(self, checkpoint: Checkpoint) -> list[str]:
        """Fit the check again where a checkpoint has one that is of other weights."""
        from dermaviz.data.readers import read_splits
        from dermaviz.evidence.rebuild import detector_changed, place_of
        from dermaviz.ood import FACTS, WEIGHTS, read_detector
        from dermaviz.ood.fitting import fit_checkpoint_detector

        if not (checkpoint.folder / FACTS).is_file():
            return []
        try:
            before = read_detector(checkpoint.folder, checkpoint.card)
        except EvidenceError:
            before = None
        if before and not self.again:
            return []
        name = f"{checkpoint.name} · out-of-distribution check"
        changed = []
        with self.said(name):
            if self.outside is None:
                raise DatasetError(
                    "expected outside pictures to measure it on, found none. Give --outside, see `dermaviz ood`."
                )
            old = read_json(checkpoint.folder / FACTS, "the facts of a detector", error=EvidenceError)
            there = old["refused_elsewhere"] is not None
            elsewhere = read_splits("", EXTERNAL, place_of(checkpoint, EXTERNAL, self.root))[0] if there else None
            kept = {
                checkpoint.folder / file: (checkpoint.folder / file).read_bytes() for file in (WEIGHTS, FACTS) if before
            }
            facts = fit_checkpoint_detector(
                checkpoint.folder, self.root, self.outside, external=elsewhere, components=old["components"],
                device=self.device,
            )  # fmt: skip
            said = detector_changed(before[1], facts) if before else [f"of these weights now, limit {facts.limit:.2f}"]
            changed = [f"{name}: {one}" for one in said]
            if not changed:  # last digits depend on the machine
                for file, content in kept.items():
                    atomic_write(file, content, error=EvidenceError)
        return changed
