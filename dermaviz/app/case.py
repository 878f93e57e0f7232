"""The current case: a photo, and what one checkpoint says of it. One object on every page.

A photo comes from a file or is drawn. Its key and the checkpoint's decide the answer, so both are what the caches hash.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from dermaviz import images
from dermaviz.app.cache import checkpoint_key, remembered
from dermaviz.app.checkpoints import TURN, Checkpoint, classifier
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS, AttentionMap
from dermaviz.images import RGB, read_image
from dermaviz.models.answer import Answer, Prediction
from dermaviz.models.card import Card
from dermaviz.synthetic import SAMPLES, Parameters, SyntheticLesion, caption, draw, draw_skin
from dermaviz.synthetic.optics import ITA_RANGE
from dermaviz.synthetic.parameters import MIN_SIZE


@dataclass(frozen=True)
class Photo:
    """A photo to ask about: ``key`` tells it from every other, ``read`` opens it.

    ``parameters`` are those of a drawn lesion; None where it is a photo.
    """

    name: str
    key: str
    read: Callable[[], images.Image]
    parameters: Parameters | None = None

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

    @property
    def prepared(self) -> RGB:
        """What the model saw: uint8 ``[S, S, 3]``."""
        return self.answer.prepared

    @property
    def prediction(self) -> Prediction:
        """What the model says, calibrated."""
        return self.answer

    def attention(self, class_index: int | None = None, method: str = DEFAULT_METHOD) -> AttentionMap:
        """The attention map of a class, by default of the predicted one; remembered.

        Raises:
            AttentionError: the method gives no map of this model.
        """
        return _map(self, self.prediction.index if class_index is None else class_index, method)

    def true_mask(self) -> NDArray[np.bool_] | None:
        """The lesion of a drawn photo as the model sees it: bool ``[S, S]``; None of any other, whose truth is unknown."""
        if self.photo.parameters is None:
            return None
        mask = Image.fromarray(_drawn(self.photo.parameters).mask.astype(np.uint8) * np.uint8(255))
        side = self.prepared.shape[0]  # drawings are square, so what the model saw is all of it
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
    with TURN:
        return model.predict(photo.read())


@remembered(max_entries=2048, show_spinner=False)
def _map(case: Case, class_index: int, method: str) -> AttentionMap:
    from dermaviz.attention.maps import explain

    model = classifier(case.checkpoint)
    # Slow methods have a queue of their own in `explain`: nobody who asks for a fast one waits behind them.
    with TURN if METHODS[method].fast else nullcontext():
        return explain(model, model.to_tensor([case.prepared]), class_index, method=method)[0]


THUMBNAIL_SIDE = 96
_QUALITY = 85


def drawn_caption(parameters: Parameters) -> str:
    """What is drawn, in a sentence that says that it is schematic."""
    words = caption(parameters)
    return f"{words[0].upper()}{words[1:]}. What is drawn is a form, not a finding."


@st.cache_data(max_entries=1, show_spinner=False)
def thumbnails() -> tuple[str, ...]:
    """The samples as small pictures, in their order: data addresses of 1 to 3 kB each."""
    addresses = []
    for sample in SAMPLES:
        file = io.BytesIO()
        small = draw(replace(sample.parameters, size=THUMBNAIL_SIDE)).image
        Image.fromarray(small).save(file, "WEBP", quality=_QUALITY)
        addresses.append(f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}")
    return tuple(addresses)


@st.cache_data(max_entries=1, show_spinner=False)
def tone_colours() -> tuple[str, ...]:
    """Skin from the lowest ITA to the highest in even steps, as colours for CSS."""
    tones = np.linspace(*ITA_RANGE, 14)
    plain = Parameters(size=MIN_SIZE, texture=0, uneven_light=0, vignette=0)
    skins = (draw_skin(replace(plain, ita=float(ita))).reshape(-1, 3) for ita in tones)
    return tuple(f"rgb({','.join(str(int(level)) for level in np.median(skin, axis=0))})" for skin in skins)


def _picture(parameters: Parameters) -> images.Image:
    image = _drawn(parameters).image
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    return images.Image(image, digest, "drawn", (image.shape[1], image.shape[0]))


@st.cache_resource(max_entries=64, show_spinner=False)
def _drawn(parameters: Parameters) -> SyntheticLesion:
    """Some 200 kB each. Shared by all sessions, so it is never changed."""
    return draw(parameters)
