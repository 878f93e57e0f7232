"""The installed checkpoints, and the classifier of each, loaded once for all sessions."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import numpy as np

from dermaviz.app.cache import shared
from dermaviz.errors import CheckpointError
from dermaviz.models.card import Checkpoint as Checkpoint
from dermaviz.models.card import checkpoint_roots, list_checkpoints

if TYPE_CHECKING:
    from dermaviz.models.classifier import Classifier


_MAX_THREADS = 8

TURN = threading.BoundedSemaphore(1)
"""Held while the model runs, so that sessions queue instead of fighting over the cores."""
DECODING = threading.BoundedSemaphore(2)
"""Held while a photo is decoded. No large one keeps those waiting who only ask the model, and two take at most 800 MB."""


def installed_checkpoints() -> dict[str, Checkpoint]:
    """The checkpoints by name, the default one first; a folder with a broken card is left out.

    Raises:
        CheckpointError: there is none that can be read.
    """
    found, reasons = list_checkpoints()
    if not found:
        places = ", ".join(map(str, checkpoint_roots()))
        raise CheckpointError(
            f"expected a checkpoint in {places}, found none that can be read. {' '.join(reasons.values())} "
            "Clone the whole repository, or set DERMAVIZ_CHECKPOINTS to a folder of checkpoints."
        )
    return found


@shared(max_entries=3, show_spinner="Loading the model, once …")
def classifier(checkpoint: Checkpoint) -> Classifier:
    """The classifier of a checkpoint as its weights and card are now, loaded once for all sessions and warmed up. Read-only.

    Raises:
        CheckpointError: the weights are missing or are not those of the card.
    """
    import torch

    from dermaviz.models.checkpoint import load_checkpoint

    torch.set_num_threads(min(os.cpu_count() or 1, _MAX_THREADS))
    loaded = load_checkpoint(checkpoint.folder)
    blank = np.full((loaded.input_size, loaded.input_size, 3), 128, dtype=np.uint8)
    with TURN:  # the first forward of a network is slower
        loaded.probabilities(loaded.to_tensor([blank]))
    return loaded
