"""The installed checkpoints, the classifier of each, and what audits left beside it.

Evidence is keyed by checkpoint × data set × split. One data set is in use in a session: the query parameter ``data``
(``isic-uda1/test``), which the bar asks for and :func:`data_in_use` tells; without it, the checkpoint's own test
split. :func:`audited`, :func:`table_of` and :func:`has_table` read of the one in use unless another is named.

Models and tables are loaded once for all sessions, and tables again once their files change. Torch is loaded with the first
classifier: pages that show a data set open without model or photos.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.app.sessions import Stamps, remembered, settle, shared, stamps
from dermaviz.errors import AttentionError, CheckpointError, EvidenceError
from dermaviz.evidence import predictions
from dermaviz.evidence.predictions import PREDICTIONS, Audited, data_sets, evidence_of, internal, read_audited
from dermaviz.evidence.store import DataSplit, Evidence, audit_command, has_evidence, table_path
from dermaviz.metrics.comparison import BesideConstant, beside_constant
from dermaviz.models.card import CARD, checkpoint_roots, list_checkpoints
from dermaviz.models.card import Checkpoint as Checkpoint

if TYPE_CHECKING:
    from dermaviz.models.classifier import Classifier


_MAX_THREADS = 8


def installed_checkpoints() -> dict[str, Checkpoint]:
    """The checkpoints by name, the default one first; a folder with a broken card is left out.

    Raises:
        CheckpointError: there is none that can be read.
    """
    found, reasons = _listed(_cards())
    if not found:
        places = ", ".join(map(str, checkpoint_roots()))
        raise CheckpointError(
            f"expected a checkpoint in {places}, found none that can be read. {' '.join(reasons.values())} "
            "Clone the whole repository, or set DERMAVIZ_CHECKPOINTS to a folder of checkpoints."
        )
    return dict(found)


def other_checkpoints(checkpoint: Checkpoint) -> dict[str, Checkpoint]:
    """The installed checkpoints without this one, by name."""
    return {name: other for name, other in installed_checkpoints().items() if name != checkpoint.name}


def broken_checkpoints() -> dict[str, str]:
    """The folders whose card cannot be used, each with the reason."""
    return dict(_listed(_cards())[1])


def _cards() -> Stamps:
    return stamps(card for root in checkpoint_roots() for card in root.glob(f"*/{CARD}"))


@shared(max_entries=1, show_spinner=False)
def _listed(seen: Stamps) -> tuple[dict[str, Checkpoint], dict[str, str]]:
    return list_checkpoints()


@shared(max_entries=3, show_spinner="Loading the model, once …")
def classifier(checkpoint: Checkpoint) -> Classifier:
    """The classifier of a checkpoint as its weights and card are now, loaded once for all sessions and warmed up. Read-only.

    One whose card names a layer that gives no map is shown as one without maps: diagnosis and attacks work all the same.

    Raises:
        CheckpointError: the weights are missing or are not those of the card.
    """
    import torch

    from dermaviz.attention.maps import explain
    from dermaviz.models.checkpoint import load_checkpoint

    torch.set_num_threads(min(os.cpu_count() or 1, _MAX_THREADS))
    loaded = load_checkpoint(checkpoint.folder)
    blank = np.full((loaded.input_size, loaded.input_size, 3), 128, dtype=np.uint8)
    try:
        explain(loaded, loaded.to_tensor([blank]))  # the first forward of a network is slower
    except AttentionError:
        loaded = replace(loaded, card=replace(loaded.card, attention_layer=""))
    settle()
    return loaded


DATA = "data"
"""The query parameter, and key of the widget, that names the data set in use."""


def data_in_use(checkpoint: Checkpoint) -> DataSplit:
    """The data set and split that the pages show of a checkpoint: the one asked for if it has predictions of it, else its own
    test split, or an external set where it has no predictions of that one."""
    known = data_sets(checkpoint)
    asked = st.session_state.get(DATA) or st.query_params.get(DATA)
    return next((of for of in known if str(of) == asked), usual_data(checkpoint))


def usual_data(checkpoint: Checkpoint) -> DataSplit:
    """The data set that the pages show where none is asked for."""
    known, own = data_sets(checkpoint), internal(checkpoint.card)
    return next((of for of in known if of == own or of.data_set != own.data_set), own)


def audited(checkpoint: Checkpoint, of: DataSplit | None = None) -> Audited:
    """The predictions of a checkpoint on a data set (None: the one in use), each image with its tone group where tone was
    measured.

    Raises:
        EvidenceError: there is no such evidence, it is damaged, or it is of another model.
    """
    of = of or data_in_use(checkpoint)
    found = _audited(checkpoint, of, _stamps(checkpoint, of))
    return found if found.checkpoint.whole else replace(found, checkpoint=checkpoint)


def table_of(
    checkpoint: Checkpoint, table: str, of: DataSplit | None = None, columns: tuple[str, ...] | None = None
) -> Evidence:
    """A table of a checkpoint on a data set (None: the one in use), or only these columns of it; read, and judged, again once
    its files change.

    Raises:
        EvidenceError: there is no such table, it is damaged or stale.
    """
    of = of or data_in_use(checkpoint)
    return _table(checkpoint, table, of, columns, _stamps(checkpoint, of, table))


def one_each(audited: Audited, table: str) -> pd.DataFrame:
    """A table with one row per image, in the order of these images; shared, so copy it before a change.

    Raises:
        EvidenceError: there is no such table, it is damaged or stale, or lacks some of the images.
    """
    return _one_each(audited, table, table_of(audited.checkpoint, table))


@shared(max_entries=8, show_spinner=False)
def _one_each(audited: Audited, table: str, evidence: Evidence) -> pd.DataFrame:
    place = pd.Index(evidence.table["image_id"]).get_indexer(audited.table["image_id"])
    missing = int((place < 0).sum())
    if missing:
        raise EvidenceError(
            f"expected a row of the table {table} for each of {len(audited):,} images, found {missing:,} images without. "
            f"Make it on the same split: `{audit_command(audited.checkpoint.folder, audited.of, table)}`."
        )
    return evidence.table.iloc[place].reset_index(drop=True)


def has_table(checkpoint: Checkpoint, table: str, of: DataSplit | None = None) -> bool:
    """Whether this was measured of a checkpoint on a data set (None: the one in use)."""
    return has_evidence(checkpoint.folder, table, of or data_in_use(checkpoint))


def tone_note(checkpoint: Checkpoint, of: DataSplit | None = None) -> str | None:
    """Why the tone groups of a data set (None: the one in use) cannot be used; None where they can, or where there are none."""
    of = of or data_in_use(checkpoint)
    return _tone_note(checkpoint, of, _stamps(checkpoint, of))


@remembered(max_entries=256, show_spinner=False)
def worth(audited: Audited) -> BesideConstant:
    """How often these images are classified correctly, with intervals, beside always giving one class."""
    return beside_constant(audited.labels, audited.probabilities, audited.clusters)


def no_better(audited: Audited) -> str:
    """That a model does no better than always giving one class, in a sentence; "" where it does."""
    return worth(audited).finding(list(audited.checkpoint.card.words.values()))


@shared(max_entries=16, show_spinner="Reading the evidence …")
def _table(
    checkpoint: Checkpoint, table: str, of: DataSplit, columns: tuple[str, ...] | None, seen: Stamps
) -> Evidence:
    return evidence_of(checkpoint, table, of, columns)


@shared(max_entries=8, show_spinner=False)
def _audited(checkpoint: Checkpoint, of: DataSplit, seen: Stamps) -> Audited:
    return read_audited(checkpoint, of)


@shared(max_entries=64, show_spinner=False)
def _tone_note(checkpoint: Checkpoint, of: DataSplit, seen: Stamps) -> str | None:
    return predictions.tone_note(checkpoint, of)


def _stamps(checkpoint: Checkpoint, of: DataSplit, table: str = "[!.]*") -> Stamps:
    return stamps(table_path(checkpoint.folder, PREDICTIONS, of).parent.glob(f"{table}.*"))
