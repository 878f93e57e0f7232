"""Files: the one place where they are written whole or not at all, and where YAML and JSON are read with care."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from dermaviz.errors import DermaVizError

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


def _sync_folder(folder: Path) -> None:
    """Let a rename reach the disk, on systems that allow a folder to be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_abandoned(final: Path) -> None:
    for path in final.parent.glob(f".{_literal(final.name[:100])}.*.tmp"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()


def _literal(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def to_json(content: Any, *, indent: int | None = 2) -> str:
    """JSON as our files hold it: indented, in readable Unicode, ended by a line break; NaN and ∞ are refused."""
    return json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


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
            return yaml.load(text, Loader=loader)
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
