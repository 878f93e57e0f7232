"""What an audit left beside a checkpoint, read once for all sessions, and the figures computed from it, remembered.

Keys are the sha256 of the evidence and of the rows chosen from it, so a figure can never belong to other images. Nothing
here loads torch: pages that show a data set open without model or photos."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.cache import remembered
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.errors import EvidenceError
from dermaviz.evidence import Evidence, has_evidence, read_evidence
from dermaviz.evidence.store import labels_of, table_path
from dermaviz.metrics.bootstrap import Estimate, estimate
from dermaviz.metrics.classification import accuracy

PREDICTIONS, TONE = "predictions", "tone"
TONE_GROUP = "tone_group"
"""Column of the table ``tone``: the estimated tone group, in words."""


@dataclass(frozen=True)
class Audited:
    """What a checkpoint said of N images: ``labels`` int64 ``[N]`` and ``probabilities`` float64 ``[N, C]`` in the card's order.

    ``table`` has a row per image with ``image_id``, ``lesion_id``, ``dx`` and the data set's metadata. It is shared by all
    sessions: copy it before a change. ``key`` tells these images and answers from all others.
    """

    key: str
    checkpoint: Checkpoint
    table: pd.DataFrame
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @property
    def classes(self) -> tuple[str, ...]:
        """The card's classes."""
        return self.checkpoint.card.classes

    @property
    def lesions(self) -> NDArray[Any]:
        """The lesion that each image shows, ``[N]``."""
        return self.table["lesion_id"].to_numpy()

    @property
    def n_lesions(self) -> int:
        """How many different lesions the images show."""
        return int(self.table["lesion_id"].nunique())

    def take(self, rows: NDArray[Any]) -> Audited:
        """Only these images: a mask bool ``[N]``, or their indices."""
        if rows.dtype == bool and rows.all():
            return self
        digest = hashlib.sha256(self.key.encode() + rows.tobytes()).hexdigest()
        table = self.table[rows] if rows.dtype == bool else self.table.iloc[rows]
        return replace(
            self, key=digest, table=table.reset_index(drop=True), labels=self.labels[rows],
            probabilities=self.probabilities[rows],
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.labels)


def audited(checkpoint: Checkpoint, split: str = "test") -> Audited:
    """The predictions of a checkpoint on a split, each image with its tone group where tone was measured.

    Raises:
        EvidenceError: there is no such evidence, it is damaged, or it is of another model.
    """
    found = _read(str(checkpoint.folder), split, checkpoint.card.answers_sha256, _stamps(checkpoint, split), checkpoint)
    return replace(found, checkpoint=checkpoint)


def table_of(checkpoint: Checkpoint, table: str, split: str = "test") -> Evidence:
    """A table of a split; read, and judged, again once its files change.

    Raises:
        EvidenceError: there is no such table, it is damaged or stale.
    """
    path = table_path(checkpoint.folder, table, split)
    stamps = tuple(
        (file.stat().st_mtime_ns, file.stat().st_size) for file in (path, path.with_suffix(".json")) if file.is_file()
    )
    return _table(str(checkpoint.folder), table, split, checkpoint.card.answers_sha256, stamps, checkpoint)


def has_table(checkpoint: Checkpoint, table: str) -> bool:
    """Whether this was measured on a checkpoint's test images."""
    return has_evidence(checkpoint.folder, table)


@remembered(max_entries=256, show_spinner=False)
def share_right(audited: Audited) -> Estimate:
    """The share of images that are classified correctly, with its interval."""
    return estimate({"": accuracy}, audited.labels, audited.probabilities, audited.lesions)[""]


def tone_note(checkpoint: Checkpoint, split: str = "test") -> str | None:
    """Why the tone groups that an audit left cannot be used; None where they can, or where there are none."""
    try:
        _tone_groups(checkpoint, split)
    except EvidenceError as error:
        return str(error)
    return None


def same_images(first: Audited, second: Audited) -> tuple[Audited, Audited]:
    """Both audits on the images that both hold, in the same order.

    Raises:
        EvidenceError: they name other classes, other true classes for the same image, or share no image.
    """
    ids = first.table["image_id"]
    position = pd.Series(np.arange(len(second)), index=second.table["image_id"]).reindex(ids)
    shared = position.notna().to_numpy()
    one, other = first.take(shared), second.take(position[shared].to_numpy(np.intp))
    names = f"{first.checkpoint.name} and {second.checkpoint.name}"
    if first.classes != second.classes:
        raise EvidenceError(
            f"expected {names} to tell the same classes apart, found {', '.join(first.classes)} and "
            f"{', '.join(second.classes)}. Choose another second checkpoint."
        )
    if not len(one) or (one.labels != other.labels).any():
        raise EvidenceError(
            f"expected {names} to have evidence on the same images, found {len(one):,} shared ones"
            f"{' with other diagnoses' if len(one) else ''}. Audit both on the same data: "
            f"`dermaviz audit {second.checkpoint.name} --data FOLDER`."
        )
    return one, other


@st.cache_resource(max_entries=16, show_spinner="Reading the evidence …")
def _table(
    folder: str, table: str, split: str, model: str, stamps: tuple[tuple[int, int], ...], _checkpoint: Checkpoint
) -> Evidence:
    return read_evidence(_checkpoint.folder, table, split, checkpoint_sha256=model)


@st.cache_resource(max_entries=8, show_spinner=False)
def _read(
    folder: str, split: str, model: str, stamps: tuple[tuple[str, int, int], ...], _checkpoint: Checkpoint
) -> Audited:
    evidence = read_evidence(_checkpoint.folder, PREDICTIONS, split, checkpoint_sha256=model)
    classes = _checkpoint.card.classes
    table, columns = evidence.table, [f"p_{name}" for name in classes]
    labels = labels_of(table, classes)
    if not len(table):
        raise EvidenceError(
            f"{_checkpoint.name}: expected predictions of the split {split}, found no row. "
            f"Make them again: `dermaviz audit {_checkpoint.name} --data FOLDER --split {split}`."
        )
    key = evidence.manifest.sha256
    try:
        tone = _tone_groups(_checkpoint, split)
    except EvidenceError:
        tone = None  # `tone_note` says it on the page
    facts = table.drop(columns=columns)
    if tone is not None:
        facts[TONE_GROUP] = facts["image_id"].map(tone.table.set_index("image_id")[TONE_GROUP]).fillna("")
        key = hashlib.sha256(f"{key} {tone.manifest.sha256}".encode()).hexdigest()
    return Audited(key, _checkpoint, facts, labels, table[columns].to_numpy(np.float64))


def _tone_groups(checkpoint: Checkpoint, split: str) -> Evidence | None:
    if not has_evidence(checkpoint.folder, TONE, split):
        return None
    tone = read_evidence(checkpoint.folder, TONE, split, checkpoint_sha256=checkpoint.card.answers_sha256)
    return tone if TONE_GROUP in tone.table else None


def _stamps(checkpoint: Checkpoint, split: str) -> tuple[tuple[str, int, int], ...]:
    """When each file of evidence was last written, and its size: what has changed is read, and judged, again."""
    files = sorted(table_path(checkpoint.folder, PREDICTIONS, split).parent.glob("[!.]*.*"))
    return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files)
