"""Robustness, one image live: the pictures with their maps beside noise of the same size, what to do, and the file to keep."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dermaviz.app.case import Case
from dermaviz.app.frame import sentence_for_errors, stoppable
from dermaviz.app.link import choose, choose_button
from dermaviz.app.robustness.live import (
    GREY,
    NOISE,
    Attempt,
    Outcome,
    attempt,
    epsilon_label,
    file_sentence,
    flip_sentence,
    goal_sentence,
    magnified,
    outcome_sentence,
    rounded,
    smallest_flip,
)
from dermaviz.app.text import class_with_probability
from dermaviz.app.widgets.chart import png, show_picture
from dermaviz.app.widgets.panels import drift_sentence, picture_row, show_answers, show_map
from dermaviz.app.widgets.photo import ask_for_one
from dermaviz.attention.localisation import drift
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS
from dermaviz.plots.robustness import DEFAULT_SIZE, epsilon_in_words
from dermaviz.robustness.attacks import ATTACKS, Attack

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
AWAY, OWN = "any other answer", "each picture's own answer"
EPSILON, ATTACK, PICTURES = "epsilon", "attack", "attack-pictures"
MOST_SEEDS = 9999
_FLIPPED = "smallest changes asked for"


@dataclass(frozen=True)
class View:
    """How the outcome is shown: the difference ``times`` as large, maps of each picture's ``own`` answer or of the clean one."""

    times: int
    own: bool


def offered_attacks() -> list[Attack]:
    """The attacks to choose from, also those whose package is missing; noise is no attack, it stands beside each."""
    return [attack for attack in ATTACKS.values() if not attack.control]


def choose_attempt(case: Case) -> Attempt:
    """Ask what to do; the smallest change that flips the answer is one click, and is then set."""
    sizes = st.container()
    left, right = st.columns(2)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    goal = choose(
        "Goal", {AWAY: AWAY} | {name: f"towards {case.card.label(name)}" for name in case.card.classes}, "target", left,
        help="Untargeted: away from the clean answer. Targeted: towards one class, which takes more.",
    )  # fmt: skip
    target = None if goal == AWAY else goal
    _offer_flip(case, target, row)  # before the widgets that it sets
    offered = offered_attacks()
    missing = {
        attack.name: f" Not installed: `pip install 'dermaviz[{attack.extra}]'`."
        for attack in offered
        if not attack.available
    }
    attack = right.selectbox(
        "Attack", [attack.name for attack in offered if attack.available], key=ATTACK, bind="query-params",
        format_func=lambda name: ATTACKS[name].label,
        help="\n\n".join(f"**{attack.label}.** {attack.about}{missing.get(attack.name, '')}" for attack in offered),
    )  # fmt: skip
    seed = row.number_input(
        "Seed of the noise", 0, MOST_SEEDS, 0, key="noise_seed", bind="query-params", width=150,
        help="Also of attacks with a random start.",
    )  # fmt: skip
    epsilon = sizes.select_slider(
        "ε: the most that any value of any pixel may change, in grey levels of 255", EPSILONS, DEFAULT_SIZE, epsilon_label,
        key=EPSILON, bind="query-params",
        help="An L∞ radius. 1/255 is the smallest step of a picture file. Gupta et al. used 0.77/255, 0.003 of the whole "
        "range.",
    )  # fmt: skip
    return Attempt(attack, epsilon, target, int(seed))


def choose_view() -> View:
    """Ask how the outcome is shown."""
    left, right = st.columns([5, 6], vertical_alignment="bottom")
    times = left.select_slider(
        "Change shown, times as large", TIMES, 50, "×{}".format, key="times", bind="query-params",
        help="Middle grey is no change; brighter is more, darker is less, for each colour.",
    )  # fmt: skip
    about = "Only maps of one class can be compared: drift is measured on those of the clean answer."
    own = choose_button("Attention maps of", ("the clean answer", OWN), "maps_of", right, help=about)
    return View(times, own == OWN)


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
        help="Searches along FGSM's direction in steps of 1/8 of a grey level: about a second.",
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


def outcome_of(case: Case, asked: Attempt) -> Outcome:
    """The outcome of an attempt; what takes long says so before it starts, shows how far it is, and can be stopped."""
    row = ATTACKS[asked.attack]
    with stoppable("Stop, and take FGSM", "stop", take_fgsm) as tell:
        return attempt(case, asked, lambda n: tell(min(n / row.passes, 1.0), row.wait) if row.passes else None)


def show_attack(case: Case, asked: Attempt, outcome: Outcome) -> None:
    """The image as it is, attacked, and with noise of the same size, side by side, each with its answer."""
    name, size = ATTACKS[asked.attack].short, epsilon_in_words(asked.epsilon)
    noisy = rounded(case.answer.prepared, outcome.noised)
    shown = (
        ("Original", f"Model input of {case.photo.name}", case.answer.prepared, outcome.clean.prediction),
        (
            f"{name}, ε = {size}",
            f"Photo attacked by {name} at ε = {size}",
            outcome.filed.pixels,
            outcome.attacked.prediction,
        ),
        (f"Noise, ε = {size}", f"Photo with random noise at ε = {size}", noisy, outcome.noised.prediction),
    )
    show_answers(case.card, PICTURES, shown)


def show_maps(case: Case, outcome: Outcome, view: View) -> None:
    """The map of each picture, how far those of the changed ones drifted, and what was changed, magnified."""
    clean, mask = outcome.clean.prediction, case.true_mask()
    pictures = {
        "original": (outcome.clean, case.answer.prepared),
        "attacked photo": (outcome.attacked, outcome.filed.pixels),
        "photo with noise": (outcome.noised, rounded(case.answer.prepared, outcome.noised)),
    }
    with picture_row("attack-maps"):
        places = st.columns(3)
    for place, (what, (changed, pixels)) in zip(places, pictures.items(), strict=True):
        index = changed.prediction.index if view.own else clean.index
        named = class_with_probability(case.card, changed.prediction, index)
        with place:
            show_map(pixels, changed.maps[index], f"Map for {named}", f"Attention map of the {what} for {named}")
            if changed is outcome.clean:
                st.caption(
                    f"{METHODS[DEFAULT_METHOD].label} · layer {case.card.attention_layer} · what raised the score, not why."
                )
                continue
            moved = drift(outcome.clean.maps[clean.index], changed.maps[clean.index], mask)
            st.caption(drift_sentence(case.card, clean, moved))
            shown, cut = magnified(changed, view.times)
            title = f"What was changed, ×{view.times}{', cut at black and white' if cut else ''}"
            show_picture(shown, title, f"Change of the {what}, {view.times} times as large: grey is no change")


def offer_file(case: Case, outcome: Outcome, asked: Attempt) -> None:
    """The attacked picture as a PNG, and what rounding to whole grey levels left of the attack."""
    st.subheader("Does the attack survive in a file?", anchor=False)
    st.markdown(file_sentence(case.card, outcome, asked))
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


def show_photo() -> None:
    """One image under an attack and under noise of the same size, while sliders are moved."""
    one = ask_for_one("Robustness")
    if one is None:
        return
    with one.doing, sentence_for_errors():
        shown = st.container()
        asked = choose_attempt(one.case)
        with shown:
            outcome = outcome_of(one.case, asked)
            st.markdown(f"## {outcome_sentence(one.case.card, outcome, asked)}", help=ATTACKS[NOISE].about)
            if arrived := goal_sentence(one.case.card, outcome, asked.target):
                st.markdown(arrived)
            show_attack(one.case, asked, outcome)
        with one.pictures:
            maps = st.container()
            view = choose_view()
            with maps:
                show_maps(one.case, outcome, view)
            offer_file(one.case, outcome, asked)
