"""Widget: which skin to try — the tone to shift to, with the groups' cuts under the slider, and what becomes of the lesion."""

from __future__ import annotations

import math

import streamlit as st

from dermaviz.datasets.synthetic.optics import ITA_RANGE
from dermaviz.fairness.counterfactual import LESION_CHOICES
from dermaviz.fairness.skin_tone import CUTS, Tone, tone_groups
from dermaviz.ui.drawn import tone_colours
from dermaviz.ui.skin_tone.counterfactual import Shift
from dermaviz.ui.skin_tone.counterfactual_wording import ABOUT_LESION, LESION_NAMES
from dermaviz.ui.skin_tone.own_images_wording import degrees

TO_ITA = "to_ita"
FIRST_ITA = -20
UNKNOWN_START = 45
_MARK = "position:absolute;border-radius:0.15rem;"


def choose_shift(tone: Tone) -> Shift:
    """Ask for the tone to shift to and for what becomes of the lesion; where no tone was measured, also for the start."""
    low, high = (int(end) for end in ITA_RANGE)
    if math.isnan(tone.ita):
        start = float(
            st.number_input("ITA of the skin as it is", low, high, UNKNOWN_START, key="from_ita", bind="query-params")
        )
    else:
        start = min(max(tone.ita, float(low)), float(high))
    to_ita = st.slider(
        "Skin tone to shift to (ITA)", low, high, FIRST_ITA, format="%d°", key=TO_ITA, bind="query-params",
        help="Individual typology angle. The ticks under the slider are the cuts between the groups.",
    )  # fmt: skip
    _show_tones(start, to_ita)
    left, right = st.columns([5, 4], vertical_alignment="bottom")
    lesion = left.segmented_control(
        "The lesion is", LESION_CHOICES, default=LESION_CHOICES[0], required=True, format_func=LESION_NAMES.__getitem__,
        key="lesion", bind="query-params", help=ABOUT_LESION,
    )  # fmt: skip
    at_start = right.toggle(
        "No shift",
        key="no_shift",
        bind="query-params",
        help="Shifts to the tone that the skin has: nothing may change then.",
    )
    return Shift(start, start if at_start else float(to_ita), lesion)


def _show_tones(start: float, chosen: float) -> None:
    """The model's skin from dark to light, ticks at the cuts, a mark at the photo's own tone and one at the chosen one."""
    ticks = "".join(
        f'<div style="{_MARK}left:{_place(cut):.1f}%;top:0;width:1px;height:1.25rem;background:currentColor"></div>'
        for cut in CUTS
    )
    labels = "".join(
        f'<span style="position:absolute;left:{_place(cut):.1f}%;transform:translateX(-50%)">{degrees(cut)}</span>'
        for cut in CUTS
    )
    said = f"from {tone_groups([start])[0]} ({degrees(start)}) to {tone_groups([chosen])[0]} ({degrees(chosen)})"
    st.html(
        f'<div role="img" aria-label="Skin {said}" style="position:relative;height:0.9rem;border-radius:0.45rem;'
        f'background:linear-gradient(90deg,{",".join(tone_colours())})">{ticks}'
        f'<div style="{_MARK}left:{_place(start):.1f}%;top:-0.2rem;width:0.9rem;height:0.9rem;margin-left:-0.45rem;'
        'margin-top:0.2rem;border-radius:50%;border:2px solid #fff;box-shadow:0 0 0 1.5px #1A2B30"></div>'
        f'<div style="{_MARK}left:{_place(chosen):.1f}%;top:-0.2rem;width:0.3rem;height:1.3rem;margin-left:-0.15rem;'
        'background:#fff;box-shadow:0 0 0 1.5px #1A2B30"></div></div>'
        f'<div style="position:relative;height:1.2rem;font-size:0.75rem;margin-top:0.4rem;opacity:0.8">{labels}</div>'
        f'<div style="font-size:0.85rem"><strong>{said[0].upper()}{said[1:]}</strong>; the ring is the photo as it is.</div>'
    )


def _place(ita: float) -> float:
    """Where an ITA lies on the strip, in percent of its width."""
    low, high = ITA_RANGE
    return 100 * (min(max(ita, low), high) - low) / (high - low)
