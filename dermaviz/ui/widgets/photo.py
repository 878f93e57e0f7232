"""Widget: choose a photo — a drawn sample, one or several uploads, or the camera."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dermaviz.datasets.specs import HAM10000
from dermaviz.datasets.synthetic import SAMPLES, Sample, draw
from dermaviz.datasets.synthetic.samples import tone_word
from dermaviz.images import MAX_BYTES, MAX_PIXELS, read_picture
from dermaviz.types import Picture
from dermaviz.ui.answers import Photo

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

SOURCES = ("sample", "upload", "camera")
EXTENSIONS = ("jpg", "jpeg", "png", "webp")
FIRST_SAMPLE = "mel-light"
_LIMITS = f"JPEG, PNG or WebP, at most {MAX_BYTES // 2**20} MB and {MAX_PIXELS // 10**6} megapixels each"


def sample_label(sample: Sample) -> str:
    """A sample's form and skin in few words, as the list and the link show it."""
    parameters = sample.parameters
    with_what = "".join(f", {name}" for name in parameters.artefacts)
    return f"{HAM10000.classes[parameters.dx]}, {tone_word(parameters.ita)} skin{with_what}"


def sample_photo(sample: Sample) -> Photo:
    """A drawn lesion as a photo; drawn when it is read."""
    return Photo(sample.slug, f"sample {sample.slug} {sample.parameters}", partial(_draw, sample), drawn=True)


def uploaded_photo(name: str, content: bytes) -> Photo:
    """A file of the user as a photo; checked and decoded when it is read."""
    return Photo(name, hashlib.sha256(content).hexdigest(), partial(read_picture, content, name=name))


def choose_photo() -> Photo | None:
    """Ask where the photo comes from and which one it is; None until there is one."""
    source = st.segmented_control(
        "Photo from", SOURCES, default="sample", required=True, format_func=str.capitalize, key="source",
        bind="query-params",
    )  # fmt: skip
    if source == "upload":
        return _upload()
    if source == "camera":
        shot = st.camera_input("Take a photo", help="The browser asks before it opens the camera.")
        return uploaded_photo("camera.jpg", shot.getvalue()) if shot else None
    first = next(i for i, sample in enumerate(SAMPLES) if sample.slug == FIRST_SAMPLE)
    sample = st.selectbox(
        "Drawn sample", SAMPLES, index=first, format_func=sample_label, key="sample", bind="query-params",
    )  # fmt: skip
    st.caption(f"{sample.caption[0].upper()}{sample.caption[1:]}. What is drawn is a form, not a finding.")
    return sample_photo(sample)


def _upload() -> Photo | None:
    files: list[UploadedFile] = st.file_uploader(
        "Photos of a lesion", EXTENSIONS, accept_multiple_files=True, key="files", help=_LIMITS
    )
    if not files:
        st.caption(f"{_LIMITS}. Several become a list to step through.")
        return None
    at = 0
    if len(files) > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            at = min(st.pagination(len(files), max_visible_pages=5, key="file"), len(files)) - 1
            st.caption(f"Photo {at + 1} of {len(files)}: {files[at].name}")
    return uploaded_photo(files[at].name, files[at].getvalue())


def _draw(sample: Sample) -> Picture:
    image = draw(sample.parameters).image
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    return Picture(image, digest, "drawn", (image.shape[1], image.shape[0]))
