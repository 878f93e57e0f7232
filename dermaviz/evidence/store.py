"""Evidence on disk: a Parquet table with a manifest that is written last and vouches for it."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dermaviz.errors import EvidenceError, MissingEvidenceError
from dermaviz.evidence.tables import TABLES
from dermaviz.io import atomic_write, read_json, to_json
from dermaviz.schema import build, validated

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_name(text: str) -> bool:
    """Whether a data set or a split may be called so: a folder bears the name, and so does a link."""
    return _NAME.fullmatch(text) is not None


def as_name(text: str) -> str:
    """The nearest name that :func:`is_name` to any text, such as a folder's: ``My lesions (2)`` is ``My-lesions-2``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:100] or "data"


@dataclass(frozen=True)
class DataSplit:
    """Whose images evidence is of: a data set and one of its splits, as folders, links and commands name them.

    Evidence lies in ``evidence/<data set>/<split>/`` of the checkpoint's folder, so an external set stands beside the internal
    test set and never replaces it.

    Raises:
        EvidenceError: a name is not of letters, digits, dots, dashes and underscores: it could lie outside that folder.
    """

    data_set: str
    split: str

    def __post_init__(self) -> None:
        for what, name in (("data set", self.data_set), ("split", self.split)):
            if not is_name(name):
                raise EvidenceError(
                    f"expected a name for the {what} of letters, digits, dots, dashes and underscores, found {name!r}. "
                    "Evidence is kept in a folder of that name; choose another."
                )

    def __str__(self) -> str:
        """``ham10000/test``: as links name it."""
        return f"{self.data_set}/{self.split}"


UNNAMED = "internal"
"""What stands for the data set that a checkpoint was trained on where its card names none: nothing can be measured on that."""


def audit_command(
    checkpoint: Path, of: DataSplit | None, *tables: str, like: Path | None = None, folder: str = "FOLDER"
) -> str:
    """The command that makes evidence beside the folder ``checkpoint``; every page, message and report has it from here.

    Args:
        of: whose images: the data are read, and labels taken, as for their predictions, of the split that these are of. None, or
            where the card names no data set, images of any other data set.
        tables: those to make; none: the predictions.
        like: the folder of another checkpoint, whose predictions say how the data are read where this one has none.
        folder: what stands for the place of the data, for reports are sent to others; the command line puts it there.
    """
    named, known = [], of is not None and of.data_set != UNNAMED
    if of is not None and known:
        named = ["--as", of.data_set, "--split", of.split, *(_how_read(checkpoint, of) or _how_read(like, of))]
    made = [part for table in tables for part in ("--table", table)]
    return shlex.join(["dermaviz", "audit", checkpoint.name, "--data", folder, *named, *made])


def _how_read(checkpoint: Path | None, of: DataSplit) -> list[str]:
    """The options with which a data set was read for a checkpoint's predictions; none where there are none."""
    options = {} if checkpoint is None else options_told(command_of(table_path(checkpoint, "predictions", of)))
    return [word for option, value in options.items() if value for word in (f"--{option}", value)]


def command_of(table: Path) -> str:
    """The command that made a table, by the manifest beside its file; "" where none says."""
    try:
        return str(read_manifest(table.with_suffix(".json")).made.get("command", ""))
    except EvidenceError:
        return ""


def options_told(command: str) -> dict[str, str]:
    """The options of `dermaviz audit` that say how another data set is read (``columns, map, dataset``), "" where one is not
    given."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for option in ("--columns", "--map", "--dataset"):
        parser.add_argument(option, default="")
    try:
        return vars(parser.parse_known_args(shlex.split(command))[0])
    except (ValueError, argparse.ArgumentError):
        return {}


@validated(EvidenceError, "source")
class Source:
    """Everything that decides what is in a table: the same source gives the same rows.

    Args:
        table: ``predictions``, ``attacks`` …
        dataset, split: whose images these are; see :class:`DataSplit` for how they may be called.
        checkpoint_sha256: of all that decides the model's answers (``Card.answers_sha256``).
        data_sha256: of the images' ids, lesions, labels and file sizes (``Dataset.sha256``).
        parameters: settings of the measurement, as JSON takes them.
    """

    table: str
    dataset: str
    split: str
    checkpoint_sha256: str
    data_sha256: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The sha256 of the source: its address."""
        content = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def images(self) -> DataSplit:
        """Whose images these are."""
        return DataSplit(self.dataset, self.split)


@validated(EvidenceError, "manifest")
class Manifest:
    """A table's source, the number of its rows, the sha256 of its file, and how it was made (command, seconds, machine)."""

    source: Source
    rows: int
    sha256: str
    made: Mapping[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the manifest as JSON, whole or not at all."""
        atomic_write(path, to_json(asdict(self)), error=EvidenceError)


def read_manifest(path: Path) -> Manifest:
    """A table's manifest; an EvidenceError where the file is none."""
    remedy = "Delete the file and make the evidence again with `dermaviz audit`."
    content = read_json(path, "a manifest of evidence", error=EvidenceError, remedy=remedy)
    try:
        return build(Manifest, content)
    except EvidenceError as error:
        raise EvidenceError(
            f"{path}: expected a manifest of evidence, found another file ({error}). {remedy}"
        ) from error


FOLDER = "evidence"


@dataclass(frozen=True)
class Evidence:
    """A table with the manifest that vouches for it. The table is shared between readers: copy it before a change."""

    table: pd.DataFrame
    manifest: Manifest


def table_path(checkpoint: Path, table: str, of: DataSplit) -> Path:
    """Where a table of a checkpoint lies; its manifest has the same name with ``.json``."""
    return checkpoint / FOLDER / of.data_set / of.split / f"{table}.parquet"


def has_evidence(checkpoint: Path, table: str, of: DataSplit) -> bool:
    """Whether a checkpoint has this table, finished; says nothing on whether it is fresh."""
    path = table_path(checkpoint, table, of)
    return path.is_file() and path.with_suffix(".json").is_file()


def splits_with(checkpoint: Path, table: str) -> list[DataSplit]:
    """Every data set and split of which a checkpoint has this table, finished, by name."""
    manifests = sorted((checkpoint / FOLDER).glob(f"*/*/{table}.json"))
    names = [(path.parents[1].name, path.parent.name) for path in manifests]
    found = [DataSplit(*pair) for pair in names if all(map(is_name, pair))]
    return [of for of in found if has_evidence(checkpoint, table, of)]


def read_evidence(
    checkpoint: Path,
    table: str,
    of: DataSplit,
    *,
    checkpoint_sha256: str,
    columns: Sequence[str] | None = None,
    answers_when: Callable[[Sequence[str]], str] | None = None,
) -> Evidence:
    """Read a table (``predictions``, ``attacks`` …) of the evidence in a checkpoint's folder.

    Args:
        of: whose images.
        checkpoint_sha256: the model's ``Card.answers_sha256`` now; evidence of another model is stale.
        columns: those that are wanted, all by default.
        answers_when: ``Checkpoint.answers_when``, to go on with a table that does not say which classes are malignant where
            only these have changed since.

    Raises:
        MissingEvidenceError: there is no such table.
        EvidenceError: its file is not the one that the manifest vouches for (cut short, say), it is stale, or it is not as
            its row in ``TABLES`` says.
    """
    path = table_path(checkpoint, table, of)
    remedy = f"Make it: `{audit_command(checkpoint, of, table)}`."
    if not has_evidence(checkpoint, table, of):
        below = path.relative_to(checkpoint)
        raise MissingEvidenceError(
            f"{checkpoint.name}: expected the table {table} at {below} in its folder, found none that is finished. {remedy}"
        )
    manifest = read_manifest(path.with_suffix(".json"))
    try:
        content = path.read_bytes()
    except OSError as failure:
        raise EvidenceError(
            f"{path}: expected a file that can be read, found {failure.strerror}. {remedy}"
        ) from failure
    found = hashlib.sha256(content).hexdigest()
    if found != manifest.sha256:
        raise EvidenceError(
            f"{path}: expected sha256 {manifest.sha256[:12]}… as in its manifest, found {found[:12]}… in {len(content):,} "
            f"bytes. The file was cut short or changed. Delete it. {remedy}"
        )
    made_by = manifest.source.checkpoint_sha256
    if made_by != checkpoint_sha256 and (why := _why_stale(manifest, table, answers_when)):
        raise EvidenceError(
            f"{path}: expected evidence of the checkpoint as it is now ({checkpoint_sha256[:12]}…), found that of another "
            f"({made_by[:12]}…). It is stale: {why}. {remedy}"
        )
    try:
        evidence = Evidence(read_parquet(content, columns), manifest)
    except (pa.ArrowException, OSError, ValueError) as failure:
        raise EvidenceError(
            f"{path}: expected a Parquet table, found another file ({str(failure)[:200]}). Delete it. {remedy}"
        ) from failure
    if table in TABLES:
        TABLES[table].check(evidence.table, str(path), columns)
    return evidence


WERE_MALIGNANT = "malignant"
"""In ``made`` of a manifest: the classes that counted as malignant."""


def _why_stale(manifest: Manifest, table: str, answers_when: Callable[[Sequence[str]], str] | None) -> str:
    """Why a table of a checkpoint that is another now cannot be used; "" where only other classes count as malignant, and no
    column of it depends on which. Where labels stood for groups of classes, the malignant ones decided what is in it."""
    source, before = manifest.source, manifest.made.get(WERE_MALIGNANT, [])
    known = isinstance(before, list) and all(isinstance(name, str) for name in before)
    if (
        answers_when is None
        or not known
        or "labels" in source.parameters
        or source.checkpoint_sha256 != answers_when(before)
    ):
        return "weights, classes, those that count as malignant, temperature, input size or normalisation have changed"
    if table in TABLES and "p_malignant" not in TABLES[table].columns:
        return ""
    return "other classes count as malignant now, and it holds the sum of their probabilities"


def write_evidence(checkpoint: Path, frame: pd.DataFrame, source: Source, made: dict[str, object]) -> Manifest:
    """Write a table and then its manifest; what was there before is no longer vouched for from the first moment on."""
    path = table_path(checkpoint, source.table, source.images)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").unlink(missing_ok=True)
    content = parquet_bytes(frame)
    atomic_write(path, content, error=EvidenceError)
    manifest = Manifest(source, len(frame), hashlib.sha256(content).hexdigest(), made)
    manifest.write(path.with_suffix(".json"))
    return manifest


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """A table as the bytes of a Parquet file; the same table gives the same bytes."""
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), stream, compression="zstd")
    return stream.getvalue()


LONG = 1_000_000
"""Rows from which on texts are read as categories: eleven millions of image ids are 40 MB of numbers then."""


def read_parquet(content: bytes, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The table in the bytes of a Parquet file, or these columns of it; the texts of one with more than ``LONG`` rows are
    categories."""
    file = pq.ParquetFile(pa.BufferReader(content))
    wanted = [field for field in file.schema_arrow if columns is None or field.name in columns]
    if file.metadata.num_rows > LONG:
        texts = [field.name for field in wanted if field.type in (pa.string(), pa.large_string())]
        file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=texts)
    table = file.read(columns=[field.name for field in wanted])
    return table.to_pandas(split_blocks=True, self_destruct=True)


def require_columns(table: pd.DataFrame, wanted: Sequence[str]) -> None:
    """Go on only with a table that has all of these columns; else an EvidenceError."""
    missing = [name for name in wanted if name not in table]
    if missing:
        raise EvidenceError(
            f"expected the columns {', '.join(wanted)}, found {', '.join(missing)} missing. "
            "Make the evidence again with `dermaviz audit`."
        )


def labels_of(table: pd.DataFrame, classes: tuple[str, ...]) -> NDArray[np.int64]:
    """The true class of each row of the table ``predictions``, int64 ``[N]``, as an index into ``classes``.

    Raises:
        EvidenceError: a column of predictions is missing (``image_id, lesion_id, dx, p_<class>``), or a diagnosis is none of
            the classes.
    """
    require_columns(table, ("image_id", "lesion_id", "dx", *(f"p_{name}" for name in classes)))
    text = [name for name in classes if table[f"p_{name}"].dtype.kind not in "fiu"]
    if text:
        raise EvidenceError(
            f"expected probabilities as numbers, found others in {', '.join(f'p_{name}' for name in text)}. "
            "Make the evidence again with `dermaviz audit`."
        )
    unknown = sorted({str(name) for name in table["dx"].unique()} - set(classes))
    if unknown:
        raise EvidenceError(
            f"expected predictions of the classes {', '.join(classes)}, found the unknown diagnoses {', '.join(unknown)}. "
            "Make the evidence again with `dermaviz audit`."
        )
    return pd.Categorical(table["dx"], categories=list(classes)).codes.astype(np.int64)
