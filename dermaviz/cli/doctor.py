"""The command line: `dermaviz doctor`, which says what is here, what is broken, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import TYPE_CHECKING

import typer

from dermaviz.cli.options import DataColumns, DataRoot, at_hand
from dermaviz.errors import DermaVizError

if TYPE_CHECKING:
    from dermaviz.data.records import Record
    from dermaviz.models.card import Checkpoint

PACKAGES = ("torch", "torchvision", "timm", "streamlit", "accelerate", "grad-cam", "plotly", "pillow", "scikit-learn")


def doctor(root: DataRoot = None, columns: DataColumns = "") -> None:
    """Check versions, devices, checkpoints and any data set; exit code 1 if anything needed is broken."""
    healthy = all([_versions(), _devices(), _folders(), _checkpoints(), _data(root, columns)])
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
    from dermaviz.models.checkpoint import load_checkpoint
    from dermaviz.models.layers import require_layer

    found, broken = list_checkpoints()
    if not found and not broken:
        places = ", ".join(map(str, checkpoint_roots()))
        return _line(False, f"no checkpoint in {places}. Clone the whole repository, or set DERMAVIZ_CHECKPOINTS.")
    well = not broken
    for name, reason in broken.items():
        _line(False, f"checkpoint {name}: {reason}")
    for name, checkpoint in found.items():
        try:
            card = (loaded := load_checkpoint(checkpoint.folder)).card
            if card.attention_layer:
                require_layer(loaded.network, card.attention_layer)
            said = "" if card.attention_layer else "; no attention maps"
            _line(True, f"checkpoint {name}: intact, {card.architecture}, {len(card.classes)} classes{said}")
            well &= _evidence(checkpoint)
        except DermaVizError as error:
            well &= _line(False, f"checkpoint {name}: {error}")
    return well


def _evidence(checkpoint: Checkpoint) -> bool:
    """Whether every table that an audit left can be used."""
    from dermaviz.evidence.predictions import evidence_of
    from dermaviz.evidence.store import splits_with
    from dermaviz.evidence.tables import TABLES

    well = True
    for table in TABLES:
        for of in splits_with(checkpoint.folder, table):
            try:
                evidence_of(checkpoint, table, of)
            except DermaVizError as error:
                well = _line(False, f"evidence {checkpoint.name}: {at_hand(str(error), checkpoint.folder, of)}")
    return well


def _folders() -> bool:
    """Whether packed images and temporary files can be written."""
    from dermaviz.data.pack import pack_root

    well = True
    for what, place, variable in (
        ("packed images", pack_root, "DERMAVIZ_CACHE"),
        ("temporary files", gettempdir, "TMPDIR"),
    ):
        try:
            folder = Path(place())
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder) as file:
                file.write(bytes(2**20))
            free = shutil.disk_usage(folder).free / 1e9
            _line(True, f"{what}: {folder}, {free:.1f} GB free")
        except OSError as error:
            where = error.filename or "the folder"
            well = _line(False, f"{what}: {where} cannot be written ({error.strerror}). Make room, or set {variable}.")
    return well


def _data(root: Path | None, columns: str) -> bool:
    from dermaviz.data.folders import data_root
    from dermaviz.data.readers import read_dataset
    from dermaviz.data.split import crossing
    from dermaviz.data.tables import parse_columns

    if root is None and not os.environ.get("DERMAVIZ_DATA"):
        return _line(True, "data: none given; the app works without. --data or DERMAVIZ_DATA adds photographs")
    try:
        data = read_dataset("", root, parse_columns(columns))
        _line(True, f"data: {len(data):,} images in {data_root(root)}, {len(data.classes)} classes")
        for sentence in data.said:
            typer.echo(f"  {sentence}")
        damaged = _damaged(data.records)
        opened = len(_looked_at(data.records))
        if opened < len(data):
            typer.echo(f"  {opened:,} of its {len(data):,} pictures were opened, all over the data set.")
        for reason in damaged[:_NAMED]:
            _line(False, f"data: {reason}")
        given = {record.image_id: record.split for record in data.records if record.split}
        kind, across = crossing(data, given) if len(given) == len(data) else ("", {})
        if across:
            _line(
                False,
                f"data: {len(across):,} of its {kind}s are in more than one of its splits: {', '.join([*across][:_NAMED])}",
            )
        return not (damaged or across)
    except DermaVizError as error:
        return _line(False, f"data: {error}")


_LOOKED_AT, _NAMED = 300, 5


def _looked_at(records: Sequence[Record]) -> Sequence[Record]:
    """All of a small data set, of a large one some from all over it; all are looked at when they are audited."""
    return records[:: -(-len(records) // _LOOKED_AT)]


def _damaged(records: Sequence[Record]) -> list[str]:
    """Why pictures are refused, of those looked at."""
    from tqdm import tqdm

    from dermaviz.errors import ImageError
    from dermaviz.images import read_image

    reasons = []
    for record in tqdm(_looked_at(records), desc="opening pictures", leave=False, disable=None):
        try:
            read_image(record.path)
        except ImageError as refusal:
            reasons.append(f"{record.path}: {refusal}")
    return reasons
