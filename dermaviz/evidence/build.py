"""Evidence in the making: a table part by part, by one process or several; killed and started again, the file is the same. And
how long that will take, by what earlier audits took. Free of torch."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import pyarrow as pa
from tqdm import tqdm

from dermaviz.errors import EvidenceError
from dermaviz.evidence.store import (
    FOLDER,
    Manifest,
    Source,
    has_evidence,
    parquet_bytes,
    read_manifest,
    read_parquet,
    table_path,
    write_evidence,
)
from dermaviz.evidence.tables import PART, TABLES
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


def expected_seconds(checkpoint: Path, tables: Iterable[str], n_images: int) -> dict[str, float | None]:
    """Seconds that each table will take on so many images: the median pace of the same table in this checkpoint's evidence, on
    any data set, else in that of the checkpoints beside it; None where none was ever made."""
    return {name: _seconds(checkpoint, name, n_images) for name in tables}


def _seconds(checkpoint: Path, table: str, n_images: int) -> float | None:
    for folders in ([checkpoint], sorted(checkpoint.parent.glob("*/"))):
        made = [path for folder in folders for path in sorted((folder / FOLDER).glob(f"*/*/{table}.json"))]
        paces = [pace for path in made if (pace := _pace(path, table)) is not None]
        if paces:
            return median(paces) * _measured(table, n_images)
    return None


def _pace(manifest: Path, table: str) -> float | None:
    """Seconds of one process for each image of a table that was made; None where it is not said."""
    beside = manifest.with_name("predictions.json")
    try:
        made = read_manifest(manifest).made
        images = _measured(table, read_manifest(beside).rows if beside.is_file() else 0)
    except EvidenceError:
        return None
    return float(made["seconds"]) * float(made.get("processes", 1)) / images if images and "seconds" in made else None


def _measured(table: str, n_images: int) -> int:
    """Of how many images a table is; 1 where it always draws the same."""
    row = TABLES[table]
    return 1 if row.drawn else min(n_images, row.sample) if row.sample else n_images


def time_in_words(seconds: Mapping[str, float | None]) -> str:
    """What is known of the time, in a sentence: ``About 25 minutes by what earlier audits took; not known of: flips.``"""
    known = [value for value in seconds.values() if value is not None]
    without = [name for name, value in seconds.items() if value is None]
    minutes = max(1, round(sum(known) / 60))
    long = f"{minutes / 60:.1f} hours" if minutes >= 120 else f"{minutes} minute{'' if minutes == 1 else 's'}"
    said = f"About {long} by what earlier audits took" if known else "No time is known"
    return said + (f"; not known of: {', '.join(without)}." if without and known else ".")


@contextmanager
def progress_bar(seconds: Mapping[str, float | None], shown: bool = True) -> Iterator[Callable[[str, float], None]]:
    """One bar for all tables, and what moves it to a share of one of them. Each is as long as it is expected to take, one of
    which that is not known as long as another. It is drawn in a terminal only."""
    usual = median([one for one in seconds.values() if one] or [1.0])
    length = {name: one or usual for name, one in seconds.items()}
    ends = dict(zip(length, accumulate(length.values()), strict=True))
    looks = "{desc}: {percentage:3.0f}% |{bar}| {elapsed}, {remaining} to go"
    with tqdm(total=sum(length.values()), bar_format=looks, disable=None if shown else True) as bar:

        def move(table: str, share: float) -> None:
            bar.set_description_str(table, refresh=False)
            bar.update(ends[table] - (1 - share) * length[table] - bar.n)

        yield move
