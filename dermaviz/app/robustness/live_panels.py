"""Robustness, one image live: what to do to it, the pictures with their maps, and the file to take home."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial

import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from dermaviz.app.case import Case
from dermaviz.app.robustness.live import NOISE, Attempt, Changed, Outcome, attempt, smallest_flip
from dermaviz.app.robustness.live_text import (
    GREY,
    drift_sentence,
    epsilon_label,
    file_sentence,
    flip_sentence,
    goal_sentence,
    magnified,
    outcome_sentence,
    rounded,
)
from dermaviz.app.text import class_label, class_with_probability
from dermaviz.app.widgets.chart import show_picture
from dermaviz.app.widgets.panels import show_map
from dermaviz.attention.localisation import drift
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS
from dermaviz.images import RGB
from dermaviz.plots.robustness import DEFAULT_SIZE, epsilon_in_words
from dermaviz.robustness.attacks import ATTACKS, Attack
from dermaviz.synthetic import CAPTION

EPSILONS = tuple(
    sorted(
        {DEFAULT_SIZE}
        | {k / 32 * GREY for k in range(5)}
        | {k / 8 * GREY for k in range(33)}
        | {k / 4 * GREY for k in range(16, 33)}
        | {k / 2 * GREY for k in range(16, 33)}
    )
)
"""Steps of 1/32 of a grey level up to 1/8, of 1/8 up to 4, wider ones up to 16, and the ε of Gupta et al."""
TIMES = (1, 5, 10, 25, 50, 100, 200)
AWAY = "any other answer"
EPSILON, ATTACK = "epsilon", "attack"
MOST_SEEDS = 9999
_FLIPPED = "smallest changes asked for"


@dataclass(frozen=True)
class View:
    """How the outcome is shown: the difference ``times`` as large, maps of each picture's ``own`` answer or of the clean one."""

    times: int
    own: bool


def offered_attacks() -> list[Attack]:
    """The rows of the registry that can be tried on an image; noise is always shown beside them."""
    return [row for row in ATTACKS.values() if not row.control]


def choose_attempt(case: Case) -> Attempt:
    """Ask what to do; the smallest change that flips the answer is one click, and is then set."""
    sizes = st.container()
    left, right = st.columns(2)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with left:
        goal = st.selectbox(
            "Goal", (AWAY, *case.card.classes), key="target", bind="query-params",
            format_func=lambda name: f"towards {class_label(case.card, name)}" if name != AWAY else name,
            help="Untargeted: away from what the model says of the photo as it is. Targeted: towards one class; that takes more.",
        )  # fmt: skip
        target = None if goal == AWAY else goal
    _offer_flip(case, target, row)  # before the widgets that it sets
    about = [
        f"**{one.label}.** {one.about}"
        + ("" if one.available else f" Not installed: `pip install 'dermaviz[{one.extra}]'`.")
        for one in offered_attacks()
    ]
    with right:
        attack = st.selectbox(
            "Attack", [row.name for row in offered_attacks() if row.available],
            format_func=lambda name: ATTACKS[name].label, key=ATTACK, bind="query-params",
            help="\n\n".join(about),
        )  # fmt: skip
    with row:
        seed = st.number_input(
            "Seed of the noise", 0, MOST_SEEDS, 0, key="noise_seed", bind="query-params", width=150,
            help="Of the noise, and of attacks with a random start. The same seed gives the same noise.",
        )  # fmt: skip
    with sizes:
        epsilon = st.select_slider(
            "ε: the most that any value of any pixel may be changed, in grey levels of 255", EPSILONS, DEFAULT_SIZE,
            epsilon_label, key=EPSILON, bind="query-params",
            help="ε is an L∞ radius: every value of red, green and blue may move by up to ε, none by more. Gupta et al. "
            "measured at 3e-3, which is 0.765 of a grey level: less than the smallest step of a picture file.",
        )  # fmt: skip
    return Attempt(attack, epsilon, target, int(seed))


def choose_view() -> View:
    """Ask how the outcome is shown."""
    left, right = st.columns([5, 6], vertical_alignment="bottom")
    times = left.select_slider(
        "Difference shown, times as large", TIMES, 50, "×{}".format, key="times", bind="query-params",
        help="Middle grey is no change; brighter is more, darker is less, for red, green and blue each. What goes beyond "
        "white or black is cut, and said.",
    )  # fmt: skip
    own = right.segmented_control(
        "Attention maps of", ("the clean answer", "each picture's own answer"), default="the clean answer", required=True,
        key="maps_of", bind="query-params",
        help="Maps of one class can be compared: how far they moved is measured on them. Those of a picture's own answer "
        "show what speaks for the wrong one.",
    )  # fmt: skip
    return View(times, own == "each picture's own answer")


def set_epsilon(epsilon: float) -> None:
    """Move the slider to the first step at or above ε; for callbacks, and before the slider is made."""
    st.session_state[EPSILON] = next((step for step in EPSILONS if step >= epsilon - 1e-9), EPSILONS[-1])


def take_fgsm() -> None:
    """Set the attack to the quick one; for callbacks, and before the list of attacks is made."""
    st.session_state[ATTACK] = "fgsm"


def _offer_flip(case: Case, target: str | None, place: DeltaGenerator) -> None:
    """The button, and, once it was pressed for this photo, model and goal, its answer."""
    asked: set[tuple[str | None, ...]] = st.session_state.setdefault(_FLIPPED, set())
    this = (*case.key, target)
    pressed = place.button(
        "Smallest change that flips it", icon=":material/search:", type="primary", key="flip",
        help="Looks along FGSM's direction, outwards from nothing, in steps of 1/8 of a grey level. Takes some 30 looks "
        "at the photo: a second.",
    )  # fmt: skip
    if not pressed and this not in asked:
        return
    asked.add(this)
    with st.spinner("Looking for the smallest change, about a second …"):
        flip = smallest_flip(case, target)
    if pressed and 0 < flip.epsilon <= EPSILONS[-1]:
        set_epsilon(flip.epsilon)
        take_fgsm()
    st.markdown(flip_sentence(case.card, flip, target))


PICTURES, MAPS = "attack-pictures", "attack-maps"
_PHONE_LOOK = f"""<style>
@media (max-width: 640px) {{
  :is(.st-key-{PICTURES}, .st-key-{MAPS}) [data-testid="stColumn"] {{ min-width: 0; flex: 1 1 calc(50% - 0.5rem); }}
  :is(.st-key-{PICTURES}, .st-key-{MAPS}) [data-testid="stColumn"]:first-child {{ flex: 1 1 100%; }}
}}
</style>"""
"""On a phone: the original over the whole width, then each difference beside what comes of it."""


def outcome_of(case: Case, asked: Attempt) -> Outcome:
    """The outcome of an attempt; what takes long says so before it starts, shows how far it is, and can be stopped."""
    row, place = ATTACKS[asked.attack], st.empty()
    bar: DeltaGenerator | None = None

    def tell(passes: int) -> None:
        nonlocal bar
        if not row.passes:
            return
        if bar is None:
            with place.container():
                bar = st.progress(0.0, row.wait)
                st.button("Stop, and take FGSM", key="stop", on_click=take_fgsm, icon=":material/stop_circle:")
        bar.progress(min(passes / row.passes, 1.0), row.wait)

    outcome = attempt(case, asked, tell)
    place.empty()
    return outcome


def show_verdict(case: Case, outcome: Outcome, asked: Attempt) -> None:
    """What the attack did to the answer, and what equal-size noise did, in one or two sentences."""
    st.markdown(f"#### {outcome_sentence(case.card, outcome, asked)}", help=ATTACKS[NOISE].about)
    arrived = goal_sentence(case.card, outcome, asked.target)
    if arrived:
        st.markdown(arrived)


def show_attack(case: Case, asked: Attempt, outcome: Outcome, view: View) -> None:
    """Five pictures in a row, under them the maps of those that are photos."""
    st.html(_PHONE_LOOK)
    name = ATTACKS[asked.attack].short
    clean, size = outcome.clean.prediction.index, epsilon_in_words(asked.epsilon)
    with st.container(key=PICTURES):
        original, minus, attacked, noise, noised = st.columns(5)
    with original:
        shown = CAPTION if case.photo.drawn else "what the model sees"
        show_picture(case.answer.prepared, f"Original: {shown}", f"Model input of {case.photo.name}")
        st.markdown(f"**{class_with_probability(case.card, outcome.clean.prediction)}**")
    with minus:
        _show_difference(outcome.attacked, view.times, f"{name}'s change")
    with attacked:
        show_picture(outcome.filed.pixels, f"Attacked: {name}, ε = {size}", f"Photo attacked by {name} at ε = {size}")
        _show_answer(case, outcome.attacked, clean)
    with noise:
        _show_difference(outcome.noised, view.times, "Noise, the same size")
    with noised:
        noisy = rounded(case.answer.prepared, outcome.noised)
        show_picture(noisy, f"With noise, ε = {size}", f"Photo with random noise at ε = {size}")
        _show_answer(case, outcome.noised, clean)
    _show_maps(case, outcome, view)


def offer_file(case: Case, outcome: Outcome, asked: Attempt) -> None:
    """The attacked picture as a PNG, and what rounding to whole grey levels left of the attack."""
    st.subheader("Take it home: does the attack survive in a file?", anchor=False)
    st.markdown(file_sentence(case.card, outcome.filed, outcome, asked))
    stem = "".join(c if c.isalnum() and c.isascii() else "_" for c in case.photo.name.rsplit(".", 1)[0][:60])
    size = f"{asked.epsilon / GREY:.3g}_of_255"
    with st.container(horizontal=True):
        st.download_button(
            "Attacked picture (PNG)", partial(png, outcome.filed.pixels),
            f"{stem}-{case.checkpoint.name}-{asked.attack.replace(' ', '_')}-{size}.png", "image/png",
            key="attacked file", on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        if asked.epsilon and not outcome.filed.grey_levels:
            st.button("Attack at 1/255", on_click=set_epsilon, args=(GREY,), key="one level")


def png(pixels: RGB) -> bytes:
    """Pixels, exactly as they are, as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _show_difference(changed: Changed, times: int, what: str) -> None:
    pixels, cut = magnified(changed, times)
    show_picture(
        pixels, f"{what} ×{times}", f"{what}, {times} times as large, centred on grey: brighter is more, darker is less"
    )
    st.caption("Too large to show whole: cut at black and white." if cut else "Grey is no change.")


def _show_answer(case: Case, changed: Changed, clean: int) -> None:
    sign = "" if changed.prediction.index == clean else ":material/swap_horiz: "
    st.markdown(f"{sign}**{class_with_probability(case.card, changed.prediction)}**")


def _show_maps(case: Case, outcome: Outcome, view: View) -> None:
    """The maps of the three photos, and between them how far the clean answer's map moved."""
    clean = outcome.clean.prediction
    mask = case.true_mask()
    with st.container(key=MAPS):
        places = st.columns(5)
    pictures = {
        0: ("original", outcome.clean, case.answer.prepared),
        2: ("attacked photo", outcome.attacked, outcome.filed.pixels),
        4: ("photo with noise", outcome.noised, rounded(case.answer.prepared, outcome.noised)),
    }
    for place, (what, changed, pixels) in pictures.items():
        index = changed.prediction.index if view.own else clean.index
        named = class_with_probability(case.card, changed.prediction, index)
        with places[place]:
            show_map(pixels, changed.maps[index], f"Map for {named}", f"Attention map of the {what} for {named}")
    for place in (1, 3):
        moved = drift(outcome.clean.maps[clean.index], pictures[place + 1][1].maps[clean.index], mask)
        energies = (moved.energy_before, moved.energy_after)
        with places[place]:
            st.caption(drift_sentence(case.card, clean, moved.rank_correlation, energies))
    st.caption(
        f"{case.checkpoint.name} · {METHODS[DEFAULT_METHOD].label} · layer {case.card.attention_layer} · a map shows what "
        "raised the score of its class, not why."
    )
