"""Drawn lesions as photos whose true mask is known: drawn once for all sessions, remembered in a bounded number."""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from dermaviz.datasets.synthetic import SAMPLES, Parameters, SyntheticLesion, caption, draw, draw_skin
from dermaviz.datasets.synthetic.optics import ITA_RANGE
from dermaviz.datasets.synthetic.parameters import MIN_SIZE
from dermaviz.types import Picture
from dermaviz.ui.answers import Answer, Photo

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
