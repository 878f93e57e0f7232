"""The current case: a photo, and what one checkpoint says of it. One object on every page.

A photo comes from a file or is drawn. Its key and the checkpoint's decide the answer, so both are what the caches hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePath

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from dermaviz import images
from dermaviz.app.checkpoints import Checkpoint, classifier
from dermaviz.app.sessions import DECODING, TURN, Memory, checkpoint_key, remembered
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS, AttentionMap
from dermaviz.evidence.images import before_the_answer
from dermaviz.images import check_shape, read_image
from dermaviz.models.answer import Answer
from dermaviz.models.card import Card
from dermaviz.synthetic import Parameters, SyntheticLesion, draw

Box = tuple[int, int, int, int]
"""Part of a photo: left, top, right and bottom, in % of its sides."""
WHOLE: Box = (0, 0, 100, 100)


@dataclass(frozen=True)
class Photo:
    """A photo to ask about: ``key`` tells it from every other, ``read`` opens it.

    ``parameters`` are those of a drawn lesion; None where it is a photo. ``image`` is how the link names it ("" where it cannot),
    ``label`` its true class as HAM10000 codes it ("" where unknown), ``credit`` its source and licence.
    """

    name: str
    key: str
    read: Callable[[], images.Image]
    parameters: Parameters | None = None
    image: str = ""
    label: str = ""
    credit: str = ""

    @property
    def drawn(self) -> bool:
        """Whether it is a synthetic lesion."""
        return self.parameters is not None


def uploaded_photo(name: str, content: bytes) -> Photo:
    """A file of the user as a photo; checked and decoded when it is read."""
    return Photo(name, hashlib.sha256(content).hexdigest(), partial(read_image, content, name=name))


def drawn_photo(name: str, parameters: Parameters) -> Photo:
    """A drawn lesion as a photo; drawn when it is read."""
    return Photo(name, f"drawn {parameters}", partial(_picture, parameters), parameters)


def cropped(photo: Photo, box: Box) -> Photo:
    """Part of a photo; its name says which."""
    name = PurePath(photo.name)
    named = f"{name.stem} cropped {'-'.join(map(str, box))}{name.suffix}"
    return replace(photo, name=named, key=f"{photo.key} {box}", read=partial(_cropped, photo.read, box))


def _cropped(read: Callable[[], images.Image], box: Box) -> images.Image:
    image = read()
    height, width = image.pixels.shape[:2]
    (left, top), (right, bottom) = (
        (across * width // 100, down * height // 100) for across, down in (box[:2], box[2:])
    )
    check_shape((right - left, bottom - top))
    note = f"Cropped to {box[0]}–{box[2]}% across, {box[1]}–{box[3]}% down."
    pixels = np.ascontiguousarray(image.pixels[top:bottom, left:right])
    return replace(image, pixels=pixels, size=(right - left, bottom - top), notes=(*image.notes, note))


@dataclass(frozen=True, eq=False)
class Case:
    """A photo with a checkpoint's answer."""

    photo: Photo
    checkpoint: Checkpoint
    answer: Answer

    @property
    def key(self) -> tuple[str, ...]:
        """What decides the answer: the photo, and the checkpoint's weights and card."""
        return self.photo.key, *checkpoint_key(self.checkpoint)

    @property
    def card(self) -> Card:
        """The card of the checkpoint."""
        return self.checkpoint.card

    def attention(
        self,
        class_index: int | None = None,
        method: str = DEFAULT_METHOD,
        progress: Callable[[float], object] | None = None,
    ) -> AttentionMap:
        """The attention map of a class, by default of the predicted one; remembered. ``progress`` is told how far a slow one is.

        Raises:
            AttentionError: the method gives no map of this model.
        """
        index = self.answer.index if class_index is None else class_index
        key = (*self.key, index, method)
        if (found := _MAPS.find(key)) is not None:
            return found
        # Slow methods have a queue of their own in `explain`: nobody who asks for a fast one waits behind them.
        with TURN if METHODS[method].fast else nullcontext():
            return _MAPS.recall(key, partial(_map, self, index, method, progress))

    def true_mask(self) -> NDArray[np.bool_] | None:
        """The lesion of a drawn photo as the model sees it: bool ``[S, S]``; None of any other, whose truth is unknown."""
        if self.photo.parameters is None:
            return None
        mask = Image.fromarray(_drawn(self.photo.parameters).mask.astype(np.uint8) * np.uint8(255))
        side = self.answer.prepared.shape[0]  # drawings are square, so what the model saw is all of it
        return np.asarray(mask.resize((side, side), Image.Resampling.BILINEAR)) > 127


def ask(photo: Photo, checkpoint: Checkpoint) -> Case:
    """What the model of a checkpoint says of a photo; remembered.

    Raises:
        ImageError: the photo is refused.
        CheckpointError: the checkpoint cannot be loaded.
    """
    return Case(photo, checkpoint, _answer(photo, checkpoint))


@remembered(max_entries=256, show_spinner=False)
def _answer(photo: Photo, checkpoint: Checkpoint) -> Answer:
    model = classifier(checkpoint)
    with DECODING:
        image = photo.read()
    with TURN:
        answer = model.predict(image)
    return answer if photo.drawn else replace(answer, notices=before_the_answer(checkpoint.card, image.pixels))


_MAPS: Memory[AttentionMap] = Memory(2048)


def _map(case: Case, class_index: int, method: str, progress: Callable[[float], object] | None) -> AttentionMap:
    from dermaviz.attention.maps import explain

    model = classifier(case.checkpoint)
    return explain(model, model.to_tensor([case.answer.prepared]), class_index, method=method, progress=progress)[0]


@remembered(max_entries=64, show_spinner=False)
def map_channels(checkpoint: Checkpoint) -> int:
    """How many channels the layer has of which maps are made: what some methods cost in forwards."""
    from dermaviz.attention.maps import map_channels as count

    model = classifier(checkpoint)
    with TURN:
        return count(model)


def _picture(parameters: Parameters) -> images.Image:
    image = _drawn(parameters).image
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    return images.Image(image, digest, "drawn", (image.shape[1], image.shape[0]))


@st.cache_resource(max_entries=64, show_spinner=False)
def _drawn(parameters: Parameters) -> SyntheticLesion:
    """Some 200 kB each. Shared by all sessions, so it is never changed."""
    return draw(parameters)
