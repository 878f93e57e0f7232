"""The command line: `dermaviz audit`, which leaves evidence beside a checkpoint: one table per question, one row per image."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dermaviz import __version__
from dermaviz.cli.options import DataRoot, Device, checkpoint_folder, chosen_device

if TYPE_CHECKING:
    import pandas as pd

    from dermaviz.data.records import Dataset
    from dermaviz.evidence import Rows, Source
    from dermaviz.models.card import Card
    from dermaviz.models.classifier import Classifier


RowsOf = Callable[..., "Iterator[pd.DataFrame]"]
"""Makes rows lazily: of a classifier, a data set (unless the table is drawn) and slices of it."""


@dataclass(frozen=True)
class Table:
    """A table of evidence: what it answers, and the module that makes it.

    The module has ``<rows>_rows``, which makes the rows for slices of a data set, and ``<rows>_parameters``, its settings
    for the table's address, where it has any. ``sample`` limits a costly table to so many images, drawn by a fixed seed.
    A ``drawn`` table is about lesions that the module draws itself, and needs no data.
    """

    about: str
    module: str
    rows: str
    sample: int = 0
    drawn: bool = False

    @property
    def small(self) -> bool:
        """Whether the table is about so few images that parts must be small."""
        return bool(self.sample) or self.drawn

    def load(self) -> tuple[RowsOf, dict[str, Any]]:
        """What makes the rows, and its settings. Loads torch, so only what is asked for is imported."""
        module = import_module(self.module)
        settings: dict[str, Any] = getattr(module, f"{self.rows}_parameters", dict)()
        return getattr(module, f"{self.rows}_rows"), settings | ({"sample": self.sample} if self.sample else {})

    def images(self, data: Dataset) -> Dataset:
        """The images of a data set that the table is about, in its order."""
        import numpy as np

        if not 0 < self.sample < len(data):
            return data
        chosen = np.random.default_rng(SAMPLE_SEED).choice(len(data), self.sample, replace=False)
        return data.take(data.records[i] for i in sorted(chosen))


SAMPLE_SEED = 0
SMALL_PART = 10
"""Images of a part of a table about few: processes share even a small sample evenly."""
TABLES = MappingProxyType(
    {
        "predictions": Table("what the model says of each image", "dermaviz.evidence.evaluate", "prediction"),
        "attacks": Table("the same under FGSM, PGD and noise of the same size", "dermaviz.evidence.tables.robustness", "attack"),
        "flips": Table("the smallest FGSM step that flips its answer", "dermaviz.evidence.tables.robustness", "flip"),
        "corruptions": Table(
            "what it says of each image when spoilt in 17 ways, five severities each", "dermaviz.evidence.tables.robustness",
            "corruption",
        ),
        "tone": Table("the skin round each lesion, as three estimators see it", "dermaviz.evidence.tables.tone", "tone"),
        "attention": Table("whether its attention lies on the lesion", "dermaviz.evidence.tables.attention", "attention"),
        "shortcuts": Table(
            "what it says with a ruler, ink or hair laid over, and of lesion or background alone",
            "dermaviz.evidence.tables.attention", "shortcuts",
        ),
        "counterfactuals": Table(
            "what it says of the same photo on other skin", "dermaviz.evidence.tables.tone", "counterfactuals", sample=300
        ),
        "faithfulness": Table(
            "whether what each attention method marks is what the answer hangs on",
            "dermaviz.evidence.tables.faithfulness", "faithfulness", sample=100,
        ),
        "randomisation": Table(
            "how each method's map changes as the weights are randomised",
            "dermaviz.evidence.tables.faithfulness", "randomisation", sample=60,
        ),
        "drawn_tone": Table(
            "what it says of the same drawn lesions on skin of every tone",
            "dermaviz.evidence.tables.tone", "drawn_tone", drawn=True,
        ),
    }
)  # fmt: skip


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

    from dermaviz.evidence import build_evidence
    from dermaviz.evidence.store import PART
    from dermaviz.models.checkpoint import load_checkpoint
    from dermaviz.models.classifier import keep_freed_memory

    unknown = sorted(set(table or ()) - set(TABLES))
    if unknown:
        raise typer.BadParameter(
            f"expected some of {', '.join(TABLES)}, found {', '.join(unknown)}", param_hint="--table"
        )
    keep_freed_memory()
    folder, where = checkpoint_folder(checkpoint), chosen_device(device)
    state = PartialState(cpu=where == "cpu")
    classifier = load_checkpoint(folder, state.device if state.num_processes > 1 else where)
    data = cache(partial(_images, classifier.card, root, split, dataset))
    for name in table or ["predictions"]:
        source, n, rows = _work(name, classifier, split, data)
        manifest = build_evidence(
            folder,
            source,
            n,
            rows,
            made={
                "dermaviz": __version__,
                "command": _command(checkpoint, split, name, dataset),
                "machine": _machine(),
            },
            process=state.process_index,
            processes=state.num_processes,
            wait_for_all=state.wait_for_everyone,
            part=SMALL_PART if TABLES[name].small else PART,
        )
        if state.is_main_process:
            seconds = manifest.made.get("seconds", "?")
            typer.echo(f"{folder.name} · {source.split} · {name}: {manifest.rows:,} rows, made in {seconds} s")


def _work(name: str, classifier: Classifier, split: str, data: Callable[[], Dataset]) -> tuple[Source, int, Rows]:
    """What a table will be made of, of how many images, and what makes its rows."""
    from dermaviz.evidence.evaluate import evidence_source
    from dermaviz.evidence.tables.tone import drawn_lesions, drawn_tone_source

    make, parameters = TABLES[name].load()
    if TABLES[name].drawn:
        return drawn_tone_source(classifier.card), len(drawn_lesions(classifier.classes)), partial(make, classifier)
    images = TABLES[name].images(data())
    source = evidence_source(name, classifier.card, images, split, **parameters)
    return source, len(images), partial(make, classifier, images)


def _images(card: Card, root: Path | None, split: str, dataset: str) -> Dataset:
    from dermaviz.data.readers import read_dataset
    from dermaviz.data.selection import pose, selection_on_card
    from dermaviz.data.split import SPLITS
    from dermaviz.evidence.evaluate import split_of_checkpoint

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
