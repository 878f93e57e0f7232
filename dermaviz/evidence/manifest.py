"""Evidence: what a table was made of, and the manifest that vouches for its file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from dermaviz.errors import EvidenceError


@dataclass(frozen=True)
class Source:
    """Everything that decides what is in a table: the same source gives the same rows.

    Args:
        table: ``predictions``, ``attacks`` …
        dataset, split: whose images these are.
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


@dataclass(frozen=True)
class Manifest:
    """A table's source, the number of its rows, the sha256 of its file, and how it was made (command, seconds, machine)."""

    source: Source
    rows: int
    sha256: str
    made: Mapping[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the manifest as JSON, under a temporary name that is renamed last."""
        unfinished = path.with_suffix(".json.tmp")
        unfinished.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        unfinished.replace(path)


def read_manifest(path: Path) -> Manifest:
    """Read a table's manifest.

    Raises:
        EvidenceError: the file is no manifest.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        manifest = Manifest(**{**content, "source": Source(**content["source"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        wanted = ", ".join(f.name for f in fields(Manifest))
        raise EvidenceError(
            f"{path}: expected a manifest of evidence ({wanted}), found none that can be read. "
            "Delete the file and make the evidence again with `dermaviz audit`."
        ) from error
    return manifest
