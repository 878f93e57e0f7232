"""Files: the one place where they are written whole or not at all, and where YAML, JSON and CSV are handled with care."""

from __future__ import annotations

import csv
import glob
import hashlib
import io
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import yaml

from dermaviz.errors import DermaVizError

if TYPE_CHECKING:
    import pandas as pd

_SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same values, ten times as fast
MAX_BYTES = 64 * 2**20
"""Largest YAML or JSON file that is read; the largest of ours, a card with its curve, has 60 kB."""
MAX_DEPTH = 64
"""Deepest nesting of lists and mappings in YAML; the deepest of ours has 8 levels."""
_ABANDONED_SECONDS = 3600


def atomic_write(
    path: str | Path,
    content: bytes | str | Callable[[BinaryIO], object],
    *,
    error: type[DermaVizError] = DermaVizError,
) -> Path:
    """Write a file whole or not at all; returns its path.

    The content goes to a hidden temporary file in the same folder, reaches the disk, and is then renamed: a reader, a
    full disk or a pulled plug sees the old file or the new one. A link keeps pointing where it did; missing folders are
    made. What killed processes left behind is removed once it is an hour old.

    Args:
        content: bytes, text (written as UTF-8), or a function that writes to the file that it is given.
        error: raised where the file cannot be written.

    Raises:
        DermaVizError: ``error``, if ``path`` is no file, or the system refuses (a full disk, a read-only folder).
    """
    wanted, final = Path(path), Path(os.path.realpath(path))
    temporary = final.with_name(f".{final.name[:100]}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        if final.exists() and not final.is_file():
            raise error(f"expected a file to write at {wanted}, found a folder or a device. Choose another name.")
        final.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(final)
        with temporary.open("xb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(final)
    except OSError as failure:
        raise error(
            f"expected to write {wanted}, found: {failure.strerror or failure}. Make room, check the folder's permissions, "
            "or choose another place."
        ) from failure
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    _sync_folder(final.parent)
    return wanted


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's content in hexadecimal, read piece by piece.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    """Let a rename reach the disk, on systems that allow a folder to be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_abandoned(final: Path) -> None:
    for path in final.parent.glob(f".{glob.escape(final.name[:100])}.*.tmp"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()


def to_json(content: Any, *, indent: int | None = 2) -> str:
    """JSON as our files hold it: indented, in readable Unicode, ended by a line break; NaN and ∞ are refused."""
    return json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # the last four are the full-width signs


def csv_cell(value: Any) -> Any:
    """A value as a cell that no spreadsheet computes: text that begins like a formula gets an apostrophe in front.

    Numbers stay as they are, written as text or not. :func:`from_csv_cell` is the inverse. After OWASP, "CSV Injection".
    """
    if not isinstance(value, str) or not _FORMULA.match(value):
        return value
    with suppress(ValueError):
        float(value)
        return value
    return f"'{value}"


def from_csv_cell(text: str) -> str:
    """The text that :func:`csv_cell` wrote."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def csv_text(rows: Iterable[Sequence[Any]], ending: str = "\n") -> str:
    """Rows as CSV; every cell by :func:`csv_cell`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # before Python 3.13 only these two signs are quoted in a cell
    lines = []
    for row in rows:
        writer.writerow([csv_cell(value) for value in row])
        lines.append(text.getvalue()[:-2] + ending)
        text.seek(0)
        text.truncate()
    return "".join(lines)


def csv_of(table: pd.DataFrame, ending: str = "\n", float_format: str | None = None) -> bytes:
    """A table without its index as CSV in UTF-8; names and text by :func:`csv_cell`, with line breaks of one kind."""

    def cell(value: Any) -> Any:
        return csv_cell(re.sub("\r\n?", "\n", value) if isinstance(value, str) else value)

    safe = table.apply(lambda column: column if column.dtype.kind in "biufc" else column.map(cell))
    safe = safe.set_axis(map(cell, safe.columns), axis="columns")
    text = safe.to_csv(index=False, lineterminator=ending, float_format=float_format)
    return text.encode("utf-8", errors="backslashreplace")


def read_json(path: str | Path, what: str, *, error: type[DermaVizError] = DermaVizError, remedy: str = "") -> Any:
    """The content of a JSON file.

    Args:
        what: what the file is meant to be, for messages: "a card".
        error: raised where the file cannot be used.
        remedy: the last sentence of a message: what to do next.

    Raises:
        DermaVizError: ``error``, if the file is absent, cannot be read, is larger than 64 MB or is no JSON.
    """
    text = _read_text(Path(path), what, error, remedy)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as failure:
        raise error(
            f"{path}: expected JSON, found text that is not ({_reason(failure)}). {remedy}".rstrip()
        ) from failure


def read_yaml(
    path: str | Path,
    what: str,
    *,
    error: type[DermaVizError] = DermaVizError,
    remedy: str = "",
    loader: type = _SAFE,
) -> Any:
    """The content of a YAML file without aliases, by PyYAML's safe loader or a subclass of it.

    Aliases are refused because a few hundred bytes of them can stand for more values than any memory holds.

    Args:
        what, error, remedy: as for :func:`read_json`.

    Raises:
        DermaVizError: ``error``, as :func:`read_json`; or if the file has an alias or more than 64 nested levels.
    """
    text = _read_text(Path(path), what, error, remedy)
    try:
        refusal = _refusal_of_yaml(text)
        if refusal is None:
            return yaml.load(text, Loader=loader)  # noqa: S506  the safe loader, or a subclass of it
    except DermaVizError as refusal:  # the loader's own
        raise error(f"{path}: {refusal}") from refusal
    except Exception as failure:  # a constructor raises whatever a hostile tag makes it meet
        raise error(
            f"{path}: expected YAML, found text that is not ({_reason(failure)}). {remedy}".rstrip()
        ) from failure
    raise error(f"{path}: expected plain YAML, found {refusal}. {remedy}".rstrip())


def _refusal_of_yaml(text: str) -> str | None:
    depth = 0
    for event in yaml.parse(text, Loader=_SAFE):
        line = event.start_mark.line + 1 if event.start_mark else 0
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            return f"more than {MAX_DEPTH} nested levels in line {line}"
        if isinstance(event, yaml.AliasEvent):
            return f"the alias *{event.anchor} in line {line}; write the values out"
    return None


def _read_text(path: Path, what: str, error: type[DermaVizError], remedy: str) -> str:
    try:
        if path.is_dir():
            raise error(f"expected {what} at {path}, found a folder. {remedy}".rstrip())
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise error(f"{path}: expected {what} of at most {MAX_BYTES:,} bytes, found {size:,}. {remedy}".rstrip())
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as failure:
        raise error(f"expected {what} at {path}, found none. {remedy}".rstrip()) from failure
    except (OSError, UnicodeDecodeError) as failure:
        raise error(
            f"{path}: expected {what} that can be read, found {_reason(failure)}. {remedy}".rstrip()
        ) from failure


def _reason(failure: Exception) -> str:
    if isinstance(failure, RecursionError):
        return "it is nested too deeply"
    if isinstance(failure, UnicodeDecodeError):
        return f"bytes that are no UTF-8 from byte {failure.start} on"
    text = (failure.strerror or str(failure)) if isinstance(failure, OSError) else str(failure)
    return " ".join(text.split())[:300] or type(failure).__name__
