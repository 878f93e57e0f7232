"""The command line: options that several commands share."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dermaviz.evidence.store import DataSplit

DataRoot = Annotated[
    Path | None,
    typer.Option("--data", envvar="DERMAVIZ_DATA", help="Folder of the data set, or the folder above it."),
]
DataColumns = Annotated[
    str,
    typer.Option(
        "--columns",
        help="Which column of the table holds what: image=…,label=…,lesion=…,patient=…,tone=…,sex=…,age=…,mask=…,split=… "
        "Those not named are found by their usual names.",
    ),
]
_CHECKPOINT = "A checkpoint's folder, or the name of one that is installed."
CheckpointArgument = Annotated[str, typer.Argument(help=_CHECKPOINT)]
CheckpointName = Annotated[str, typer.Option("--checkpoint", "-c", help=_CHECKPOINT)]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")]


Draws = Annotated[int, typer.Option(help="Bootstrap draws.", min=1, max=100_000)]


def expect_among(names: Iterable[str], known: Iterable[str], option: str) -> None:
    """Go on only if all names that an option gave are known ones."""
    if unknown := sorted({*names} - {*known}):
        raise typer.BadParameter(f"expected some of {', '.join(known)}, found {', '.join(unknown)}", param_hint=option)


def at_hand(text: str, checkpoint: Path, of: DataSplit) -> str:
    """A text with commands, in which FOLDER is where the audit of a data set read it, if that is remembered on this machine."""
    from dermaviz.data.photographs import remembered_place
    from dermaviz.evidence.store import FOLDER

    place = remembered_place(checkpoint / FOLDER / of.data_set)
    return text.replace("--data FOLDER", f"--data {shlex.quote(place.root)}") if place else text


def chosen_device(name: str) -> str:
    """The device of this name, if it is there; ``auto`` is the GPU where there is one."""
    import torch

    gpus = ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))] if torch.cuda.is_available() else []
    there = ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]
    if name == "auto":
        return "cuda" if gpus else "cpu"
    if name in there:
        return name
    raise typer.BadParameter(f"expected auto or one of {', '.join(there)}, found {name!r}", param_hint="--device")
