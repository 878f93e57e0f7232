"""Evidence in the making: a table part by part, by one process or several; killed and started again, the file is the same."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from dermaviz.errors import EvidenceError
from dermaviz.evidence.store import (
    Manifest,
    Source,
    has_evidence,
    parquet_bytes,
    read_manifest,
    read_parquet,
    table_path,
    write_evidence,
)
from dermaviz.evidence.tables import PART
from dermaviz.io import atomic_write

Rows = Callable[[Sequence[slice]], Iterator[pd.DataFrame]]
"""What makes a table: for each slice of the data set, in order, its rows with a column ``image_id``. Lazy, so that it may
read ahead."""


def build_evidence(
    checkpoint: Path,
    source: Source,
    n_images: int,
    rows: Rows,
    *,
    made: Callable[[pd.DataFrame], Mapping[str, Any]] = lambda _: {},
    process: int = 0,
    processes: int = 1,
    wait_for_all: Callable[[], object] = lambda: None,
    progress: Callable[[float], object] = lambda _: None,
    part: int = PART,
) -> Manifest:
    """Make the table of ``source``, unless it is there already, and return its manifest.

    Part ``i`` is made by process ``i`` modulo ``processes``, without padding, and kept as a Parquet file in a folder named
    after the source's key: a part that is finished is never made again, and none is taken for that of another source.
    Process 0 joins the parts once ``wait_for_all`` returns.

    Args:
        checkpoint: the checkpoint's folder.
        n_images: size of the data set that ``rows`` slices.
        made: facts for the manifest (command, machine), given the table; seconds are added.
        progress: is told what share is done, in (0, 1], after every part.

    Raises:
        EvidenceError: a part is missing after all processes have ended.
    """
    finished = _finished(checkpoint, source)
    if finished:
        return finished
    table = table_path(checkpoint, source.table, source.images)
    parts = table.parent / f".{source.table}-{source.key[:12]}.parts"
    parts.mkdir(parents=True, exist_ok=True)
    slices = [slice(first, min(first + part, n_images)) for first in range(0, n_images, part)]
    started = time.perf_counter()
    mine = [i for i in range(process, len(slices), processes) if not _is_whole(parts / _name(i, part))]
    for i, frame in zip(mine, rows([slices[i] for i in mine]), strict=True):
        atomic_write(parts / _name(i, part), parquet_bytes(frame), error=EvidenceError)
        progress(slices[i].stop / n_images)
    wait_for_all()
    if process == 0:
        frame = _join(parts, len(slices), part)
        facts = {**made(frame), "processes": processes, "seconds": round(time.perf_counter() - started, 1)}
        write_evidence(checkpoint, frame, source, facts)
        shutil.rmtree(parts)
    wait_for_all()
    written = _finished(checkpoint, source)
    if written is None:
        raise EvidenceError(
            f"{table}: expected the table that was just made, found another. "
            "Let only one audit of a checkpoint run at a time, then start it again."
        )
    return written


def _finished(checkpoint: Path, source: Source) -> Manifest | None:
    if not has_evidence(checkpoint, source.table, source.images):
        return None
    manifest = read_manifest(table_path(checkpoint, source.table, source.images).with_suffix(".json"))
    return manifest if manifest.source.key == source.key else None


def _name(i: int, part: int) -> str:
    return f"{part}-{i:05d}.parquet"


def _is_whole(path: Path) -> bool:
    try:
        read_parquet(path.read_bytes())
    except (OSError, pa.ArrowInvalid):
        return False
    return True


def _join(parts: Path, n_parts: int, part: int) -> pd.DataFrame:
    paths = [parts / _name(i, part) for i in range(n_parts)]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise EvidenceError(
            f"{parts}: expected {n_parts} parts, found {len(missing)} missing ({', '.join(missing[:3])}). "
            "A process of the audit ended early; start the same command again, finished parts are kept."
        )
    frames = [frame for path in paths if len(frame := read_parquet(path.read_bytes()))]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"image_id": []})
