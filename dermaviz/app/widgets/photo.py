"""TODO docstring dermaviz.app.widgets.photo"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dermaviz.app.case import Case, Photo, ask, drawn_caption, drawn_photo, thumbnails, tone_colours, uploaded_photo
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.widgets.diagnosis import let_through, show_notes
from dermaviz.app.widgets.panels import choose_checkpoint
from dermaviz.data.records import HAM10000
from dermaviz.images import MAX_BYTES, MAX_PIXELS
from dermaviz.synthetic import ARTEFACT_NAMES, FORMS, LAMPS, SAMPLES, Form, Parameters, Sample
from dermaviz.synthetic.drawing import tone_word
from dermaviz.synthetic.optics import ITA_RANGE
from dermaviz.synthetic.structures import STRUCTURES

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


FIRST_SAMPLE = "mel-light"
FIRST = next(sample.parameters for sample in SAMPLES if sample.slug == FIRST_SAMPLE)
MOST_SEEDS = 9999
ABCD = MappingProxyType(
    {
        "asymmetry": ("A · Asymmetry", "0 is nearly round, 1 is lopsided."),
        "border": ("B · Border", "0 is smooth, 1 is notched and ragged."),
        "colours": ("C · Colours", "How many: brown, dark brown, red, black, blue-grey, white."),
        "diameter": ("D · Diameter", "As a share of the picture's side."),
    }
)
BODY = MappingProxyType({"pigment": "Pigment", "blood": "Blood", "edge": "Softness of the edge"})
LIGHT = MappingProxyType(
    {
        "redness": "Redness of the skin",
        "texture": "Skin lines and pores",
        "uneven_light": "Uneven light",
        "vignette": "Vignette",
    }
)


def choose_drawing() -> Photo:
    """Ask for every parameter of a drawing."""
    dx = st.selectbox(
        "Diagnosis form", tuple(FORMS), index=list(FORMS).index(FIRST.dx), format_func=HAM10000.classes.__getitem__,
        on_change=_take_typical_form, **_kept("dx"),
    )  # fmt: skip
    ita = st.slider(
        "Skin tone (ITA)", int(ITA_RANGE[0]), int(ITA_RANGE[1]), int(FIRST.ita), format="%d°",
        help="Individual typology angle: below −30° dark, above 55° very light. The lesion stays the very same.",
        **_kept("ita"),
    )  # fmt: skip
    _show_tones(ita)
    form = _choose_abcd(FORMS[dx])
    chosen = st.pills(
        "Artefacts", ARTEFACT_NAMES, selection_mode="multi", format_func=_words, wrap=True, **_kept("artefacts")
    )
    artefacts = tuple(name for name in ARTEFACT_NAMES if name in chosen)  # in whatever order they were chosen
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seed = st.number_input("Seed", 0, MOST_SEEDS, FIRST.seed, width=130, **_kept("seed"))
        st.button("Another lesion", on_click=_take_next_seed, icon=":material/casino:", type="primary")
        st.button("Typical form", on_click=_take_typical_form, icon=":material/restart_alt:")
    with st.expander("Structures, skin and light"):
        form = _choose_structures(FORMS[dx], form)
        light = _choose_light()
    parameters = Parameters(dx=dx, ita=ita, seed=seed, form=form, artefacts=artefacts, **light)
    st.caption(drawn_caption(parameters))
    return drawn_photo(f"drawn-{dx}-{seed}", parameters)


def take_over(parameters: Parameters) -> None:
    """Put the sliders where they draw a lesion of a typical form, such as a sample; for a button's callback."""
    st.session_state["dx"] = parameters.dx
    st.session_state["ita"] = int(parameters.ita)
    st.session_state["seed"] = parameters.seed
    st.session_state["artefacts"] = list(parameters.artefacts)
    _take_typical_form()


def structures_of(form: Form) -> tuple[str, ...]:
    """The structures that a typical form has, in the order in which they are drawn."""
    return tuple(name for name in STRUCTURES if getattr(form, name) > 0)


def _choose_abcd(typical: Form) -> Form:
    places = [place for _ in range(2) for place in st.columns(2)]
    values: dict[str, Any] = {}
    for place, (name, (label, about)) in zip(places, ABCD.items(), strict=True):
        with place:
            if name == "colours":
                values[name] = st.slider(label, 1, 6, typical.colours, help=about, **_kept(f"form_{name}"))
            else:
                low, high = (0.15, 0.9) if name == "diameter" else (0.0, 1.0)
                values[name] = _share(label, f"form_{name}", getattr(typical, name), low, high, about)
    return replace(typical, **values)


def _choose_structures(typical: Form, form: Form) -> Form:
    rows = BODY | {name: _words(name).capitalize() for name in structures_of(typical)}
    values = _choose_shares({f"form_{name}": (label, getattr(typical, name)) for name, label in rows.items()})
    chosen: dict[str, Any] = {name: values[f"form_{name}"] for name in rows}
    return replace(form, **chosen)


def _choose_light() -> dict[str, Any]:
    values: dict[str, Any] = _choose_shares({name: (label, getattr(FIRST, name)) for name, label in LIGHT.items()})
    lamp = st.segmented_control(
        "Lamp", tuple(LAMPS), default=FIRST.lamp, required=True, format_func=str.capitalize, **_kept("lamp")
    )
    return values | {"lamp": lamp}


def _choose_shares(rows: dict[str, tuple[str, float]]) -> dict[str, float]:
    """Two sliders in a row, for each key: its label and its typical value."""
    places = st.columns(2)
    values = {}
    for i, (key, (label, typical)) in enumerate(rows.items()):
        with places[i % 2]:
            values[key] = _share(label, key, typical)
    return values


def _share(
    label: str, key: str, typical: float, low: float = 0.0, high: float = 1.0, about: str | None = None
) -> float:
    return round(st.slider(label, low, high, float(typical), 0.01, help=about, **_kept(key)), 2)


def _kept(key: str) -> dict[str, Any]:
    return {"key": key, "bind": "query-params"}


def _show_tones(ita: float) -> None:
    """The skin tones from dark to light with a mark at the chosen one, and its group in words."""
    low, high = ITA_RANGE
    st.html(
        f'<div role="img" aria-label="{tone_word(ita)} skin" style="position:relative;height:0.9rem;border-radius:0.45rem;'
        f'background:linear-gradient(90deg,{",".join(tone_colours())})"><div style="position:absolute;'
        f"left:{100 * (ita - low) / (high - low):.1f}%;top:-0.2rem;width:0.3rem;height:1.3rem;margin-left:-0.15rem;"
        'border-radius:0.15rem;background:#fff;box-shadow:0 0 0 1.5px #1A2B30"></div></div>'
        '<div style="display:flex;justify-content:space-between;font-size:0.8rem;margin-top:0.35rem">'
        f'<span style="opacity:0.8">dark</span><strong>{tone_word(ita)} skin</strong>'
        '<span style="opacity:0.8">very light</span></div>'
    )


def _take_typical_form() -> None:
    typical = FORMS[st.session_state["dx"]]
    for name in (*ABCD, *BODY, *structures_of(typical)):
        st.session_state[f"form_{name}"] = getattr(typical, name)


def _take_next_seed() -> None:
    st.session_state["seed"] = (st.session_state["seed"] + 1) % (MOST_SEEDS + 1)


def _words(name: str) -> str:
    return name.replace("_", " ")


EXTENSIONS = ("jpg", "jpeg", "png", "webp")
_LIMITS = f"JPEG, PNG or WebP, at most {MAX_BYTES // 2**20} MB and {MAX_PIXELS // 10**6} megapixels each"
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


def sample_photo(sample: Sample) -> Photo:
    """A drawn sample as a photo; drawn when it is read."""
    return drawn_photo(sample.slug, sample.parameters)


def choose_source() -> str:
    """Ask where the photo comes from: one of ``SOURCES``."""
    return st.segmented_control(
        "Photo from", SOURCES, default="sample", required=True, format_func=str.capitalize, key="source",
        bind="query-params", label_visibility="collapsed",
    )  # fmt: skip


def choose_photo(source: str, wide: DeltaGenerator) -> Photo | None:
    """Ask which photo of this source it is; None until there is one. The gallery of samples goes to the ``wide`` place."""
    return _choose_sample(wide) if source == "sample" else OTHERS[source]()


def _choose_sample(wide: DeltaGenerator) -> Photo:
    sample = st.selectbox(
        "Drawn sample", SAMPLES, index=[s.slug for s in SAMPLES].index(FIRST_SAMPLE), format_func=sample_label,
        key="sample", bind="query-params",
    )  # fmt: skip
    with wide:
        _show_gallery(sample)
    st.caption(drawn_caption(sample.parameters))
    st.button("Change this lesion", on_click=_redraw, args=(sample,), icon=":material/tune:")
    return sample_photo(sample)


def _redraw(sample: Sample) -> None:
    take_over(sample.parameters)
    st.session_state["source"] = "draw"


def _show_gallery(chosen: Sample) -> None:
    """All samples as pictures to choose by click, tap or arrow key."""
    st.html(_GALLERY_LOOK)
    pictures = thumbnails()
    st.session_state["gallery"] = SAMPLES.index(chosen)
    st.pills(
        "Gallery of drawn samples", range(len(SAMPLES)), wrap=True, key="gallery", required=True, label_visibility="collapsed",
        format_func=lambda i: f"![{sample_label(SAMPLES[i])}]({pictures[i]})", on_change=_take_from_gallery,
    )  # fmt: skip


def _take_from_gallery() -> None:
    st.session_state["sample"] = SAMPLES[st.session_state["gallery"]]


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
    """Ask for a photo and a checkpoint; None, with the invitation or the gate's words, where there is nothing to show yet."""
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
