"""How long an audit will take, by what earlier audits took. Free of torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from statistics import median

from tqdm import tqdm

from dermaviz.errors import EvidenceError
from dermaviz.evidence.store import FOLDER, read_manifest
from dermaviz.evidence.tables import TABLES


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
