"""The command line: `dermaviz doctor`, which says what is here, what is broken, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import typer

from dermaviz.cli.options import DataRoot
from dermaviz.errors import DermaVizError

PACKAGES = ("torch", "torchvision", "timm", "streamlit", "accelerate", "grad-cam", "plotly", "pillow", "scikit-learn")


def doctor(root: DataRoot = None) -> None:
    """Check versions, devices, checkpoints and data; exit code 1 if anything needed is broken."""
    healthy = all([_versions(), _devices(), _checkpoints(), _data(root)])
    typer.echo("all well" if healthy else "something needs attention, see the lines marked ✗")
    if not healthy:
        raise typer.Exit(1)


def _line(well: bool, text: str) -> bool:
    typer.echo(f"{'✓' if well else '✗'} {text}")
    return well


def _versions() -> bool:
    well = _line(True, f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in PACKAGES:
        try:
            well &= _line(True, f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            well &= _line(False, f"{package}: not installed. Run: pip install -r requirements.txt")
    return well


def _devices() -> bool:
    try:
        import torch
        import torchvision  # noqa: F401  a mismatched pair fails at import
    except (ImportError, RuntimeError) as error:
        return _line(
            False, f"torch and torchvision do not work together ({error}). Run: pip install -r requirements.txt"
        )
    for i in range(torch.cuda.device_count()):
        _line(True, f"GPU {i}: {torch.cuda.get_device_name(i)}")
    return _line(True, f"CPU: {os.cpu_count()} cores, {torch.get_num_threads()} used by torch")


def _checkpoints() -> bool:
    from dermaviz.models.card import checkpoint_roots, list_checkpoints
    from dermaviz.models.checkpoint import verify_checkpoint

    found, broken = list_checkpoints()
    if not found and not broken:
        places = ", ".join(map(str, checkpoint_roots()))
        return _line(False, f"no checkpoint in {places}. Clone the whole repository, or set DERMAVIZ_CHECKPOINTS.")
    well = not broken
    for name, reason in broken.items():
        _line(False, f"checkpoint {name}: {reason}")
    for name, checkpoint in found.items():
        try:
            card = verify_checkpoint(checkpoint.folder)
            well &= _line(True, f"checkpoint {name}: intact, {card.architecture}, {len(card.classes)} classes")
        except DermaVizError as error:
            well &= _line(False, f"checkpoint {name}: {error}")
    return well


def _data(root: Path | None) -> bool:
    from dermaviz.data.readers import find_ham10000, read_ham10000

    if root is None and not os.environ.get("DERMAVIZ_DATA"):
        return _line(True, "data: none given; the app works without. --data or DERMAVIZ_DATA adds HAM10000")
    try:
        return _line(True, f"data: {len(read_ham10000(root))} images in {find_ham10000(root)}")
    except DermaVizError as error:
        return _line(False, f"data: {error}")
