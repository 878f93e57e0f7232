"""What an audit left beside a checkpoint, read once for all sessions and again once its files change.

Nothing here loads torch: pages that show a data set open without model or photos."""

from __future__ import annotations

from dataclasses import replace

from dermaviz.app.cache import remembered, shared
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.evidence.predictions import PREDICTIONS, Audited, read_audited
from dermaviz.evidence.store import Evidence, has_evidence, read_evidence, table_path
from dermaviz.metrics.bootstrap import Estimate, estimate
from dermaviz.metrics.classification import accuracy

Stamps = tuple[tuple[str, int, int], ...]
"""Names of files, when each was last written, and its size."""


def audited(checkpoint: Checkpoint, split: str = "test") -> Audited:
    """The predictions of a checkpoint on a split, each image with its tone group where tone was measured.

    Raises:
        EvidenceError: there is no such evidence, it is damaged, or it is of another model.
    """
    return replace(_audited(checkpoint, split, _stamps(checkpoint, split)), checkpoint=checkpoint)


def table_of(checkpoint: Checkpoint, table: str, split: str = "test") -> Evidence:
    """A table of a split; read, and judged, again once its files change.

    Raises:
        EvidenceError: there is no such table, it is damaged or stale.
    """
    stamps = tuple(stamp for stamp in _stamps(checkpoint, split) if stamp[0].startswith(f"{table}."))
    return _table(checkpoint, table, split, stamps)


def has_table(checkpoint: Checkpoint, table: str) -> bool:
    """Whether this was measured on a checkpoint's test images."""
    return has_evidence(checkpoint.folder, table)


@remembered(max_entries=256, show_spinner=False)
def share_right(audited: Audited) -> Estimate:
    """The share of images that are classified correctly, with its interval."""
    return estimate({"": accuracy}, audited.labels, audited.probabilities, audited.lesions)[""]


@shared(max_entries=16, show_spinner="Reading the evidence …")
def _table(checkpoint: Checkpoint, table: str, split: str, stamps: Stamps) -> Evidence:
    return read_evidence(checkpoint.folder, table, split, checkpoint_sha256=checkpoint.card.answers_sha256)


@shared(max_entries=8, show_spinner=False)
def _audited(checkpoint: Checkpoint, split: str, stamps: Stamps) -> Audited:
    return read_audited(checkpoint, split)


def _stamps(checkpoint: Checkpoint, split: str) -> Stamps:
    files = sorted(table_path(checkpoint.folder, PREDICTIONS, split).parent.glob("[!.]*.*"))
    return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files)
