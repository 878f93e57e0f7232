"""A lesion drawn to order: sliders for every parameter, and the strip of skin tones under one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from dermaviz.app.case import Photo, drawn_photo
from dermaviz.data.records import HAM10000
from dermaviz.synthetic import ARTEFACT_NAMES, FORMS, LAMPS, SAMPLES, Form, Parameters, caption, draw_skin, tone_word
from dermaviz.synthetic.lesions import STRUCTURES
from dermaviz.synthetic.optics import ITA_RANGE
from dermaviz.synthetic.parameters import MIN_SIZE

FIRST_SAMPLE = "mel-light"
FIRST = next(sample.parameters for sample in SAMPLES if sample.slug == FIRST_SAMPLE)
"""Where a drawing starts."""
MOST_SEEDS = 9999
ABCD = {
    "asymmetry": ("A · Asymmetry", "0 is nearly round, 1 is lopsided."),
    "border": ("B · Border", "0 is smooth, 1 is notched and ragged."),
    "colours": ("C · Colours", "How many: brown, dark brown, red, black, blue-grey, white."),
    "diameter": ("D · Diameter", "As a share of the picture's side."),
}
BODY = {"pigment": "Pigment", "blood": "Blood", "edge": "Softness of the edge"}
LIGHT = {
    "redness": "Redness of the skin",
    "texture": "Skin lines and pores",
    "uneven_light": "Uneven light",
    "vignette": "Vignette",
}


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
    show_tones(ita)
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
    return drawn_photo(f"drawn-{dx}-{seed}", parameters)


def drawn_caption(parameters: Parameters) -> str:
    """What is drawn, in a sentence that says that it is schematic."""
    words = caption(parameters)
    return f"{words[0].upper()}{words[1:]}. What is drawn is a form, not a finding."


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


@st.cache_data(max_entries=1, show_spinner=False)
def tone_colours() -> tuple[str, ...]:
    """Skin from the lowest ITA to the highest in even steps, as colours for CSS."""
    tones = np.linspace(*ITA_RANGE, 14)
    plain = Parameters(size=MIN_SIZE, texture=0, uneven_light=0, vignette=0)
    skins = (draw_skin(replace(plain, ita=float(ita))).reshape(-1, 3) for ita in tones)
    return tuple(f"rgb({','.join(str(int(level)) for level in np.median(skin, axis=0))})" for skin in skins)


def show_tones(ita: float, start: float | None = None, cuts: Sequence[float] = ()) -> None:
    """Skin from dark to light with a mark at an ITA, a ring at the one it starts from, ticks at cuts; in words, the group."""
    low, high = ITA_RANGE

    def mark(at: float, look: str) -> str:
        place = 100 * (min(max(at, low), high) - low) / (high - low)
        return f'<div style="position:absolute;left:{place:.1f}%;{look}"></div>'

    edge = "box-shadow:0 0 0 1.5px #1A2B30"
    marks = "".join(mark(cut, "top:0;width:1px;height:1.25rem;background:currentColor") for cut in cuts)
    words = f"{tone_word(ita)} skin"
    if start is not None:
        ring = "top:0;width:0.9rem;height:0.9rem;margin-left:-0.45rem;border-radius:50%;border:2px solid #fff;"
        marks, words = (
            marks + mark(start, ring + edge),
            f"{tone_word(start)} to {words}; the ring is the photo as it is",
        )
    marks += mark(
        ita, f"top:-0.2rem;width:0.3rem;height:1.3rem;margin-left:-0.15rem;background:#fff;border-radius:0.15rem;{edge}"
    )
    st.html(
        f'<div role="img" aria-label="{words}" style="position:relative;height:0.9rem;border-radius:0.45rem;'
        f'background:linear-gradient(90deg,{",".join(tone_colours())})">{marks}</div>'
        '<div style="display:flex;gap:0.6rem;justify-content:space-between;text-align:center;font-size:0.8rem;margin-top:6px">'
        f'<span style="opacity:0.8">dark</span><strong>{words}</strong><span style="opacity:0.8">very light</span></div>'
    )


def _take_typical_form() -> None:
    typical = FORMS[st.session_state["dx"]]
    for name in (*ABCD, *BODY, *structures_of(typical)):
        st.session_state[f"form_{name}"] = getattr(typical, name)


def _take_next_seed() -> None:
    st.session_state["seed"] = (st.session_state["seed"] + 1) % (MOST_SEEDS + 1)


def _words(name: str) -> str:
    return name.replace("_", " ")
