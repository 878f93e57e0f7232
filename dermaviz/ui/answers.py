"""What the model says of a photo and where it looked: asked once, remembered small.

Keys are hashes of the photo and of the weights, so an answer can never belong to another photo or model. What is kept is
what the model saw (some 150 kB) and maps of a few hundred numbers, never the upload: memory stays bounded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dermaviz.explain.methods import METHODS
from dermaviz.images import read_picture
from dermaviz.types import RGB, AttentionMap, Picture, Prediction
from dermaviz.ui.resources import TURN, Checkpoint, classifier


@dataclass(frozen=True)
class Photo:
    """A photo to ask about: ``key`` tells it from every other, ``read`` opens it, ``drawn`` if it is a synthetic lesion."""

    name: str
    key: str
    read: Callable[[], Picture]
    drawn: bool = False


def uploaded_photo(name: str, content: bytes) -> Photo:
    """A file of the user as a photo; checked and decoded when it is read."""
    return Photo(name, hashlib.sha256(content).hexdigest(), partial(read_picture, content, name=name))


@dataclass(frozen=True)
class Answer:
    """What the model saw of a photo (uint8 ``[S, S, 3]``), what it says, and what was done to the file on the way.

    ``features`` is float32 ``[1, K]``, the model's features before its classifier; None where it does not give them away.
    """

    prepared: RGB
    prediction: Prediction
    size: tuple[int, int]
    notes: tuple[str, ...]
    features: NDArray[np.float32] | None


def ask(photo: Photo, checkpoint: Checkpoint) -> Answer:
    """What the model of a checkpoint says of a photo.

    Raises:
        ImageError: the photo is refused.
        CheckpointError: the checkpoint cannot be loaded.
    """
    return _answer(photo.key, str(checkpoint.folder), checkpoint.card.weights_sha256, photo, checkpoint)


def attention(
    photo: Photo, answer: Answer, checkpoint: Checkpoint, class_index: int | None, method: str
) -> AttentionMap:
    """The attention map of a class, by default of the predicted one.

    Raises:
        AttentionError: the method gives no map of this model.
    """
    index = answer.prediction.index if class_index is None else class_index
    weights = checkpoint.card.weights_sha256
    return _map(photo.key, str(checkpoint.folder), weights, index, method, answer.prepared, checkpoint)


@st.cache_data(max_entries=256, show_spinner=False)
def _answer(key: str, folder: str, weights_sha256: str, _photo: Photo, _checkpoint: Checkpoint) -> Answer:
    from dermaviz.evaluation.gate import gives_features, observe

    model = classifier(_checkpoint)
    with TURN:
        picture = _photo.read()
        prepared = model.prepare(picture.pixels)
        if not gives_features(model):
            return Answer(prepared, model.predict(prepared), picture.size, picture.notes, None)
        logits, features = observe(model, model.to_tensor([prepared]))
    said = Prediction(model.classes, model.calibrated(logits)[0], model.malignant)
    return Answer(prepared, said, picture.size, picture.notes, features)


@st.cache_data(max_entries=2048, show_spinner=False)
def _map(
    key: str,
    folder: str,
    weights_sha256: str,
    class_index: int,
    method: str,
    _prepared: RGB,
    _checkpoint: Checkpoint,
) -> AttentionMap:
    from dermaviz.explain.attention import explain

    model = classifier(_checkpoint)
    # Slow methods have a queue of their own in `explain`: nobody who asks for a fast one waits behind them.
    with TURN if METHODS[method].fast else nullcontext():
        return explain(model, model.to_tensor([_prepared]), class_index, method=method)[0]
