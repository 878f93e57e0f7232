"""The command line: `dermaviz gate`, which teaches a checkpoint to say that a picture is no dermatoscopic image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dermaviz.cli.options import DataRoot, Device, checkpoint_folder, chosen_device


def gate(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint's folder, or its name in checkpoints/.")],
    root: DataRoot = None,
    outside: Annotated[
        Path | None,
        typer.Option(help="Folder with a sub-folder for each kind of picture that is no dermatoscopic image."),
    ] = None,
    components: Annotated[int, typer.Option(help="Main directions of the features.", min=1)] = 128,
    refused: Annotated[
        float, typer.Option(help="Share of validation photos that may be refused.", min=0, max=0.5)
    ] = 0.015,
    draws: Annotated[int, typer.Option(help="Bootstrap draws.", min=1)] = 1000,
    device: Device = "auto",
) -> None:
    """Fit the gate on training photos, set its limit on validation, measure it, and keep it beside the weights.

    Outside pictures are only measured on, never learned from. `tests/fetch_outside_pictures.py` gathers some.
    """
    from dermaviz.evaluation.gate_report import fit_checkpoint_gate

    folder = checkpoint_folder(checkpoint)
    facts = fit_checkpoint_gate(
        folder, root, outside, components=components, refused=refused, draws=draws, device=chosen_device(device)
    )
    share = f"{facts.refused_on_validation:.2%} of validation refused"
    typer.echo(f"{folder.name}: fitted on {facts.trained_on:,} photos, limit {facts.limit:.2f}, {share}")
    for found in facts.shares:
        what = f"{found.of}, {found.meaning}"
        value = f"{found.value:.4f}  [{found.low:.4f}, {found.high:.4f}]"
        typer.echo(f"  {what:48} {value}  {found.pictures:,} pictures of {found.sources:,}")
