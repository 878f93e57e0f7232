"""Evidence: where tables lie, how they are written whole and read back only when they are what they claim to be."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dermaviz.errors import EvidenceError
from dermaviz.evidence.manifest import Manifest, Source, read_manifest

FOLDER = "evidence"


@dataclass(frozen=True)
class Evidence:
    """A table with the manifest that vouches for it. The table is shared between readers: copy it before a change."""

    table: pd.DataFrame
    manifest: Manifest


def table_path(checkpoint: Path, table: str, split: str) -> Path:
    """Where a table of a checkpoint lies; its manifest has the same name with ``.json``."""
    return checkpoint / FOLDER / split / f"{table}.parquet"


def has_evidence(checkpoint: Path, table: str, split: str = "test") -> bool:
    """Whether a checkpoint has this table, finished; says nothing on whether it is fresh."""
    path = table_path(checkpoint, table, split)
    return path.is_file() and path.with_suffix(".json").is_file()


def read_evidence(checkpoint: Path, table: str, split: str = "test", *, checkpoint_sha256: str) -> Evidence:
    """Read a table of a checkpoint's evidence.

    Args:
        checkpoint: the checkpoint's folder.
        table: ``predictions``, ``attacks`` …
        split: which images.
        checkpoint_sha256: the model's ``Card.answers_sha256`` now; evidence of another model is stale.

    Raises:
        EvidenceError: there is no such table, its file is not the one that the manifest vouches for (cut short, say),
            or it is stale.
    """
    path = table_path(checkpoint, table, split)
    remedy = f"Make it: `dermaviz audit {checkpoint.name} --data FOLDER --split {split} --table {table}`."
    if not has_evidence(checkpoint, table, split):
        raise EvidenceError(f"expected evidence at {path}, found none that is finished. {remedy}")
    manifest = read_manifest(path.with_suffix(".json"))
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != manifest.sha256:
        raise EvidenceError(
            f"{path}: expected sha256 {manifest.sha256[:12]}… as in its manifest, found {found[:12]}… in {len(content):,} "
            f"bytes. The file was cut short or changed. Delete it. {remedy}"
        )
    if manifest.source.checkpoint_sha256 != checkpoint_sha256:
        raise EvidenceError(
            f"{path}: expected evidence of the checkpoint as it is now ({checkpoint_sha256[:12]}…), found that of another "
            f"({manifest.source.checkpoint_sha256[:12]}…). It is stale: weights, temperature or input size have changed. "
            f"{remedy}"
        )
    return Evidence(read_parquet(content), manifest)


def write_evidence(checkpoint: Path, frame: pd.DataFrame, source: Source, made: dict[str, object]) -> Manifest:
    """Write a table and then its manifest; what was there before is no longer vouched for from the first moment on."""
    path = table_path(checkpoint, source.table, source.split)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").unlink(missing_ok=True)
    content = parquet_bytes(frame)
    unfinished = path.with_suffix(".parquet.tmp")
    unfinished.write_bytes(content)
    unfinished.replace(path)
    manifest = Manifest(source, len(frame), hashlib.sha256(content).hexdigest(), made)
    manifest.write(path.with_suffix(".json"))
    return manifest


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """A table as the bytes of a Parquet file; the same table gives the same bytes."""
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), stream, compression="zstd")
    return stream.getvalue()


def read_parquet(content: bytes) -> pd.DataFrame:
    """The table in the bytes of a Parquet file."""
    return pq.read_table(io.BytesIO(content)).to_pandas()
