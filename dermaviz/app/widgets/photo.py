"""Where a photo comes from: a drawn sample, a drawing to order, a file or the camera; and what the model says of it."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from dermaviz.app.case import Case, Photo, ask, drawn_photo, uploaded_photo
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.text import escaped
from dermaviz.app.widgets.diagnosis import let_through, show_notes
from dermaviz.app.widgets.drawing import FIRST_SAMPLE, choose_drawing, drawn_caption, take_over
from dermaviz.app.widgets.model_card import choose_checkpoint
from dermaviz.data.records import HAM10000
from dermaviz.images import FORMATS_IN_WORDS, MAX_BYTES, MAX_PIXELS, SUFFIXES
from dermaviz.synthetic import SAMPLES, Sample, draw
from dermaviz.synthetic.drawing import tone_word

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

THUMBNAIL_SIDE, _QUALITY = 96, 85
_LIMITS = f"{FORMATS_IN_WORDS}, at most {MAX_BYTES // 2**20} MB and {MAX_PIXELS // 10**6} megapixels each"
_GALLERY_LOOK = """<style>
.st-key-gallery, .st-key-gallery > div { width: 100% !important; max-width: 88rem; }
.st-key-gallery [role="radiogroup"] { display: grid; grid-template-columns: repeat(14, 1fr); gap: 0.35rem; width: 100%; }
.st-key-gallery button { padding: 0; border-width: 2px; border-radius: 0.5rem; height: auto; aspect-ratio: 1; overflow: hidden; }
.st-key-gallery button[aria-checked="true"] { outline: 2px solid; outline-offset: 1px; }
.st-key-gallery button * { width: 100%; max-height: none !important; margin: 0; padding: 0; border-radius: 0; }
@media (max-width: 640px) {
  .st-key-gallery [role="radiogroup"] { grid-template: repeat(2, auto) / repeat(7, 1fr); grid-auto-flow: column; }
}
</style>"""
"""The pills as small square pictures: one row, or on a phone one column for each diagnosis, lighter skin over darker."""


def sample_label(sample: Sample) -> str:
    """A sample's form and skin in few words, as the list and the link show it."""
    parameters = sample.parameters
    with_what = "".join(f", {name}" for name in parameters.artefacts)
    return f"{HAM10000.classes[parameters.dx]}, {tone_word(parameters.ita)} skin{with_what}"


def choose_source() -> str:
    """Ask where the photo comes from: one of ``SOURCES``."""
    return st.segmented_control(
        "Photo from", SOURCES, default="sample", required=True, format_func=str.capitalize, key="source",
        bind="query-params", label_visibility="collapsed",
    )  # fmt: skip


def choose_photo(source: str, wide: DeltaGenerator) -> Photo | None:
    """Ask which photo of this source it is; None until there is one. The gallery of samples goes to the ``wide`` place."""
    if source != "sample":
        return OTHERS[source]()
    sample = st.selectbox(
        "Drawn sample", SAMPLES, index=[s.slug for s in SAMPLES].index(FIRST_SAMPLE), format_func=sample_label,
        key="sample", bind="query-params",
    )  # fmt: skip
    with wide:
        st.html(_GALLERY_LOOK)
        pictures = thumbnails()
        st.session_state["gallery"] = SAMPLES.index(sample)
        st.pills(
            "Gallery of drawn samples", range(len(SAMPLES)), wrap=True, key="gallery", required=True,
            label_visibility="collapsed", format_func=lambda i: f"![{sample_label(SAMPLES[i])}]({pictures[i]})",
            on_change=_take_from_gallery,
        )  # fmt: skip
    st.caption(drawn_caption(sample.parameters))
    st.button("Change this lesion", on_click=_redraw, args=(sample,), icon=":material/tune:")
    return drawn_photo(sample.slug, sample.parameters)


def _redraw(sample: Sample) -> None:
    take_over(sample.parameters)
    st.session_state["source"] = "draw"


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


def _take_from_gallery() -> None:
    st.session_state["sample"] = SAMPLES[st.session_state["gallery"]]


def _upload() -> Photo | None:
    files: list[UploadedFile] = st.file_uploader(
        "Photos of a lesion", SUFFIXES, accept_multiple_files=True, key="files", help=_LIMITS
    )
    if not files:
        st.caption(f"{_LIMITS}. Several become a list to step through.")
        return None
    at = 0
    if len(files) > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            at = min(st.pagination(len(files), max_visible_pages=5, key="file"), len(files)) - 1
            st.caption(f"Photo {at + 1} of {len(files)}: {escaped(files[at].name)}")
    return uploaded_photo(files[at].name, files[at].getvalue())


def _camera() -> Photo | None:
    shot = st.camera_input("Take a photo", help="The browser asks before it opens the camera.")
    return uploaded_photo("camera.jpg", shot.getvalue()) if shot else None


OTHERS = MappingProxyType[str, Callable[[], Photo | None]](
    {"draw": choose_drawing, "upload": _upload, "camera": _camera}
)
SOURCES = ("sample", *OTHERS)
"""Where a photo comes from, as the link says it."""


@dataclass(frozen=True)
class OneCase:
    """A case; ``doing`` is the place beside the settings, ``pictures`` the one below both."""

    case: Case
    doing: DeltaGenerator
    pictures: DeltaGenerator


def ask_for_one(checkpoints: dict[str, Checkpoint], invitation: str) -> OneCase | None:
    """Ask for a photo and a checkpoint; None, with the invitation or the warning, where there is nothing to show yet."""
    source, wide = choose_source(), st.container()
    asking, doing = st.columns([5, 8], gap="large")
    pictures = st.container()
    with asking:
        photo = choose_photo(source, wide)
        checkpoint = choose_checkpoint(checkpoints)
    if photo is None:
        doing.info(invitation)
        return None
    with doing:
        case = ask(photo, checkpoint)
        shown = let_through(case)
    with asking:
        show_notes(case)
    return OneCase(case, doing, pictures) if shown else None
