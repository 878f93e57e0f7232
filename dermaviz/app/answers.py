"""TODO docstring dermaviz.app.answers"""

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

from dermaviz.app.resources import TURN, Checkpoint, classifier
from dermaviz.explain.methods import METHODS
from dermaviz.images import read_picture
from dermaviz.synthetic import SAMPLES, Parameters, SyntheticLesion, caption, draw, draw_skin
from dermaviz.synthetic.optics import ITA_RANGE
from dermaviz.synthetic.parameters import MIN_SIZE
from dermaviz.types import RGB, AttentionMap, Picture, Prediction


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
    from dermaviz.ood.detector import gives_features, observe

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


THUMBNAIL_SIDE = 96
_QUALITY = 85


@dataclass(frozen=True, kw_only=True)
class DrawnPhoto(Photo):
    """A synthetic lesion as a photo, drawn from ``parameters``."""

    parameters: Parameters


def drawn_photo(name: str, parameters: Parameters) -> DrawnPhoto:
    """A drawn lesion as a photo; drawn when it is read."""
    read = partial(_picture, parameters)
    return DrawnPhoto(name, f"drawn {parameters}", read, drawn=True, parameters=parameters)


def drawn_caption(parameters: Parameters) -> str:
    """What is drawn, in a sentence that says that it is schematic."""
    words = caption(parameters)
    return f"{words[0].upper()}{words[1:]}. What is drawn is a form, not a finding."


def true_mask(photo: Photo, answer: Answer) -> NDArray[np.bool_] | None:
    """The lesion of a drawn photo as the model sees it: bool ``[S, S]``; None of any other photo, whose truth is unknown."""
    if not isinstance(photo, DrawnPhoto):
        return None
    mask = Image.fromarray(_drawn(photo.parameters).mask.astype(np.uint8) * np.uint8(255))
    side = answer.prepared.shape[0]  # drawings are square, so what the model saw is all of it
    return np.asarray(mask.resize((side, side), Image.Resampling.BILINEAR)) > 127


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


def _picture(parameters: Parameters) -> Picture:
    image = _drawn(parameters).image
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    return Picture(image, digest, "drawn", (image.shape[1], image.shape[0]))


@st.cache_resource(max_entries=64, show_spinner=False)
def _drawn(parameters: Parameters) -> SyntheticLesion:
    """Some 200 kB each. Shared by all sessions, so it is never changed."""
    return draw(parameters)
