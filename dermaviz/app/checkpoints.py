"""The installed checkpoints, and the classifier of each, loaded once for all sessions."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dermaviz.app.cache import shared
from dermaviz.app.turns import settle
from dermaviz.errors import AttentionError, CheckpointError
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
    found, reasons = _listed(_stamps())
    if not found:
        places = ", ".join(map(str, checkpoint_roots()))
        raise CheckpointError(
            f"expected a checkpoint in {places}, found none that can be read. {' '.join(reasons.values())} "
            "Clone the whole repository, or set DERMAVIZ_CHECKPOINTS to a folder of checkpoints."
        )
    return dict(found)


def broken_checkpoints() -> dict[str, str]:
    """The folders whose card cannot be used, each with the reason."""
    return dict(_listed(_stamps())[1])


def _stamps() -> tuple[tuple[str, int, int], ...]:
    """Each card's place, when it was written, and its size: cards are read again once one of them changes."""
    cards = [card for root in checkpoint_roots() for card in sorted(root.glob(f"*/{CARD}"))]
    return tuple((str(card), (stat := card.stat()).st_mtime_ns, stat.st_size) for card in cards if card.exists())


@shared(max_entries=1, show_spinner=False)
def _listed(stamps: tuple[tuple[str, int, int], ...]) -> tuple[dict[str, Checkpoint], dict[str, str]]:
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
