"""Widget: what to do to the photo — how much, by which attack, towards which class — and the smallest change in one click."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dermaviz.figures.robustness import REPORTED
from dermaviz.models.card import Card
from dermaviz.ui.answers import Answer, Photo
from dermaviz.ui.resources import Checkpoint
from dermaviz.ui.robustness.attack_wording import ATTACKS, GREY, epsilon_label, flip_sentence
from dermaviz.ui.robustness.live_attack import Attempt, smallest_flip
from dermaviz.ui.wording import class_label

EPSILONS = tuple(
    sorted(
        {REPORTED}
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


def choose_attempt(photo: Photo, answer: Answer, checkpoint: Checkpoint) -> Attempt:
    """Ask what to do; the smallest change that flips the answer is one click, and is then set."""
    sizes = st.container()
    left, right = st.columns(2)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with left:
        target = _choose_target(checkpoint.card)
    _offer_flip(photo, answer, checkpoint, target, row)  # before the widgets that it sets
    with right:
        attack = st.selectbox(
            "Attack", ATTACKS, format_func=lambda name: ATTACKS[name].label, key=ATTACK, bind="query-params",
            help="\n\n".join(f"**{words.label}.** {words.about}" for words in ATTACKS.values()),
        )  # fmt: skip
    with row:
        seed = st.number_input(
            "Seed of the noise", 0, MOST_SEEDS, 0, key="noise_seed", bind="query-params", width=150,
            help="Of the noise, and of attacks with a random start. The same seed gives the same noise.",
        )  # fmt: skip
    with sizes:
        epsilon = st.select_slider(
            "ε: the most that any value of any pixel may be changed, in grey levels of 255", EPSILONS, REPORTED,
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


def _choose_target(card: Card) -> str | None:
    target = st.selectbox(
        "Goal", (AWAY, *card.classes), key="target", bind="query-params",
        format_func=lambda name: f"towards {class_label(card, name)}" if name != AWAY else name,
        help="Untargeted: away from what the model says of the photo as it is. Targeted: towards one class; that takes more.",
    )  # fmt: skip
    return None if target == AWAY else target


def _offer_flip(
    photo: Photo, answer: Answer, checkpoint: Checkpoint, target: str | None, place: DeltaGenerator
) -> None:
    """The button, and, once it was pressed for this photo, model and goal, its answer."""
    asked: set[tuple[str, str, str | None]] = st.session_state.setdefault(_FLIPPED, set())
    this = (photo.key, checkpoint.card.answers_sha256, target)
    pressed = place.button(
        "Smallest change that flips it", icon=":material/search:", type="primary", key="flip",
        help="Looks along FGSM's direction, outwards from nothing, in steps of 1/8 of a grey level. Takes some 30 looks "
        "at the photo: a second.",
    )  # fmt: skip
    if not pressed and this not in asked:
        return
    asked.add(this)
    with st.spinner("Looking for the smallest change, about a second …"):
        flip = smallest_flip(photo, answer, checkpoint, target)
    if pressed and 0 < flip.epsilon <= EPSILONS[-1]:
        set_epsilon(flip.epsilon)
        take_fgsm()
    st.markdown(flip_sentence(checkpoint.card, flip, target))
